"""Streams of one host turned onto one clock: how far each capture point's times are off.

All captures of a host read the same clock, and all copies of a broadcast pass it within 2 ms. A
stream whose copies lie more than 5 ms away was stamped elsewhere; the clock is the one on which
most streams agree.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

from workers.arp.model import (
    BROADCAST,
    MILLISECOND,
    SECOND,
    ArpFrame,
    Direction,
    Heard,
    PointKind,
)
from workers.arp.numbers import median

TOLERANCE = 5 * MILLISECOND
_FARTHEST = 10 * SECOND
_MOST_FRAMES = 200
_LEAST_COPIES = 3
_SHARE = 0.6

Identity = tuple[int, str, str, str, str, str, str]
Stream = Mapping[Identity, Sequence[int]]

_IDENTITY: Callable[[ArpFrame], Identity] = attrgetter(
    "op", "eth_src", "eth_dst", "sender_mac", "sender_ip", "target_mac", "target_ip"
)


@dataclass(frozen=True, slots=True)
class Clock:
    """How late each point's times are, by name (right ones left out).

    ``unsure`` is True where as many streams say one thing as another.
    """

    late: Mapping[str, int]
    unsure: bool = False


def identity(frame: ArpFrame) -> Identity:
    """What two copies of one frame have in common, whatever tag they carry."""
    return _IDENTITY(frame)


def clock_of(heard: Sequence[Heard], own_macs: frozenset[str]) -> Clock:
    """Find the streams that are off.

    What comes in with the VM's own MAC may be a reflection or not, so it tells no time.
    """
    streams = {each.capture.point.name: _stream(each, own_macs) for each in heard}
    names = [name for name in sorted(streams) if streams[name]]
    apart = {
        (a, b): offset
        for i, a in enumerate(names)
        for b in names[i + 1 :]
        if (offset := _apart(streams[a], streams[b])) is not None
    }
    if not any(abs(offset) > TOLERANCE for offset in apart.values()):
        return Clock({})
    return _agreed(names, apart)


def _agreed(names: Sequence[str], apart: Mapping[tuple[str, str], int]) -> Clock:
    """Put all streams relative to the first of each connected set, then let the majority be right."""
    both = dict(apart) | {(b, a): -offset for (a, b), offset in apart.items()}
    late: dict[str, int] = {}
    unsure = False
    for name in names:
        if name in late:
            continue
        linked = {name: 0}
        open_ones = [name]
        while open_ones:
            one = open_ones.pop()
            for (a, b), offset in both.items():
                if a == one and b not in linked:
                    linked[b] = linked[one] - offset
                    open_ones.append(b)
        votes = Counter(round(offset / TOLERANCE) for offset in linked.values()).most_common(2)
        right = median(o for o in linked.values() if round(o / TOLERANCE) == votes[0][0])
        unsure = unsure or (len(votes) > 1 and votes[0][1] == votes[1][1])
        late |= {each: int(offset - right) for each, offset in linked.items()}
    return Clock({name: o for name, o in late.items() if abs(o) > TOLERANCE}, unsure)


def _stream(heard: Heard, own_macs: frozenset[str]) -> Stream:
    point = heard.capture.point
    inward = point.kind == PointKind.UPLINK and point.direction == Direction.RX
    times: dict[Identity, list[int]] = {}
    for frame in heard.frames[:_MOST_FRAMES]:
        if frame.eth_dst == BROADCAST and not (inward and frame.eth_src in own_macs):
            times.setdefault(identity(frame), []).append(frame.at)
    return {key: sorted(each) for key, each in times.items()}


def _apart(one: Stream, other: Stream) -> int | None:
    """How much later the first stream has the copies of what both hold, None where none agree."""
    if any(_together(times, other.get(key, ())) for key, times in one.items()):
        return 0
    bins: Counter[int] = Counter()
    close: dict[int, list[int]] = {}
    comparable = 0
    for key, times in one.items():
        others = other.get(key, ())
        comparable += min(len(times), len(others))
        for at in times:
            for copy in others:
                if abs(at - copy) <= _FARTHEST:
                    index = round((at - copy) / TOLERANCE)
                    bins[index] += 1
                    close.setdefault(index, []).append(at - copy)
    best = max(bins, key=lambda index: (bins[index], -abs(index)), default=0)
    if bins[best] < max(_LEAST_COPIES, _SHARE * comparable):
        return None
    return int(median(close[best]))


def _together(times: Sequence[int], others: Sequence[int]) -> bool:
    """Whether any copy lies within the tolerance, so that the streams share one clock."""
    for at in times:
        place = bisect_left(others, at - TOLERANCE)
        if place < len(others) and others[place] <= at + TOLERANCE:
            return True
    return False
