"""What was heard at all points turned into one line of sightings: directed, aligned, deduplicated.

A file whose frames contradict its name is left out: it was captured, or named, the wrong way round.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from operator import attrgetter

from workers.arp.exchange.clock import Clock, clock_of, identity
from workers.arp.exchange.direction import directed
from workers.arp.exchange.doubts import contradicted
from workers.arp.exchange.hearing import Ear, EarKey, ears_of, uplinks_of
from workers.arp.exchange.misnamed import misnamed
from workers.arp.exchange.sighting import Copies, Sighting
from workers.arp.model import BOTH, MILLISECOND, TX, UPLINK, VNIC, Case, Direction, Heard, PointKind
from workers.arp.model.values import dataclass

_DUPLICATE_TIME = MILLISECOND


@dataclass(slots=True)
class Traffic:
    """All sightings in the order of time, and the ears they were heard with.

    ``misnamed`` are the points whose frames contradict their names, and why; they are left out.
    """

    sightings: list[Sighting]
    ears: dict[EarKey, Ear]
    clock: Clock = field(default_factory=lambda: Clock({}))
    duplicates: int = 0
    local_macs: frozenset[str] = frozenset()
    misnamed: Mapping[EarKey, str] = field(default_factory=dict)
    _copies: Copies = field(init=False)
    _at: dict[tuple[PointKind, Direction], list[Sighting]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._copies = Copies(self.sightings)
        for sighting in self.sightings:
            self._at.setdefault((sighting.kind, sighting.direction), []).append(sighting)

    def copies(self, of: Sighting, start: int, end: int) -> Sequence[Sighting]:
        """The same frame at any point from ``start`` to ``end``, the earliest first."""
        return self._copies.within(of.key, start, end)

    def at(self, kind: PointKind, direction: Direction) -> Sequence[Sighting]:
        """What was seen at all uplinks, or all VM ports, in one direction."""
        return self._at.get((kind, direction), ())


def traffic_of(case: Case, heard: Sequence[Heard]) -> Traffic:
    """Put all frames in one line."""
    macs = {nic.point: nic.mac for nic in case.vm.nics}
    own = frozenset(macs.values())
    told = own | {vm.mac for vm in case.host.local_vms} | set(case.host.local_macs)
    clock = clock_of(heard, own, told)
    late = clock.late
    kept: list[Sighting] = []
    for each in heard:
        kept += _once(each, late.get(each.capture.point.name, 0))
    duplicates = sum(len(each.frames) for each in heard) - len(kept)
    kept.sort(key=_order)
    sightings, unsure = directed(kept, macs, told | _shown(kept))
    wrong = misnamed(sightings, case.vm.nics, told)
    if wrong:
        sightings = [each for each in sightings if (each.object, each.direction) not in wrong]
    ears = _corrected(ears_of(case, heard), late, sightings, unsure)
    doubted = contradicted(case, sightings, ears, told) | _may_have_come_back(case, ears, sightings)
    for key, why in (doubted | wrong).items():
        if ears[key].why_deaf is None:
            ears[key] = replace(ears[key], why_deaf=why)
    return Traffic(sightings, ears, clock, duplicates, told | _shown(sightings), wrong)


def _may_have_come_back(
    case: Case, ears: Mapping[EarKey, Ear], sightings: Sequence[Sighting]
) -> dict[EarKey, str]:
    """Uplinks whose one file for both directions shows what left on another that nobody heard send."""
    heard = {thing for (thing, way), ear in ears.items() if way == TX and ear.why_deaf is None}
    unheard = set(uplinks_of(case, None)) - heard
    sent = {
        each.object
        for each in sightings
        if each.inferred and each.kind == UPLINK and each.direction == TX
    }
    why = "what its file for both directions shows may have left elsewhere and come back"
    return {
        key: f"{why}: nobody heard what {min(others)} sent"
        for key, ear in ears.items()
        if ear.merged and key[0] in sent and (others := unheard - {key[0]})
    }


def _shown(sightings: Sequence[Sighting]) -> frozenset[str]:
    """Sources that the VM's own port shows."""
    return frozenset(
        each.frame.eth_src for each in sightings if each.kind == VNIC and each.direction == TX
    )


def _order(sighting: Sighting) -> tuple[object, ...]:
    frame = sighting.frame
    return (sighting.at, frame.point.name, sighting.key, frame.vlans, sighting.direction)


def _once(heard: Heard, late: int) -> list[Sighting]:
    """All frames of a point but copies of the same bytes within 1 ms (SPAN, promiscuous mode)."""
    point = heard.capture.point
    thing, kind, side = point.object, point.kind, point.direction
    merged = side == BOTH
    last: dict[tuple[object, ...], int] = {}
    fresh = []
    for frame in sorted(heard.frames, key=attrgetter("at")):
        key, at, way = identity(frame), frame.at, frame.direction
        same = key, frame.vlans, way
        before = last.get(same)
        if before is None or at - before > _DUPLICATE_TIME or (merged and way == BOTH):
            fresh.append(Sighting(frame, at - late, thing, kind, way if merged else side, key))
            last[same] = at
    return fresh


def _corrected(
    ears: dict[EarKey, Ear],
    late: Mapping[str, int],
    sightings: Sequence[Sighting],
    unsure: frozenset[str],
) -> dict[EarKey, Ear]:
    """Ears with their windows on the one clock, and deaf where a merged file does not tell the sides."""
    shown = {(sighting.object, sighting.direction) for sighting in sightings}
    corrected = {}
    for key, ear in ears.items():
        shift = late.get(ear.point, 0)
        deaf = ear.why_deaf
        if ear.merged and deaf is None and ear.object in unsure:
            deaf = "its file for both directions holds frames that may have gone either way"
        elif ear.merged and deaf is None and key not in shown:
            deaf = f"its file for both directions holds no frame of direction {ear.direction}"
        corrected[key] = replace(
            ear, start=ear.start - min(shift, 0), end=ear.end - max(shift, 0), why_deaf=deaf
        )
    return corrected
