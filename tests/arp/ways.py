"""A case turned into every way in which its capture may be worse, and the share of them that a run tries.

A way changes nothing before it is asked to: there are sixty thousand of them over the corpus.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Iterable, Iterator
from functools import partial
from itertools import combinations
from typing import NamedTuple, TypeVar
from zlib import crc32

from tests.arp.degrade import (
    Heards,
    alone,
    asked_at,
    broken,
    by_hand,
    cut_after,
    dropping_point,
    empty,
    failed_point,
    late_point,
    merged,
    merged_uplinks,
    objects_of,
    off_the_clock,
    reordered,
    shifted,
    stripped,
    swapped,
    thinned,
    window,
    with_event,
    without_point,
)
from workers.arp.model import SECOND, Case

Change = Callable[[Case, Heards], tuple[Case, Heards]]
Thing = TypeVar("Thing")

STRIDE = int(os.environ.get("ARPCHECK_STRIDE", "") or 0)
"""One in so many of what could be tried; 1 tries all of it. 0 = what each test takes usually."""

LIES = (
    (None, 30 * SECOND),
    (0, None),
    (None, None),
    (20 * SECOND, 10 * SECOND),
    (5 * SECOND, 5 * SECOND),
    (-20 * SECOND, -10 * SECOND),
    (3_600 * SECOND, 3_630 * SECOND),
)
"""Times that cannot be: from the start of the capture, None where nobody knows."""


class Way(NamedTuple):
    """One way to be worse; ``kind`` is what it has in common with the same at other points."""

    kind: str
    name: str
    change: Change

    @property
    def combined(self) -> bool:
        return " + " in self.kind


def sampled(
    things: Iterable[Thing], group: Callable[[Thing], Hashable], usual: int
) -> Iterator[Thing]:
    """One of every group and then one in ``usual``, always the same ones; ARPCHECK_STRIDE decides."""
    stride = STRIDE or usual
    groups: dict[Hashable, list[Thing]] = {}
    for thing in things:
        groups.setdefault(group(thing), []).append(thing)
    for key, members in groups.items():
        # Not the first of each group: that would be the same few cases and points every time.
        yield from members[crc32(repr(key).encode()) % min(stride, len(members)) :: stride]


def ways_of(case: Case, heard: Heards) -> Iterator[Way]:
    """Every single way, then every pair of them that makes sense."""
    single = list(_single(heard))
    yield from single
    for first in (way for way in single if way.kind.startswith(("no ", "late", "drops"))):
        for second in _general():
            yield _both(first, second)
    for first, second in combinations(list(_general()), 2):
        yield _both(first, second)
    for one, two in combinations([h.capture.point.name for h in heard], 2):
        yield Way("no two points", f"no {one}, no {two}", _without(one, two))


def _both(first: Way, second: Way) -> Way:
    def change(case: Case, heard: Heards) -> tuple[Case, Heards]:
        return second.change(*first.change(case, heard))

    return Way(f"{first.kind} + {second.kind}", f"{first.name} + {second.name}", change)


def _single(heard: Heards) -> Iterator[Way]:
    for point in (h.capture.point.name for h in heard):
        yield from _at_point(point)
    for thing in objects_of(heard):
        points = [h.capture.point.name for h in heard if h.capture.point.object == thing]
        yield Way("no object", f"no {thing}", _without(*points))
    for way in ("tx", "rx"):
        points = [h.capture.point.name for h in heard if h.capture.point.direction == way]
        uplinks = [name for name in points if not name.startswith("vnic")]
        yield _plain(f"no {way} on uplinks", _without(*uplinks))
        yield _plain(f"no {way} anywhere", _without(*points))
    yield from _told(heard)
    yield from _renamed(heard)
    yield from _general()


def _plain(kind: str, change: Change) -> Way:
    return Way(kind, kind, change)


def _without(*points: str) -> Change:
    return lambda case, heard: without_point(case, heard, *points)


def _at_point(point: str) -> Iterator[Way]:
    """One stream is missing, late, short, empty, or tells a time that it did not have."""
    yield Way("no point", f"no {point}", _without(point))
    for kind, change in (
        ("failed", failed_point),
        ("late", late_point),
        ("drops", dropping_point),
        ("empty", empty),
        ("broken", broken),
    ):
        yield Way(kind, f"{kind} {point}", _named(change, point))
    for kind, by in (("off", 40_000_000), ("another day", 86_400 * SECOND)):
        yield Way(kind, f"{kind} {point}", partial(off_the_clock, name=point, by=by))
    for copies in (0, 1):
        for seconds in (0, 12):
            kind = f"{copies} copies from {seconds} s"
            change = partial(thinned, name=point, seconds=seconds, copies=copies)
            yield Way(kind, f"{kind} {point}", change)
    for start, end in LIES:
        kind = f"window {start}..{end}"
        yield Way(kind, f"{kind} {point}", partial(window, name=point, start=start, end=end))


def _named(change: Callable[[Case, Heards, str], tuple[Case, Heards]], point: str) -> Change:
    return lambda case, heard: change(case, heard, point)


def _told(heard: Heards) -> Iterator[Way]:
    """Facts that are not so."""
    points = [h.capture.point.name for h in heard]
    yield _plain("all broken", lambda case, heard: broken(case, heard, *points))
    for start, end in LIES:
        yield _plain(f"asked {start}..{end}", partial(asked_at, start=start, end=end))
    for event in ("vmotion_out", "reconnect", "link_down", "failover"):
        for at in (-SECOND, 12 * SECOND, 3_600 * SECOND):
            yield _plain(f"{event} at {at}", partial(with_event, event=event, at=at))


def _renamed(heard: Heards) -> Iterator[Way]:
    """Files that hold both directions, or another point's frames."""
    things = objects_of(heard)
    for count in range(1, len(things) + 1):
        for some in combinations(things, count):
            one_file, names = _merged(*some), ", ".join(some)
            yield Way("merged", f"merged {names}", one_file)
            yield Way("by hand, merged", f"by hand, merged {names}", _by_hand(one_file))
    points = [h.capture.point.name for h in heard]
    for one, two in combinations(points, 2):
        yield Way("swapped", f"swapped {one}, {two}", _swapped((one, two)))
    for one, two in combinations(things, 2):
        ways = [(f"{one}-{way}", f"{two}-{way}") for way in ("tx", "rx")]
        yield Way("swapped objects", f"swapped {one}, {two}", _swapped(*ways))


def _merged(*things: str) -> Change:
    return lambda case, heard: merged(case, heard, *things)


def _by_hand(change: Change) -> Change:
    return lambda case, heard: by_hand(*change(case, heard))


def _swapped(*pairs: tuple[str, str]) -> Change:
    return lambda case, heard: swapped(case, heard, *pairs)


def _general() -> Iterator[Way]:
    """What may happen to all streams at once."""
    for seconds in (3, 6, 8, 12, 20):
        yield _plain(f"cut {seconds} s", partial(cut_after, seconds=seconds))
    yield _plain("alone", alone)
    yield _plain("stripped", stripped)
    yield _plain("stripped rx", partial(stripped, ways=("rx",)))
    yield _plain("merged uplinks", merged_uplinks)
    yield _plain("reordered", reordered)
    yield _plain("by hand", by_hand)
    yield _plain("shifted", partial(shifted, by=3_600 * SECOND + 123_456))
