"""The way of the requests turned into a verdict where the far end shows more than the near one.

An ordered table: the first rule that finds something decides, None leaves the near end's verdict.
Only verdicts that say no more than "no answer came" are changed, and those that the far end's
frames disprove; what the near end proved about its own host and uplinks stands.
"""

from __future__ import annotations

from collections.abc import Callable

from workers.arp.model import Confidence, Judgement, Owner, Verdict
from workers.arp.two_ends.back import (
    answered_in_part,
    not_answered,
    reply_dropped_there,
    reply_lost_between,
)
from workers.arp.two_ends.facts import Found, count, hosts
from workers.arp.two_ends.telling import sentence_of
from workers.arp.two_ends.there import dropped_there, lost_at_far_uplink, lost_between
from workers.arp.two_ends.way import Way
from workers.arp.verdict.codes import CODES
from workers.arp.verdict.commands import typed_in

_NOT_SENT = {"VSWITCH_DROP_TX", "FORGED_TX_DROP"}
_MOVED = {"vmotion_out", "vmotion_in", "poweroff", "reconnect", "mac_change"}
_HIGH_REQUESTS = 10


def placed(near: Judgement, way: Way) -> Verdict | None:
    """The verdict of both ends, None where the near end's stands."""
    moved = any(event.event in _MOVED for event in way.far.events)
    if near.target not in way.addresses or not way.enough or moved or way.traffic.misnamed:
        return None
    for rule in RULES:
        found = rule(near, way)
        if found is not None:
            return _told(near, way, found)
    return None


def _told(near: Judgement, way: Way, found: Found) -> Verdict:
    owner = found.owner or CODES[found.code].owner
    many = len(way.counted) >= _HIGH_REQUESTS
    high = Confidence.HIGH if many and found.controlled else Confidence.MEDIUM
    alone = near.verdict
    changed = f"{near.case.host.name} alone would have said {alone.code}: {alone.headline}"
    return Verdict(
        found.code,
        found.subject,
        owner,
        Confidence.LOW if owner is Owner.INCONCLUSIVE else high,
        found.headline,
        (sentence_of(near, way), *([] if alone.code == found.code else [changed]), *alone.reasons),
        found.not_proven,
        found.next_step,
        typed_in(found.next_step),
    )


# --- the near end's verdict contradicted


def _left_after_all(near: Judgement, way: Way) -> Found | None:
    """Requests that no uplink was seen to send arrived at the far host all the same."""
    if near.verdict.code not in _NOT_SENT or not way.arrived.matched:
        return None
    here, there = hosts(near, way)
    return Found(
        "CAPTURE_INCOMPLETE",
        None,
        f"{count(way, len(way.arrived.matched))} arrived at {there},"
        f" though no uplink of {here} was seen to send them.",
        f"Find the uplink that carries them on {here} and capture it too.",
        ("Which uplink the requests left on.",),
    )


RULES: tuple[Callable[[Judgement, Way], Found | None], ...] = (
    _left_after_all,
    lost_between,
    lost_at_far_uplink,
    dropped_there,
    not_answered,
    answered_in_part,
    reply_dropped_there,
    reply_lost_between,
)
