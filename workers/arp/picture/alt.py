"""A Judgement turned into its picture's text: the whole story for those who cannot see it."""

from __future__ import annotations

from collections.abc import Iterator

from workers.arp.model import Judgement, Owner
from workers.arp.picture.ends import End, ends_of
from workers.arp.picture.story import Lane, Leg, Story, story_of

MOST_LETTERS = 1000

NEXT = {
    Owner.GUEST: "the VM's owner (guest)",
    Owner.VIRTUALIZATION: "the virtualization team",
    Owner.NETWORK: "the network team",
    Owner.TARGET: "the target's owner",
    Owner.NONE: "nobody",
    Owner.INCONCLUSIVE: "not decided",
}


def alt_text(judgement: Judgement) -> str:
    """At most 1000 characters: verdict, owner, counts along the path, where they end, who is blind."""
    story = story_of(judgement)
    text = ""
    for sentence in _sentences(story):
        clean = " ".join("".join(c if c.isprintable() else " " for c in sentence).split())
        if len(text) + len(clean) + 1 > MOST_LETTERS:
            return f"{text} …"
        text = f"{text} {clean}" if text else clean
    return text


def _sentences(story: Story) -> Iterator[str]:
    judgement = story.judgement
    verdict = judgement.verdict
    subject = f" ({_cut(verdict.subject, 60)})" if verdict.subject else ""
    yield f"Verdict {verdict.code}{subject}, {verdict.confidence} confidence."
    yield f"Owner of the next move: {NEXT[verdict.owner]}."
    target = f" for {judgement.target}" if judgement.target else ""
    yield (
        f"Path of {_cut(judgement.case.vm.name, 80)}{target}: VM port {judgement.nic or 'unknown'}"
        f" {_asked(story.asked)}, {_answered(story.answered)}."
    )
    yield from (f"{_end(end)}." for end in ends_of(story))
    if verdict.headline != verdict.code:
        yield _cut(verdict.headline, 260)
    yield from (_leg(leg) for leg in _busy_first(story))
    if story.elsewhere:
        yield f"Left out: {story.elsewhere} to other targets."


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _busy_first(story: Story) -> list[Leg]:
    return sorted(story.legs, key=lambda leg: not (leg.out.requests or leg.back.replies))


def _asked(lane: Lane) -> str:
    return f"{_number(lane, lane.requests)} requests"


def _answered(lane: Lane) -> str:
    return f"{_number(lane, lane.replies)} replies delivered"


def _number(lane: Lane, count: int) -> str:
    return f"BLIND ({_cut(lane.blind, 60)}), {count} seen" if lane.blind else str(count)


def _end(end: End) -> str:
    where = {"guest": "At the guest", "switch": "In the virtual switch"}
    return f"{where.get(end.place, f'At {end.place}')}: {end.words}"


def _leg(leg: Leg) -> str:
    back = f", {leg.back.returned} own requests came back" if leg.back.returned else ""
    near = leg.uplink.neighbour if leg.uplink else None
    port = f" at {_cut(near.switch, 40)} {_cut(near.port, 30)}" if near else ""
    return (
        f"{_cut(leg.device, 20)}{port}: {_number(leg.out, leg.out.requests)} requests out,"
        f" {_number(leg.back, leg.back.replies)} replies in{back}."
    )
