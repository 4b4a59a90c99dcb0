"""A Story turned into the path: guest, VM port, virtual switch, then a row for each uplink."""

from __future__ import annotations

from dataclasses import replace

from workers.arp.model import Owner, Role
from workers.arp.picture.ends import End, ends_of
from workers.arp.picture.head import MARGIN
from workers.arp.picture.pen import (
    BLUE,
    GREEN,
    GREY,
    INK,
    PALE,
    PAPER,
    RED,
    SHAPE_COLOURS,
    Pen,
)
from workers.arp.picture.story import Lane, Leg, Story

_BLAME = "#FBE6DA"
_DEVICE, _ARROWS, _PORT, _NETWORK = (74, 166), (240, 334), (574, 206), (796, 176)  # left, width
_LANE = 46


def draw_path(pen: Pen, story: Story, y: float) -> float:
    """Draw it from ``y`` down; gives where it ends."""
    ends = {end.place: end for end in ends_of(story)}
    y = _guest(pen, story, ends.get("guest"), y + 12)
    y = _port(pen, story, y)
    y = _switch(pen, story, ends.get("switch"), y)
    top = y
    for leg in story.legs:
        y = _leg(pen, story, leg, ends.get(leg.device), y + 16)
    if story.legs:
        _network(pen, story, top + 16, y)
        pen.line([(48, top), (48, y - 60)], GREY)
    else:
        pen.text((MARGIN, y + 30), "No uplinks are known.", 26, colour=GREY)
        y += 56
    return y + 10


def _wide_box(pen: Pen, y: float, height: float, *, blamed: bool) -> None:
    face, edge = (_BLAME, RED) if blamed else (PALE, GREY)
    size = (pen.width - 2 * MARGIN, height)
    pen.box((MARGIN, y), size, face=face, edge=edge, line=5 if blamed else 2)


def _named(pen: Pen, y: float, title: str, words: str, width: float) -> None:
    used = pen.text((MARGIN + 16, y), title, 28, bold=True)
    pen.text((MARGIN + 32 + used, y), words, 26, colour=INK, width=width - used - 48)


def _end(pen: Pen, end: End, right: float, y: float, width: float) -> None:
    """The sign and its words, ending at ``right``."""
    used = pen.text(
        (right, y),
        end.words,
        28,
        colour=SHAPE_COLOURS[end.shape],
        bold=True,
        align="right",
        width=width - 50,
        name=f"end {end.place}",
    )
    pen.sign((right - used - 32, y), end.shape, 20)


def _guest(pen: Pen, story: Story, end: End | None, y: float) -> float:
    blamed = story.judgement.verdict.owner is Owner.GUEST
    _wide_box(pen, y, 64, blamed=blamed)
    address = story.nic.ipv4[0] if story.nic and story.nic.ipv4 else ""
    room = pen.width - 2 * MARGIN
    words = f"{story.judgement.case.vm.name}  {address}"
    _named(pen, y + 32, "GUEST", words, room - (430 if end else 0))
    if end:
        _end(pen, end, pen.width - MARGIN - 16, y + 32, 430)
    return y + 64


def _port(pen: Pen, story: Story, y: float) -> float:
    """The two arrows between guest and port are what the port's capture points heard."""
    bottom = y + 84
    _upright(pen, story.asked, 180, (y, bottom), down=True)
    _upright(pen, story.answered, 600, (y, bottom), down=False)
    return bottom


def _upright(pen: Pen, lane: Lane, x: float, span: tuple[float, float], *, down: bool) -> None:
    count = lane.requests if down else lane.replies
    top, bottom = span
    words = _counted(lane, count, "request" if down else "reply")
    if lane.blind:
        pen.hatch((x - 30, top + 8), (60, bottom - top - 16))
    colour = (BLUE if down else GREEN) if count else GREY
    tip, start = (bottom - 4, top + 4) if down else (top + 4, bottom - 4)
    way = 1 if down else -1
    if count:
        pen.line([(x, start), (x, tip - 14 * way)], colour, 7)
        pen.head((x, tip), (0, way), colour)
    elif not lane.blind:
        pen.line([(x, start), (x, tip)], colour, 3, dashed=True)
    pen.text((x + 42, (top + bottom) / 2), words, 32, colour=colour, bold=True, name=lane.name)


def _counted(lane: Lane, count: int, what: str) -> str:
    plural = what if count == 1 else {"reply": "replies"}.get(what, f"{what}s")
    if not lane.blind:
        return f"{count} {plural}"
    return f"BLIND, {count} seen" if count else "BLIND"


def _switch(pen: Pen, story: Story, end: End | None, y: float) -> float:
    blamed = story.judgement.verdict.owner is Owner.VIRTUALIZATION
    height = 152 if end else 106
    _wide_box(pen, y, height, blamed=blamed)
    nic, room = story.nic, pen.width - 2 * MARGIN
    group = f"port group {nic.portgroup}" if nic and nic.portgroup else ""
    vlan = f"VLAN {nic.vlan.id}" if nic and nic.vlan.id is not None else ""
    port = ", ".join(filter(None, [story.judgement.nic, group, vlan]))
    _named(pen, y + 30, "VM PORT", port, room)
    pen.line([(MARGIN + 6, y + 54), (pen.width - MARGIN - 6, y + 54)], GREY, 1)
    _named(pen, y + 80, "vSWITCH", (nic.switch if nic and nic.switch else ""), room)
    if end:
        _end(pen, end, pen.width - MARGIN - 16, y + 124, room - 20)
    return y + height


