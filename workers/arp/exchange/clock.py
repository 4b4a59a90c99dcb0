"""Streams of one host turned onto one clock: how far each capture point's times are off.

All captures of a host read the same clock, and all copies of a frame pass it within 2 ms. How far
copies lie apart tells how far the clocks do; streams that share no frame are tied by cause and
effect. The clock is the one on which most streams agree.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import combinations, product

from workers.arp.exchange.copies import (
    LEAST_COPIES,
    TOLERANCE,
    Identity,
    Stream,
    apart,
    identity,
    in_order,
    latest_start,
    stream_of,
)
from workers.arp.model import TX, Heard
from workers.arp.model.values import dataclass
from workers.arp.numbers import median

__all__ = ["TOLERANCE", "Clock", "Identity", "clock_of", "identity"]

Linked = dict[str, int]  # streams tied together, with how late each is


@dataclass(frozen=True, slots=True)
class Clock:
    """How late each point's times are, by name (right ones left out).

    ``unsure`` is True where as many streams say one thing as another.
    """

    late: Mapping[str, int]
    unsure: bool = False

    @property
    def off(self) -> Mapping[str, int]:
        """Those so far off that they were stamped by another clock, not only by another CPU."""
        return {name: late for name, late in self.late.items() if abs(late) > TOLERANCE}


def clock_of(heard: Sequence[Heard], own: Collection[str], local: Collection[str]) -> Clock:
    """Find the streams that are off, given the VM's MACs and all that live on this host."""
    sent = {
        frame.eth_src
        for each in heard
        if each.capture.point.direction == TX
        for frame in each.frames
    }
    here = {*own, *local, *sent}
    streams = {each.capture.point.name: stream_of(each, own, here) for each in heard}
    late: dict[str, int] = {}
    unsure = False
    for linked in _tied_by_cause(streams, _tied_by_copies(streams, here)):
        agreed = _agreed(list(linked.values()))
        right = median(agreed)
        others = [each for each in linked.values() if each not in agreed]
        unsure = unsure or len(_agreed(others)) == len(agreed)
        late |= {name: offset - int(right) for name, offset in linked.items()}
    return Clock({name: each for name, each in late.items() if each}, unsure)


def _tied_by_copies(streams: Mapping[str, Stream], local: Collection[str]) -> list[Linked]:
    """Sets of streams that hold each other's frames: on one clock first, by many copies, in a sure order."""
    links = [
        (one, two, *found)
        for one, two in combinations(sorted(streams), 2)
        if (found := apart(streams[one], streams[two], local)) is not None
    ]
    links.sort(
        key=lambda link: (
            abs(link[2]) > TOLERANCE,
            link[3] < LEAST_COPIES,
            not _ordered(streams, link),
            -link[3],
        )
    )
    sets: list[Linked] = [{name: 0} for name in streams]
    for one, two, offset, _ in links:
        first, second = _holding(sets, one), _holding(sets, two)
        if first is not second:
            _tie(sets, first, second, first[one] - offset - second[two])
    return sets


def _ordered(streams: Mapping[str, Stream], link: tuple[str, str, int, int]) -> bool:
    return in_order(streams[link[0]].point, streams[link[1]].point) != 0


def _tied_by_cause(streams: Mapping[str, Stream], sets: list[Linked]) -> list[Linked]:
    """The same, with sets of requests and sets of their replies put together."""
    limits: dict[tuple[str, str], int] = {}
    for one, two in product(sorted(streams), repeat=2):
        after = latest_start(streams[one], streams[two])
        if after is not None:
            limits[one, two] = after
    for one, two in limits:
        first, second = _holding(sets, one), _holding(sets, two)
        if first is second:
            continue
        most = min(
            first[a] + after - second[b]
            for (a, b), after in limits.items()
            if a in first and b in second
        )
        shifts = {
            most,
            *(a - b for a, b in product(first.values(), second.values()) if a - b < most),
        }
        best = max(
            shifts,
            key=lambda by: (
                len(_agreed([*first.values(), *(b + by for b in second.values())])),
                by != most,
                by,
            ),
        )
        _tie(sets, first, second, best)
    return sets


def _holding(sets: Sequence[Linked], name: str) -> Linked:
    return next(each for each in sets if name in each)


def _tie(sets: list[Linked], first: Linked, second: Linked, by: int) -> None:
    first |= {name: offset + by for name, offset in second.items()}
    sets[:] = [each for each in sets if each is not second]


def _agreed(offsets: Sequence[int]) -> list[int]:
    """The most offsets that lie around one of them."""
    around = ([o for o in offsets if abs(o - each) <= TOLERANCE] for each in offsets)
    return max(around, key=len, default=[])
