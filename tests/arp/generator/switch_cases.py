"""Cases with their cause in the virtual switch: tags, port groups, PVLAN, overlay, moves."""

from __future__ import annotations

from typing import Any

from tests.arp.generator.files import stamp
from tests.arp.generator.guest_cases import GUEST_OK, Made, chat, company
from tests.arp.generator.world import BROADCAST, Answer, Frame, Station, World


def guest_tags_itself() -> Made:
    world = company("vgt")
    world.port_drops_out = lambda at: True
    world.asks(world.vm, "10.20.110.1")
    world.frames["vnic0-tx"] = [(at, (110,), f) for at, _, f in world.frames["vnic0-tx"]]
    why = "The guest tags its frames on an access port group, which drops them"
    return world, {"why": why}, ["VSWITCH_DROP_TX", "virtualization", None, "high"]


def trunk_port_group() -> Made:
    world = company("trunk")
    world.asks(world.vm, "10.20.110.1", count=5, every=5)
    for point in ("vnic0-tx", "vnic0-rx"):
        world.frames[point] = [(at, (110,), f) for at, _, f in world.frames[point]]
    facts = {"why": "Guest tagging on a trunk port group works"}
    return world, facts | {"nic": {"vlan": {"mode": "trunk", "id": None}}}, GUEST_OK


def stacked_tags_lost_on_uplink() -> Made:
    world = company("qinq", carried={"vmnic1": {120}})
    world.asks(world.vm, "10.20.110.1", count=16)
    world.frames["vmnic1-tx"] = [
        (at, (*tags, 7) if f.src == world.vm.mac else tags, f)
        for at, tags, f in world.frames["vmnic1-tx"]
    ]
    why = "QinQ: the guest's tag 7 inside the service tag 110, which vmnic1 does not carry"
    return world, {"why": why}, ["UPLINK_VLAN_NOT_CARRIED", "network", "vmnic1/110", "high"]


def wrong_port_group() -> Made:
    world = World("wrong port group")
    world.add(
        Station("gw-110", "00:00:0c:07:ac:6e", "10.20.110.1", 110),
        Station("gw-111", "00:00:0c:07:ac:6f", "10.20.111.1", 111),
        Station("web02", "00:50:56:9a:22:02", "10.20.110.22", 110, "vmnic0"),
        Station("db03", "00:50:56:9a:23:03", "10.20.110.23", 110, "vmnic1"),
        Station("srv", "ac:1f:6b:50:50:51", "10.20.111.50", 111),
    )
    world.vm.vlan = 111
    chat(world)
    world.background(world.stations[2])
    world.background(world.stations[5])
    world.asks(world.vm, "10.20.110.1")
    facts = {"why": "The VM of subnet 10.20.110.0/24 is in the port group of VLAN 111"}
    facts["nic"] = {"vlan": {"mode": "access", "id": 111}}  # type: ignore[assignment]
    return world, facts, ["VLAN_SUBNET_MISMATCH", "virtualization", "111/110", "medium"]


def wrong_native_vlan() -> Made:
    world = World("native")
    world.add(
        Station("gw-7", "00:00:0c:07:ac:07", "10.7.0.1", 110),
        Station("srv-7", "ac:1f:6b:07:07:07", "10.7.0.9", 110),
        Station("gw-120", "00:00:0c:07:ac:78", "10.20.120.1", 120),
        Station("log04", "00:50:56:9a:31:11", "10.20.120.31", 120, "vmnic1"),
    )
    world.wire_vlan[110] = 0
    chat(world)
    world.background(world.stations[1])
    world.background(world.stations[2])
    world.asks(world.vm, "10.20.110.1")
    facts: dict[str, Any] = {"why": "Untagged port group, and the native VLAN is another subnet"}
    facts["nic"] = {"vlan": {"mode": "none", "id": None}}
    return world, facts, ["VLAN_SUBNET_MISMATCH", "virtualization", "untagged", "medium"]