def _leg(pen: Pen, story: Story, leg: Leg, end: End | None, y: float) -> float:
    apart = end is not None and (leg.back.replies > 0 or leg.back.blind is not None)
    height = (2 + (leg.back.returned > 0) + apart) * _LANE + 8
    middle = y + height / 2
    pen.line([(48, y - 20), (48, middle), (_DEVICE[0], middle)], GREY)
    named = (story.judgement.verdict.subject or "").partition("/")[0] == leg.device
    network = story.judgement.verdict.owner is Owner.NETWORK
    _two_lines(pen, _DEVICE, y, height, (leg.device, _role(leg)), blamed=False)
    _two_lines(pen, _PORT, y, height, _neighbour(leg), blamed=named and network)
    lane = y + 4 + _LANE / 2
    _lane(pen, leg.out, leg.out.requests, "request", lane)
    lane += _LANE
    if end and not apart:
        _stopped(pen, leg.back, end, lane)
    else:
        _lane(pen, leg.back, leg.back.replies, "reply", lane)
    if end and apart:
        lane += _LANE
        _end(pen, end, _ARROWS[0] + _ARROWS[1] - 10, lane, _ARROWS[1] - 20)
    if leg.back.returned:
        left = _ARROWS[0] + 18
        words = f"{leg.back.returned} own came back"
        pen.dots([(left, lane + _LANE)], "D", BLUE)
        room = _ARROWS[1] - 50
        pen.text(
            (left + 20, lane + _LANE), words, 26, colour=BLUE, width=room, name=f"{leg.device} back"
        )
    return y + height


def _stopped(pen: Pen, lane: Lane, end: End, y: float) -> None:
    """The reply that did not come: the sign stands at the switch port."""
    left, right = _ARROWS[0] + 8, _ARROWS[0] + _ARROWS[1] - 8
    pen.line([(left, y), (right - 285, y)], GREY, 2, dashed=True)
    _end(pen, replace(end, words=f"{end.words} ({lane.replies})"), right - 2, y, right - left - 30)


def _role(leg: Leg) -> str:
    uplink = leg.uplink
    if uplink is None:
        return ""
    if uplink.link_up is False:
        return "LINK DOWN"
    role = "" if uplink.role is Role.UNKNOWN else str(uplink.role)
    return " ".join(filter(None, [role, uplink.lag]))


def _neighbour(leg: Leg) -> tuple[str, str]:
    near = leg.uplink.neighbour if leg.uplink else None
    return (near.switch, near.port) if near else ("switch port", "not known")


def _two_lines(
    pen: Pen,
    place: tuple[int, int],
    y: float,
    height: float,
    words: tuple[str, str],
    *,
    blamed: bool,
) -> None:
    left, width = place
    face, edge = (_BLAME, RED) if blamed else (PALE, GREY)
    pen.box((left, y), (width, height), face=face, edge=edge, line=5 if blamed else 2)
    middle = y + height / 2
    room = width - 16
    centre = left + width / 2
    shift = 16 if words[1] else 0
    pen.text((centre, middle - shift), words[0], 28, bold=True, align="center", width=room)
    if words[1]:
        pen.text((centre, middle + 18), words[1], 24, align="center", width=room)


def _lane(pen: Pen, lane: Lane, count: int, what: str, y: float) -> None:
    """One arrow of an uplink's row, its count written on it."""
    left, right = _ARROWS[0] + 8, _ARROWS[0] + _ARROWS[1] - 8
    outward = what == "request"
    colour = (BLUE if outward else GREEN) if count else GREY
    if lane.blind:
        pen.hatch((left, y - 19), (right - left, 38))
        colour = INK
    elif count:
        start, tip = (left, right) if outward else (right, left)
        way = 1 if outward else -1
        pen.line([(start, y), (tip - 14 * way, y)], colour, 7)
        pen.head((tip, y), (way, 0), colour)
    else:
        pen.line([(left, y), (right, y)], "#9A9A9A", 2, dashed=True)
    bold = bool(count or lane.blind)
    _on_paper(
        pen, ((left + right) / 2, y), _counted(lane, count, what), colour, lane.name, bold=bold
    )


def _on_paper(
    pen: Pen, at: tuple[float, float], words: str, colour: str, name: str, *, bold: bool
) -> None:
    """Words that interrupt the line under them."""
    used = pen.text(at, words, 26, colour=colour, bold=bold, align="center", width=240, name=name)
    pen.box((at[0] - used / 2 - 8, at[1] - 17), (used + 16, 34), face=PAPER, edge="none", order=3)


def _network(pen: Pen, story: Story, top: float, bottom: float) -> None:
    owner = story.judgement.verdict.owner
    blamed = owner in {Owner.NETWORK, Owner.TARGET}
    left, width = _NETWORK
    face, edge = (_BLAME, RED) if blamed else (PALE, GREY)
    pen.box((left, top), (width, bottom - top), face=face, edge=edge, line=5 if blamed else 2)
    lines = [("NETWORK", 28, INK)]
    if story.judgement.target:
        lines.append((story.judgement.target, 22, INK))
    if blamed:
        lines.append(("◀ NEXT", 28, RED))
    y = (top + bottom) / 2 - 16 * (len(lines) - 1)
    for words, size, colour in lines:
        bold = words != story.judgement.target
        where = (left + width / 2, y)
        room = width - 12
        pen.text(
            where, words, size, colour=colour, bold=bold, align="center", width=room, smallest=15
        )
        y += 32
