"""A Story turned into the path: guest, VM port, virtual switch, then a row for each uplink."""

from __future__ import annotations

from workers.arp.model import Owner
from workers.arp.picture.ends import End, ends_of
from workers.arp.picture.legs import counted, draw_end, draw_leg
from workers.arp.picture.pen import BLAMED, BLUE, GREEN, GREY, INK, MARGIN, PLAIN, RED, Face, Pen
from workers.arp.picture.story import Lane, Story

_NETWORK = (796, 176)  # left, width


def draw_path(pen: Pen, story: Story, y: float) -> float:
    """Draw it from ``y`` down; gives where it ends."""
    ends = {end.place: end for end in ends_of(story)}
    y = _guest(pen, story, ends.get("guest"), y + 12)
    y = _port(pen, story, y)
    y = _switch(pen, story, ends.get("switch"), y)
    top = y
    for leg in story.legs:
        y = draw_leg(pen, story, leg, ends.get(leg.device), (top, y + 16))
    if story.legs:
        _network(pen, story, top + 16, y)
    else:
        pen.text((MARGIN, y + 30), "No uplinks are known.", Face(26, colour=GREY))
        y += 56
    return y + 10


def _wide_box(pen: Pen, y: float, height: float, *, blamed: bool) -> None:
    size = (pen.width - 2 * MARGIN, height)
    pen.box((MARGIN, y), size, BLAMED if blamed else PLAIN)


def _named(pen: Pen, y: float, title: str, words: str, width: float) -> None:
    used = pen.text((MARGIN + 16, y), title, Face(28, bold=True))
    pen.text((MARGIN + 32 + used, y), words, Face(26, colour=INK), width=width - used - 48)


def _guest(pen: Pen, story: Story, end: End | None, y: float) -> float:
    blamed = story.judgement.verdict.owner is Owner.GUEST
    _wide_box(pen, y, 64, blamed=blamed)
    address = story.nic.ipv4[0] if story.nic and story.nic.ipv4 else ""
    room = pen.width - 2 * MARGIN
    words = f"{story.judgement.case.vm.name}  {address}"
    _named(pen, y + 32, "GUEST", words, room - (430 if end else 0))
    if end:
        draw_end(pen, end, pen.width - MARGIN - 16, y + 32, 430)
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
    words = counted(lane, count, "request" if down else "reply")
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
    pen.text(
        (x + 42, (top + bottom) / 2), words, Face(32, colour=colour, bold=True), name=lane.name
    )


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
        draw_end(pen, end, pen.width - MARGIN - 16, y + 124, room - 20)
    return y + height


def _network(pen: Pen, story: Story, top: float, bottom: float) -> None:
    owner = story.judgement.verdict.owner
    blamed = owner in {Owner.NETWORK, Owner.TARGET}
    left, width = _NETWORK
    pen.box((left, top), (width, bottom - top), BLAMED if blamed else PLAIN)
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
            where,
            words,
            Face(size, colour=colour, bold=bold, align="center", smallest=15),
            width=room,
        )
        y += 32
