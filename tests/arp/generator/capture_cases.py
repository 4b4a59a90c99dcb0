"""Cases with their cause in how the capture was made."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.arp.generator.files import stamp
from tests.arp.generator.guest_cases import GUEST_OK, Made, company
from tests.arp.generator.world import World

BLIND = ["CAPTURE_INCOMPLETE", "inconclusive"]
UPLINKS = ("vmnic0-tx", "vmnic0-rx", "vmnic1-tx", "vmnic1-rx")


def _lost(name: str, **facts: Any) -> World:  # noqa: ANN401 - World's own fields
    world = company(name, carried={"vmnic1": {120}}, **facts)
    world.asks(world.vm, "10.20.110.1", count=16)
    return world


def uplinks_send_direction_only() -> Made:
    points = ["vnic0-tx", "vnic0-rx", "vmnic0-tx", "vmnic1-tx"]
    facts = {"why": "The uplinks were captured in send direction only", "points": points}
    return _lost("tx only"), facts, [*BLIND, "no rx direction", "low"]


def vm_port_not_captured() -> Made:
    world = company("no port")
    world.port_drops_in = lambda at: True
    world.asks(world.vm, "10.20.110.1")
    facts = {"why": "Replies on the uplink, but nobody listened at the VM's port"}
    return world, facts | {"points": ["vnic0-tx", *UPLINKS]}, [*BLIND, "vnic0-rx", "low"]


def captured_by_hand() -> Made:
    points = ["vmnic0", "vmnic1"]
    facts: dict[str, Any] = {
        "why": "Two files of both directions, nobody listened at the VM's port"
    }
    return _lost("by hand"), facts | {"points": points}, [*BLIND, "vnic0-rx", "low"]


def uplink_capture_failed() -> Made:
    gone = {"failure": "exited with 1", "ready_at": None, "stopped_at": None, "file": None}
    facts = {"why": "The capture of vmnic0-rx failed", "windows": {"vmnic0-rx": gone}}
    return _lost("failed"), facts, [*BLIND, "vmnic0-rx", "low"]


def drops_while_capturing() -> Made:
    facts = {"why": "vmnic1-rx dropped frames", "windows": {"vmnic1-rx": {"dropped": 7}}}
    return _lost("drops"), facts, [*BLIND, "vmnic1-rx", "low"]


def one_stream_started_late() -> Made:
    windows = {"vmnic0-rx": {"ready_at": stamp(10)}}
    facts = {"why": "vmnic0-rx listened from 10 s on: eight requests remain", "windows": windows}
    wanted = ["UPLINK_VLAN_NOT_CARRIED", "network", "vmnic1/110", "medium"]
    return _lost("late start"), facts, wanted


def one_stream_started_too_late() -> Made:
    windows = {"vmnic0-rx": {"ready_at": stamp(16)}}
    facts = {"why": "vmnic0-rx listened from 16 s on: too little is left", "windows": windows}
    return _lost("too late"), facts, [*BLIND, "vmnic0-rx", "low"]


def merged_directions() -> Made:
    points = ["vnic0-tx", "vnic0-rx", "vmnic0", "vmnic1"]
    facts = {"why": "Each uplink's directions in one file: the direction is inferred"}
    facts |= {"points": points, "side_findings": ["DIRECTION_INFERRED"]}  # type: ignore[dict-item]
    return _lost("merged"), facts, ["UPLINK_VLAN_NOT_CARRIED", "network", "vmnic1/110", "medium"]


def tags_stripped() -> Made:
    facts = {
        "why": "VLAN offload: no frame in any file has a tag",
        "side_findings": ["TAG_UNKNOWN"],
    }
    return (
        _lost("stripped", tags=False),
        facts,
        ["UNANSWERED_NO_CONTROL", "inconclusive", None, "low"],
    )


def frames_twice() -> Made:
    world = company("twice")
    world.asks(world.vm, "10.20.110.1", count=5, every=5)
    for point in UPLINKS:
        world.frames[point] += [(at + 0.0002, tags, f) for at, tags, f in world.frames[point]]
    facts = {"why": "Port mirroring: every frame on the uplinks twice"}
    return world, facts | {"side_findings": ["DUPLICATED_FRAMES"]}, GUEST_OK


def stream_off_the_clock() -> Made:
    world = _lost("skew")
    for point in ("vmnic0-tx", "vmnic1-tx"):
        world.frames[point] = [(at + 0.4, tags, f) for at, tags, f in world.frames[point]]
    facts = {"why": "Two streams were stamped 0.4 s late", "side_findings": ["CLOCK_SKEW"]}
    return world, facts, ["UPLINK_VLAN_NOT_CARRIED", "network", "vmnic1/110", "medium"]


def second_adapter_is_idle() -> Made:
    world = company("two adapters")
    world.asks(world.vm, "10.20.110.1", count=5, every=5)
    second = {
        "point": "vnic1",
        "label": "Network adapter 2",
        "mac": "00:50:56:9a:21:02",
        "connected": True,
        "ipv4": ["10.20.120.21/24"],
        "gateway": "10.20.120.1",
        "portgroup": "app-120",
        "switch": "dvs-prod",
        "switch_kind": "vds",
        "vlan": {"mode": "access", "id": 120},
        "overlay": False,
        "pinned_uplink": "vmnic0",
    }
    points = ["vnic0-tx", "vnic0-rx", "vnic1-tx", "vnic1-rx", *UPLINKS]
    facts = {"why": "Two adapters, one asks and is answered, the other is idle"}
    return world, facts | {"more_nics": [second], "points": points}, GUEST_OK


def passthrough_adapter() -> Made:
    facts = {"why": "An SR-IOV adapter bypasses the virtual switch", "nic": {"backing": "sriov"}}
    return _lost("sriov"), facts, [*BLIND, "sriov", "low"]


def only_vm_on_the_host() -> Made:
    world = World("alone")
    world.neighbours()
    world.stations = [each for each in world.stations if not each.uplink or each is world.vm]
    world.stations = [
        replace(each, answers=False) if each is not world.vm else each for each in world.stations
    ]
    world.asks(world.vm, "10.20.110.1")
    facts = {"why": "Nobody to compare with"}
    return world, facts, ["UNANSWERED_NO_CONTROL", "inconclusive", None, "low"]


CASES = {
    each.__name__.replace("_", "-"): each
    for each in (
        uplinks_send_direction_only,
        vm_port_not_captured,
        captured_by_hand,
        uplink_capture_failed,
        drops_while_capturing,
        one_stream_started_late,
        one_stream_started_too_late,
        merged_directions,
        tags_stripped,
        frames_twice,
        stream_off_the_clock,
        second_adapter_is_idle,
        passthrough_adapter,
        only_vm_on_the_host,
    )
}
