"""Two streams turned into how far apart their times are: copies of a frame, and cause and effect.

One request leaves on one uplink, so two uplinks hold no copies of what this host sent. What comes
in with the VM's own MAC may be a reflection or not, so it tells no time but where it lies close to
what the VM sent.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from operator import attrgetter

from workers.arp.model import (
    BROADCAST,
    MILLISECOND,
    RX,
    SECOND,
    TX,
    UPLINK,
    VNIC,
    ArpFrame,
    CapturePoint,
    Heard,
)
from workers.arp.model.values import dataclass
from workers.arp.numbers import median

TOLERANCE = 5 * MILLISECOND  # within this the order of frames at two points proves nothing

Identity = tuple[int, str, str, str, str, str, str]

_REPLY = 2
_FARTHEST = 10 * SECOND
_FARTHEST_REPLY = 4 * SECOND // 10  # farther away it is the reply to the next request
_FARTHEST_CAUSE = SECOND // 10
_MOST_FRAMES = 200
LEAST_COPIES = 3
_SHARE = 0.6
_INSIDE = MILLISECOND // 2  # from a VM's port to an uplink, or back
_OUTSIDE = 2 * MILLISECOND  # out by one uplink and in by another, or in by two
_QUICKEST = MILLISECOND // 50
_JITTER = MILLISECOND // 5  # between the clocks of two CPUs

_IDENTITY: Callable[[ArpFrame], Identity] = attrgetter(
    "op", "eth_src", "eth_dst", "sender_mac", "sender_ip", "target_mac", "target_ip"
)


def identity(frame: ArpFrame) -> Identity:
    """What two copies of one frame have in common, whatever tag they carry."""
    return _IDENTITY(frame)


@dataclass(slots=True)
class Stream:
    """One point's frames that tell time: copies by identity, asked and answered by (target, asker).

    ``start`` and ``end`` are when it listened, by the host's clock, None where nobody told.
    """

    point: CapturePoint
    start: int | None = None
    end: int | None = None
    copies: dict[Identity, list[int]] = field(default_factory=dict)
    echoes: dict[Identity, list[int]] = field(default_factory=dict)
    asked: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    answered: dict[tuple[str, str], list[int]] = field(default_factory=dict)

    @property
    def may_send(self) -> bool:
        """Whether it holds what this host sent to an uplink."""
        return self.point.kind == UPLINK and self.point.direction != RX

    def listened(self, at: int) -> bool:
        """Whether a copy of that moment should be here, were both on one clock."""
        return (self.start is None or self.start <= at) and (self.end is None or at <= self.end)


def stream_of(heard: Heard, own: Collection[str], local: Collection[str]) -> Stream:
    """The point's frames that have copies elsewhere, the VM's own in any case."""
    stream = Stream(heard.capture.point, heard.capture.ready_at, heard.capture.stopped_at)
    inward = stream.point.direction == RX
    uplink = stream.point.kind == UPLINK
    for frame in _telling(heard.frames, own):
        reply = frame.op == _REPLY and frame.eth_src not in local
        reflected = uplink and inward and frame.eth_src in own
        if reply or frame.eth_dst == BROADCAST:
            kept = stream.echoes if reflected and not reply else stream.copies
            kept.setdefault(identity(frame), []).append(frame.at)
        if frame.op == _REPLY and inward:
            stream.answered.setdefault((frame.sender_ip, frame.target_ip), []).append(frame.at)
        elif frame.op != _REPLY and stream.point.direction == TX:
            stream.asked.setdefault((frame.target_ip, frame.sender_ip), []).append(frame.at)
    for group in (stream.copies, stream.echoes, stream.asked, stream.answered):
        for times in group.values():
            times.sort()
    return stream


def _telling(frames: Iterable[ArpFrame], own: Collection[str]) -> Iterator[ArpFrame]:
    """The first frames, and the first of the VM's own, however busy its VLAN is."""
    mine = others = 0
    for frame in frames:
        if frame.eth_src in own or frame.eth_dst in own:
            mine += 1
            if mine <= _MOST_FRAMES:
                yield frame
        elif others < _MOST_FRAMES:
            others += 1
            yield frame


