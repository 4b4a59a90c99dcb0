"""A near judgement and the far end's frames turned into the way of the requests, place by place."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from workers.arp.exchange.hearing import REPLY_TIME, Ear, uplinks_of
from workers.arp.exchange.pairing import ANSWER_TIME
from workers.arp.exchange.sighting import COPY_TIME, Sighting
from workers.arp.exchange.traffic import Traffic, traffic_of
from workers.arp.model import (
    MILLISECOND,
    RX,
    SECOND,
    TX,
    UPLINK,
    VNIC,
    Case,
    ClockGap,
    Direction,
    Exchange,
    FarEnd,
    Heard,
    Judgement,
    Passage,
    PointCount,
    PointKind,
    Vnic,
)
from workers.arp.model.values import dataclass

LEAST_REQUESTS = 5
LEAST_SPAN = 4 * SECOND
MOST_SHARE = 0.9

REQUEST, REPLY = 1, 2
_TRANSIT = 500 * MILLISECOND  # a guest asks again after a second; a layer-2 path takes milliseconds


@dataclass(slots=True)
class Place:
    """One far place: what was seen there, and why what is missing there may prove nothing."""

    sightings: list[Sighting]
    why_blind: str | None
    matched: frozenset[int] = frozenset()

    @property
    def where(self) -> tuple[str, ...]:
        """The objects it was seen on."""
        return tuple(sorted({each.object for each in self.sightings}))


class Way:
    """The counted requests for the far VM, and what was seen of them at each place."""

    def __init__(self, near: Judgement, far: FarEnd, traffic: Traffic) -> None:
        self.near, self.far, self.traffic = near, far, traffic
        self.gap = far.clock or ClockGap(0, 0)
        self.nic = _nic_asked_for(near, far)
        self.uplinks = uplinks_of(_far_case(near, far), self.nic.switch if self.nic else None)
        own = next((nic for nic in near.case.vm.nics if nic.point == near.nic), None)
        self.near_nic = own
        self.addresses = _addresses([self.nic] if self.nic else [])
        self.asked = [e for e in near.exchanges if e.request.target_ip in self.addresses]
        self.counted = [e for e in self.asked if e.eligible and self._heard_out(e.request.at)]
        self.arrived = self._requests(UPLINK)
        self.delivered = self._requests(VNIC)
        self.answered = self._replies(VNIC)
        self.left = self._replies(UPLINK)

    # --- what may be concluded

    @property
    def enough(self) -> bool:
        """Whether the requests that both ends heard out can name a fault."""
        times = [each.request.at for each in self.counted]
        return len(times) >= LEAST_REQUESTS and times[-1] - times[0] >= LEAST_SPAN

    def all_seen(self, place: Place) -> bool:
        """Nearly every counted request, or its reply, was seen there."""
        return len(place.matched) >= MOST_SHARE * len(self.counted)

    def none_seen(self, place: Place) -> bool:
        """None was ever seen there, and everything that had to hear it listened."""
        return place.why_blind is None and not place.sightings

    @property
    def handed(self) -> list[Exchange]:
        """Counted requests that were handed to an uplink of the near host."""
        return [each for each in self.counted if each.left_on]

    @property
    def came_back(self) -> list[Exchange]:
        """Counted requests whose reply arrived on an uplink of the near host."""
        return [each for each in self.counted if each.reply_on]

    @property
    def done(self) -> list[Exchange]:
        """Counted requests whose reply reached the VM's port."""
        return [each for each in self.counted if each.delivered]

    def ear(self, thing: str, way: Direction) -> Ear:
        """One of the far host's ears, deaf where nobody listened."""
        missing = Ear(thing, way, f"{thing}-{way}", why_deaf="it was not captured")
        return self.traffic.ears.get((thing, way), missing)

    # --- how it is told

    @cached_property
    def passages(self) -> tuple[Passage, ...]:
        """The places in the order a frame travels."""
        if not self.asked:
            return ()
        total = len(self.counted)
        out = {device for each in self.handed for device in each.left_on}
        back = {device for each in self.came_back for device in each.reply_on}
        port = (self.near.nic,)
        return (
            Passage("request_left", len(self.handed), total, tuple(sorted(out))),
            self._passage("request_arrived", self.arrived),
            self._passage("request_delivered", self.delivered),
            self._passage("answered", self.answered),
            self._passage("reply_left", self.left),
            Passage("reply_arrived", len(self.came_back), total, tuple(sorted(back))),
            Passage("reply_delivered", len(self.done), total, port if self.done else ()),
        )

    def _passage(self, stage: str, place: Place) -> Passage:
        seen, total = len(place.matched), len(self.counted)
        return Passage(stage, seen, total, place.where, place.why_blind)

    @cached_property
    def points(self) -> tuple[PointCount, ...]:
        """What each far point heard of the VM's requests for the far VM, and of its replies."""
        requests, replies = (
            self._by_point(self.arrived, self.delivered),
            self._by_point(self.answered, self.left),
        )
        counts = []
        for capture in self.far.captures:
            point = capture.point
            ears = [ear for ear in self.traffic.ears.values() if ear.point == point.name]
            why = next((ear.why_deaf for ear in ears if ear.why_deaf), None)
            asked, said = requests.get(point.name, 0), replies.get(point.name, 0)
            total = sum(each.frame.point.name == point.name for each in self.traffic.sightings)
            counts.append(
                PointCount(point.name, why is None, why, asked, said, 0, total - asked - said)
            )
        return tuple(counts)

    @staticmethod
    def _by_point(*places: Place) -> dict[str, int]:
        counts: dict[str, int] = {}
        for place in places:
            for each in place.sightings:
                name = each.frame.point.name
                counts[name] = counts.get(name, 0) + 1
        return counts

    # --- how it is found

    def _far_time(self, at: int) -> int:
        return at + self.gap.ahead

    def _heard_out(self, at: int) -> bool:
        """Whether every far point that listened at all surely listened for this request."""
        if self.far.clock is None:
            return False
        then = self._far_time(at) - self.gap.uncertainty
        span = REPLY_TIME + 2 * self.gap.uncertainty
        needed = [self.ear(*key) for key in self._needed()]
        return all(ear.hears(then, span) for ear in needed if ear.why_deaf is None)

    def _needed(self) -> Iterator[tuple[str, Direction]]:
        for way in (TX, RX):
            yield from ((thing, way) for thing in (*self._ports(), *self.uplinks))

    def _ports(self) -> list[str]:
        """The far VM's ports: it may answer from another adapter than the one that was asked."""
        return [n.point for n in self.far.vm.nics if n.connected and n.backing == "port"]

    def _requests(self, kind: PointKind) -> Place:
        wanted = {_question(each) for each in self.asked}
        port = self.nic.point if self.nic else ""
        seen = [
            each
            for each in self.traffic.at(kind, RX)
            if each.frame.op == REQUEST
            and (each.frame.sender_mac, each.frame.sender_ip, each.frame.target_ip) in wanted
            and (kind is UPLINK or each.object == port)
        ]
        things = self.uplinks if kind is UPLINK else (port,)
        return self._place(seen, things, RX, _TRANSIT)

    def _replies(self, kind: PointKind) -> Place:
        wanted = {(each.request.target_ip, each.request.sender_ip) for each in self.asked}
        seen = [
            each
            for each in self.traffic.at(kind, TX)
            if each.frame.op == REPLY and (each.frame.sender_ip, each.frame.target_ip) in wanted
        ]
        things = self.uplinks if kind is UPLINK else self._ports()
        return self._place(seen, things, TX, ANSWER_TIME)

    def _place(
        self, seen: list[Sighting], things: Sequence[str], way: Direction, within: int
    ) -> Place:
        deaf = [self.ear(thing, way) for thing in things]
        why = next((f"{ear.name}: {ear.why_deaf}" for ear in deaf if ear.why_deaf), None)
        if not things:
            why = "nobody told which points there are"
        if self.traffic.clock.unsure:
            why = "the streams' clocks disagree and none is right by majority"
        if self.far.clock is None:
            why = why or "the two hosts' clocks were not compared"
        times = [self._far_time(each.request.at) for each in self.counted]
        return Place(seen, why, _matched(times, seen, self.gap.uncertainty, within))


