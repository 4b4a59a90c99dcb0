"""A message that Slack will not draw turned into one that it will: the text in plain sections."""

from __future__ import annotations

from typing import Any

from workers.arp.summary import Message

SECTION_LENGTH = 2_900  # Slack takes 3,000
TEXT_LENGTH = 3_900  # top-level text: 4,000 recommended, msg_too_long seen above
BUDGET = 7_800  # over all blocks of a message; msg_blocks_too_long seen from about 11,000

_UNDRAWABLE = {
    "invalid_attachments",  # a second table in a message
    "invalid_blocks",
    "invalid_blocks_format",
    "msg_blocks_too_long",
    "msg_too_long",
}


def is_undrawable(reason: str) -> bool:
    """Whether Slack's error code is about the blocks or their length."""
    return reason in _UNDRAWABLE


def plain(message: Message) -> Message:
    """The text alone, in sections; what is over Slack's limits is cut, and says so."""
    text = message.text or "(no text)"
    if len(text) > BUDGET:
        text = text[:BUDGET] + "\n… cut: the whole text is in the report."
    blocks = tuple(_section(part) for part in _parts(text))
    short = text if len(text) <= TEXT_LENGTH else text[:TEXT_LENGTH] + " …"
    return Message(short, blocks)


def marked_repeat(message: Message) -> dict[str, Any]:
    """Arguments of a post that may be a second copy: it says so."""
    note = {"type": "context", "elements": [{"type": "mrkdwn", "text": "(repeat)"}]}
    blocks = [*message.blocks, note] if message.blocks else None
    return {"text": f"{message.text} (repeat)", "blocks": blocks, "client_msg_id": None}


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _parts(text: str) -> list[str]:
    """The text cut into sections, at a line's end where there is one in the latter half."""
    parts: list[str] = []
    while text:
        end = len(text)
        if end > SECTION_LENGTH:
            line_end = text.rfind("\n", SECTION_LENGTH // 2, SECTION_LENGTH)
            end = line_end if line_end > 0 else SECTION_LENGTH
        parts.append(text[:end])
        text = text[end:].lstrip("\n")
    return parts
