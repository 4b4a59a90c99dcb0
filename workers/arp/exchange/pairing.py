"""Requests and replies turned into pairs: one reply answers one request.

RFC 826 keeps no count and a guest asks again every second, so a reply goes to the newest request
before it, and to an older one only where it came more than a second after every request. Within the
clock's tolerance order proves nothing: a reply may be stamped a little before its request.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import field

from workers.arp.exchange.clock import TOLERANCE
from workers.arp.exchange.sighting import Sighting
from workers.arp.model import BROADCAST, SECOND, UPLINK, VNIC, ArpFrame, Exchange
from workers.arp.model.values import dataclass

ANSWER_TIME = 5 * SECOND
LATE = SECOND


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
        return [each for each in self.copies if each.kind == UPLINK]


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
        if not self.replies:
            return ()
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


Passes = Callable[[Asked, Reply], bool]


def pair(
    asked: Sequence[Asked],
    replies: dict[tuple[str, str], list[Reply]],
    nic_mac: str,
    passes: Passes = lambda _asked, _reply: True,
) -> None:
    """Give each reply to one request, by (target, asker).

    ``passes`` says whether a reply that was seen on its way to the VM surely got there.
    """
    by_key: dict[tuple[str, str], list[Asked]] = {}
    for each in asked:
        by_key.setdefault((each.frame.target_ip, each.frame.sender_ip), []).append(each)
    for key, group in by_key.items():
        times = [each.request.at for each in group]
        first_open = 0
        for reply in replies.get(key, ()):
            index = bisect_right(times, reply.at + TOLERANCE) - 1
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
            _take(chosen, reply, nic_mac, passes)


def _take(asked: Asked, reply: Reply, nic_mac: str, passes: Passes) -> None:
    asked.replies.append(reply)
    if not passes(asked, reply):
        return
    for copy in reply.copies:
        reached = {asked.frame.eth_src, nic_mac, BROADCAST}
        if copy.kind == VNIC and copy.frame.eth_dst in reached:
            asked.delivered = asked.delivered or copy


def _objects(sightings: Iterable[Sighting]) -> tuple[str, ...]:
    return tuple(sorted({each.object for each in sightings}))
