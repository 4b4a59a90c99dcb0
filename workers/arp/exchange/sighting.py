"""A frame at a capture point, on the host's one clock: what everything after this counts."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import field
from typing import NamedTuple

from workers.arp.exchange.clock import Identity
from workers.arp.model import MILLISECOND, ArpFrame, Direction, PointKind
from workers.arp.model.values import dataclass

REQUEST, REPLY = 1, 2
UNSPECIFIED = "0.0.0.0"  # noqa: S104 - RFC 5227: the sender of a probe has no address yet
COPY_TIME = 2 * MILLISECOND  # from the VM's port through the host and back by a switch


class Sighting(NamedTuple):
    """A frame at a point, with its direction and its time on the host's one clock.

    ``inferred`` says that the file holds both directions and none per frame. A tuple, as the frame is.
    """

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
class Copies:
    """Sightings in the order of time, found again by what copies of one frame have in common."""

    sightings: Iterable[Sighting]
    _by_identity: dict[Identity, list[Sighting]] = field(default_factory=dict)
    _times: dict[Identity, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for sighting in self.sightings:
            self._by_identity.setdefault(sighting.key, []).append(sighting)
            self._times.setdefault(sighting.key, []).append(sighting.at)

    def within(self, key: Identity, start: int, end: int) -> Sequence[Sighting]:
        """The same frame at any point from ``start`` to ``end``, the earliest first."""
        times = self._times.get(key, ())
        return self._by_identity.get(key, [])[bisect_left(times, start) : bisect_right(times, end)]


def is_probe(frame: ArpFrame) -> bool:
    """RFC 5227: a probe has no sender address, an announcement asks for its own."""
    return frame.sender_ip in {UNSPECIFIED, frame.target_ip}
