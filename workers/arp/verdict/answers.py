"""Facts about one target turned into signs: answered, not answerable, or not heard, steps 5 to 8."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from workers.arp.exchange.control import Ask
from workers.arp.exchange.conversation import GOES_ON_SPAN, asked_by_a_timer, asked_in_threes
from workers.arp.exchange.pairing import LATE, Asked
from workers.arp.model import BROADCAST, RX, SECOND, TX, Confidence, Owner
from workers.arp.numbers import change_point
from workers.arp.verdict.evidence import Evidence
from workers.arp.verdict.outcomes import OK_SHARE, TURN_LEAST, TURN_SHARE
from workers.arp.verdict.scene import clock, happened, is_virtual
from workers.arp.verdict.signs import (
    HIGH_REQUESTS,
    LEAST_REQUESTS,
    PATHS,
    Sign,
    enough,
    missing_direction,
    silent,
    while_listening,
)

PARTIAL_REQUESTS = 20
_PART_OF_OTHERS = 3
_GOES_ON = 4
_LATE_TWICE = 2
_IN_TIME = SECOND // 2
UNICAST = "unicast"
_AT_THE_EDGES = 2  # requests without an answer because the capture began or ended


# --- step 5: answered


def two_answer(e: Evidence) -> Sign | None:
    """Two sender MACs answer for the target, not one after the other."""
    if not e.fine:
        return None
    macs = [reply.frame.sender_mac for reply in e.replies]
    if len(set(macs)) <= 1 or all(is_virtual(mac) for mac in macs):
        return None
    turns = sum(a != b for a, b in pairwise(macs))
    if turns <= 1 and not any(len({r.frame.sender_mac for r in a.replies}) > 1 for a in e.asked):
        return None
    return Sign(
        subject=e.target, confidence=Confidence.HIGH, detail=" and ".join(sorted(set(macs)))
    )


def ignores(e: Evidence) -> Sign | None:
    """The guest goes on asking, as a kernel does, although every reply was delivered in time."""
    answered = e.fine and e.answered_of_judged == len(e.judged) and e.unanswered <= _AT_THE_EDGES
    if not answered or not enough(e):
        return None
    asked = [each for each in e.delivered if each.broadcast]
    frames = [each.frame for each in asked]
    threes = asked_in_threes(frames)
    again = threes or asked_by_a_timer(frames)
    if again < _GOES_ON or asked[-1].request.at - asked[0].request.at < GOES_ON_SPAN:
        return None
    if all(each.frame.target_mac == BROADCAST for each in asked):
        return None
    if any(map(_slow, asked)) or _tagged(e, asked):
        return None
    if any(ask.target == e.target and _open(e, ask) for ask in e.others):
        return None
    sure = len(e.judged) >= HIGH_REQUESTS and threes
    return Sign(confidence=Confidence.HIGH if sure else Confidence.MEDIUM, detail=str(again))


def _open(e: Evidence, ask: Ask) -> bool:
    """Whether somebody else got no reply either, or may not have: in a storm copies are left out."""
    thinned = (ask.target, ask.requester) in e.traffic.thinned
    return not ask.answered_on and (ask.fair or thinned)


def _slow(asked: Asked) -> bool:
    """Whether the reply came about when a kernel asks again anyway."""
    got = asked.delivered
    return got is None or got.at - asked.request.at > _IN_TIME


def _tagged(e: Evidence, asked: Sequence[Asked]) -> bool:
    """Whether a reply bears a tag, which a virtual switch takes off before it delivers."""
    got = [each.delivered for each in asked if each.delivered]
    return e.nic.vlan.mode == "access" and any(each.frame.vlans for each in got)


def late(e: Evidence) -> Sign | None:
    """Replies came more than a second after every request, or after the next one, at least twice."""
    open_ones = len(e.judged) - e.answered_of_judged
    if not e.fine and e.extra >= _LATE_TWICE and 2 * e.extra >= open_ones:
        return Sign(subject=e.target, confidence=Confidence.MEDIUM)
    slow = [reply for reply in e.replies if reply.late and reply.frame.eth_dst in e.talk.own_macs]
    if not e.delivered or len(slow) < _LATE_TWICE:
        return None
    return Sign(subject=e.target, confidence=Confidence.HIGH, detail=str(len(slow)))


def known_entry_unanswered(e: Evidence) -> Sign | None:
    """Whatever was asked of everybody was answered, but a tool's unicast requests were not."""
    if not e.fine or not e.unheeded:
        return None
    return Sign(subject=e.target, confidence=Confidence.LOW, detail=UNICAST)


def answered_here(e: Evidence) -> Sign | None:
    """A VM of this host answered; its reply never touches an uplink."""
    if not e.fine:
        return None
    local = {vm.mac for vm in e.case.host.local_vms}
    responders = {each.delivered.frame.sender_mac for each in e.delivered if each.delivered}
    inside = not any(each.reply_on for each in e.delivered)
    here = inside and (e.local_target or responders <= local)
    return Sign(confidence=Confidence.HIGH) if here else None


def answered_by_overlay(e: Evidence) -> Sign | None:
    """The segment's ARP suppression answered."""
    seen = any(each.left or each.reply_on for each in e.delivered)
    return Sign(confidence=Confidence.MEDIUM) if e.fine and e.overlay and not seen else None


def answered(e: Evidence) -> Sign | None:
    """It works; surely so where hardly any request was sent that nobody heard out."""
    if not e.fine:
        return None
    known = len(e.delivered) >= OK_SHARE * (len(e.delivered) + e.unanswered - _AT_THE_EDGES)
    return Sign(confidence=Confidence.HIGH if known else Confidence.MEDIUM)


