"""A Story turned into the picture's head: who moves next, what was found, for which VM and when."""

from __future__ import annotations

from workers.arp.case.times import utc
from workers.arp.model import Owner
from workers.arp.picture.ends import shape_of
from workers.arp.picture.letters import drawable, wrapped
from workers.arp.picture.pen import GREY, MARGIN, PAPER, SHAPE_COLOURS, Face, Look, Pen
from workers.arp.picture.story import Story

_BAND = 104
_TITLES = {
    Owner.GUEST: "NEXT: VM OWNER (GUEST)",
    Owner.VIRTUALIZATION: "NEXT: VIRTUALIZATION TEAM",
    Owner.NETWORK: "NEXT: NETWORK TEAM",
    Owner.TARGET: "NEXT: TARGET'S OWNER",
    Owner.NONE: "NO FAULT SEEN",
    Owner.INCONCLUSIVE: "NOT DECIDED",
}
_FINE = {"ARP_OK": "ARP WORKS", "LOCAL_OK": "ARP WORKS ON THIS HOST"}


def draw_head(pen: Pen, story: Story) -> float:
    """Draw it; gives the height used."""
    verdict = story.judgement.verdict
    shape = shape_of(verdict.owner)
    title = _FINE.get(verdict.code, _TITLES[verdict.owner])
    width = pen.width - 2 * MARGIN
    pen.box((8, 8), (pen.width - 16, _BAND), Look(SHAPE_COLOURS[shape], "none"))
    pen.sign((76, 8 + _BAND / 2), shape, 38, PAPER)
    pen.text((136, 8 + _BAND / 2), title, Face(50, colour=PAPER, bold=True), width=width - 110)
    y = 8 + _BAND + 36.0
    for line in wrapped(verdict.headline, 32, width, most=5, bold=True):
        pen.text((MARGIN, y), line, Face(32, bold=True))
        y += 42
    subject = f" · {verdict.subject}" if verdict.subject else ""
    code = "" if verdict.headline == verdict.code else f"{verdict.code}{subject}, "
    facts = [f"{code}{verdict.confidence} confidence", *_scene(story)]
    for fact in facts:
        pen.text((MARGIN, y), fact, Face(26, colour=GREY), width=width)
        y += 36
    return y - 4


def _scene(story: Story) -> list[str]:
    judgement = story.judgement
    vm = judgement.case.vm
    name = vm.name if drawable(vm.name).replace("□", "") else f"{vm.name} {vm.moid or ''}"
    target = f" → {judgement.target}" if judgement.target else ""
    lines = [f"{name} {judgement.nic}{target}"] if judgement.nic else []
    if story.window:
        start, end = (utc(at) for at in story.window)
        lines.append(f"{start[:10]} {start[11:19]} to {end[11:19]} UTC, {judgement.case.host.name}")
    return lines
