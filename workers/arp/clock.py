"""Streams of one host turned onto one clock: how far each capture point's times are off.

All captures of a host read the same clock, so a stream that is more than 5 ms off was stamped
elsewhere. The offset is the one that most copies of the same frame agree on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median

from workers.arp.model import BROADCAST, MILLISECOND, SECOND, ArpFrame, Direction, Heard, PointKind

TOLERANCE = 5 * MILLISECOND
_FARTHEST = 10 * SECOND
_MOST_FRAMES = 300
_LEAST_COPIES = 3
_SHARE = 0.6

Identity = tuple[int, str, str, str, str, str, str]


def identity(frame: ArpFrame) -> Identity:
    """What two copies of one frame have in common, whatever tag they carry."""
    return (
        frame.op,
        frame.eth_src,
        frame.eth_dst,
        frame.sender_mac,
        frame.sender_ip,
        frame.target_mac,
        frame.target_ip,
    )


def offsets(heard: Sequence[Heard], own_macs: frozenset[str]) -> dict[str, int]:
    """How much each point's times are late, by name; points that are right are left out.

    What the VM sent is compared along its way out, broadcasts of others along their way in: a frame
    with the VM's MAC that comes in from outside may be a reflection or not, so it tells no time.
    """
    wrong: dict[str, int] = {}
    for direction in (Direction.TX, Direction.RX):
        outward = direction == Direction.TX
        streams = [each for each in heard if each.capture.point.direction == direction]
        streams.sort(
            key=lambda each: (each.capture.point.kind != PointKind.VNIC, -len(each.frames))
        )
        reference: dict[Identity, list[int]] = {}
        for each in streams:
            frames = [
                frame
                for frame in each.frames
                if (frame.eth_src in own_macs) == outward and frame.eth_dst == BROADCAST
            ]
            late = _late(frames[:_MOST_FRAMES], reference)
            if late:
                wrong[each.capture.point.name] = late
            for frame in frames:
                reference.setdefault(identity(frame), []).append(frame.at - late)
    return wrong


def _late(frames: Sequence[ArpFrame], reference: Mapping[Identity, Sequence[int]]) -> int:
    """The offset that explains these frames as copies of the reference, 0 where none does."""
    bins: Counter[int] = Counter()
    close: dict[int, list[int]] = {}
    on_time = comparable = 0
    for frame in frames:
        apart = [frame.at - at for at in reference.get(identity(frame), ())[:_MOST_FRAMES]]
        comparable += bool(apart)
        on_time += any(abs(each) <= TOLERANCE for each in apart)
        for each in apart:
            if abs(each) <= _FARTHEST:
                bins[each // TOLERANCE] += 1
                close.setdefault(each // TOLERANCE, []).append(each)
    if on_time or not bins:
        return 0
    best = max(bins, key=lambda index: (bins[index], -abs(index)))
    if bins[best] < max(_LEAST_COPIES, _SHARE * comparable):
        return 0
    return int(median(close[best]))
