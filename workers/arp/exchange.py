"""Sightings turned into one adapter's exchanges: each request, where it went, and its one reply.

One reply answers one request (RFC 826 keeps no count, a guest asks again every second): a reply
goes to the newest request before it, and to an older one only where it came more than a second
after every request.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from workers.arp.clock import Identity, identity
from workers.arp.hearing import REPLY_TIME, Ear, span_of, uplinks_of
from workers.arp.model import (
    BROADCAST,
    MILLISECOND,
    SECOND,
    ArpFrame,
    Case,
    Direction,
    Exchange,
    PointKind,
    Vnic,
)
from workers.arp.traffic import COPY_TIME, Sighting, Traffic

REQUEST, REPLY = 1, 2
ANSWER_TIME = 5 * SECOND
LATE = SECOND
_JITTER = MILLISECOND // 5  # between the clocks of two CPUs
_WRONG_PORT = 3

EarKey = tuple[str, Direction]


@dataclass(slots=True)
class Reply:
    """One reply frame with all its copies, the earliest first."""

    copies: list[Sighting]
    late: bool = False

    @property
    def frame(self) -> ArpFrame:
        """The earliest copy."""
        return self.copies[0].frame

    @property
    def at(self) -> int:
        """When its earliest copy was seen."""
        return self.copies[0].at

    @property
    def on_uplinks(self) -> list[Sighting]:
        """Its copies that came in from outside."""
        return [each for each in self.copies if each.kind == PointKind.UPLINK]


@dataclass(slots=True)
class Asked:
    """One request of the adapter and all that became of it."""

    request: Sighting
    covered: bool
    why_not: str | None
    left: tuple[Sighting, ...] = ()
    reflected: tuple[Sighting, ...] = ()
    looped: tuple[Sighting, ...] = ()
    replies: list[Reply] = field(default_factory=list)
    delivered: Sighting | None = None

    @property
    def frame(self) -> ArpFrame:
        """The request itself."""
        return self.request.frame

    @property
    def broadcast(self) -> bool:
        """A unicast request only checks a known entry; a broadcast follows where it fails."""
        return self.request.frame.eth_dst == BROADCAST

    @property
    def reply_on(self) -> tuple[str, ...]:
        """The uplinks its reply came in on."""
        return _objects(copy for reply in self.replies for copy in reply.on_uplinks)

    def told(self) -> Exchange:
        """The same, as the report tells it."""
        reply = self.replies[0] if self.replies else None
        seen = self.delivered or (reply.copies[0] if reply else None)
        return Exchange(
            request=self.frame,
            eligible=self.why_not is None,
            why_not=self.why_not,
            left_on=_objects(self.left),
            reflected_on=_objects(self.reflected),
            reply_on=self.reply_on,
            delivered=self.delivered is not None,
            latency=max(0, seen.at - self.request.at) if seen else None,
            reply=seen.frame if seen else None,
        )


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
        both = (Direction.TX, Direction.RX)
        return [(thing, way) for thing in (self.nic.point, *self.uplinks) for way in both]

    def ear(self, thing: str, way: Direction) -> Ear:
        """The ear, deaf where nobody listened."""
        missing = Ear(thing, way, f"{thing}-{way}", why_deaf="it was not captured")
        return self.ears.get((thing, way), missing)


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
        _believed(traffic, nic),
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
    talk.asked = [_followed(traffic, talk, each) for each in requests]
    _answer(talk.asked, _replies(traffic, talk), nic.mac)
    return talk


def is_probe(frame: ArpFrame) -> bool:
    """RFC 5227: a probe has no sender address, an announcement asks for its own."""
    return frame.sender_ip in {"0.0.0.0", frame.target_ip}


def _own_macs(traffic: Traffic, nic: Vnic) -> frozenset[str]:
    sent = [
        each.frame for each in traffic.at(PointKind.VNIC, Direction.TX) if each.object == nic.point
    ]
    return frozenset({nic.mac, *(f.eth_src for f in sent), *(f.sender_mac for f in sent)})


def _believed(traffic: Traffic, nic: Vnic) -> dict[EarKey, Ear]:
    """The ears, without a VM port that shows nothing of what an uplink shows the VM sent."""
    key = (nic.point, Direction.TX)
    own = [each for each in traffic.at(PointKind.VNIC, Direction.TX) if each.object == nic.point]
    left = [
        each
        for each in traffic.at(PointKind.UPLINK, Direction.TX)
        if each.frame.eth_src == nic.mac and not each.inferred and each.frame.op == REQUEST
    ]
    ears = dict(traffic.ears)
    if key in ears and not own and len(left) >= _WRONG_PORT:
        ears[key] = replace(ears[key], why_deaf="it shows nothing of what the VM sent")
    return ears


def _requests(traffic: Traffic, talk: Conversation) -> tuple[list[Sighting], list[Sighting]]:
    """The adapter's requests and its probes, from its own port where that listened."""
    port = talk.ear(talk.nic.point, Direction.TX)
    found = [
        each
        for each in traffic.sightings
        if each.direction == Direction.TX
        and each.frame.op == REQUEST
        and (
            each.object == talk.nic.point
            if each.kind == PointKind.VNIC
            else not port.hears(each.at, 0)
            and talk.nic.mac in {each.frame.eth_src, each.frame.sender_mac}
        )
    ]
    once = [each for each in found if each.kind == PointKind.VNIC]
    once += _without_copies(each for each in found if each.kind != PointKind.VNIC)
    once.sort(key=lambda each: each.at)
    probes = [each for each in once if is_probe(each.frame)]
    return [each for each in once if not is_probe(each.frame)], probes


