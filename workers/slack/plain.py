"""A message that Slack will not draw turned into one that it will: the text in plain sections."""

from __future__ import annotations

from typing import Any

from workers.arp.summary import Message
from workers.errors import SlackRefused

SECTION_LENGTH = 2_900  # Slack takes 3,000
TEXT_LENGTH = 3_900  # top-level text: 4,000 recommended, msg_too_long seen above
BUDGET = 7_800  # over all blocks of a message; msg_blocks_too_long seen from about 11,000

_NOT_THE_CONTENT = {
    "cant_update_message",
    "channel_not_found",
    "edit_window_closed",
    "ekm_access_denied",
    "is_archived",
    "message_not_found",
    "missing_scope",
    "not_in_channel",
    "restricted_action",
    "thread_not_found",
    "unknown_method",
    "user_not_found",
    "user_not_in_channel",
}


def may_go_plain(refused: SlackRefused) -> bool:
    """Whether the same words without blocks may be taken: the refusal names no other cause.

    Slack's list of errors grows; after a refusal nothing was posted, so one more try doubles nothing.
    """
    return not (refused.is_about_token or refused.reason in _NOT_THE_CONTENT)


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
