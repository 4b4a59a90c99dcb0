"""Sightings turned into one adapter's conversation: each request, where it went, what came back."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from itertools import pairwise

from workers.arp.exchange.clock import TOLERANCE, Identity
from workers.arp.exchange.hearing import REPLY_TIME, Ear, EarKey, span_of, uplinks_of
from workers.arp.exchange.pairing import Asked, Passes, Reply, pair
from workers.arp.exchange.sighting import COPY_TIME, REPLY, REQUEST, Sighting, is_probe
from workers.arp.exchange.traffic import Traffic
from workers.arp.model import (
    BROADCAST,
    MILLISECOND,
    RX,
    SECOND,
    TX,
    UPLINK,
    VNIC,
    ArpFrame,
    Case,
    Direction,
    Vnic,
)
from workers.arp.model.values import dataclass

# So long no kernel asks on once it is answered, but for one of its faults.
GOES_ON_SPAN = 8 * SECOND
_STEADY = 10 * MILLISECOND
_SOLICITS = 3  # Linux: mcast_solicit, and retrans_time is 1 s, late by a timer's tick
_RETRY = 9 * SECOND // 10, 12 * SECOND // 10
# Without a pause only the timer itself tells a kernel.
_TIMER = 995 * MILLISECOND, 1050 * MILLISECOND
_EDGE = SECOND // 4  # a stream may end with a frame still on its way through the host


@dataclass(slots=True)
class Conversation:
    """All that one adapter asked, with the ears that listened to it.

    ``complete`` is False where nobody told the host's uplinks: there may be more than were heard.
    ``span`` is the time in which every point that listened at all listened.
    """

    nic: Vnic
    uplinks: tuple[str, ...]
    complete: bool
    ears: dict[EarKey, Ear]
    own_macs: frozenset[str]
    own_ips: frozenset[str]
    asked: list[Asked]
    probes: list[Sighting]
    span: tuple[int, int] | None

    @property
    def needed(self) -> list[EarKey]:
        """Every point a request or its reply may pass."""
        both = (TX, RX)
        return [(thing, way) for thing in (self.nic.point, *self.uplinks) for way in both]

    def ear(self, thing: str, way: Direction) -> Ear:
        """The ear, deaf where nobody listened."""
        known = self.ears.get((thing, way))
        return known or Ear(thing, way, f"{thing}-{way}", why_deaf="it was not captured")


def conversation_of(case: Case, traffic: Traffic, nic: Vnic) -> Conversation:
    """Pair everything this adapter asked with what came back."""
    own = _own_macs(traffic, nic)
    told = uplinks_of(case, nic.switch)
    seen = {each.object for each in traffic.ears.values() if not each.object.startswith("vnic")}
    pinned = {nic.pinned_uplink} if nic.pinned_uplink else set()
    uplinks = tuple(sorted({*told, *pinned} or seen))
    talk = Conversation(
        nic,
        uplinks,
        bool(told),
        traffic.ears,
        own,
        own_ips=frozenset(),
        asked=[],
        probes=[],
        span=None,
    )
    listening = [talk.ear(*key) for key in talk.needed]
    talk.span = span_of(listening)
    requests, talk.probes = _requests(traffic, talk)
    senders = {each.frame.sender_ip for each in requests}
    known = frozenset(address.split("/")[0] for address in nic.ipv4)
    talk.own_ips = known or frozenset(senders)
    talk.asked = [_followed(traffic, talk, listening, each) for each in requests]
    pair(talk.asked, _replies(traffic, talk), nic.mac, _passes(case, talk))
    return talk


def _passes(case: Case, talk: Conversation) -> Passes:
    """Whether a reply gets through the teaming filter: where it was heard before that, by its uplink."""
    before = talk.ear(talk.nic.point, RX).before_filter
    bundle = {each.device: each.lag or each.device for each in case.host.uplinks}

    def passes(asked: Asked, reply: Reply) -> bool:
        out = {bundle.get(each.object, each.object) for each in asked.left}
        back = {bundle.get(each.object, each.object) for each in reply.on_uplinks}
        return not before or not out or not back or bool(out & back)

    return passes


def asked_by_a_tool(frames: Sequence[ArpFrame], *, confirmed: bool) -> bool:
    """Whether broadcasts come from a tool that asks whatever is answered, not from a kernel.

    Iputils' arping asks for ff:ff:ff:ff:ff:ff, a kernel for zeros; a monitor asks at a fixed
    interval, which counts where somebody ``confirmed`` that one was started.
    """
    if all(frame.target_mac == BROADCAST for frame in frames):
        return True
    apart = _apart(frames)
    return confirmed and max(apart, default=0) - min(apart, default=0) <= _STEADY


def asked_in_threes(frames: Sequence[ArpFrame]) -> int:
    """How many broadcasts repeat one of a second ago, where a kernel asks as if nobody answered.

    A kernel sends three, a second apart, gives up and begins anew with the next packet. A loop that
    flushes the entry and pings asks once a turn; one of a second looks the same, but never pauses.
    """
    bursts = _bursts(frames)
    whole = bursts[1:-1]
    if not whole or any(burst % _SOLICITS for burst in whole):
        return 0
    return sum(bursts) - len(bursts)


def may_ask_in_threes(frames: Sequence[ArpFrame]) -> bool:
    """Whether more frames may yet show that they come in threes: with pauses that takes three bursts.

    A guest that is content asks once, and again half a minute later.
    """
    bursts = _bursts(frames)
    return (
        len(bursts) > 1
        and sum(bursts) > len(bursts)
        and not any(burst % _SOLICITS for burst in bursts[1:-1])
    )


def _bursts(frames: Sequence[ArpFrame]) -> list[int]:
    """How many broadcasts came a second apart, before each pause; empty where some came faster."""
    bursts, last = [0], None
    for frame in frames:
        apart = frame.at - last if last is not None else _RETRY[0]
        if apart < _RETRY[0]:
            return []
        if apart > _RETRY[1]:
            bursts.append(0)
        bursts[-1] += 1
        last = frame.at
    return bursts


def asked_by_a_timer(frames: Sequence[ArpFrame]) -> int:
    """How many broadcasts repeat the one before when a kernel's timer would, a tick or two late.

    A kernel that always has a packet to send asks on without a pause. A tool's or a monitor's interval
    is steadier, and a loop that flushes the entry and pings takes longer a turn; a quick one may not.
    """
    apart = _apart(frames)
    if not apart or min(apart) < _TIMER[0] or max(apart) > _TIMER[1]:
        return 0
    return len(apart) if max(apart) - min(apart) > _STEADY else 0


def asked_each_second(frames: Sequence[ArpFrame]) -> int:
    """How many broadcasts repeat one of a second ago, whoever asks so."""
    return sum(_RETRY[0] <= each <= _RETRY[1] for each in _apart(frames))


def _apart(frames: Sequence[ArpFrame]) -> list[int]:
    """The times between them, in nanoseconds."""
    return [b.at - a.at for a, b in pairwise(frames)]


def _own_macs(traffic: Traffic, nic: Vnic) -> frozenset[str]:
    sent = [each.frame for each in traffic.at(VNIC, TX) if each.object == nic.point]
    return frozenset({nic.mac, *(f.eth_src for f in sent), *(f.sender_mac for f in sent)})


def _requests(traffic: Traffic, talk: Conversation) -> tuple[list[Sighting], list[Sighting]]:
    """The adapter's requests and its probes, from its own port where that listened."""
    port = talk.ear(talk.nic.point, TX)
    found = [
        each
        for each in traffic.sightings
        if each.direction == TX
        and each.frame.op == REQUEST
        and (
            each.object == talk.nic.point
            if each.kind == VNIC
            else not port.near(each.at, _EDGE)
            and talk.nic.mac in {each.frame.eth_src, each.frame.sender_mac}
        )
    ]
    found.sort(key=lambda each: (each.kind != VNIC, each.at))
    once = _without_copies(found)
    probes = [each for each in once if is_probe(each.frame)]
    return [each for each in once if not is_probe(each.frame)], probes


