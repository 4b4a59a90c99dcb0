"""Cases with their cause behind the uplinks: ports, VLANs, the network's tables, the target."""

from __future__ import annotations

from typing import Any

from tests.arp.generator.files import stamp
from tests.arp.generator.guest_cases import GUEST_OK, Made, chat, company
from tests.arp.generator.world import BROADCAST, NOBODY, Answer, Frame, Station, World

NO_CONTROL = ["UNANSWERED_NO_CONTROL", "inconclusive", None, "low"]


def vlan_missing_on_uplink() -> Made:
    world = company("vlan missing", carried={"vmnic1": {120}})
    world.asks(world.vm, "10.20.110.1", count=20)
    why = "VLAN 110 is not in the trunk of vmnic1's switch port"
    return world, {"why": why}, ["UPLINK_VLAN_NOT_CARRIED", "network", "vmnic1/110", "high"]


def uplink_receives_nothing() -> Made:
    world = company("dead rx", lost_in={"vmnic1"})
    world.asks(world.vm, "10.20.110.1", count=16)
    why = "vmnic1 sends well (its frames come back on vmnic0) and receives nothing"
    return world, {"why": why}, ["UPLINK_PATH_LOSS", "network", "vmnic1/rx", "high"]


def uplink_sends_nothing() -> Made:
    world = company("dead tx", lost_out={"vmnic1"})
    world.asks(world.vm, "10.20.110.1", count=16)
    why = "vmnic1 receives everything, what it sends never reaches the switch"
    return world, {"why": why}, ["UPLINK_PATH_LOSS", "network", "vmnic1/tx", "high"]


def uplink_dead() -> Made:
    world = company("dead", lost_out={"vmnic1"}, lost_in={"vmnic1"})
    world.asks(world.vm, "10.20.110.1", count=16)
    why = "vmnic1's port is err-disabled while the link stays up"
    return world, {"why": why}, ["UPLINK_PATH_LOSS", "network", "vmnic1/all", "high"]


def port_was_learning() -> Made:
    world = company("learning", heard_out=lambda who, at: at > 15 or who.uplink != "vmnic1")
    world.asks(world.vm, "10.20.110.1", count=24)
    why = "Spanning tree: the port forwards from 15 s on"
    return world, {"why": why}, ["RECOVERED_DURING_CAPTURE", "network", None, "medium"]


def port_died_meanwhile() -> Made:
    world = company("dies", lost_in=set())
    world.asks(world.vm, "10.20.110.1", count=24)
    world.frames["vmnic1-rx"] = [each for each in world.frames["vmnic1-rx"] if each[0] < 9]
    world.frames["vnic0-rx"] = [
        each for each in world.frames["vnic0-rx"] if each[0] < 9 or each[2].src[:8] == "00:50:56"
    ]
    world.frames["vmnic0-rx"] = [
        each for each in world.frames["vmnic0-rx"] if each[0] < 9 or each[2].src != world.vm.mac
    ]
    why = "ARP inspection err-disables vmnic1's port at 9 s: nothing comes in from then on"
    return world, {"why": why}, ["UPLINK_PATH_LOSS", "network", "vmnic1/all", "high"]


def vlan_pruned_upstream() -> Made:
    world = World("pruned", answer=lambda who, asker, at: [Answer()] if who.vlan == 120 else [])
    world.neighbours()
    chat(world)
    world.frames = {
        point: [each for each in frames if each[2].src != "ac:1f:6b:50:50:50"]
        for point, frames in world.frames.items()
    }
    world.asks(world.vm, "10.20.110.1")
    why = "VLAN 110 ends at the access switch: reflections, but nobody beyond it answers"
    return world, {"why": why}, ["VLAN_DEAD", "network", "110", "high"]


def storm_control_bursts() -> Made:
    world = company(
        "storm", answer=lambda who, asker, at: [] if int(at) % 7 in {2, 3, 4} else [Answer()]
    )
    world.asks(world.vm, "10.20.110.1", count=24)
    why = "Storm control drops bursts of broadcasts for everybody"
    return world, {"why": why}, ["PARTIAL_LOSS", "network", "10.20.110.1", "medium"]