def local_target_silent() -> Made:
    world = company("local silent")
    world.add(Station("app09", "00:50:56:9a:29:09", "10.20.110.29", 110, "vmnic0", answers=False))
    world.asks(world.vm, "10.20.110.29")
    facts = {"why": "The target is a VM of this host with a firewall", "targets": ["10.20.110.29"]}
    return world, facts, ["TARGET_DOWN", "target", "10.20.110.29", "high"]


def overlay_unanswered() -> Made:
    world = World("overlay")
    world.port_drops_out = lambda at: True
    world.asks(world.vm, "10.20.110.44")
    facts: dict[str, Any] = {
        "why": "NSX segment, the tunnel is broken",
        "targets": ["10.20.110.44"],
    }
    facts["nic"] = {"overlay": True, "switch_kind": "nsx", "vlan": {"mode": "none", "id": None}}
    return world, facts, ["UNANSWERED_NO_CONTROL", "inconclusive", None, "low"]


def private_vlan_answers() -> Made:
    world = company("pvlan")
    world.wire_vlan[110] = 210
    world.retag = {"vmnic0": 200, "vmnic1": 200}
    world.answer = lambda who, asker, at: [Answer(vlan=200)]
    world.asks(world.vm, "10.20.110.1", count=5, every=5)
    world.frames.setdefault("vnic0-rx", []).extend(
        (at + 0.00003, (), f)
        for at, _, f in world.frames["vmnic1-rx"]
        if f.op == 2 and f.dst == world.vm.mac
    )
    facts: dict[str, Any] = {"why": "PVLAN: requests carry 210, replies of the gateway carry 200"}
    facts["nic"] = {"vlan": {"mode": "pvlan", "id": 210, "primary": 200}}
    return world, facts | {"side_findings": ["PVLAN"]}, GUEST_OK


def private_vlan_isolated() -> Made:
    world = World("isolated")
    world.neighbours()
    world.wire_vlan[110] = 210
    world.floods = False
    world.answer = lambda who, asker, at: [Answer(vlan=200)] if who.ip.endswith(".1") else []
    chat(world)
    world.asks(world.vm, "10.20.110.50")
    facts: dict[str, Any] = {"why": "PVLAN isolated: the target is no promiscuous port, by design"}
    facts["nic"] = {"vlan": {"mode": "pvlan", "id": 210, "primary": 200}}
    facts["targets"] = ["10.20.110.50"]
    return world, facts, ["UNANSWERED_NO_CONTROL", "inconclusive", None, "low"]


def reconnected() -> Made:
    world = company("reconnect")
    world.asks(world.vm, "10.20.110.1", count=6)
    facts = {"why": "The adapter was reconnected at 9 s", "events": []}
    facts["events"] = [{"at": stamp(9), "event": "reconnect"}]  # type: ignore[list-item]
    return world, facts, ["VM_MOVED", "inconclusive", None, "low"]


def moved_away() -> Made:
    world = company("moved")
    world.asks(world.vm, "10.20.110.1", count=6)
    mac = world.vm.mac
    rarp = Frame(3, mac, BROADCAST, mac, "0.0.0.0", mac, "0.0.0.0")
    for at in (9.0, 9.5, 10.5):
        world.floods_in(Station("other host", mac, "0.0.0.0", 110), rarp, at)
    why = "vMotion: the new host's RARP with the VM's MAC comes in on the uplinks"
    return world, {"why": why}, ["VM_MOVED", "inconclusive", None, "low"]


CASES = {
    each.__name__.replace("_", "-"): each
    for each in (
        guest_tags_itself,
        trunk_port_group,
        stacked_tags_lost_on_uplink,
        wrong_port_group,
        wrong_native_vlan,
        local_target_silent,
        overlay_unanswered,
        private_vlan_answers,
        private_vlan_isolated,
        reconnected,
        moved_away,
    )
}
