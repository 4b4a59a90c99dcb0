"""One target's requests turned into groups by what became of them.

The law: a share is taken of one group only, chosen without a look at the outcome. A delivered reply
proves that one request was answered, wherever it was; it never improves a share.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise

from workers.arp.exchange.clock import TOLERANCE
from workers.arp.exchange.conversation import Conversation
from workers.arp.exchange.hearing import REPLY_TIME
from workers.arp.exchange.pairing import Asked, Reply
from workers.arp.exchange.sighting import REPLY, Sighting
from workers.arp.exchange.traffic import Traffic
from workers.arp.model import RX, SECOND, UPLINK, VNIC

OK_SHARE = 0.9
TURN_SHARE, TURN_LEAST = 0.95, 3  # what a change point wants of either side
_OUTAGE = 5  # so many lost in a row, and answers before and after, are no policer's choice
_BACK = SECOND // 4
_UNHEEDED = 4  # Linux: ucast_solicit is 3; whoever tries more often asks everybody afterwards
_UNHEEDED_ONCE = (
    10  # where it was answered again later: no kernel tries so often, whatever its settings
)
_LATER = SECOND // 50  # a network's copies of a reply lie closer together


class Outcomes:
    """What became of an adapter's requests for one target."""

    def __init__(
        self, traffic: Traffic, talk: Conversation, target: str, asked: Sequence[Asked], start: int
    ) -> None:
        self.traffic, self.talk, self.nic = traffic, talk, talk.nic
        self.target = target
        self.asked = list(asked)
        self.start = start

    @cached_property
    def telling(self) -> list[Asked]:
        """All whose outcome tells: a unicast request only checks a known entry, a broadcast follows.

        One whose reply was seen anywhere was answered, whether that was delivered or not.
        """
        return [each for each in self.asked if each.broadcast or each.replies]

    @cached_property
    def unheeded(self) -> list[Asked]:
        """The most unicast requests in a row that got no reply and that no broadcast followed.

        A kernel gives up after some and asks everybody when it has something to send; a tool goes on,
        and then an outage looks so.
        """
        port = self.talk.ear(self.nic.point, RX)
        runs: list[list[Asked]] = [[]]
        for each in self.asked:
            if each.broadcast or each.replies:
                if each.broadcast and runs[-1] and _soon(runs[-1][-1], each):
                    runs.pop()
                runs.append([])
            elif port.hears(each.request.at):
                runs[-1].append(each)
        *earlier, last = runs
        told = [run for run in earlier if len(run) >= _UNHEEDED_ONCE]
        told += [last] * (len(last) >= _UNHEEDED)
        return max(told, key=len, default=[])

    @cached_property
    def counted(self) -> list[Asked]:
        """Requests that every point which listened at all heard out: of them a loss is told."""
        return [each for each in self.telling if each.covered]

    @cached_property
    def at_port(self) -> list[Asked]:
        """Requests that the VM's own port heard out, whatever the uplinks did.

        All of them where none was heard out, or where all were answered, heard out or not.
        """
        if all(each.delivered for each in self.telling):
            return self.telling
        port = self.talk.ear(self.nic.point, RX)
        if port.why_deaf is not None:
            return self.counted or self.telling
        return [each for each in self.telling if port.hears(each.request.at)] or self.telling

    @cached_property
    def judged(self) -> list[Asked]:
        """The group of which the share is told."""
        return self.at_port if self.fine else self.counted or self.telling

    @cached_property
    def answered_of_judged(self) -> int:
        """How many of them were answered."""
        return sum(each.delivered is not None for each in self.judged)

    @cached_property
    def fine(self) -> bool:
        """Nine of ten were answered at the port, and nothing that came later says otherwise."""
        good = sum(each.delivered is not None for each in self.at_port)
        if not good or good < OK_SHARE * len(self.at_port):
            return False
        rest = self._heard_outside
        came = sum(bool(each.reply_on) for each in rest)
        return good + came >= OK_SHARE * (len(self.at_port) + len(rest))

    @cached_property
    def _heard_outside(self) -> list[Asked]:
        """Requests that the port did not hear out and the uplinks did, where replies come by uplinks."""
        if not any(each.reply_on for each in self.delivered):
            return []
        known = {id(each) for each in self.at_port}
        ears = [self.talk.ear(up, RX) for up in self.talk.uplinks]
        return [
            each
            for each in self.telling
            if id(each) not in known and all(ear.hears(each.request.at) for ear in ears)
        ]

    @cached_property
    def delivered(self) -> list[Asked]:
        """Requests whose reply was seen at the VM's port, whoever else listened."""
        return [each for each in self.asked if each.delivered]

    @cached_property
    def lost(self) -> list[Asked]:
        """Counted requests whose reply surely did not reach it."""
        return [each for each in self.counted if not each.delivered]

    @cached_property
    def outage(self) -> list[Asked]:
        """The lost requests where all of them lie in one piece, with answers before and after."""
        outcomes = [each.delivered is None for each in self.counted]
        if len(self.lost) < _OUTAGE or outcomes[0] or outcomes[-1]:
            return []
        first = outcomes.index(True)
        return self.lost if all(outcomes[first : first + len(self.lost)]) else []

    @cached_property
    def unanswered(self) -> int:
        """All broadcasts without a delivered reply, heard out or not."""
        return sum(each.broadcast and not each.delivered for each in self.asked)

    @cached_property
    def span(self) -> int:
        """From the first lost request to the last."""
        return self.lost[-1].request.at - self.lost[0].request.at if self.lost else 0

    @cached_property
    def undelivered(self) -> list[Asked]:
        """Lost requests whose reply was seen on an uplink."""
        return [each for each in self.lost if each.reply_on]

    @cached_property
    def replies(self) -> list[Reply]:
        """All replies the target's address sent to the VM."""
        return [reply for each in self.asked for reply in each.replies]

    @cached_property
    def extra(self) -> int:
        """Replies that came well after another of the same sender to the same request.

        A target answers once: each may be the answer to an older request, later than the next one.
        """
        times: dict[tuple[int, str], list[int]] = {}
        for number, asked in enumerate(self.asked):
            for reply in asked.replies if len(asked.replies) > 1 else ():
                times.setdefault((number, reply.frame.sender_mac), []).append(reply.at)
        return sum(b - a > _LATER for group in times.values() for a, b in pairwise(group))

    @cached_property
    def unpaired(self) -> list[Sighting]:
        """Replies of the target to the VM that belong to no request that was seen."""
        paired = {id(c) for each in self.talk.asked for r in each.replies for c in r.copies}
        return [
            each
            for kind in (UPLINK, VNIC)
            for each in self.traffic.at(kind, RX)
            if each.frame.op == REPLY
            and id(each) not in paired
            and each.frame.sender_ip == self.target
            and each.frame.eth_dst in self.talk.own_macs
            and each.at >= self.start
        ]

    @cached_property
    def delivered_unasked(self) -> bool:
        """Whether the port got a reply that no request was found for: then "not delivered" is unproven."""
        first = self.lost[0].request.at if self.lost else self.start
        return any(
            each.kind == VNIC and each.object == self.nic.point and each.at >= first - TOLERANCE
            for each in self.unpaired
        )

    @cached_property
    def seen_out(self) -> list[Asked]:
        """Lost requests that were seen on any uplink, on their way out or back."""
        return [e for e in self.lost if e.left or e.reflected or e.looped or e.reply_on]

    @cached_property
    def came_back_at_all(self) -> bool:
        """Whether any came in again, however late: then "never seen again" is unproven."""
        return any(
            each.direction == RX and each.kind == UPLINK
            for asked in self.asked
            for each in self.traffic.copies(
                asked.request, asked.request.at - _BACK, asked.request.at + _BACK
            )
        )

    @cached_property
    def reflected(self) -> list[Asked]:
        """Requests that came back on a sibling uplink."""
        return [each for each in self.asked if each.reflected]


def _soon(one: Asked, other: Asked) -> bool:
    return other.request.at - one.request.at <= REPLY_TIME
