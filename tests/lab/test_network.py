"""The model is truthful: what is seen at each capture point is what the standards and ESXi say."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from dataclasses import dataclass

import pytest

from tests.lab import faults
from tests.lab.network import Network, Seen
from tests.lab.world import Asking, PortGroup, Station, World, small_world

HOST, OTHER = "esx07.example.com", "esx08.example.com"
APP, WEB, LOG = "00:50:56:9a:21:01", "00:50:56:9a:22:02", "00:50:56:9a:31:04"
GATEWAY, GATEWAY_MAC = "10.20.110.1", "00:00:0c:07:ac:6e"
MILLISECOND = 1_000_000


@dataclass(frozen=True)
class Frame:
    at: int
    op: int
    source: str
    destination: str
    sender: str
    sender_ip: str
    target: str
    target_ip: str
    vlan: int | None
    size: int
    ethertype: int


def read(seen: Seen) -> Frame:
    def mac(start: int) -> str:
        return seen.data[start : start + 6].hex(":")

    skip = 4 if seen.data[12:14] == b"\x81\x00" else 0
    (ethertype,) = struct.unpack_from("!H", seen.data, 12 + skip)
    hardware, protocol, lengths, op = struct.unpack_from("!HHHH", seen.data, 14 + skip)
    assert (hardware, protocol, lengths) == (1, 0x0800, 0x0604)
    ips = [socket.inet_ntoa(seen.data[i + skip : i + skip + 4]) for i in (28, 38)]
    vlan = struct.unpack_from("!H", seen.data, 14)[0] if skip else seen.vlan
    return Frame(seen.at, op, mac(6), mac(0), mac(22 + skip), ips[0], mac(32 + skip), ips[1], vlan,
                 len(seen.data), ethertype)  # fmt: skip


class Ears:
    """Every point of a host, open from the beginning."""

    def __init__(self, world: World, situation: str = "healthy", host: str = HOST) -> None:
        faults.apply(world, situation)
        self.world = world
        self.net = Network(world, clock=lambda: 1_767_225_600_000_000_000)
        self.heard: dict[str, list[Frame]] = {}
        for pnic in world.host(host).pnics:
            self.open(host, pnic.device, "UplinkSndKernel", f"{pnic.device}-tx")
            self.open(host, pnic.device, "UplinkRcvKernel", f"{pnic.device}-rx")
        for vm in world.vms:
            if vm.host == host:
                for nic in vm.nics:
                    self.open(host, str(nic.switch_port), "VnicTx", f"{vm.name}-tx")
                    self.open(host, str(nic.switch_port), "VnicRx", f"{vm.name}-rx")

    def open(self, host: str, thing: str, point: str, name: str) -> None:
        frames = self.heard.setdefault(name, [])
        self.net.attach(host, thing, point, lambda seen: frames.append(read(seen)))

    def requests(self, point: str, mac: str = APP) -> list[Frame]:
        return [f for f in self.heard[point] if f.op == 1 and f.source == mac]

    def replies(self, point: str, ip: str = "10.20.110.21") -> list[Frame]:
        return [f for f in self.heard[point] if f.op == 2 and f.target_ip == ip]

    def foreign(self, point: str, vlan: int) -> list[Frame]:
        local = {nic.mac for vm in self.world.vms if vm.host == HOST for nic in vm.nics}
        return [f for f in self.heard[point] if f.source not in local and f.vlan == vlan]


def listen(situation: str, seconds: float = 20.0, world: World | None = None) -> Ears:
    ears = Ears(world or small_world(), situation)
    ears.net.advance(seconds)
    return ears


def test_a_healthy_request_leaves_is_flooded_reflected_and_answered() -> None:
    ears = listen("healthy")
    asked = ears.requests("app01-tx")
    assert len(asked) == 20
    assert len(ears.requests("vmnic1-tx")) == 20
    assert len(ears.requests("vmnic0-rx")) == 20
    assert ears.requests("vmnic0-tx") == []
    assert ears.requests("vmnic1-rx") == []
    assert len(ears.replies("vmnic1-rx")) == 20
    assert len(ears.replies("app01-rx")) == 20
    assert ears.replies("vmnic0-rx") == []


def test_the_moments_are_in_the_order_of_the_path_and_as_far_apart_as_in_reality() -> None:
    ears = listen("healthy")
    path = [ears.requests("app01-tx"), ears.requests("vmnic1-tx"), ears.requests("vmnic0-rx"),
            ears.replies("vmnic1-rx"), ears.replies("app01-rx")]  # fmt: skip
    for sent, left, reflected, back, delivered in zip(*path, strict=True):
        assert sent.at < left.at < reflected.at < back.at < delivered.at
        assert reflected.at - left.at < 2 * MILLISECOND
        assert delivered.at - sent.at < 5 * MILLISECOND
    intervals = [b.at - a.at for a, b in zip(path[0], path[0][1:], strict=False)]
    assert all(1_000_000_000 <= interval < 1_001_000_000 for interval in intervals)


def test_tags_stand_on_the_wire_and_not_in_the_guest() -> None:
    ears = listen("healthy")
    assert {f.vlan for f in ears.requests("vmnic1-tx")} == {110}
    assert {f.vlan for f in ears.replies("vmnic1-rx")} == {110}
    assert {f.vlan for f in ears.heard["app01-rx"] + ears.heard["app01-tx"]} == {None}


def test_frames_are_what_rfc_826_says() -> None:
    ears = listen("healthy")
    request, reply = ears.requests("app01-tx")[0], ears.replies("app01-rx")[0]
    assert (request.sender, request.sender_ip, request.target_ip) == (APP, "10.20.110.21", GATEWAY)
    assert request.destination == "ff:ff:ff:ff:ff:ff"
    assert (reply.sender, reply.sender_ip) == (GATEWAY_MAC, GATEWAY)
    assert (reply.target, reply.destination) == (APP, APP)
    assert request.size == 42
    assert reply.size == 60


def test_a_broadcast_of_a_station_arrives_on_every_uplink_and_once_in_the_vm() -> None:
    ears = listen("healthy")
    first, second = ears.foreign("vmnic0-rx", 110), ears.foreign("vmnic1-rx", 110)
    asked = [f for f in first if f.target_ip == "10.20.110.77"]
    assert len(asked) == len([f for f in second if f.target_ip == "10.20.110.77"]) > 5
    assert len([f for f in ears.heard["app01-rx"] if f.target_ip == "10.20.110.77"]) == len(asked)


def test_port_output_sees_both_copies_and_the_vm_only_its_own_uplinks() -> None:
    world = small_world()
    ears = Ears(world)
    ears.open(HOST, str(world.vm("app01").nics[0].switch_port), "PortOutput", "out")
    ears.net.advance(10)
    asked = [f for f in ears.heard["app01-rx"] if f.target_ip == "10.20.110.77"]
    assert (
        len([f for f in ears.heard["out"] if f.target_ip == "10.20.110.77"]) == 2 * len(asked) > 0
    )


def test_the_same_seed_gives_the_same_frames() -> None:
    assert listen("partial-loss", 10).heard == listen("partial-loss", 10).heard


def test_the_case_this_tool_began_with() -> None:
    ears = listen("blog")
    assert len(ears.requests("vmnic1-tx")) == 20
    assert (
        ears.requests("vmnic0-rx") == ears.replies("vmnic0-rx") == ears.replies("vmnic1-rx") == []
    )
    assert ears.foreign("vmnic1-rx", 110) == []
    assert len(ears.foreign("vmnic1-rx", 120)) > 5
    assert len(ears.foreign("vmnic0-rx", 110)) > 5
    assert len(ears.replies("web02-rx", "10.20.110.22")) == 10
    assert len(ears.replies("log04-rx", "10.20.120.31")) == 8


# What each situation shows of app01's 20 requests: on vmnic1-tx, reflected on vmnic0-rx, replies on
# vmnic1-rx and on vmnic0-rx, replies delivered.
SIGNATURES: dict[str, tuple[int, int, int, int, int]] = {
    "healthy": (20, 20, 20, 0, 20),
    "drop-tx": (0, 0, 0, 0, 0),
    "drop-rx": (20, 20, 20, 0, 0),
    "target-down": (20, 20, 0, 0, 0),
    "no-control": (20, 20, 0, 0, 0),
    "dead-port": (20, 0, 0, 0, 0),
    "one-way-tx": (20, 0, 0, 0, 0),
    "one-way-rx": (20, 20, 0, 0, 0),
    "dead-vlan": (20, 20, 0, 0, 0),
    "reply-lost": (20, 20, 0, 0, 0),
    "port-security": (20, 0, 0, 0, 0),
    "wrong-vlan": (20, 20, 20, 0, 0),
    "stale-mac": (20, 20, 20, 20, 0),
    "two-responders": (20, 20, 40, 0, 40),
    "ip-conflict": (20, 20, 20, 0, 20),
    "late-replies": (20, 20, 19, 0, 19),
    "teaming": (20, 0, 0, 20, 0),
    "deaf-guest": (20, 20, 20, 0, 20),
    "local-target": (20, 20, 0, 0, 20),
    "overlay": (0, 0, 0, 0, 20),
    "loop": (20, 20, 20, 0, 20),
    "off-subnet": (20, 20, 0, 0, 0),
}


@pytest.mark.parametrize("situation", SIGNATURES)
def test_a_fault_shows_where_it_should(situation: str) -> None:
    ears = listen(situation)
    assert (
        len(ears.requests("vmnic1-tx")),
        len(ears.requests("vmnic0-rx")),
        len(ears.replies("vmnic1-rx")),
        len(ears.replies("vmnic0-rx")),
        len(ears.replies("app01-rx")),
    ) == SIGNATURES[situation]
    assert len(ears.requests("app01-tx")) == 20


def test_a_silent_guest_sends_nothing_and_hears_the_rest() -> None:
    ears = listen("silent-guest")
    assert ears.heard["app01-tx"] == []
    assert len(ears.heard["app01-rx"]) > 5


def test_no_control_silences_everybody_else() -> None:
    ears = listen("no-control")
    assert {f.source for f in ears.heard["vmnic0-rx"] + ears.heard["vmnic1-tx"]} == {APP}
    assert ears.heard["vmnic1-rx"] == ears.heard["vmnic0-tx"] == []


def test_a_dead_port_silences_every_vlan_of_it() -> None:
    ears = listen("dead-port")
    assert ears.heard["vmnic1-rx"] == []
    assert len(ears.foreign("vmnic0-rx", 120)) > 5


def test_a_one_way_port_still_hears_the_others() -> None:
    ears = listen("one-way-tx")
    assert len(ears.foreign("vmnic1-rx", 110)) > 5
    assert len(ears.requests("vmnic1-rx", WEB)) == 10


def test_half_a_vlan_is_lost_in_one_direction_only() -> None:
    world = small_world()
    ears = Ears(world)
    world.faults["vlan_half"] = {"uplink": "vmnic1", "vlan": 110, "half": "egress", "host": HOST}
    ears.net.advance(10)
    assert len(ears.requests("vmnic0-rx")) == 10
    assert ears.foreign("vmnic1-rx", 110) == []
    assert ears.replies("vmnic1-rx") == []


def test_reply_lost_hits_this_vm_alone() -> None:
    world = small_world()
    world.vm("web02").nics[0].uplink = "vmnic1"
    ears = listen("reply-lost", world=world)
    assert len(ears.replies("web02-rx", "10.20.110.22")) == 10


def test_a_reply_to_a_stale_mac_is_flooded_to_every_uplink() -> None:
    ears = listen("stale-mac")
    for point in ("vmnic0-rx", "vmnic1-rx"):
        stale = [f for f in ears.heard[point] if f.op == 2 and f.destination == "00:50:56:9a:77:77"]
        assert len(stale) == 20


def test_a_reply_in_the_wrong_vlan_carries_the_other_tag() -> None:
    assert {f.vlan for f in listen("wrong-vlan").replies("vmnic1-rx")} == {120}


def test_an_address_conflict_is_heard_from_a_foreign_mac() -> None:
    ears = listen("ip-conflict")
    claims = [f for f in ears.heard["vmnic1-rx"] if f.sender_ip == "10.20.110.21"]
    assert {f.sender for f in claims} == {"00:00:5e:00:53:01"}


def test_a_loop_brings_the_own_frame_back_on_the_same_uplink() -> None:
    assert len(listen("loop").requests("vmnic1-rx")) == 20


def test_partial_loss_keeps_its_rate() -> None:
    answered = len(listen("partial-loss", 200).replies("app01-rx"))
    assert 50 <= answered <= 110


def test_recovery_has_one_change_point() -> None:
    ears = listen("recovers")
    asked, answered = ears.requests("app01-tx"), ears.replies("app01-rx")
    assert len(answered) == 12
    assert answered[0].at > asked[7].at


def test_probes_carry_no_sender_address() -> None:
    assert {f.sender_ip for f in listen("probes").requests("vmnic1-tx")} == {"0.0.0.0"}


def test_a_forged_sender_dies_at_the_port_unless_it_is_accepted() -> None:
    forged = "00:00:5e:00:53:03"
    ears = listen("forged")
    assert len(ears.requests("app01-tx", forged)) == 20
    assert ears.requests("vmnic1-tx", forged) == []
    ears.world.faults["forged_sender"]["accepted"] = True
    ears.net.advance(5)
    assert len(ears.requests("vmnic1-tx", forged)) == 5
    assert ears.replies("app01-rx") == []


def test_dropped_frames_are_seen_with_their_reason() -> None:
    ears = Ears(small_world(), "drop-tx")
    reasons: list[str] = []
    ears.net.attach(HOST, "*", "Drop", lambda seen: reasons.append(seen.reason))
    ears.net.advance(5)
    assert reasons.count("Port blocked") == 5


def test_teaming_mismatch_shows_each_foreign_broadcast_on_one_uplink_only() -> None:
    ears = listen("teaming")
    for vlan in (110, 120):
        both = [
            any(f.destination == "ff:ff:ff:ff:ff:ff" for f in ears.foreign(f"vmnic{n}-rx", vlan))
            for n in (0, 1)
        ]
        assert sorted(both) == [False, True]


def test_a_lag_brings_no_reflection_and_answers_on_a_member() -> None:
    world = small_world()
    for pnic in world.host(HOST).pnics:
        pnic.lag = "lag1"
    world.host(HOST).switches[0].teaming = "lacp"
    world.host(HOST).switches[0].active = ["lag1"]
    ears = listen("healthy", world=world)
    left = [len(ears.requests(f"vmnic{n}-tx")) for n in (0, 1)]
    assert sorted(left) == [0, 20]
    assert ears.requests("vmnic0-rx") == ears.requests("vmnic1-rx") == []
    assert len(ears.replies("app01-rx")) == 20
    copies = [len([f for f in ears.foreign(f"vmnic{n}-rx", 120)
                   if f.target_ip == "10.20.120.77"]) for n in (0, 1)]  # fmt: skip
    assert min(copies) == 0 < max(copies)


def test_ip_hash_without_a_port_channel_reflects_inside_the_team() -> None:
    world = small_world()
    world.host(HOST).switches[0].teaming = "iphash"
    world.faults["no_port_channel"] = {"host": HOST}
    ears = listen("healthy", world=world)
    on = [n for n in (0, 1) if ears.requests(f"vmnic{n}-tx")]
    assert len(ears.requests(f"vmnic{1 - on[0]}-rx")) == 20


def test_a_link_down_makes_the_vm_fail_over() -> None:
    world = small_world()
    ears = Ears(world)
    world.faults["link_down"] = {"uplink": "vmnic1", "host": HOST}
    ears.net.advance(5)
    assert ears.net.uplink_of(world.host(HOST), world.vm("app01").nics[0]) == "vmnic0"
    assert len(ears.requests("vmnic0-tx")) == 5
    assert len(ears.replies("app01-rx")) == 5


def test_a_vm_on_the_other_host_answers_over_the_wire() -> None:
    world = small_world()
    world.vm("app01").asks = [Asking("10.20.110.23")]
    ears = listen("healthy", world=world)
    assert {f.sender for f in ears.replies("vmnic1-rx")} == {"00:50:56:9a:23:03"}
    world.faults["hosts_apart"] = {"a": HOST, "b": OTHER}
    before = len(ears.replies("vmnic1-rx"))
    ears.net.advance(5)
    assert len(ears.replies("vmnic1-rx")) == before


def test_a_moved_vm_is_announced_by_rarp_and_its_old_port_is_silent() -> None:
    ears = listen("moves")
    rarp = [f for f in ears.heard["vmnic0-rx"] if f.ethertype == 0x8035]
    assert len(rarp) == 3
    assert {f.source for f in rarp} == {APP}
    assert len(ears.requests("app01-tx")) == 4
    assert len(ears.requests("vmnic1-tx")) == 4
    assert ears.world.vm("app01").host == OTHER


def test_a_vanished_port_is_silent_and_the_vm_goes_on() -> None:
    world = small_world()
    ears = Ears(world)
    old = world.vm("app01").nics[0].switch_port
    world.faults["port_vanishes"] = {"vm": "app01", "after": 3}
    ears.open(HOST, "vmnic0", "PortInput", "late")  # the fault counts from the next ear
    ears.net.advance(10)
    assert world.vm("app01").nics[0].switch_port != old
    assert len(ears.requests("app01-tx")) == 3
    assert len(ears.requests("vmnic1-tx")) == 10


def test_a_fabric_that_does_not_flood_reflects_nothing() -> None:
    world = small_world()
    ears = Ears(world)
    world.faults["no_flooding"] = {}
    ears.net.advance(10)
    assert ears.requests("vmnic0-rx") == []
    assert len(ears.replies("app01-rx")) == 10


def test_a_private_vlan_leaves_in_the_secondary_and_returns_in_the_primary() -> None:
    world = small_world()
    host = world.host(HOST)
    host.portgroups.append(PortGroup("iso", "dvs-prod", "pvlan", 211, primary=210))
    vm = world.vm("app01")
    vm.nics[0].portgroup = "iso"
    world.stations.append(Station("10.20.110.1", "00:00:0c:07:ac:d2", 210))
    ears = listen("healthy", world=world)
    assert {f.vlan for f in ears.requests("vmnic1-tx")} == {211}
    assert {f.vlan for f in ears.replies("vmnic1-rx")} == {210}
    assert len(ears.replies("app01-rx")) == 20


def test_a_trunk_port_group_carries_the_guests_own_tags() -> None:
    world = small_world()
    group = next(g for g in world.host(HOST).portgroups if g.name == "app-110")
    group.mode, group.vlan, group.trunk = "trunk", None, [(100, 199)]
    world.vm("app01").nics[0].guest_vlan = 110
    ears = listen("healthy", world=world)
    assert {f.vlan for f in ears.requests("app01-tx")} == {110}
    assert {f.vlan for f in ears.requests("vmnic1-tx")} == {110}
    assert {f.vlan for f in ears.replies("app01-rx")} == {110}


def test_an_untagged_port_group_uses_the_switchs_native_vlan() -> None:
    world = small_world()
    for host in world.hosts:
        for pnic in host.pnics:
            pnic.neighbour.native_vlan = 110
    for group in world.host(HOST).portgroups:
        if group.name == "app-110":
            group.mode, group.vlan = "none", None
    ears = listen("healthy", world=world)
    assert {f.vlan for f in ears.requests("vmnic1-tx")} == {None}
    assert {f.vlan for f in ears.replies("vmnic1-rx")} == {None}


def test_a_kernel_is_content_with_an_answer() -> None:
    world = small_world()
    world.vm("app01").asks = [Asking(GATEWAY, like="kernel")]
    ears = listen("healthy", 100, world=world)
    assert len(ears.requests("app01-tx")) == 4
    assert {f.target for f in ears.requests("app01-tx")} == {"00:00:00:00:00:00"}


def test_a_flood_brings_its_rate_and_keeps_order() -> None:
    ears = listen("flood", 2)
    storm = [f for f in ears.heard["vmnic1-rx"] if f.source == "00:00:5e:00:53:66"]
    assert 9_800 <= len(storm) <= 10_200
    assert [f.at for f in storm] == sorted(f.at for f in storm)


def test_every_situation_has_a_sentence_and_known_faults() -> None:
    for about, wanted in faults.SITUATIONS.values():
        assert about
        assert set(wanted) <= set(faults.FAULTS)
    with pytest.raises(KeyError):
        faults.apply(small_world(), "gremlins")


def test_a_situation_replaces_the_one_before() -> None:
    world = small_world()
    faults.apply(world, "drop-tx")
    assert "VLAN 110" in faults.apply(world, "blog")
    assert list(world.faults) == ["vlan_not_carried"]


async def test_started_it_follows_the_wall_clock() -> None:
    world = small_world()
    world.vm("app01").asks = [Asking(GATEWAY, interval=0.05)]
    net = Network(world)
    heard: list[Seen] = []
    enough = asyncio.Event()

    def hear(seen: Seen) -> None:
        heard.append(seen)
        if len(heard) == 5:
            enough.set()

    started = time.time_ns()
    detach = net.attach(HOST, "vmnic1", "UplinkSndKernel", hear)
    await net.start()
    await asyncio.wait_for(enough.wait(), 5)
    detach()
    await net.stop()
    assert all(started <= seen.at <= time.time_ns() for seen in heard)