def apart(one: Stream, other: Stream, local: Collection[str]) -> tuple[int, int] | None:
    """How much later the first stream has the copies of what both hold, and how many agree."""
    shared = {
        key: (times, other.copies[key])
        for key, times in one.copies.items()
        if key in other.copies and _comparable(one, other, key, local)
    }
    echoed = {
        key: (times, others)
        for key, times in (one.copies | one.echoes).items()
        if (others := other.copies.get(key) or other.echoes.get(key))
        and (key in one.echoes or key in other.echoes)
    }
    close = [
        at - copy
        for times, others in (shared | echoed).values()
        for at in times
        if abs(at - (copy := _nearest(others, at))) <= 2 * TOLERANCE
    ]
    if any(abs(each) <= TOLERANCE for each in close):
        return _fine(one.point, other.point, close), len(close)
    missed = sum(other.listened(at) for times, _ in shared.values() for at in times)
    missed += sum(one.listened(at) for _, others in shared.values() for at in others)
    if missed < LEAST_COPIES:
        return None  # one began when the other had ended: nothing says that a clock is off
    return _coarse(one.point, other.point, shared)


def _comparable(one: Stream, other: Stream, key: Identity, local: Collection[str]) -> bool:
    op, source = key[0], key[1]
    if one.point.kind == other.point.kind == UPLINK:
        sent = one.may_send and other.may_send and source in local
        return not sent and op != _REPLY  # a reply comes in by one uplink, the next by another
    return True


def _fine(one: CapturePoint, other: CapturePoint, close: Sequence[int]) -> int:
    """The offset of streams on one clock, 0 where it is no more than the way takes."""
    usual = _OUTSIDE if one.kind == other.kind == UPLINK else _INSIDE
    later = in_order(one, other)
    least = -usual if later <= 0 else -_JITTER
    most = usual if later >= 0 else _JITTER
    if len(close) < LEAST_COPIES or least <= median(close) <= most:
        return 0
    return _offset(later, close)


def in_order(one: CapturePoint, other: CapturePoint) -> int:
    """1 where a frame passes the first point after the other, -1 before it, 0 where neither is sure."""
    way = [(VNIC, TX), (UPLINK, TX)]
    way += [(UPLINK, RX), (VNIC, RX)]
    places = [(point.kind, point.direction) for point in (one, other)]
    if set(places) == {way[1], way[3]} or not set(places) <= set(way):
        return 0  # a neighbour's broadcast goes both ways at once
    first, second = map(way.index, places)
    return (first > second) - (first < second)


def _offset(later: int, close: Iterable[int]) -> int:
    """The offset with which the copies come in the order they must."""
    close = list(close)
    middle = int(median(close))
    true = [each for each in close if abs(each - middle) <= _OUTSIDE]
    if later == 0 or not true:
        return middle
    return min(true) - _QUICKEST if later > 0 else max(true) + _QUICKEST


def _coarse(
    one: CapturePoint,
    other: CapturePoint,
    shared: Mapping[Identity, tuple[list[int], list[int]]],
) -> tuple[int, int] | None:
    """One offset for most copies, None where none stands out."""
    bins: Counter[int] = Counter()
    by_bin: dict[int, list[int]] = {}
    for key, (times, others) in shared.items():
        farthest = _FARTHEST_REPLY if key[0] == _REPLY else _FARTHEST
        for at in times:
            for copy in others:
                if abs(at - copy) <= farthest:
                    index = round((at - copy) / TOLERANCE)
                    bins[index] += 1
                    by_bin.setdefault(index, []).append(at - copy)
    comparable = sum(min(len(times), len(others)) for times, others in shared.values())
    best = max(bins, key=lambda index: (bins[index], -abs(index)), default=0)
    if bins[best] < max(LEAST_COPIES, _SHARE * comparable):
        return None
    return _offset(in_order(one, other), by_bin[best]), bins[best]


def latest_start(sent: Stream, came: Stream) -> int | None:
    """How much later than the requests the replies may be stamped at most, for no reply comes first.

    None where the replies do not lie close to their requests in a like way.
    """
    if (sent.point.kind, came.point.kind) not in {
        (VNIC, VNIC),
        (UPLINK, UPLINK),
    } or (sent.point.object != came.point.object):
        return None
    after = sorted(
        at - _nearest(sent.asked[key], at)
        for key, times in came.answered.items()
        if key in sent.asked
        for at in times
    )
    if len(after) < LEAST_COPIES:
        return None
    low, high = after[len(after) // 5], after[-1 - len(after) // 5]
    tight = high - low <= TOLERANCE or low >= 0
    return low if tight and abs(low) <= _FARTHEST_CAUSE else None


def _nearest(times: Sequence[int], at: int) -> int:
    """The time next to this one; there must be one."""
    place = bisect_left(times, at)
    return min(times[max(0, place - 1) : place + 1], key=lambda each: abs(each - at))
