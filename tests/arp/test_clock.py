from __future__ import annotations

import pytest

from tests.arp.corpus import load
from tests.arp.degrade import listening, off_the_clock, without_point
from workers.arp.exchange.clock import TOLERANCE, clock_of
from workers.arp.model import MILLISECOND, Case, Heard
from workers.arp.verdict import judge

SUPPRESSED = "no-shared-broadcast-and-port-stream-early"
MOVED = "uplink-changes-and-nothing-floods"
JITTER = MILLISECOND // 2


def late(case: Case, heard: tuple[Heard, ...]) -> dict[str, int]:
    own = {nic.mac for nic in case.vm.nics}
    local = {vm.mac for vm in case.host.local_vms}
    clock = clock_of(heard, own, local)
    assert not clock.unsure
    return dict(clock.late)


@pytest.mark.parametrize("by", [-40_000_000, -4_500_000, -3_000_000, 4_500_000, 40_000_000])
@pytest.mark.parametrize("point", ["vnic0-tx", "vnic0-rx", "vmnic0-rx", "vmnic1-tx", "vmnic1-rx"])
def test_a_stream_is_put_back_by_its_copies_to_within_a_millisecond(point: str, by: int) -> None:
    moved = late(*off_the_clock(*load("arping-asks-every-second"), point, by))
    others = [offset for name, offset in moved.items() if name != point]
    middle = sorted([*others, 0, 0, 0])[(len(others) + 3) // 2]
    assert abs(moved[point] - middle - by) < 2 * JITTER


def test_two_uplinks_of_one_moving_vm_are_on_one_clock() -> None:
    assert late(*load(MOVED)) == {}


def test_no_reply_comes_before_its_request_though_no_copy_ties_the_streams() -> None:
    case, heard = load(SUPPRESSED)
    moved = late(case, heard)
    assert abs(moved["vnic0-rx"] + 8 * MILLISECOND) < JITTER
    alone = late(*without_point(case, heard, "vmnic1-rx", "vmnic0-rx"))
    assert alone["vnic0-rx"] - alone.get("vnic0-tx", 0) < -TOLERANCE


def test_streams_of_different_times_are_not_compared() -> None:
    case, heard = load("arping-asks-every-second")
    case, heard = listening(case, heard, "vnic0-tx", 9, 10**6)
    assert late(*listening(case, heard, "vmnic1-tx", 0, 8)) == {}


def test_own_reflections_tie_what_is_sent_to_what_comes_in() -> None:
    judgement = judge(*load("own-reflections-stamped-late"))
    assert {each.reflected_on for each in judgement.exchanges} == {("vmnic0",)}


def test_a_slow_target_is_no_skew() -> None:
    assert late(*load("late-replies")) == {}
