"""A message in, the text a terminal can show out."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from itertools import zip_longest
from typing import Any

from tests.lab.slack.emoji import EMOJI
from tests.lab.slack.state import Json, Message
from tests.lab.slack.workspace import Workspace

_HIDE = str.maketrans({"*": "\ue000", "_": "\ue001", "~": "\ue002", ":": "\ue003"})
_SHOW = {ord(hidden): chr(mark) for mark, hidden in _HIDE.items()}


def mrkdwn_as_text(text: str, space: Workspace) -> str:
    """Resolve mentions, links, dates, emoji and the three escapes; drop the marks of bold and italic.

    Within code marks stand for themselves, and so they are kept out of sight meanwhile.
    """
    text = re.sub(r"`[^`\n]+`", lambda found: found[0].translate(_HIDE), text)
    text = re.sub(r"(?<![\w*])\*(?! )([^*\n]+?)(?<! )\*(?![\w*])", r"\1", text)
    text = re.sub(r"(?<![\w_`])_(?! )([^_\n`]+?)(?<! )_(?![\w_`])", r"\1", text)
    text = re.sub(r"(?<![\w~])~(?! )([^~\n]+?)(?<! )~(?![\w~])", r"\1", text)
    text = re.sub(r"<([^<>]*)>", lambda found: _reference(found[1], space), text)
    text = re.sub(r":([a-z0-9_+-]+):", lambda found: EMOJI.get(found[1], found[0]), text)
    text = text.translate(_SHOW)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def as_text(message: Message, space: Workspace) -> str:
    """Render a message: who and when, its blocks (or text) and its files."""
    user = space.users.get(message.user)
    at = time.strftime("%H:%M:%S", time.localtime(float(message.ts)))
    only = " (only visible to you)" if message.only_for else ""
    edited = " (edited)" if message.edited_at else ""
    parts = [_block_text(block, space) for block in message.blocks]
    if not message.blocks:
        parts = [mrkdwn_as_text(message.text, space)]
    parts += [f"📎 {file.name} ({len(file.content):,} bytes)" for file in message.files]
    name = user.name if user else message.user
    return "\n".join([f"{name}  {at}{edited}{only}", *(part for part in parts if part)])


def pings(message: Message) -> set[str]:
    """Say whom a message calls: ``@channel``, user ids, group ids; escaped or plain text calls nobody."""
    found: set[str] = set()
    texts = [message.text] if not message.blocks else []
    _collect(message.blocks, texts, found)
    for inner in re.findall(r"<([^<>]*)>", "\n".join(texts)):
        target = inner.partition("|")[0]
        if target in {"!channel", "!here", "!everyone"}:
            found.add(f"@{target[1:]}")
        elif target.startswith(("@", "!subteam^")):
            found.add(target.removeprefix("@").removeprefix("!subteam^"))
    return found


def _collect(value: Any, texts: list[str], found: set[str]) -> None:  # noqa: ANN401 - any JSON
    """Gather mrkdwn texts, and the calls that rich text makes without any mrkdwn."""
    if isinstance(value, list):
        for item in value:
            _collect(item, texts, found)
    elif isinstance(value, dict):
        if value.get("type") == "mrkdwn":
            texts.append(str(value.get("text", "")))
        if value.get("type") == "broadcast":
            found.add(f"@{value.get('range')}")
        found.update(str(value[key]) for key in ("user_id", "usergroup_id") if key in value)
        for inner in value.values():
            _collect(inner, texts, found)


def _reference(inner: str, space: Workspace) -> str:
    target, _, label = inner.partition("|")
    if target.startswith("!date^"):
        _, stamp, _ = (*target.split("^", 3), "", "")[:3]
        return label or time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(int(stamp)))
    if target.startswith("@") and target[1:] in space.users:
        return f"@{space.users[target[1:]].name}"
    if target.startswith("#") and target[1:] in space.channels:
        return f"#{space.channels[target[1:]].name}"
    if target.startswith("!subteam^") and target[9:] in space.groups:
        return f"@{space.groups[target[9:]].handle}"
    if target.startswith("!"):
        return f"@{label or target[1:]}"
    return f"{label} ({target})" if label and label != target else target


def _plain(value: Any, space: Workspace) -> str:  # noqa: ANN401 - any JSON
    if not isinstance(value, dict):
        return ""
    text = str(value.get("text", ""))
    literal = value.get("type") == "plain_text" and value.get("emoji") is False
    return text if literal else mrkdwn_as_text(text, space)


def _section(block: Json, space: Workspace) -> str:
    fields = [_plain(field, space).replace("\n", ": ", 1) for field in block.get("fields", [])]
    return "\n".join(filter(None, [_plain(block.get("text"), space), *fields]))


def _table(block: Json, space: Workspace) -> str:
    rows = [[_cell(cell, space) for cell in row] for row in block.get("rows", [])]
    widths = [max(len(cell) for cell in column) for column in zip_longest(*rows, fillvalue="")]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False))
        for row in rows
    ]
    lines.insert(1, "  ".join("─" * width for width in widths))
    return "\n".join(line.rstrip() for line in lines)


def _cell(cell: Json, space: Workspace) -> str:
    if cell.get("type") == "rich_text":
        return _rich(cell, space)
    return str(cell.get("text", cell.get("value", "")))


def _rich(value: Any, space: Workspace) -> str:  # noqa: ANN401 - any JSON
    if isinstance(value, list):
        return "".join(_rich(item, space) for item in value)
    kind = value.get("type")
    if kind == "rich_text_list":
        return "".join(f"• {_rich(item, space)}\n" for item in value["elements"])
    if "elements" in value:
        return _rich(value["elements"], space)
    if kind == "text":
        return str(value["text"])
    names = {"emoji": f":{value.get('name')}:", "user": f"<@{value.get('user_id')}>"}
    names |= {
        "link": str(value.get("text") or value.get("url")),
        "date": str(value.get("fallback")),
    }
    names |= {"channel": f"<#{value.get('channel_id')}>"}
    names |= {"usergroup": f"<!subteam^{value.get('usergroup_id')}>"}
    return mrkdwn_as_text(names.get(str(kind), str(value.get("text", ""))), space)


def _actions(block: Json, space: Workspace) -> str:
    texts = (_plain(e.get("text") or e.get("placeholder"), space) for e in block["elements"])
    return "  ".join(f"[{text}]" for text in texts)


def _context(block: Json, space: Workspace) -> str:
    return " ".join(_plain(e, space) or str(e.get("alt_text", "")) for e in block["elements"])


def _image(block: Json, space: Workspace) -> str:
    return f"🖼 {block.get('alt_text', '')}"


def _divider(block: Json, space: Workspace) -> str:
    return "─" * 40


def _text_block(block: Json, space: Workspace) -> str:
    text = block.get("text")
    return _plain(text, space) if isinstance(text, dict) else str(text or "")


def _block_text(block: Json, space: Workspace) -> str:
    return RENDERERS.get(str(block.get("type")), _text_block)(block, space)


RENDERERS: Mapping[str, Callable[[Json, Workspace], str]] = {
    "section": _section,
    "table": _table,
    "data_table": _table,
    "rich_text": lambda block, space: _rich(block["elements"], space).rstrip("\n"),
    "actions": _actions,
    "context": _context,
    "image": _image,
    "divider": _divider,
}
