"""A Judgement turned into the message that the network team gets, and what is said around it.

The message stands alone: claim, numbers, switch and port, what is not proven, the first test to run.
"""

from __future__ import annotations

from workers.arp.model import Job, Judgement
from workers.arp.summary.blocks import (
    AGAIN,
    FIXED,
    NOT_OURS,
    POST_HERE,
    TAKEN,
    TEXT,
    Message,
    actions,
    bullets,
    button,
    code,
    context,
    entities,
    escape,
    section,
    shortened,
    with_code,
)
from workers.arp.summary.owners import emoji, owner_words
from workers.arp.summary.verdict import far_words, place_words, switch_port


def handoff_message(judgement: Judgement, job: Job) -> Message:
    """The whole case for somebody who has not seen the thread."""
    verdict = judgement.verdict
    ports, far = switch_port(judgement), far_words(judgement)
    step = with_code(shortened(verdict.next_step, 600), verdict.commands)
    judged = f"*Verdict:* {code(verdict.code)}, confidence {verdict.confidence}"
    facts = [
        f"*Where and when:* {escape(place_words(judgement))}",
        f"*Far end:* {escape(shortened(far, 600))}" if far else "",
        f"*Switch port:* {ports}" if ports else "",
        f"{judged}, next move: {owner_words(verdict.owner)}",
    ]
    ahead = [
        f":arrow_right: *First test:* {escape(step)}",
        "*Not proven:*\n" + bullets(verdict.not_proven, 4) if verdict.not_proven else "",
    ]
    plain = "\n".join(
        [
            verdict.headline,
            f"First test: {step}",
            place_words(judgement),
            *(f"- {reason}" for reason in verdict.reasons),
            *filter(None, [far]),
            *(f"Not proven: {line}" for line in verdict.not_proven),
        ]
    )
    buttons = [
        button("Taken", TAKEN, job.id, style="primary"),
        button("Not ours, because…", NOT_OURS, job.id),
        button("Fixed, please re-check", FIXED, job.id),
    ]
    evidence = (
        "Captures, report and next commands are in this thread; open `vm.pcapng` in Wireshark."
    )
    return Message(
        shortened(escape(plain), TEXT),
        (
            section(
                f"{emoji(verdict)} *{escape(verdict.headline)}*\n{bullets(verdict.reasons, 8)}"
            ),
            section("\n".join(filter(None, facts))),
            section("\n".join(filter(None, ahead))),
            actions(buttons),
            context(f"{evidence} · job {code(job.id)} · times in UTC"),
        ),
    )


def with_note(message: Message, job: Job, origin: str | None) -> Message:
    """A hand-off message with who sent it, their note and the link back to the thread."""
    back = f" · <{origin}|the incident thread>" if origin else ""
    sent = f"Handed off by <@{escape(job.asked_by)}>{back}"
    note = [section(f"> {entities(shortened(job.note, 1000))}")] if job.note else []
    body = message.blocks or (section(message.text),)
    at = next((n for n, block in enumerate(body) if block["type"] == "actions"), len(body))
    text = f"{message.text}\n{entities(job.note)}" if job.note else message.text
    return Message(shortened(text, TEXT), (*body[:at], *note, context(sent), *body[at:]))


def handed_off(job: Job, channel: str, link: str | None) -> Message:
    """What the thread is told of a hand-off, with the link forth."""
    where = f"<{link}|the network team's channel>" if link else f"<#{escape(channel)}>"
    text = f":handshake: <@{escape(job.asked_by)}> handed this off: {where}."
    return Message(text, (section(text),))


_ABSENT = ("I am not in {place}.", "Invite me with `/invite @arpcheck`, then")
_DELETED = ("The message in {place} to answer under was deleted.", "If the channel still wants it,")
_LOST = {
    "not_in_channel": _ABSENT,
    "channel_not_found": _ABSENT,
    "is_archived": ("The channel {place} is archived.", "Once it is open again,"),
    "message_not_found": _DELETED,
    "thread_not_found": _DELETED,
}
"""Slack's reason to refuse an answer: what it means, and what comes before another try."""


def kept_message(job: Job, message: Message, reason: str) -> Message:
    """An answer for the asker alone, because the channel does not take it; it can be posted later."""
    channel = job.thread.channel
    place = "that conversation" if channel.startswith("D") else f"<#{escape(channel)}>"
    why, then = _LOST.get(reason, (f"Slack takes no answer in {{place}} ({code(reason)}).", "Then"))
    why = f"{why.replace('{place}', place)} The answer is kept."
    invite = f"{then} press the button to have it posted there."
    blocks = [b for b in message.blocks if b["type"] not in {"actions", "table"}]
    buttons = [button("Post it there", POST_HERE, job.id), button("Run again", AGAIN, job.id)]
    headline, _, more = message.text.partition("\n")
    return Message(
        shortened(f"{headline}\n{why}\n{more}", TEXT),
        (*blocks, section(f"{why} {invite}"), actions(buttons)),
    )


def joined_message(job: Job, headline: str, link: str | None) -> Message:
    """What somebody who joined a running check is told at its end."""
    where = f" <{link}|The thread>." if link else ""
    text = f"The check of {code(job.vm)} has ended: {escape(shortened(headline, 800))}{where}"
    return Message(text, (section(text),))


def said(text: str, sign: str = "") -> Message:
    """One paragraph; ``text`` is not yet escaped, ``sign`` is an emoji code before it."""
    shown = f"{sign} {escape(text)}".strip()
    return Message(shortened(shown, TEXT), (section(shown),))
