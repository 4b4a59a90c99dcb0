"""Finds what each captured frame was in the story of the VM's requests.

The judge's exchanges name one frame of each request and reply. The copies of it at other capture
points are recognised by their content and, among equal ones, by the nearest time: a guest asks once
a second, a copy is microseconds away.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from workers.arp.decode import ArpReader
from workers.arp.model import (
    SECOND,
    ArpFrame,
    Capture,
    CapturePoint,
    Direction,
    Exchange,
    Judgement,
    PointKind,
)

_REQUEST: Final = 1
_REPLY: Final = 2
_COPY_WITHIN: Final = SECOND // 2
_REPLY_WITHIN: Final = 5 * SECOND
_NO_ADDRESS: Final = "0.0.0.0"  # noqa: S104  RFC 5227's probe, no address to bind to


@dataclass(frozen=True, slots=True)
class Sighting:
    """One captured ARP frame, the bytes it had, and its role; ``role`` empty = not the VM's."""

    capture: Capture
    frame: ArpFrame
    link: int
    raw: bytes
    role: str
    ours: bool
    exchange: int | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """A judgement with all its frames in the order of time."""

    judgement: Judgement
    captures: tuple[Capture, ...]
    links: Mapping[str, tuple[int, ...]]
    """The link types found at each point."""
    sightings: tuple[Sighting, ...]

    @classmethod
    def of(cls, judgement: Judgement, content: Mapping[str, bytes]) -> Evidence:
        """Read the captures, whose ``file`` is a key of ``content``, once more."""
        story = _Story(judgement)
        sightings: list[Sighting] = []
        links: dict[str, tuple[int, ...]] = {}
        kept = [c for c in judgement.case.captures if c.file is not None and c.file in content]
        for capture in kept:
            reader = ArpReader(capture.point, keep_bytes=True)
            reader.feed(content[capture.file or ""])
            links[capture.point.name] = tuple(sorted({link for link, _ in reader.originals}))
            for frame, (link, raw) in zip(reader.frames, reader.originals, strict=True):
                number, role, ours = story.role(frame)
                sightings.append(Sighting(capture, frame, link, raw, role, ours, number))
        far = _far_sightings(judgement, story, content)
        for capture, found_links, found in far:
            kept.append(capture)
            links[capture.point.name] = found_links
            sightings += found
        order = {capture.point.name: n for n, capture in enumerate(kept)}
        sightings.sort(key=lambda s: (s.frame.at, order[s.frame.point.name], s.frame.number))
        return cls(judgement, tuple(kept), links, tuple(sightings))


def _far_sightings(
    judgement: Judgement, story: _Story, content: Mapping[str, bytes]
) -> Iterator[tuple[Capture, tuple[int, ...], list[Sighting]]]:
    """The far end's frames under names that begin with ``far:``, on the near host's clock."""
    far = judgement.case.far_end
    ahead = far.clock.ahead if far is not None and far.clock is not None else 0
    for capture in far.captures if far is not None else ():
        if capture.file is None or capture.file not in content:
            continue
        reader = ArpReader(capture.point, keep_bytes=True)
        reader.feed(content[capture.file])
        point = far_point(capture.point)
        found = []
        for frame, (link, raw) in zip(reader.frames, reader.originals, strict=True):
            moved = frame._replace(point=point, at=max(0, frame.at - ahead))
            number, role, ours = story.far_role(moved)
            found.append(Sighting(capture, moved, link, raw, role, ours, number))
        links = tuple(sorted({link for link, _ in reader.originals}))
        yield replace(capture, point=point), links, found


def far_point(point: CapturePoint) -> CapturePoint:
    """A far end's capture point beside the near end's: ``far:vmnic0-rx``."""
    return replace(point, name=f"far:{point.name}", object=f"far:{point.object}")


