"""Captures turned into ears: from when to when each point surely listened, and why it may be deaf.

The law: presence may be claimed from any point, absence only from a point that surely listened.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from workers.arp.model import BOTH, RX, SECOND, TX, VNIC, Case, Direction, Heard, Role
from workers.arp.model.values import dataclass

REPLY_TIME = 2 * SECOND  # RFC 826 hosts answer in milliseconds; a kernel asks again after 1 s
_UNREADABLE_SHARE = 10  # one in ten
_GARBLED = "were cut short or malformed"
_MIXED = "and no frame tells where it was seen"
_STRAYS = 3
_STRAY = 2 * SECOND  # a window and its frames are told by the same clock, the host's

# PortOutput lies before the reverse teaming filter, VnicRx behind it; --dir of a port means PortOutput.
_BEFORE_FILTER = re.compile(r"\bPortOutput\b|--dir[ =](?:1|2|output|inputAndOutput)\b")

EarKey = tuple[str, Direction]


@dataclass(frozen=True, slots=True)
class Ear:
    """One direction of one object; ``why_deaf`` is set where its silence proves nothing at all.

    ``merged`` says that it is half of a file that holds both directions, ``damage`` why its file ends
    early: then it listened until the last good frame. ``before_filter`` marks a point towards the VM
    that lies before the teaming filter: what an uplink other than the VM's brought may end there.
    """

    object: str
    direction: Direction
    point: str
    start: int = 0
    end: int = 0
    why_deaf: str | None = None
    merged: bool = False
    damage: str | None = None
    before_filter: bool = False

    @property
    def name(self) -> str:
        """``vmnic1-tx``, whatever file it was heard in."""
        return f"{self.object}-{self.direction}"

    @property
    def garbled(self) -> bool:
        """Whether it is deaf for how it was written: cut by the snap length, or several interfaces."""
        return self.why_deaf is not None and self.why_deaf.endswith((_GARBLED, _MIXED))

    def hears(self, at: int, after: int = REPLY_TIME) -> bool:
        """Whether it surely listened from ``at`` until ``after`` later."""
        return self.why_deaf is None and self.start <= at and at + after <= self.end

    def near(self, at: int, edge: int) -> bool:
        """Whether it listened then, or began or ended no further away than ``edge``."""
        return self.why_deaf is None and self.start - edge <= at <= self.end + edge


def ears_of(case: Case, heard: Sequence[Heard]) -> dict[EarKey, Ear]:
    """The best ear for each object and direction that was captured at all."""
    by_name = {each.capture.point.name: each for each in heard}
    everything = list(heard) + [
        Heard(capture) for capture in case.captures if capture.point.name not in by_name
    ]
    ears: dict[EarKey, Ear] = {}
    for each in everything:
        unread = each.capture.point.name not in by_name
        for ear in _ears_of_one(each, "its capture file is missing" if unread else None):
            known = ears.get((ear.object, ear.direction))
            if known is None or _rank(ear) > _rank(known):
                ears[ear.object, ear.direction] = ear
    return ears


def uplinks_of(case: Case, switch: str | None) -> tuple[str, ...]:
    """The uplinks whose silence matters: those of the switch that can carry frames.

    An uplink whose link is down carries nothing; one that the port group does not use neither.
    """
    return tuple(
        uplink.device
        for uplink in case.host.uplinks
        if (switch is None or uplink.switch == switch)
        and uplink.link_up is not False
        and uplink.role is not Role.UNUSED
    )


def span_of(ears: Iterable[Ear]) -> tuple[int, int] | None:
    """The time in which all these ears listened, None where there is none."""
    listening = [ear for ear in ears if ear.why_deaf is None]
    if not listening:
        return None
    start, end = max(ear.start for ear in listening), min(ear.end for ear in listening)
    return (start, end) if start < end else None


def _rank(ear: Ear) -> tuple[bool, int]:
    return ear.why_deaf is None, ear.end - ear.start


def _ears_of_one(heard: Heard, missing: str | None) -> list[Ear]:
    capture = heard.capture
    point = capture.point
    merged = point.direction == BOTH
    directions = (TX, RX) if merged else (point.direction,)
    start, end = _window(heard)
    why = missing or _why_deaf(heard, start, end)
    window = start or 0, end or 0
    early = point.kind == VNIC and bool(_BEFORE_FILTER.search(capture.command or ""))
    return [
        Ear(point.object, way, point.name, *window, why, merged, heard.damage, early)
        for way in directions
    ]


def _window(heard: Heard) -> tuple[int | None, int | None]:
    capture = heard.capture
    start, end = capture.ready_at, capture.stopped_at
    times = [frame.at for frame in heard.frames]
    if times and capture.failure is None:
        start = min(times) if start is None else start
        end = max(times) if end is None else end
    if heard.damage is not None:
        end = min(end, max(times)) if times and end is not None else None
    return start, end


def _why_deaf(heard: Heard, start: int | None, end: int | None) -> str | None:
    capture = heard.capture
    if capture.failure is not None:
        return f"its capture failed: {capture.failure}"
    if start is None or end is None:
        return "its capture never listened" if heard.damage is None else heard.damage
    if heard.interfaces > 1:
        return f"it holds {heard.interfaces} interfaces, {_MIXED}"
    if capture.dropped:
        return f"its capture dropped {capture.dropped} frames"
    return _why_not_believed(heard, start, end)


def _why_not_believed(heard: Heard, start: int, end: int) -> str | None:
    if end < start:
        return "its capture is said to end before it began"
    if heard.unreadable * _UNREADABLE_SHARE > len(heard.frames):
        return f"{heard.unreadable} of its ARP frames {_GARBLED}"
    strays = sum(not start - _STRAY <= frame.at <= end + _STRAY for frame in heard.frames)
    if strays >= _STRAYS and 2 * strays > len(heard.frames):
        return f"{strays} of its {len(heard.frames)} frames are dated outside its window"
    return None