def _without_copies(sightings: Iterable[Sighting]) -> list[Sighting]:
    """Each frame once, the copy at the VM's port before any other, in the order of time."""
    kept: list[Sighting] = []
    times: dict[Identity, list[int]] = {}
    for each in sightings:
        known = times.setdefault(each.key, [])
        place = bisect_left(known, each.at - COPY_TIME)
        if place == len(known) or known[place] > each.at + COPY_TIME:
            kept.append(each)
            insort(known, each.at)
    return sorted(kept, key=lambda each: each.at)


def _followed(
    traffic: Traffic, talk: Conversation, ears: Sequence[Ear], request: Sighting
) -> Asked:
    """Where the request was seen after the VM's port."""
    at = request.at
    copies = [
        each
        for each in traffic.copies(request, at - 2 * TOLERANCE, at + TOLERANCE + COPY_TIME)
        if each.kind == UPLINK
    ]
    left = tuple(each for each in copies if each.direction == TX and abs(each.at - at) <= TOLERANCE)
    sent = min((each.at for each in left), default=at)
    back = [
        each
        for each in copies
        if each.direction == RX and -TOLERANCE <= each.at - sent <= COPY_TIME
    ]
    on = {each.object for each in left}
    why_not = _why_not(ears, at, broadcast=request.frame.eth_dst == BROADCAST)
    return Asked(
        request,
        covered=talk.span is not None and talk.span[0] <= at and at + REPLY_TIME <= talk.span[1],
        why_not=why_not,
        left=left,
        reflected=tuple(each for each in back if each.object not in on),
        looped=tuple(each for each in back if each.object in on),
    )


def _why_not(ears: Sequence[Ear], at: int, *, broadcast: bool) -> str | None:
    for ear in ears:
        if ear.why_deaf is not None:
            return f"{ear.name}: {ear.why_deaf}"
        if at < ear.start:
            return f"{ear.name} did not listen yet"
        if at + REPLY_TIME > ear.end:
            return f"{ear.name} listened less than 2 s longer"
    return None if broadcast else "unicast: it only checks a known entry"


def _replies(traffic: Traffic, talk: Conversation) -> dict[tuple[str, str], list[Reply]]:
    """Replies to what was asked, by (target, asker), copies of one frame together."""
    wanted = {(each.frame.target_ip, each.frame.sender_ip) for each in talk.asked}
    replies: dict[tuple[str, str], list[Reply]] = {}
    open_replies: dict[tuple[str, ...], Reply] = {}
    for each in traffic.sightings:
        frame = each.frame
        key = (frame.sender_ip, frame.target_ip)
        ours = each.kind == UPLINK or each.object == talk.nic.point
        if frame.op != REPLY or each.direction != RX or key not in wanted or not ours:
            continue
        same = (*key, frame.sender_mac, frame.target_mac, frame.eth_src, frame.eth_dst)
        reply = open_replies.get(same)
        if reply is None or each.at - reply.at > TOLERANCE:
            reply = open_replies[same] = Reply([])
            replies.setdefault(key, []).append(reply)
        reply.copies.append(each)
    return replies
