"""Both ends' files turned into why they may have been mixed up: one host's frames in the other's file.

The law: only what no single capture does counts. What a host sent cannot come from a VM of the
other one, and its files are not stamped by the other one's clock.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from workers.arp.exchange.clock import TOLERANCE, clock_of
from workers.arp.model import TX, Case, Confidence, Heard, Judgement, Owner, Verdict
from workers.arp.two_ends.way import Way
from workers.arp.verdict.codes import CODES

_TWICE = 2


def mixed_up(
    case: Case, heard: Sequence[Heard], way: Way, far_heard: Sequence[Heard]
) -> str | None:
    """Which files of one end show the other end's frames, in words; None where none does."""
    here, there = case.host.name, way.far.host.name
    own, others = (frozenset(n.mac for n in vm.nics) for vm in (case.vm, way.far.vm))
    told = own | {vm.mac for vm in case.host.local_vms} | set(case.host.local_macs)
    late = clock_of(heard, own, told).late
    gap = way.gap
    near = [*_sent_by(heard, others), *_stamped(late, gap.ahead, gap.uncertainty)]
    far = [
        *_sent_by(far_heard, own),
        *_stamped(way.traffic.clock.late, -gap.ahead, gap.uncertainty),
    ]
    found = [*(f"{name} of {here}" for name in near), *(f"{name} of {there}" for name in far)]
    return ", ".join(dict.fromkeys(found)) or None


def undecided(near: Judgement, files: str) -> Verdict:
    """The verdict where nobody knows which file is which: nobody is blamed for what they show."""
    alone = near.verdict
    if alone.owner in {Owner.NONE, Owner.INCONCLUSIVE}:
        return alone
    return replace(
        alone,
        code="CAPTURE_INCOMPLETE",
        subject=None,
        owner=Owner.INCONCLUSIVE,
        confidence=Confidence.LOW,
        headline=f"The two hosts' capture files were mixed up: {files}.",
        not_proven=(CODES["CAPTURE_INCOMPLETE"].does_not_mean,),
        next_step="Find out which file is of which host and point, or run the check again.",
    )


def _sent_by(heard: Sequence[Heard], strangers: Collection[str]) -> list[str]:
    """Files of what one host sent that hold frames of the other end's VM."""
    return [
        each.capture.point.name
        for each in heard
        if each.capture.point.direction == TX
        and sum(frame.eth_src in strangers for frame in each.frames) >= _TWICE
    ]


def _stamped(late: Mapping[str, int], ahead: int, uncertainty: int) -> list[str]:
    """Files stamped by the other host's clock, where the two can be told apart."""
    slack = uncertainty + TOLERANCE
    if abs(ahead) <= slack + TOLERANCE:
        return []
    return [name for name, by in late.items() if abs(by - ahead) <= slack]
