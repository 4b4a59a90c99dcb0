"""An uplink's Leg turned into a row: vmnic, what went out and came in, and the switch port."""

from __future__ import annotations

from dataclasses import replace

from workers.arp.model import Owner, Role
from workers.arp.picture.ends import End
from workers.arp.picture.pen import (
    BLAMED,
    BLUE,
    ERASED,
    GREEN,
    GREY,
    INK,
    PLAIN,
    SHAPE_COLOURS,
    Face,
    Pen,
)
from workers.arp.picture.story import Lane, Leg, Story

_DEVICE, _ARROWS, _PORT = (74, 166), (240, 334), (574, 206)  # left, width
_LANE = 46
_UNPROVEN = 26
"""How far before the switch port an arrow ends that was only handed to the NIC."""


def draw_end(pen: Pen, end: End, right: float, y: float, width: float) -> None:
    """An end's sign and its words, ending at ``right``."""
    used = pen.text(
        (right, y),
        end.words,
        Face(28, colour=SHAPE_COLOURS[end.shape], bold=True, align="right"),
        width=width - 50,
        name=f"end {end.place}",
    )
    pen.sign((right - used - 32, y), end.shape, 20)


def counted(lane: Lane, count: int, what: str) -> str:
    """``24 requests``, or BLIND with what was seen nevertheless."""
    plural = what if count == 1 else {"reply": "replies"}.get(what, f"{what}s")
    if not lane.blind:
        return f"{count} {plural}"
    return f"BLIND, {count} seen" if count else "BLIND"


def draw_leg(pen: Pen, story: Story, leg: Leg, end: End | None, down: tuple[float, float]) -> float:
    """Draw it below the second of ``down``, tied to the first; gives where it ends."""
    top, y = down
    apart = end is not None and (leg.back.replies > 0 or leg.back.blind is not None)
    height = (2 + (leg.back.returned > 0) + apart) * _LANE + 8
    middle = y + height / 2
    pen.line([(48, top), (48, middle), (_DEVICE[0], middle)], GREY)
    named = (story.judgement.verdict.subject or "").partition("/")[0] == leg.device
    network = story.judgement.verdict.owner is Owner.NETWORK
    _two_lines(pen, _DEVICE, y, height, (leg.device, _role(leg)), blamed=False)
    _two_lines(pen, _PORT, y, height, _neighbour(leg), blamed=named and network)
    lane = y + 4 + _LANE / 2
    _lane(pen, leg.out, leg.out.requests, "request", lane, arrives=leg.proven)
    lane += _LANE
    if end and not apart:
        _stopped(pen, leg.back, end, lane)
    else:
        _lane(pen, leg.back, leg.back.replies, "reply", lane)
    if end and apart:
        lane += _LANE
        draw_end(pen, end, _ARROWS[0] + _ARROWS[1] - 10, lane, _ARROWS[1] - 20)
    if leg.back.returned:
        _returned(pen, leg.back, lane + _LANE)
    return y + height


def _returned(pen: Pen, lane: Lane, y: float) -> None:
    left = _ARROWS[0] + 18
    face, name = Face(26, BLUE), f"{lane.name} returned"
    pen.dots([(left, y)], "D", BLUE)
    pen.text(
        (left + 20, y), f"{lane.returned} own came back", face, width=_ARROWS[1] - 50, name=name
    )


def _stopped(pen: Pen, lane: Lane, end: End, y: float) -> None:
    """The reply that did not come: the sign stands at the switch port."""
    left, right = _ARROWS[0] + 8, _ARROWS[0] + _ARROWS[1] - 8
    pen.line([(left, y), (right - 285, y)], GREY, 2, dashed=True)
    draw_end(
        pen, replace(end, words=f"{end.words} ({lane.replies})"), right - 2, y, right - left - 30
    )


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
    if near is None:
        return "switch port", "not known"
    name, _, domain = near.switch.partition(".")
    return name if domain and not name.isdigit() else near.switch, near.port


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
    pen.box((left, y), (width, height), BLAMED if blamed else PLAIN)
    middle = y + height / 2
    room = width - 16
    centre = left + width / 2
    shift = 16 if words[1] else 0
    pen.text((centre, middle - shift), words[0], Face(28, bold=True, align="center"), width=room)
    if words[1]:
        pen.text((centre, middle + 18), words[1], Face(24, align="center"), width=room)


def _lane(pen: Pen, lane: Lane, count: int, what: str, y: float, *, arrives: bool = True) -> None:
    """One arrow of an uplink's row, its count written on it; short where no arrival is proven."""
    left, right = _ARROWS[0] + 8, _ARROWS[0] + _ARROWS[1] - 8
    outward = what == "request"
    colour = (BLUE if outward else GREEN) if count else GREY
    if lane.blind:
        pen.hatch((left, y - 19), (right - left, 38))
        colour = INK
    elif count:
        start, tip = (left, right - (0 if arrives else _UNPROVEN)) if outward else (right, left)
        if not arrives:
            face = Face(28, colour, bold=True, align="center")
            pen.text((right - 10, y), "?", face, name=f"{lane.name} arrival")
        way = 1 if outward else -1
        pen.line([(start, y), (tip - 14 * way, y)], colour, 7)
        pen.head((tip, y), (way, 0), colour)
    else:
        pen.line([(left, y), (right, y)], "#9A9A9A", 2, dashed=True)
    bold = bool(count or lane.blind)
    _on_paper(
        pen, ((left + right) / 2, y), counted(lane, count, what), colour, lane.name, bold=bold
    )


def _on_paper(
    pen: Pen, at: tuple[float, float], words: str, colour: str, name: str, *, bold: bool
) -> None:
    """Words that interrupt the line under them."""
    used = pen.text(
        at, words, Face(26, colour=colour, bold=bold, align="center"), width=240, name=name
    )
    pen.box((at[0] - used / 2 - 8, at[1] - 17), (used + 16, 34), ERASED)
