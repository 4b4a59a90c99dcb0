"""A judgement turned into whether more listening could still change it.

The law: a fault is settled only where it is total, controlled and of a kind that time does not mend;
what loses a part, comes late or may recover is heard out to the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from workers.arp.exchange.conversation import (
    GOES_ON_SPAN,
    asked_by_a_tool,
    asked_each_second,
    may_ask_in_threes,
)
from workers.arp.exchange.hearing import REPLY_TIME
from workers.arp.model import (
    BROADCAST,
    SECOND,
    ArpFrame,
    Confidence,
    Exchange,
    Judgement,
    Owner,
)

_ANSWERS = 5
_ANSWERS_SPAN = 4 * SECOND - SECOND // 10  # a second apart, by a timer that may be early
_KERNEL_SPAN = (
    GOES_ON_SPAN + REPLY_TIME + SECOND
)  # the last 2 s count for nothing when it is judged
_REQUESTS = 12
_REQUESTS_SPAN = 11 * SECOND
# Not UPLINK_PATH_LOSS: a port that still listens or learns (IEEE 802.1D: up to 30 s, with max age
# up to 50 s) looks dead until it forwards. Not what is inconclusive: the next control may decide.
_TOTAL = frozenset(
    {
        "FORGED_TX_DROP",
        "GUEST_OFFSUBNET_TARGET",
        "GUEST_WRONG_SENDER",
        "REPLY_LOST_VM_SPECIFIC",
        "REPLY_STALE_MAC",
        "REPLY_WRONG_VLAN",
        "TARGET_DOWN",
        "TEAMING_MISMATCH",
        "UPLINK_VLAN_NOT_CARRIED",
        "VLAN_DEAD",
        "VSWITCH_DROP_RX",
        "VSWITCH_DROP_TX",
    }
)


def settled(judgement: Judgement) -> str | None:
    """Why more listening cannot change the verdict, None where it can.

    A target that somebody named and the guest has not asked for yet is waited for.
    """
    verdict = judgement.verdict
    if verdict.code == "VM_MOVED":
        return "the VM moved"
    named = set(judgement.case.stimulus.targets)
    if named and named.isdisjoint(each.request.target_ip for each in judgement.exchanges):
        return None
    if verdict.owner == Owner.NONE:
        return _answered(judgement)
    return _total(judgement) if verdict.confidence == Confidence.HIGH else None


def _total(judgement: Judgement) -> str | None:
    """Enough requests to the target were judged, over enough time, and all had one outcome."""
    code = judgement.verdict.code
    mine = [each for each in judgement.exchanges if each.request.target_ip == judgement.target]
    judged = [each for each in mine if each.eligible]
    if len(judged) < _REQUESTS or _span(judged) < _REQUESTS_SPAN:
        return None
    if code == "GUEST_IGNORES_REPLY" and all(each.delivered for each in judged):
        return "the guest asked again often enough after an answer"
    if code in _TOTAL and not any(each.delivered for each in mine):
        return "enough requests stayed unanswered"
    return None


def next_answer_settles(judgement: Judgement) -> int | None:
    """From which moment on, in host time, one more answer may settle it; None = one may not."""
    if judgement.verdict.owner != Owner.NONE:
        return None
    confirmed = judgement.case.stimulus.confirmed
    _, groups = _asked(judgement)
    newest, ready = _newest(judgement), _ready(judgement)
    if any(_lost(each, ready, newest) for group in groups for each in group):
        return None
    due = [
        (group[0].request.at + _time_to_prove(group, confirmed=confirmed), len(group))
        for group in map(_delivered, groups)
    ]
    # What was due already and did not settle it is not settled by one more of its kind.
    open_ones = [
        at for at, count in due if count == _ANSWERS - 1 or (count >= _ANSWERS and at > newest)
    ]
    return min(open_ones, default=None)


def _answered(judgement: Judgement) -> str | None:
    """Every target that somebody asked for was answered often enough, and nothing was lost.

    A kernel asks once and is content; where one seems to ask on it is given the time that proves it.
    """
    named, groups = _asked(judgement)
    newest, ready = _newest(judgement), _ready(judgement)
    if any(_lost(each, ready, newest) for group in groups for each in group):
        return None
    confirmed = judgement.case.stimulus.confirmed
    answered = [_delivered(group) for group in groups]
    if any(_may_be_deaf(group, newest, confirmed=confirmed) for group in answered):
        return None
    enough = [_often(group, confirmed=confirmed) for group in answered]
    return "enough requests were answered" if (all(enough) if named else any(enough)) else None


def _newest(judgement: Judgement) -> int:
    return max((each.request.at for each in judgement.exchanges), default=0)


def _ready(judgement: Judgement) -> int:
    """When the last capture was ready."""
    return max((each.ready_at for each in judgement.case.captures if each.ready_at), default=0)


def _asked(judgement: Judgement) -> tuple[bool, list[list[Exchange]]]:
    """What was asked, a list a target: of the targets that somebody named, or else of all."""
    by_target: dict[str, list[Exchange]] = {}
    for each in judgement.exchanges:
        by_target.setdefault(each.request.target_ip, []).append(each)
    wanted = set(judgement.case.stimulus.targets) & set(by_target)
    return bool(wanted), [by_target[target] for target in wanted or by_target]


def _delivered(group: Sequence[Exchange]) -> list[Exchange]:
    return [each for each in group if each.delivered]


def _often(group: Sequence[Exchange], *, confirmed: bool) -> bool:
    return len(group) >= _ANSWERS and _span(group) >= _time_to_prove(group, confirmed=confirmed)


def _may_be_deaf(group: Sequence[Exchange], newest: int, *, confirmed: bool) -> bool:
    """Whether a kernel seems to ask on although it is answered, and there was no time yet to tell."""
    frames = _broadcasts(group)
    if asked_by_a_tool(frames, confirmed=confirmed):
        return False
    early = asked_each_second(frames) > 0 and newest - frames[0].at < _KERNEL_SPAN
    return early or may_ask_in_threes(frames)


def _time_to_prove(group: Sequence[Exchange], *, confirmed: bool) -> int:
    tool = asked_by_a_tool(_broadcasts(group), confirmed=confirmed)
    return _ANSWERS_SPAN if tool else _KERNEL_SPAN


def _broadcasts(group: Sequence[Exchange]) -> list[ArpFrame]:
    return [each.request for each in group if each.request.eth_dst == BROADCAST]


def _lost(exchange: Exchange, ready: int, newest: int) -> bool:
    """Whether it is unanswered, unless it came before every point listened, or only just now."""
    at = exchange.request.at
    unheard = not exchange.eligible and (at < ready or at > newest - REPLY_TIME)
    return not exchange.delivered and not unheard


def _span(exchanges: Sequence[Exchange]) -> int:
    times: Iterable[int] = [each.request.at for each in exchanges]
    return max(times, default=0) - min(times, default=0)
