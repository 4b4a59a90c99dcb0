"""Text and Block Kit blocks: the small pieces every Slack message of a check is made of.

Whatever people or machines named is escaped here. Limits are those of Slack's Block Kit reference.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

CANCEL = "arpcheck_cancel"
AGAIN = "arpcheck_again"
OPTIONS = "arpcheck_options"
CHOOSE = "arpcheck_choose"
CLOSEST = "arpcheck_closest"
STARTED = "arpcheck_started"
HANDOFF = "arpcheck_handoff"
TAKEN = "arpcheck_taken"
NOT_OURS = "arpcheck_not_ours"
FIXED = "arpcheck_fixed"
POST_HERE = "arpcheck_post_here"
SEND_FILES = "arpcheck_send_files"


SECTION = 3000
FIELD = 2000
TEXT = 3900

Block = dict[str, Any]

_GRAVE = "\N{MODIFIER LETTER GRAVE ACCENT}"
"""Looks like a backtick, and ends no inline code."""
_CODE = re.compile(r"(?<![\w`])(`[^`\n]+`)(?![\w`])")
_WORD = re.compile(r"\S+")
_OPENING, _CLOSING = "([\"'“", ".,:;)]\"'”!?"
_FORMATS = re.compile(r"(?<!\w)[*_~`]|[*_~`](?!\w)")
"""A mark between two letters or digits, as in ``web_01``, formats nothing."""
_EMOJI = re.compile(r":(?!\d\d:)[\w+'-]+:")
"""A name between colons is drawn as an emoji, even within a word; ``:00:`` of a time of day is none."""
_MAC = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}", re.IGNORECASE)
_HALF_ENTITY = re.compile(r"&\w{0,3}…$")


@dataclass(frozen=True, slots=True)
class Message:
    """What Slack is given: ``text`` for notifications, screen readers and exports, and blocks."""

    text: str
    blocks: tuple[Block, ...] = ()


def escape(text: str) -> str:
    """Make a sentence harmless in mrkdwn, and show the names in it as they are.

    mrkdwn has no escape for its marks: a word that they could format becomes inline code, in which
    they stand for themselves and from which a name is copied whole. Code that is there stays. So do
    emoji codes (``:x:``), which MACs have too: ``:ab:``, ``:cd:`` and ``:de:`` are emoji of Slack's.
    """
    parts = _CODE.split(text)
    parts[::2] = [_WORD.sub(_literal, part) for part in parts[::2]]
    return entities("".join(parts))


def _literal(found: re.Match[str]) -> str:
    opened = found[0].lstrip(_OPENING)
    emoji = [each.end() for each in _EMOJI.finditer(opened)]
    word = opened[: max(len(opened.rstrip(_CLOSING)), *emoji, 0)]
    if not (emoji or _FORMATS.search(word) or _MAC.search(word)):
        return found[0]
    before, after = found[0][: -len(opened)], opened[len(word) :]
    return f"{before}`{word.replace('`', _GRAVE)}`{after}"


def has_emoji_code(text: str) -> bool:
    """Whether a part of the text, such as ``:x:``, would be drawn as an emoji."""
    return _EMOJI.search(text) is not None


def with_code(text: str, commands: Iterable[str]) -> str:
    """A sentence, not yet escaped, whose ``commands`` stand as inline code."""
    for command in commands:
        text = text.replace(command, f"`{command}`")
    return text


def entities(text: str) -> str:
    """Make text harmless in mrkdwn: no mention, no link, no control character; marks format."""
    clean = "".join(
        char if char.isprintable() or char == "\n" else "\N{REPLACEMENT CHARACTER}" for char in text
    )
    return clean.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def code(text: str, most: int = 120) -> str:
    """Text as inline code, shortened to ``most`` characters."""
    flat = " ".join(text.replace("`", _GRAVE).split())
    return f"`{entities(shortened(flat, most)) or '?'}`"


def shortened(text: str, most: int) -> str:
    """At most ``most`` characters, an ellipsis where something was cut."""
    return text if len(text) <= most else text[: most - 1] + "…"


def mrkdwn(text: str, most: int = SECTION) -> Block:
    """A mrkdwn text object, shortened to ``most`` characters and never within an entity."""
    return {"type": "mrkdwn", "text": _HALF_ENTITY.sub("…", shortened(text, most))}


def plain(text: str, most: int) -> Block:
    """A plain_text object, shortened to ``most`` characters; ``:x:`` in a name stays that."""
    return {"type": "plain_text", "text": shortened(text, most), "emoji": False}


def section(text: str, most: int = SECTION) -> Block:
    """A section block, shown whole: else Slack may hide the end of it behind "See more"."""
    return {"type": "section", "text": mrkdwn(text, most), "expand": True}


def context(text: str, most: int = FIELD) -> Block:
    """A context block: small print."""
    return {"type": "context", "elements": [mrkdwn(text, most)]}


def button(label: str, action: str, value: str, **more: Any) -> Block:  # noqa: ANN401
    """A button; ``value`` comes back when it is pressed."""
    return {
        "type": "button",
        "action_id": action,
        "text": plain(label, 75),
        "value": shortened(value, 2000),
        **more,
    }


def actions(buttons: Sequence[Block]) -> Block:
    """An actions block with at most 25 elements."""
    return {"type": "actions", "elements": list(buttons)[:25]}


def bullets(lines: Iterable[str], most: int = 6) -> str:
    """Escaped lines as a list, the rest counted."""
    kept = [f"• {escape(shortened(line, 380))}" for line in lines]
    more = [f"• … {len(kept) - most} more in the report"] if len(kept) > most else []
    return "\n".join([*kept[:most], *more])