class _Story:
    """The VM's requests in order, ready to tell which of them a frame belongs to."""

    def __init__(self, judgement: Judgement) -> None:
        nics = judgement.case.vm.nics
        self._macs = {nic.mac for nic in nics}
        self._ips = {address.partition("/")[0] for nic in nics for address in nic.ipv4}
        self._exchanges = judgement.exchanges
        self._asked: dict[str, list[tuple[int, int]]] = defaultdict(list)
        self._exact: dict[tuple[str, int], int] = {}
        for number, exchange in enumerate(judgement.exchanges):
            request, reply = exchange.request, exchange.reply
            self._macs.add(request.sender_mac)
            self._asked[request.target_ip].append((request.at, number))
            self._exact[request.point.name, request.number] = number
            if reply is not None:
                self._exact[reply.point.name, reply.number] = number
        for asked in self._asked.values():
            asked.sort()

    def role(self, frame: ArpFrame) -> tuple[int | None, str, bool]:
        """The exchange's number, the sentence about this frame, and whether it is the VM's."""
        sent = frame.eth_src in self._macs or frame.sender_mac in self._macs
        if frame.op == _REQUEST and sent:
            return self._request(frame)
        if frame.op == _REPLY and (frame.target_mac in self._macs or frame.target_ip in self._ips):
            return self._reply(frame)
        if sent:
            return None, "the VM answers" if frame.op == _REPLY else "the VM announces itself", True
        if frame.target_ip in self._ips and frame.op == _REQUEST:
            return None, "somebody asks for the VM", True
        return None, "", False

    def far_role(self, frame: ArpFrame) -> tuple[int | None, str, bool]:
        """The same for a frame of the far end, whose clock is only known within bounds."""
        asked = self._asked.get(frame.target_ip if frame.op == _REQUEST else frame.sender_ip, [])
        request = frame.op == _REQUEST and frame.sender_mac in self._macs and bool(asked)
        if not request and not (frame.op == _REPLY and frame.target_mac in self._macs and asked):
            return None, "", False
        number = self._find(frame, _COPY_WITHIN if request else _REPLY_WITHIN, after=request)
        name = "a request of the VM" if number is None else self._name(number)
        verb = "seen" if request else "its reply seen"
        return number, f"{name}: {verb} at the far end, {frame.point.name}", True

    def _name(self, number: int) -> str:
        return f"request {number + 1} of {len(self._exchanges)}"

    def _request(self, frame: ArpFrame) -> tuple[int | None, str, bool]:
        if frame.sender_ip in {_NO_ADDRESS, frame.target_ip}:
            kind = "probe" if frame.sender_ip == _NO_ADDRESS else "announcement"
            return None, f"the VM's {kind}, which expects no answer", True
        number = self._find(frame, _COPY_WITHIN, after=True)
        if number is None:
            return None, "a request of the VM, not counted", True
        name = self._name(number)
        return number, f"{name}: {_request_words(frame, self._exchanges[number])}", True

    def _reply(self, frame: ArpFrame) -> tuple[int | None, str, bool]:
        number = self._find(frame, _REPLY_WITHIN, after=False)
        if number is None:
            return None, "a reply to the VM, to no request that was counted", True
        name = self._name(number)
        where = (
            "delivered to the VM"
            if frame.point.kind is PointKind.VNIC
            else f"seen on {frame.point.object}"
        )
        return number, f"reply to {name}, {where}", True

    def _find(self, frame: ArpFrame, within: int, *, after: bool) -> int | None:
        """The exchange this frame belongs to: the judge's own, else the nearest in time."""
        exact = self._exact.get((frame.point.name, frame.number))
        if exact is not None:
            return exact
        asked = self._asked.get(frame.target_ip if after else frame.sender_ip, [])
        at = bisect_left(asked, (frame.at + (0 if after else 1), -1))
        near = asked[max(0, at - 1) : at + (1 if after else 0)]
        close = [(abs(frame.at - when), number) for when, number in near]
        distance, number = min(close, default=(within + 1, 0))
        return number if distance <= within else None


def _request_words(frame: ArpFrame, exchange: Exchange) -> str:
    point = frame.point
    if point.kind is PointKind.UPLINK and frame.direction is Direction.TX:
        return f"handed to {point.object}, {_answer_words(exchange)}"
    if point.kind is PointKind.UPLINK and frame.direction is Direction.RX:
        return f"its reflection came in on {point.object}"
    if point.kind is PointKind.UPLINK:
        return f"on {point.object}, {_answer_words(exchange)}"
    left = f"left on {_listed(exchange.left_on)}" if exchange.left_on else "seen on no uplink"
    return f"{left}, {_answer_words(exchange)}"


def _answer_words(exchange: Exchange) -> str:
    if exchange.delivered:
        via = f" over {_listed(exchange.reply_on)}" if exchange.reply_on else ""
        return f"reply delivered{via}"
    if exchange.reply_on:
        return f"reply on {_listed(exchange.reply_on)}, not seen delivered"
    return "no reply on any uplink"


def _listed(names: Sequence[str]) -> str:
    return " and ".join(names)