def path_changed(e: Evidence) -> Sign | None:
    """The way out changed while requests were lost: what was lost says nothing about one path."""
    if not e.lost:
        return None
    for event in e.case.events:
        if event.event in PATHS and while_listening(e, event.at):
            told = f"{happened(event.event)} at {clock(event.at)}"
            return Sign(confidence=Confidence.LOW, detail=told)
    turn = e.uplink_changed
    return Sign(confidence=Confidence.LOW, detail=f"its uplink, {turn}") if turn else None


# --- step 6: the guest's own addresses


def off_subnet(e: Evidence) -> Sign | None:
    """The target is outside the adapter's subnets, and nobody answered for it."""
    if not silent(e) or e.replies or not e.networks or e.inside(e.target):
        return None
    return Sign()


def wrong_sender_ip(e: Evidence) -> Sign | None:
    """The guest asks with an address that is neither its own nor in its subnet."""
    if not silent(e) or e.replies or not e.networks:
        return None
    senders = {each.frame.sender_ip for each in e.lost}
    if any(sender in e.talk.own_ips or e.inside(sender) for sender in senders):
        return None
    return Sign(subject=min(senders))


# --- step 7: not enough was heard


def incomplete(e: Evidence) -> Sign | None:
    """A point that could have shown the request or its reply was deaf."""
    if e.overlay and e.ear(e.nic.point, RX).why_deaf is None:
        return None
    port_deaf = e.deaf([e.nic.point], RX)
    tx, rx = e.deaf(e.talk.uplinks, TX), e.deaf(e.talk.uplinks, RX)
    open_ones = [each for each in e.asked if each.broadcast and not each.delivered]
    replies = any(each.reply_on for each in open_ones)
    seen = any(each.left or each.reflected or each.looped for each in open_ones)
    blind = (
        (port_deaf if replies else [])
        or (tx if not seen and not replies else [])
        or (port_deaf + rx if not replies else [])
    )
    if not blind:
        return _windows_apart(e)
    return Sign(subject=missing_direction(e) or blind[0].name, confidence=Confidence.LOW)


def _windows_apart(e: Evidence) -> Sign | None:
    """Five requests were seen, but the time in which all points listened held fewer."""
    if enough(e) or len([a for a in e.asked if a.broadcast]) < LEAST_REQUESTS:
        return None
    ears = [e.ear(*key) for key in e.talk.needed]
    late = max(ear.start for ear in ears) - min(ear.start for ear in ears)
    early = max(ear.end for ear in ears) - min(ear.end for ear in ears)
    deaf = [ear for ear in ears if ear.why_deaf is not None]
    if max(late, early) <= LATE and not deaf:
        return None
    if deaf:
        worst = deaf[0]
    elif late >= early:
        worst = max(ears, key=lambda ear: ear.start)
    else:
        worst = min(ears, key=lambda ear: ear.end)
    return Sign(subject=worst.name, confidence=Confidence.LOW)


def too_few(e: Evidence) -> Sign | None:
    """Fewer than five requests, or one burst."""
    return None if enough(e) else Sign(confidence=Confidence.LOW)


# --- step 8: some answered


def recovered(e: Evidence) -> Sign | None:
    """First next to all were lost, then next to all were answered."""
    if not (_turns(e.counted) and _turns(e.at_port)) or e.local_target or e.overlay:
        return None
    return _part_lost(e, None) if _lost_outside(e) else None


def _turns(asked: Sequence[Asked]) -> bool:
    outcomes = [each.delivered is not None for each in asked]
    turn = change_point(outcomes, purity=TURN_SHARE, least=TURN_LEAST)
    return turn is not None and 2 * sum(outcomes[turn:]) > len(outcomes[turn:])


def partial(e: Evidence) -> Sign | None:
    """Some of many were answered, without a change point."""
    if not 0 < len(e.lost) < len(e.counted) or len(e.counted) < PARTIAL_REQUESTS:
        return None
    if e.local_target or e.overlay or not _lost_outside(e):
        return None
    return _part_lost(e, e.target)


def _part_lost(e: Evidence, subject: str | None) -> Sign:
    """Whose a partial loss is: the network's, but for a target that is no router.

    Its owner may be asked as well, unless other targets lost a part on the same way, too.
    """
    if e.is_router or _others_lose_a_part(e):
        return Sign(subject=subject, confidence=Confidence.MEDIUM)
    return Sign(subject, Owner.INCONCLUSIVE, Confidence.LOW)


def _others_lose_a_part(e: Evidence) -> bool:
    here = [a for a in e.others if a.fair and a.uplink in e.group and a.vlan == e.vlan]
    answering = {ask.target for ask in here if ask.answered_on} - {e.target}
    outcomes = [bool(ask.answered_on) for ask in here if ask.target in answering]
    lost = outcomes.count(False)
    return lost >= _PART_OF_OTHERS and lost > (1 - OK_SHARE) * len(outcomes)


def few_for_a_share(e: Evidence) -> Sign | None:
    """Some answered, but too few to name a share."""
    few = len(e.counted) < PARTIAL_REQUESTS and e.delivered and not e.undelivered
    return Sign(confidence=Confidence.LOW) if few else None


def _lost_outside(e: Evidence) -> bool:
    """The lost requests were handed to an uplink and no reply came in on any."""
    outside = [each for each in e.lost if each.left and not each.reply_on]
    return len(outside) >= OK_SHARE * len(e.lost)
