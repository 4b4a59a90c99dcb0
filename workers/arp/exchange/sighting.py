"""A frame at a capture point, on the host's one clock: what everything after this counts."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import NamedTuple

from workers.arp.exchange.clock import Identity
from workers.arp.model import MILLISECOND, ArpFrame, Direction, PointKind

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


# Three times as fast as to call the class, for there may be very many.
sighting_of: Callable[
    [tuple[ArpFrame, int, str, PointKind, Direction, Identity, bool]], Sighting
] = partial(tuple.__new__, Sighting)


class Copies:
    """Sightings in the order of time, found again by what copies of one frame have in common."""

    def __init__(self, sightings: Iterable[Sighting]) -> None:
        self._found: dict[Identity, tuple[list[int], list[Sighting]]] = {}
        found = self._found
        for sighting in sightings:
            known = found.get(sighting.key)
            if known is None:
                known = found[sighting.key] = [], []
            known[0].append(sighting.at)
            known[1].append(sighting)

    def within(self, key: Identity, start: int, end: int) -> Sequence[Sighting]:
        """The same frame at any point from ``start`` to ``end``, the earliest first."""
        known = self._found.get(key)
        if known is None:
            return ()
        times, sightings = known
        return sightings[bisect_left(times, start) : bisect_right(times, end)]


def is_probe(frame: ArpFrame) -> bool:
    """RFC 5227: a probe has no sender address, an announcement asks for its own."""
    return frame.sender_ip in (UNSPECIFIED, frame.target_ip)
