"""A target's exchanges turned into the part that a loss can be judged from.

What was lost only after a moment, or only over one uplink, is judged alone: the requests that were
answered before it, or over another uplink, say nothing about the fault.
"""

from __future__ import annotations

from workers.arp.exchange.pairing import Asked
from workers.arp.model import TX
from workers.arp.numbers import change_point
from workers.arp.verdict.evidence import Evidence

_LEAST = 5
_LEAST_OTHER = 3
_PURE = 0.95


def narrowed(e: Evidence) -> Evidence:
    """The part with the fault where the rest was answered, else the evidence as it is."""
    if not e.delivered or len(e.lost) < _LEAST or e.uplink_changed or _way_unknown(e):
        return e
    outcomes = [each.delivered is not None for each in e.at_port]
    turn = change_point(outcomes, purity=_PURE, least=_LEAST_OTHER)
    if turn is not None and outcomes[0]:
        last_answer = max(each.request.at for each in e.delivered)
        tail = e.since(max(e.at_port[turn].request.at, last_answer + 1))
        return tail if len(tail.lost) >= _LEAST else e
    return _by_uplink(e)


def _way_unknown(e: Evidence) -> bool:
    """Whether answered requests may have left on another uplink, one that nobody listened to."""
    unseen = any(not each.left for each in e.delivered)
    return unseen and bool(e.deaf(e.talk.uplinks, TX))


def _by_uplink(e: Evidence) -> Evidence:
    lost, answered = _uplinks(e.lost), _uplinks(e.delivered)
    if not lost or not answered or lost & answered or len(e.delivered) < _LEAST_OTHER:
        return e
    return Evidence(e.scene, e.target, e.lost)


def _uplinks(asked: list[Asked]) -> set[str]:
    return {out.object for each in asked for out in each.left}