def way_of(near: Judgement, far: FarEnd, heard: Sequence[Heard]) -> Way:
    """Follow the near VM's requests through the far host."""
    return Way(near, far, traffic_of(_far_case(near, far), heard))


def _far_case(near: Judgement, far: FarEnd) -> Case:
    return Case(near.case.id, None, far.vm, far.host, captures=far.captures)


def _nic_asked_for(near: Judgement, far: FarEnd) -> Vnic | None:
    """The far adapter with the address that was asked for; the verdict's target comes first."""
    asked = [near.target, *near.case.stimulus.targets]
    asked += [each.request.target_ip for each in near.exchanges]
    for target in asked:
        for nic in far.vm.nics:
            if target in _addresses([nic]):
                return nic
    return None


def _addresses(nics: Iterable[Vnic]) -> frozenset[str]:
    return frozenset(address.partition("/")[0] for nic in nics for address in nic.ipv4)


def _question(exchange: Exchange) -> tuple[str, str, str]:
    request = exchange.request
    return request.sender_mac, request.sender_ip, request.target_ip


def _matched(
    times: Sequence[int], seen: Iterable[Sighting], before: int, after: int
) -> frozenset[int]:
    """Which of the requests were seen, one sighting for one request, copies together.

    ``times`` are on the far host's clock, as well as it is known; a sighting belongs to the newest
    open request that lies at most ``before`` later or ``before`` and ``after`` earlier.
    """
    matched: set[int] = set()
    for at in _apart(sorted(each.at for each in seen)):
        newest = bisect_left(times, at + before + 1) - 1
        oldest = at - after - before
        least = bisect_left(times, oldest)
        index = next((i for i in range(newest, least - 1, -1) if i not in matched), None)
        if index is not None:
            matched.add(index)
    return frozenset(matched)


def _apart(times: Sequence[int]) -> Iterator[int]:
    """One time for all copies of a frame: a broadcast comes in on every uplink."""
    last: int | None = None
    for at in times:
        if last is None or at - last > COPY_TIME:
            yield at
            last = at
