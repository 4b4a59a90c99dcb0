"""Cases with their cause deep in the network: wrong replies, second responders, the target."""

from __future__ import annotations

from typing import Any

from tests.arp.generator.files import stamp
from tests.arp.generator.guest_cases import GUEST_OK, Made, company
from tests.arp.generator.network_cases import NO_CONTROL
from tests.arp.generator.world import BROADCAST, NOBODY, Answer, Frame, Station, World


def reply_in_wrong_vlan() -> Made:
    world = company("wrong vlan", retag={"vmnic1": 999})
    world.asks(world.vm, "10.20.110.1")
    why = "The switch port translates VLAN 110 to 999 on its way to vmnic1"
    return world, {"why": why}, ["REPLY_WRONG_VLAN", "network", "999", "high"]


def reply_to_stale_mac() -> Made:
    world = company("stale")
    old = "00:50:56:00:0d:ad"
    both = ("vmnic0", "vmnic1")
    world.answer = lambda who, asker, at: [
        Answer(dst=old, uplinks=both) if asker is world.vm else Answer()
    ]
    world.asks(world.vm, "10.20.110.50")
    facts = {"why": "The server holds a static entry with the VM's old MAC"}
    facts["targets"] = ["10.20.110.50"]  # type: ignore[assignment]
    return world, facts, ["REPLY_STALE_MAC", "network", "00:50:56:00:0d:ad", "high"]


def second_responder_beside_fhrp() -> Made:
    world = company("fhrp")
    intruder = "3c:ec:ef:88:88:88"
    world.answer = lambda who, asker, at: (
        [Answer(), Answer(mac=intruder, after=0.0009)] if who.ip.endswith(".1") else [Answer()]
    )
    world.asks(world.vm, "10.20.110.1", count=5, every=5)
    why = "The gateway answers with its HSRP MAC, and something else answers too"
    return world, {"why": why}, ["DUPLICATE_RESPONDERS", "inconclusive", "10.20.110.1", "high"]


def cluster_address_moves() -> Made:
    world = company("cluster")
    world.answer = lambda who, asker, at: [
        Answer(mac="ac:1f:6b:00:00:01" if at < 12 else "ac:1f:6b:00:00:02")
    ]
    world.asks(world.vm, "10.20.110.50", count=5, every=5)
    facts = {"why": "A cluster address moves to its other node at 12 s"}
    facts["targets"] = ["10.20.110.50"]  # type: ignore[assignment]
    return world, facts, GUEST_OK


def address_conflict() -> Made:
    world = company("conflict")
    world.asks(world.vm, "10.20.110.1", count=5, every=5)
    thief = Station("thief", "00:00:5e:00:53:01", world.vm.ip, 110)
    for at in (7.0, 9.0):
        claim = Frame(1, thief.mac, BROADCAST, thief.mac, thief.ip, NOBODY, thief.ip)
        world.floods_in(thief, claim, at)
    why = "Another machine announces the VM's address"
    return world, {"why": why}, ["VM_IP_CONFLICT", "guest", "10.20.110.21", "high"]


def fabric_without_flooding() -> Made:
    world = World("aci", floods=False)
    world.neighbours()
    for ip in ("10.20.110.22", "10.20.110.23"):
        who = world.station(ip)
        assert who is not None
        world.asks(who, "10.20.110.1", start=3.3, count=5, every=4.3)
    world.asks(world.vm, "10.20.110.1", count=5, every=5)
    return world, {"why": "ACI without ARP flooding: no reflections though all is well"}, GUEST_OK


def fabric_without_flooding_target_unknown() -> Made:
    world = World("aci 2", floods=False)
    world.neighbours()
    for ip, target in (("10.20.110.22", "10.20.110.50"), ("10.20.120.31", "10.20.120.1")):
        who = world.station(ip)
        assert who is not None
        world.asks(who, target, start=3.3, count=5, every=4.3)
    world.asks(world.vm, "10.20.110.99")
    facts = {"why": "ACI without ARP flooding, an unknown target: nothing ever comes in on vmnic1"}
    return world, facts | {"targets": ["10.20.110.99"]}, NO_CONTROL


def frames_come_back_on_the_same_uplink() -> Made:
    world = company("loop")
    world.asks(world.vm, "10.20.110.1", count=5, every=5)
    world.frames["vmnic1-rx"] += [
        (at + 0.0004, tags, f) for at, tags, f in world.frames["vmnic1-tx"] if f.src == world.vm.mac
    ]
    facts = {"why": "A loop: the VM's requests come back on the uplink they left on"}
    return world, facts | {"side_findings": ["LOOP_SUSPECTED"]}, GUEST_OK


def gateway_down() -> Made:
    world = company(
        "gateway down",
        answer=lambda who, asker, at: [] if who.ip == "10.20.110.1" else [Answer()],
    )
    db03 = world.station("10.20.110.23")
    assert db03 is not None
    world.asks(db03, "10.20.110.50", start=3.7, count=6, every=3.7)
    world.asks(world.vm, "10.20.110.1")
    why = "The gateway is down: everybody else is reached over the same uplink"
    return world, {"why": why}, ["TARGET_DOWN", "network", "10.20.110.1", "high"]


def only_this_vm_asks() -> Made:
    world = company("only asker")
    world.asks(world.vm, "10.20.110.99")
    facts = {"why": "An unused address; nobody else asks for it", "targets": ["10.20.110.99"]}
    return world, facts, ["TARGET_DOWN", "target", "10.20.110.99", "medium"]


def target_cannot_hear() -> Made:
    world = company("cannot hear")
    deaf = Station("srv60", "ac:1f:6b:60:60:60", "10.20.110.60", 110, answers=False)
    world.add(deaf)
    world.background(deaf)
    world.asks(world.vm, "10.20.110.60")
    facts = {"why": "The target speaks, and hears nobody", "targets": ["10.20.110.60"]}
    return world, facts, NO_CONTROL


def late_replies() -> Made:
    world = company("late")
    world.answer = lambda who, asker, at: [Answer(after=1.3 if asker is world.vm else 0.0005)]
    world.asks(world.vm, "10.20.110.50", count=6, every=4)
    facts = {"why": "The server answers after 1.3 s", "targets": ["10.20.110.50"]}
    return world, facts, ["LATE_REPLIES", "inconclusive", "10.20.110.50", "high"]


def failover_meanwhile() -> Made:
    world = company("failover")
    world.asks(world.vm, "10.20.110.1", count=8)
    world.vm.uplink = "vmnic0"
    world.answer = lambda who, asker, at: []
    world.asks(world.vm, "10.20.110.1", start=12, count=8)
    facts: dict[str, Any] = {"why": "The VM fails over to vmnic0 at 11 s and is not answered there"}
    facts["events"] = [{"at": stamp(11), "event": "failover"}]
    return world, facts, ["PATH_CHANGED", "inconclusive", None, "low"]


CASES = {
    each.__name__.replace("_", "-"): each
    for each in (
        reply_in_wrong_vlan,
        reply_to_stale_mac,
        second_responder_beside_fhrp,
        cluster_address_moves,
        address_conflict,
        fabric_without_flooding,
        fabric_without_flooding_target_unknown,
        frames_come_back_on_the_same_uplink,
        gateway_down,
        only_this_vm_asks,
        target_cannot_hear,
        late_replies,
        failover_meanwhile,
    )
}
