"""What was found or is being done, turned into Slack messages that also read well as plain text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Message:
    """A Slack message: ``text`` for notifications and screen readers, ``blocks`` for the eye."""

    text: str
    blocks: tuple[dict[str, Any], ...] = ()


def escape(text: str) -> str:
    """Make people's text safe inside Slack's mrkdwn: no mention, no link, no channel call."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def code(text: str) -> str:
    """People's text as inline code; a backtick in it cannot end the code."""
    return f"`{escape(text).replace('`', 'ˋ')}`"
