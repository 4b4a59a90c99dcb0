"""A Story turned into a time line: a row a capture point, requests and replies at their UTC times."""

from __future__ import annotations

from workers.arp.case.times import utc
from workers.arp.model import SECOND
from workers.arp.picture.pen import (
    BLUE,
    ERASED,
    GREEN,
    GREY,
    INK,
    MARGIN,
    RED,
    Align,
    Face,
    Look,
    Pen,
)
from workers.arp.picture.story import Kind, Lane, Story

_LEFT, _RIGHT = 236, 836
_ROW = 46
_MOST_MARKS = 300
_MARKS = {Kind.REQUEST: ("v", BLUE), Kind.REPLY: ("o", GREEN), Kind.RETURNED: ("D", BLUE)}
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 86400)
_MOST_TICKS = 5


def draw_timeline(pen: Pen, story: Story, y: float) -> float:
    """Draw it from ``y`` down; gives where it ends."""
    window = story.window
    if window is None:
        pen.text((MARGIN, y + 30), "No capture point listened: there is no time line.", Face(26))
        return y + 64
    start, end = window[0], max(window[1], window[0] + SECOND)
    scale = _Scale(start, end)
    pen.line([(MARGIN, y), (pen.width - MARGIN, y)], GREY, 1)
    y = _legend(pen, y + 32) + 40
    rows = y
    y += _events(pen, story, scale, y)
    y += _stimulus(pen, story, scale, y)
    for lane in story.lanes:
        _row(pen, lane, scale, y)
        y += _ROW
    _ticks(pen, scale, rows - 20, y - 14)
    if story.elsewhere:
        plural = "" if story.elsewhere == 1 else "s"
        words = f"Left out: {story.elsewhere} request{plural} of the VM to other targets."
        pen.text((MARGIN, y + 48), words, Face(24, colour=GREY))
        y += 36
    return y + 40


class _Scale:
    """Nanoseconds to pixels."""

    def __init__(self, start: int, end: int) -> None:
        self.start, self.end = start, end

    def x(self, at: int) -> float:
        share = (at - self.start) / (self.end - self.start)
        return _LEFT + min(1.0, max(0.0, share)) * (_RIGHT - _LEFT)


def _legend(pen: Pen, y: float) -> float:
    pen.text((MARGIN, y), "TIME LINE (UTC)", Face(26, bold=True))
    x = 290.0
    for kind, words in (
        (Kind.REQUEST, "request"),
        (Kind.REPLY, "reply"),
        (Kind.RETURNED, "own came back"),
    ):
        marker, colour = _MARKS[kind]
        pen.dots([(x, y)], marker, colour)
        x += pen.text((x + 18, y), words, Face(24)) + 52
    pen.hatch((x - 16, y - 13), (34, 26))
    pen.text((x + 26, y), "not heard", Face(24))
    return y


def _events(pen: Pen, story: Story, scale: _Scale, y: float) -> float:
    """What happened to the VM or the host, where the capture saw it happen."""
    inside = [e for e in story.judgement.case.events if scale.start <= e.at <= scale.end][:4]
    stimulus = story.judgement.case.stimulus
    rows = len(story.lanes) + (stimulus.start is not None and stimulus.end is not None)
    for number, event in enumerate(inside):
        x = scale.x(event.at)
        bottom = y + len(inside) * 32 + rows * _ROW - 24
        pen.line([(x, y + number * 32 + 14), (x, bottom)], RED, 3)
        words = f"{event.event.replace('_', ' ')} {utc(event.at)[11:19]}"
        align: Align = "left" if x < (_LEFT + _RIGHT) / 2 else "right"
        pen.text(
            (x, y + number * 32), words, Face(24, colour=RED, bold=True, align=align), width=500
        )
    return len(inside) * 32.0


def _stimulus(pen: Pen, story: Story, scale: _Scale, y: float) -> float:
    """When the guest was asked to send ARP, as a bar; gives the height used."""
    stimulus = story.judgement.case.stimulus
    if stimulus.start is None or stimulus.end is None:
        return 0
    left, right = scale.x(stimulus.start), scale.x(max(stimulus.start, stimulus.end))
    pen.text((MARGIN, y), "stimulus", Face(25), width=_LEFT - MARGIN - 12)
    pen.box((left, y - 13), (max(right - left, 3), 26), Look("#D5DCE3", "none"))
    words = "guest was asked to send ARP" if stimulus.confirmed else "asked for, not confirmed"
    pen.text(((_LEFT + _RIGHT) / 2, y), words, Face(22, align="center"), width=_RIGHT - _LEFT)
    return _ROW


def _row(pen: Pen, lane: Lane, scale: _Scale, y: float) -> None:
    pen.text((MARGIN, y), lane.name, Face(25, bold=bool(lane.marks)), width=_LEFT - MARGIN - 12)
    pen.line([(_LEFT, y), (_RIGHT, y)], "#C8C8C8", 2)
    if lane.blind:
        _blind(pen, (_LEFT, _RIGHT), y, worded=not lane.marks)
    elif lane.window:
        for left, right in (
            (_LEFT, scale.x(lane.window[0])),
            (scale.x(lane.window[1]), _RIGHT),
        ):
            if right - left >= 3:  # noqa: PLR2004  (thinner is the width of a line)
                _blind(pen, (left, right), y)
    for kind, (marker, colour) in _MARKS.items():
        points = sorted({(round(scale.x(at)), y) for k, at in lane.marks if k is kind})
        shown = points[:: 1 + len(points) // _MOST_MARKS]
        pen.dots(shown, marker, colour, f"{lane.name} {kind}")
    _sum(pen, lane, y)


def _blind(pen: Pen, span: tuple[float, float], y: float, *, worded: bool = True) -> None:
    left, right = span
    pen.hatch((left, y - 18), (right - left, 36))
    if worded and right - left > 110:  # noqa: PLR2004  (the word's width)
        pen.box(((left + right) / 2 - 54, y - 15), (108, 30), ERASED)
        pen.text(((left + right) / 2, y), "BLIND", Face(26, bold=True, align="center"))


def _sum(pen: Pen, lane: Lane, y: float) -> None:
    parts = [
        (lane.requests, "req", BLUE),
        (lane.replies, "rep", GREEN),
        (lane.returned, "back", BLUE),
    ]
    shown = [(f"{n} {words}", colour) for n, words, colour in parts if n]
    words = ", ".join(text for text, _ in shown) or ("?" if lane.blind else "0")
    if len(shown) > 1:
        words = words.replace(", ", " ").replace(" back", "◇")
    if shown and lane.blind:
        words = f"BLIND {', '.join(text.split()[0] for text, _ in shown)}"
    face = Face(24, shown[0][1] if shown else GREY, bool(shown), smallest=15)
    pen.text((_RIGHT + 16, y), words, face, width=134, name=f"sum {lane.name}")


def _ticks(pen: Pen, scale: _Scale, top: float, bottom: float) -> None:
    span = (scale.end - scale.start) / SECOND
    step = next((s for s in _STEPS if span / s <= _MOST_TICKS), int(span // 4) + 1)
    at = -(-scale.start // (step * SECOND)) * step * SECOND
    while at <= scale.end:
        x = scale.x(at)
        pen.line([(x, top), (x, bottom)], "#DDDDDD", 1)
        pen.text((x, bottom + 18), utc(at)[11:19], Face(22, colour=INK, align="center"))
        at += step * SECOND