def _without_copies(sightings: Iterable[Sighting]) -> Iterator[Sighting]:
    last: dict[Identity, int] = {}
    for each in sightings:
        key = identity(each.frame)
        if each.at - last.get(key, -ANSWER_TIME) > COPY_TIME:
            yield each
        last[key] = each.at


def _followed(traffic: Traffic, talk: Conversation, request: Sighting) -> Asked:
    """Where the request was seen after the VM's port."""
    at = request.at
    copies = [
        each
        for each in traffic.copies(
            request.frame, at - COPY_TIME // 2, at + COPY_TIME + COPY_TIME // 2
        )
        if each.kind == PointKind.UPLINK
    ]
    left = tuple(each for each in copies if each.direction == Direction.TX)
    sent = min((each.at for each in left), default=at)
    back = [
        each
        for each in copies
        if each.direction == Direction.RX and -_JITTER <= each.at - sent <= COPY_TIME
    ]
    on = {each.object for each in left}
    why_not = _why_not(talk, at, broadcast=request.frame.eth_dst == BROADCAST)
    return Asked(
        request,
        covered=talk.span is not None and talk.span[0] <= at and at + REPLY_TIME <= talk.span[1],
        why_not=why_not,
        left=left,
        reflected=tuple(each for each in back if each.object not in on),
        looped=tuple(each for each in back if each.object in on),
    )


def _why_not(talk: Conversation, at: int, *, broadcast: bool) -> str | None:
    for key in talk.needed:
        ear = talk.ear(*key)
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
        ours = each.kind == PointKind.UPLINK or each.object == talk.nic.point
        if frame.op != REPLY or each.direction != Direction.RX or key not in wanted or not ours:
            continue
        same = (*key, frame.sender_mac, frame.target_mac, frame.eth_src, frame.eth_dst)
        reply = open_replies.get(same)
        if reply is None or each.at - reply.at > COPY_TIME:
            reply = open_replies[same] = Reply([])
            replies.setdefault(key, []).append(reply)
        reply.copies.append(each)
    return replies


def _answer(
    asked: Sequence[Asked], replies: dict[tuple[str, str], list[Reply]], nic_mac: str
) -> None:
    """Give each reply to one request."""
    by_key: dict[tuple[str, str], list[Asked]] = {}
    for each in asked:
        by_key.setdefault((each.frame.target_ip, each.frame.sender_ip), []).append(each)
    for key, group in by_key.items():
        times = [each.request.at for each in group]
        first_open = 0
        for reply in replies.get(key, ()):
            index = bisect_right(times, reply.at + _JITTER) - 1
            if index < 0 or reply.at - times[index] > ANSWER_TIME:
                continue
            reply.late = reply.at - times[index] > LATE
            chosen = group[index]
            if chosen.replies and reply.late:
                oldest = reply.at - ANSWER_TIME
                while first_open < index and (
                    times[first_open] < oldest or group[first_open].replies
                ):
                    first_open += 1
                chosen = group[first_open]
            _take(chosen, reply, nic_mac)


def _take(asked: Asked, reply: Reply, nic_mac: str) -> None:
    asked.replies.append(reply)
    for copy in reply.copies:
        reached = {asked.frame.eth_src, nic_mac, BROADCAST}
        if copy.kind == PointKind.VNIC and copy.frame.eth_dst in reached:
            asked.delivered = asked.delivered or copy


def _objects(sightings: Iterable[Sighting]) -> tuple[str, ...]:
    return tuple(sorted({each.object for each in sightings}))
