"""Every fault shows at the capture points where the field saw it, and nowhere else."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.lab.frames import NOBODY
from tests.lab.network_ears import (
    APP,
    HOST,
    WEB,
    Ears,
    listen,
)
from tests.lab.world import small_world

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


def test_a_deaf_guest_asks_on_by_a_kernels_uneven_timer() -> None:
    ears = listen("deaf-guest", seconds=180)
    asked = [frame.at / 1e9 for frame in ears.requests("app01-tx")]
    apart = [after - before for before, after in pairwise(asked)]
    assert min(apart) >= 1.0
    assert max(apart) <= 1.03
    assert min(max(ten) - min(ten) for ten in zip(*[iter(apart)] * 10, strict=False)) > 0.01
    assert {f.target for f in ears.requests("app01-tx")} == {NOBODY}


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
