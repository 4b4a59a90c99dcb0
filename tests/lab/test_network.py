"""The model is truthful: what is seen at each capture point is what the standards and ESXi say."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.lab import faults
from tests.lab.network import Network, Seen
from tests.lab.network_ears import (
    APP,
    GATEWAY,
    GATEWAY_MAC,
    HOST,
    MILLISECOND,
    OTHER,
    Ears,
    listen,
)
from tests.lab.world import Asking, PortGroup, Station, small_world


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


def test_another_situation_takes_a_move_back() -> None:
    ears = listen("moves")
    faults.apply(ears.world, "blog")
    assert ears.world == listen("blog").world
    before = len(ears.requests("app01-tx"))
    ears.net.advance(5)
    assert len(ears.requests("app01-tx")) == before + 5


def test_a_move_to_come_is_off_once_another_situation_is_chosen() -> None:
    ears = listen("moves", seconds=2)
    faults.apply(ears.world, "healthy")
    ears.net.advance(8)
    assert ears.world == listen("healthy").world
    assert len(ears.requests("app01-tx")) == 10


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
