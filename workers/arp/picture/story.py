"""A Judgement turned into what a picture shows: counts per direction, marks in time, and the ends.

Counted is what concerns the judged target: a point's counts less the exchanges with other targets.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from workers.arp.model import (
    Capture,
    Direction,
    Exchange,
    Judgement,
    PointCount,
    Uplink,
    Vnic,
)


class Kind(StrEnum):
    """What a mark in the time line stands for."""

    REQUEST = "request"
    REPLY = "reply"
    RETURNED = "own request came back"


@dataclass(frozen=True, slots=True)
class Lane:
    """One direction of one object; ``window`` is the time in which it listened.

    ``blind`` says why its silence proves nothing. ``returned`` are the VM's own requests that came
    back from the wire.
    """

    object: str
    direction: Direction
    blind: str | None
    requests: int = 0
    replies: int = 0
    returned: int = 0
    window: tuple[int, int] | None = None
    marks: tuple[tuple[Kind, int], ...] = ()

    @property
    def name(self) -> str:
        """``vmnic1-tx``, whatever file it was heard in."""
        return f"{self.object}-{self.direction}"


@dataclass(frozen=True, slots=True)
class Leg:
    """One uplink's way to its switch port and back.

    ``unanswered`` are requests that left here and whose reply surely came in nowhere. ``proven``:
    one came back or was answered from the wire, so that NIC, cable and port took it.
    """

    device: str
    uplink: Uplink | None
    out: Lane
    back: Lane
    unanswered: int
    proven: bool


@dataclass(frozen=True, slots=True)
class Story:
    """All that is drawn; ``elsewhere`` counts the VM's requests to other targets, left out."""

    judgement: Judgement
    nic: Vnic | None
    asked: Lane
    answered: Lane
    legs: tuple[Leg, ...]
    exchanges: tuple[Exchange, ...]
    elsewhere: int

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """Every direction of every object, as a frame meets them."""
        way = [lane for leg in self.legs for lane in (leg.out, leg.back)]
        return (self.asked, *way, self.answered) if self.asked.object else tuple(way)

    @property
    def left(self) -> int:
        """Requests handed to any uplink."""
        return sum(leg.out.requests for leg in self.legs)

    @property
    def came_back(self) -> int:
        """Replies that came in on any uplink."""
        return sum(leg.back.replies for leg in self.legs)

    @property
    def window(self) -> tuple[int, int] | None:
        """From the first moment that is drawn to the last."""
        times = [at for lane in self.lanes for at in lane.window or ()]
        times += [at for lane in self.lanes for _, at in lane.marks]
        return (min(times), max(times)) if times else None


def story_of(judgement: Judgement) -> Story:
    """Gather what is drawn, once."""
    nic = next((nic for nic in judgement.case.vm.nics if nic.point == judgement.nic), None)
    ours = [each for each in judgement.exchanges if _concerns(judgement, each)]
    others = [each for each in judgement.exchanges if not _concerns(judgement, each)]
    lane = partial(_lane, judgement, ours, others)
    legs = []
    for device in _devices(judgement, nic):
        uplink = next((u for u in judgement.case.host.uplinks if u.device == device), None)
        sent = [each for each in ours if device in each.left_on]
        unanswered = sum(
            each.eligible and not each.reply_on and not each.delivered for each in sent
        )
        proven = any(each.reflected_on or each.reply_on for each in sent)
        out, back = lane(device, Direction.TX), lane(device, Direction.RX)
        legs.append(Leg(device, uplink, out, back, unanswered, proven))
    asked, answered = lane(judgement.nic, Direction.TX), lane(judgement.nic, Direction.RX)
    return Story(judgement, nic, asked, answered, tuple(legs), tuple(ours), len(others))


def _concerns(judgement: Judgement, exchange: Exchange) -> bool:
    return judgement.target is None or exchange.request.target_ip == judgement.target


def _devices(judgement: Judgement, nic: Vnic | None) -> list[str]:
    """The uplinks of the adapter's switch and any other that carried something of the VM."""
    switch = nic.switch if nic else None
    named = [u.device for u in judgement.case.host.uplinks if switch in {None, u.switch}]
    busy = {
        device
        for each in judgement.exchanges
        for device in (*each.left_on, *each.reflected_on, *each.reply_on)
    }
    own = {vnic.point for vnic in judgement.case.vm.nics} | {judgement.nic}
    captured = [_object(point.point) for point in judgement.points]
    unlisted = sorted(busy) if named else sorted({*busy, *captured} - own)
    return list(dict.fromkeys([*named, *unlisted]))


def _object(point: str) -> str:
    name, dash, direction = point.rpartition("-")
    return name if dash and direction in set(Direction) else point


def _lane(
    judgement: Judgement,
    ours: list[Exchange],
    others: list[Exchange],
    thing: str,
    direction: Direction,
) -> Lane:
    at_port = thing == judgement.nic
    marks = tuple(_marks(ours, thing, direction, at_port=at_port))
    point = _point(judgement.points, thing, direction)
    if point is None:
        return Lane(thing, direction, "not captured", marks=marks)
    elsewhere = [kind for kind, _ in _marks(others, thing, direction, at_port=at_port)]
    counted = {kind: max(0, n - elsewhere.count(kind)) for kind, n in _counts(point, thing).items()}
    inward = direction is Direction.RX
    return Lane(
        thing,
        direction,
        point.why_blind or (None if point.heard else "not heard"),
        requests=0 if inward else counted[Kind.REQUEST],
        replies=counted[Kind.REPLY] if inward else 0,
        returned=counted[Kind.RETURNED] if inward else 0,
        window=_window(judgement.case.captures, point.point),
        marks=marks,
    )


def _counts(point: PointCount, thing: str) -> dict[Kind, int]:
    """A file that holds both directions counts the requests that came back among the requests."""
    mixed = point.point in {thing, f"{thing}-{Direction.BOTH}"}
    return {
        Kind.REQUEST: point.vm_requests - (point.reflections if mixed else 0),
        Kind.REPLY: point.vm_replies,
        Kind.RETURNED: point.reflections,
    }


def _point(points: Iterable[PointCount], thing: str, direction: Direction) -> PointCount | None:
    """The best point for this direction: one that was heard, one of its own before a mixed one."""
    names = [f"{thing}-{direction}", f"{thing}-{Direction.BOTH}", thing]
    found = [each for each in points if each.point in names]
    return min(found, key=lambda each: (not each.heard, names.index(each.point)), default=None)


def _window(captures: Iterable[Capture], point: str) -> tuple[int, int] | None:
    for each in captures:
        if each.point.name == point and each.ready_at is not None and each.stopped_at is not None:
            return each.ready_at, max(each.ready_at, each.stopped_at)
    return None


def _marks(
    exchanges: Iterable[Exchange], thing: str, direction: Direction, *, at_port: bool
) -> Iterable[tuple[Kind, int]]:
    """Where each exchange shows at this point: a reply at the time it was first seen."""
    for each in exchanges:
        asked = each.request.at
        replied = asked + (each.latency or 0)
        if direction is Direction.TX:
            if thing in each.left_on or thing == each.request.point.object:
                yield Kind.REQUEST, asked
            continue
        if thing in each.reflected_on:
            yield Kind.RETURNED, asked
        if thing in each.reply_on or (at_port and each.delivered):
            yield Kind.REPLY, replied
