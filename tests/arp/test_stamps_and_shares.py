from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import pytest

from tests.arp.corpus import NAMES, load
from tests.arp.degrade import Heards, listening, off_the_clock, stripped
from tests.arp.ways import Way, sampled
from workers.arp.model import MILLISECOND, Case, Judgement, Owner
from workers.arp.verdict import judge

PARTS = 4
USUALLY = 5  # of every kind of one case one, then one in so many
HARMLESS = {Owner.INCONCLUSIVE, Owner.NONE}
SKEWS = (-4_900_000, -2_500_000, -MILLISECOND, 3_300_000)
SECONDS = tuple(range(3, 29, 5))
FULL_SHARE = 0.9


def untold(case: Case, heard: Heards) -> tuple[Case, Heards]:
    """The guest tools run nowhere: no address, no prefix, no gateway."""
    nics = tuple(replace(nic, ipv4=(), gateway=None) for nic in case.vm.nics)
    return replace(case, vm=replace(case.vm, nics=nics)), heard


def windows(heard: Heards) -> Iterator[Way]:
    """One stream that stops or starts at some second, one second of each kind for every point."""
    for index, each in enumerate(heard):
        point = each.capture.point.name
        for turn in range(2):
            stop = SECONDS[(index + turn * 3) % len(SECONDS)]
            start = SECONDS[(index + turn * 3 + 1) % len(SECONDS)]
            listens = partial(listening, name=point)
            stops = partial(listens, start=0, end=stop)
            starts = partial(listens, start=start, end=10**6)
            yield Way("stops", f"{point} stops at {stop}", stops)
            yield Way("starts", f"{point} starts at {start}", starts)


def share(judgement: Judgement) -> float:
    """How much of the judged target's requests was answered, as the whole capture shows."""
    mine = [each for each in judgement.exchanges if each.request.target_ip == judgement.target]
    return sum(each.delivered for each in mine) / len(mine) if mine else 1.0


@pytest.mark.parametrize("part", range(PARTS))
def test_a_stream_stamped_a_little_off_blames_nobody_else(part: int) -> None:
    wrong = []
    for name in NAMES[part::PARTS]:
        case, heard = load(name)
        before = judge(case, heard).verdict
        every = [(h.capture.point.name, by) for h in heard for by in SKEWS]
        for point, by in sampled(every, lambda one: one[1], USUALLY):
            after = judge(*off_the_clock(case, heard, point, by)).verdict
            if after.owner not in {before.owner, *HARMLESS}:
                wrong.append(f"{name} {point} {by}: {before.code} → {after.code}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("part", range(PARTS))
def test_a_stream_that_stops_or_starts_gives_no_all_clear(part: int) -> None:
    wrong = []
    for name in NAMES[part::PARTS]:
        case, heard = load(name)
        before = judge(case, heard)
        for way in sampled(windows(heard), lambda way: way.kind, USUALLY):
            after = judge(*way.change(case, heard))
            told = f"{name}, {way.name}: {before.verdict.code} → {after.verdict.code}"
            if after.verdict.owner not in {before.verdict.owner, *HARMLESS}:
                wrong.append(told)
            clear = after.verdict.owner == Owner.NONE != before.verdict.owner
            if clear and after.target == before.target and share(before) < FULL_SHARE:
                wrong.append(f"{told} {after.verdict.headline}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", NAMES)
def test_facts_that_nobody_told_blame_nobody_else(name: str) -> None:
    case, heard = load(name)
    before = judge(case, heard).verdict
    for worse in (untold(case, heard), stripped(*untold(case, heard))):
        after = judge(*worse).verdict
        assert after.owner in {before.owner, *HARMLESS}, (after.code, after.headline)


def doubted(judgement: Judgement) -> set[str]:
    return {each.point for each in judgement.points if "holds no frame" in str(each.why_blind)}


def test_a_stream_that_began_later_makes_no_quiet_uplink_doubtful() -> None:
    for name in NAMES:
        case, heard = load(name)
        before = doubted(judge(case, heard))
        for point in (h.capture.point.name for h in heard if h.frames):
            after = doubted(judge(*listening(case, heard, point, 6, 10**6)))
            assert after <= {*before, point}, (name, point)