def port_security() -> Made:
    world = company("port security")
    world.heard_out = lambda who, at: who is not world.vm
    world.asks(world.vm, "10.20.110.1")
    why = "Port security on vmnic1's port refuses this MAC only"
    return world, {"why": why}, ["REPLY_LOST_VM_SPECIFIC", "network", "not reflected", "high"]


def target_filters_this_host() -> Made:
    world = company("filter")
    db03 = world.station("10.20.110.23")
    assert db03 is not None
    world.asks(db03, "10.20.110.50", start=3.7, count=6, every=3.7)
    world.answer = lambda who, asker, at: [] if asker is world.vm else [Answer()]
    world.asks(world.vm, "10.20.110.50")
    facts = {"why": "The server answers others, not this VM", "targets": ["10.20.110.50"]}
    return world, facts, ["REPLY_LOST_VM_SPECIFIC", "network", "entered fabric", "high"]


def reply_on_sibling_delivered() -> Made:
    world = company("sibling")
    world.returns[world.vm.mac] = "vmnic0"
    world.asks(world.vm, "10.20.110.1", count=5, every=5)
    why = "The switch still knows the VM on vmnic0; its replies are delivered all the same"
    return world, {"why": why, "side_findings": ["REPLY_ON_OTHER_UPLINK"]}, GUEST_OK


def port_channel_without_hash() -> Made:
    world = company("port-channel", bundle=True)
    world.returns[world.vm.mac] = "vmnic0"
    world.asks(world.vm, "10.20.110.1", count=16)
    why = "Static port-channel on the switch, originating port ID on the virtual switch"
    subject = "port-channel without IP hash"
    return world, {"why": why}, ["TEAMING_MISMATCH", "virtualization", subject, "high"]


def ip_hash_without_port_channel() -> Made:
    world = company("ip hash")
    world.returns[world.vm.mac] = "vmnic0"
    world.port_drops_in = lambda at: True
    world.asks(world.vm, "10.20.110.1", count=16)
    facts = {"why": "IP hash on the virtual switch, independent ports on the switch"}
    subject = "IP hash without port-channel"
    wanted = ["TEAMING_MISMATCH", "virtualization", subject, "high"]
    return world, facts | {"teaming": "iphash"}, wanted


def lacp_bundle() -> Made:
    world = company("lacp", bundle=True)
    world.returns[world.vm.mac] = "vmnic0"
    world.asks(world.vm, "10.20.110.1", count=5, every=5)
    world.frames["vnic0-rx"] += [
        (at + 0.00003, (), f)
        for at, _, f in world.frames["vmnic0-rx"]
        if f.op == 2 and f.dst == world.vm.mac
    ]
    facts = {"why": "A healthy LACP bundle: no reflections, replies on either member"}
    return world, facts | {"teaming": "lacp", "lag": "lag1"}, GUEST_OK


def lacp_bundle_target_down() -> Made:
    world = company("lacp down", bundle=True)
    world.asks(world.vm, "10.20.110.99")
    web02 = world.station("10.20.110.22")
    assert web02 is not None
    world.asks(web02, "10.20.110.99", start=4.4, count=5, every=1.1)
    facts = {"why": "LACP bundle, the target is off", "targets": ["10.20.110.99"]}
    wanted = ["TARGET_DOWN", "target", "10.20.110.99", "high"]
    return world, facts | {"teaming": "lacp", "lag": "lag1"}, wanted


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
        vlan_missing_on_uplink,
        uplink_receives_nothing,
        uplink_sends_nothing,
        uplink_dead,
        port_was_learning,
        port_died_meanwhile,
        vlan_pruned_upstream,
        storm_control_bursts,
        port_security,
        target_filters_this_host,
        reply_on_sibling_delivered,
        port_channel_without_hash,
        ip_hash_without_port_channel,
        lacp_bundle,
        lacp_bundle_target_down,
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
