"""A Story turned into ends: the places where requests or replies stop, each with a shape and words.

An end is only named where the points behind it listened; else the picture says that it is unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from workers.arp.model import Owner
from workers.arp.picture.story import Leg, Story


class Shape(StrEnum):
    """How an end is marked: an octagon with a cross, a diamond with a question mark, a tick."""

    STOP = "stop"
    UNKNOWN = "unknown"
    FINE = "fine"


@dataclass(frozen=True, slots=True)
class End:
    """``place`` is ``guest``, ``switch`` or an uplink's device."""

    place: str
    shape: Shape
    words: str


_WHY_NOT_DELIVERED = {
    "REPLY_WRONG_VLAN": "wrong VLAN",
    "REPLY_STALE_MAC": "wrong MAC",
    "TEAMING_MISMATCH": "wrong uplink",
}
_AT_THE_GUEST = {
    "GUEST_IGNORES_REPLY": "GUEST IGNORES THEM",
    "GUEST_OFFSUBNET_TARGET": "ASKS OUTSIDE ITS SUBNET",
    "GUEST_WRONG_SENDER": "ASKS WITH A WRONG SENDER",
    "LATE_REPLIES": "THEY COME LATE",
    "DUPLICATE_RESPONDERS": "TWO MACS ANSWER",
    "VM_IP_CONFLICT": "ANOTHER MAC HAS ITS IP",
    "VM_MOVED": "VM MOVED MEANWHILE",
}


_PLACES = {Owner.GUEST: "guest", Owner.VIRTUALIZATION: "switch"}


def shape_of(owner: Owner) -> Shape:
    """How the verdict itself is marked."""
    return {Owner.NONE: Shape.FINE, Owner.INCONCLUSIVE: Shape.UNKNOWN}.get(owner, Shape.STOP)


def ends_of(story: Story) -> tuple[End, ...]:
    """All ends, at most one a place."""
    owner = story.judgement.verdict.owner
    beyond = _beyond(story)
    bad = Shape.STOP if shape_of(owner) is Shape.STOP and not beyond else Shape.UNKNOWN
    if story.judgement.verdict.code == "PROBES_ONLY":
        return (End("guest", Shape.FINE, "ONLY PROBES"),)  # RFC 5227: silence is good
    found = [_at_guest(story, bad), _at_switch(story, bad)]
    found += [_at_leg(story, leg, bad) for leg in story.legs]
    ends = [each for each in found if each is not None]
    place = _PLACES.get(owner)
    if place and not beyond and all(each.place != place for each in ends):
        ends.append(End(place, Shape.STOP, "NEXT MOVE HERE"))
    return tuple(ends)


def _beyond(story: Story) -> bool:
    """Whether the fault lies on the far end's host, which is not drawn."""
    far, owner = story.judgement.far, story.judgement.verdict.owner
    return far is not None and far.near_code is not None and owner is not Owner.NETWORK


def _at_guest(story: Story, bad: Shape) -> End | None:
    asked, answered = story.asked, story.answered
    code = story.judgement.verdict.code
    if code in _AT_THE_GUEST:
        return End("guest", bad, _AT_THE_GUEST[code])
    if not asked.requests:
        return None if asked.blind else End("guest", bad, "NO REQUEST SENT")
    if not answered.replies:
        return None
    if all(each.delivered for each in story.exchanges):
        return End("guest", Shape.FINE, "DELIVERED")
    return None


def _at_switch(story: Story, bad: Shape) -> End | None:
    asked, answered = story.asked, story.answered
    dropped = sum(bool(each.reply_on) and not each.delivered for each in story.exchanges)
    if dropped or (story.came_back and not answered.replies):
        if answered.blind:
            return End("switch", Shape.UNKNOWN, "DELIVERED? BLIND")
        why = _WHY_NOT_DELIVERED.get(story.judgement.verdict.code)
        number = dropped or story.came_back  # a flooded reply comes in on several uplinks
        return End("switch", bad, f"{number} REPLIES END HERE" + (f": {why}" if why else ""))
    if answered.replies and not story.came_back:
        deaf = not story.legs or any(leg.back.blind for leg in story.legs)
        return None if deaf else End("switch", Shape.FINE, "ANSWERED ON THIS HOST")
    if asked.requests and not story.left and not answered.replies:
        if not story.legs or any(leg.out.blind for leg in story.legs):
            return End("switch", Shape.UNKNOWN, "HANDED ON? BLIND")
        return End("switch", bad, f"{asked.requests} REQUESTS END HERE")
    return None


def _at_leg(story: Story, leg: Leg, bad: Shape) -> End | None:
    if not leg.out.requests or leg.back.replies >= leg.out.requests:
        return None
    if leg.back.blind:
        return End(leg.device, Shape.UNKNOWN, "REPLY? BLIND")
    if not story.came_back and not story.answered.replies:
        return End(leg.device, bad, "NO REPLY")
    if leg.unanswered and leg.back.replies:
        return End(leg.device, bad, f"{leg.unanswered} LOST")
    return End(leg.device, bad, "NO REPLY") if leg.unanswered else None
