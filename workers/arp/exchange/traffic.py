"""What was heard at all points turned into one line of sightings: directed, aligned, deduplicated.

A file that holds both directions carries none per frame; the direction is inferred then, by where
a frame's source lives: a foreign source came in, a local one went out where its first copy is.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from workers.arp.exchange.clock import Clock, Identity, clock_of, identity
from workers.arp.exchange.hearing import Ear, ears_of
from workers.arp.model import MILLISECOND, ArpFrame, Case, Direction, Heard, PointKind

COPY_TIME = 2 * MILLISECOND  # from the VM's port through the host and back by a switch
_DUPLICATE_TIME = MILLISECOND


@dataclass(frozen=True, slots=True)
class Sighting:
    """A frame at a point, with its direction and its time on the host's one clock."""

    frame: ArpFrame
    at: int
    object: str
    kind: PointKind
    direction: Direction
    key: Identity
    inferred: bool = False

    @property
    def vlan(self) -> int:
        """The outermost tag found in the bytes, 0 without one."""
        return self.frame.vlans[0] if self.frame.vlans else 0


@dataclass(slots=True)
class Traffic:
    """All sightings in the order of time, and the ears they were heard with."""

    sightings: list[Sighting]
    ears: dict[tuple[str, Direction], Ear]
    clock: Clock = field(default_factory=lambda: Clock({}))
    duplicates: int = 0
    local_macs: frozenset[str] = frozenset()
    _by_identity: dict[Identity, list[Sighting]] = field(default_factory=dict)
    _times: dict[Identity, list[int]] = field(default_factory=dict)
    _at: dict[tuple[PointKind, Direction], list[Sighting]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for sighting in self.sightings:
            self._by_identity.setdefault(sighting.key, []).append(sighting)
            self._at.setdefault((sighting.kind, sighting.direction), []).append(sighting)
        for key, group in self._by_identity.items():
            self._times[key] = [sighting.at for sighting in group]

    def copies(self, of: Sighting, start: int, end: int) -> Sequence[Sighting]:
        """The same frame at any point from ``start`` to ``end``, the earliest first."""
        times = self._times[of.key]
        return self._by_identity[of.key][bisect_left(times, start) : bisect_right(times, end)]

    def at(self, kind: PointKind, direction: Direction) -> Sequence[Sighting]:
        """What was seen at all uplinks, or all VM ports, in one direction."""
        return self._at.get((kind, direction), ())


def traffic_of(case: Case, heard: Sequence[Heard]) -> Traffic:
    """Put all frames in one line."""
    own = frozenset(nic.mac for nic in case.vm.nics)
    local = own | _local_macs(case, heard)
    clock = clock_of(heard, own, local)
    late = clock.late
    kept, duplicates = [], 0
    for each in heard:
        fresh, repeated = _without_duplicates(each.frames)
        kept += [_sighting(frame, late.get(frame.point.name, 0)) for frame in fresh]
        duplicates += repeated
    kept.sort(key=_order)
    sightings = _directed(kept, local)
    ears = _corrected(ears_of(case, heard), late, sightings)
    return Traffic(sightings, ears, clock, duplicates, local)


def _order(sighting: Sighting) -> tuple[object, ...]:
    frame = sighting.frame
    return (sighting.at, frame.point.name, sighting.key, frame.vlans, sighting.direction)


def _local_macs(case: Case, heard: Sequence[Heard]) -> frozenset[str]:
    """MACs that live on this host, as vCenter told and as the VM's own port shows."""
    shown = {
        frame.eth_src
        for each in heard
        for frame in each.frames
        if each.capture.point.kind == PointKind.VNIC
        and Direction.TX in {each.capture.point.direction, frame.direction}
    }
    told = {vm.mac for vm in case.host.local_vms} | set(case.host.local_macs)
    return frozenset(shown | told)


def _without_duplicates(frames: Sequence[ArpFrame]) -> tuple[list[ArpFrame], int]:
    """Drop copies of the same bytes at the same point within 1 ms (SPAN, promiscuous mode)."""
    last: dict[tuple[object, ...], int] = {}
    fresh = []
    for frame in sorted(frames, key=lambda frame: frame.at):
        key = (*identity(frame), frame.vlans, frame.direction)
        before = last.get(key)
        merged = frame.point.direction == Direction.BOTH and frame.direction == Direction.BOTH
        if before is None or frame.at - before > _DUPLICATE_TIME or merged:
            fresh.append(frame)
            last[key] = frame.at
    return fresh, len(frames) - len(fresh)


def _sighting(frame: ArpFrame, late: int) -> Sighting:
    point = frame.point
    direction = frame.direction if point.direction == Direction.BOTH else point.direction
    return Sighting(frame, frame.at - late, point.object, point.kind, direction, identity(frame))


def _directed(sightings: Sequence[Sighting], local: frozenset[str]) -> list[Sighting]:
    """Infer the direction of every frame of a file that holds both."""
    first_out: dict[Identity, int] = {}
    directed = []
    for sighting in sightings:
        key = sighting.key
        outward = sighting.frame.eth_src in local
        if sighting.direction != Direction.BOTH:
            if sighting.direction == Direction.TX and sighting.kind == PointKind.UPLINK:
                first_out[key] = sighting.at
            directed.append(sighting)
            continue
        if sighting.kind == PointKind.VNIC:
            direction = Direction.TX if outward else Direction.RX
        elif outward and sighting.at - first_out.get(key, -COPY_TIME - 1) > COPY_TIME:
            direction = Direction.TX
            first_out[key] = sighting.at
        else:
            direction = Direction.RX
        directed.append(replace(sighting, direction=direction, inferred=True))
    return directed


def _corrected(
    ears: dict[tuple[str, Direction], Ear], late: Mapping[str, int], sightings: Sequence[Sighting]
) -> dict[tuple[str, Direction], Ear]:
    """Ears with their windows on the one clock, and deaf where a merged file shows one side only."""
    shown = {(sighting.object, sighting.direction) for sighting in sightings}
    corrected = {}
    for key, ear in ears.items():
        shift = late.get(ear.point, 0)
        deaf = ear.why_deaf
        if ear.merged and deaf is None and key not in shown:
            deaf = f"its file for both directions holds no frame of direction {ear.direction}"
        corrected[key] = replace(
            ear, start=ear.start - min(shift, 0), end=ear.end - max(shift, 0), why_deaf=deaf
        )
    return corrected
