"""The dialog that asks for a check: its view, the names found in a message, and what was filled in."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from handlers import replies
from handlers.desk import Asker
from handlers.request import LONGEST_NAME, Check, read_fields
from workers.arp.summary.blocks import plain, section

CALLBACK = "arpcheck_dialog"
VM, TARGET, SECONDS, FOUND = "vm", "target", "seconds", "found"
SUGGESTIONS = 10

_READ = ("pretext", "title", "text", "value", "fallback")
_QUOTED = re.compile(r"`([^`\n]{1,80})`")
_NOISE = re.compile(r"<(?:https?|mailto|tel)[^>|]*\|?([^>]*)>|<[^>]*>|\bhttps?://\S+|\S+@\S+")
_MAC = re.compile(r"(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}", re.IGNORECASE)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{1,78}[A-Za-z0-9]")
_ADDRESS = re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}\b")


def suggestions(text: str) -> list[str]:
    """What in a message may name a VM, the surest first: code, then ids, then names with a digit."""
    clean = _NOISE.sub(r" \1 ", text)
    found = [name.strip() for name in _QUOTED.findall(clean)]
    found += _UUID.findall(clean) + _MAC.findall(clean)
    found += [name for name in _NAME.findall(clean) if any(char.isdigit() for char in name)]
    found += _ADDRESS.findall(clean)
    return [name for name in dict.fromkeys(found) if name][:SUGGESTIONS]


def words_in(message: Mapping[str, Any]) -> str:
    """All that people read in a message: alerts often have no text, but attachments or blocks."""
    found = [str(message.get("text") or "")]
    waiting = [message.get("attachments"), message.get("blocks")]
    while waiting:
        value = waiting.pop(0)
        if isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, Mapping):
            found += [v for k, v in value.items() if k in _READ and isinstance(v, str)]
            waiting.extend(v for v in value.values() if isinstance(v, list | Mapping))
    return "\n".join(dict.fromkeys(found))


def loading_dialog() -> dict[str, Any]:
    """What stands in the dialog while its fields are looked up: a trigger lives 3 s only."""
    return _frame([section("One moment…")], submit=False, metadata="")


def refused_dialog(why: str) -> dict[str, Any]:
    """What stands in the dialog for somebody who may not ask; ``why`` is mrkdwn."""
    return _frame(list(replies.refused(why).blocks), submit=False, metadata="")


def check_dialog(
    asker: Asker, filled: Check | None = None, names: Sequence[str] = ()
) -> dict[str, Any]:
    """The dialog, filled with a former request or with the first of the names found."""
    vm = filled.vm if filled else next(iter(names), "")
    blocks = [
        _input(VM, "VM", "Name, IP, MAC, moid or UUID", vm, most=LONGEST_NAME),
        _input(
            TARGET,
            "Target",
            "IPv4 address or a second VM; empty = what the VM asks for",
            (filled and filled.target) or "",
            optional=True,
        ),
        _input(
            SECONDS,
            "Listen for",
            "Such as 30s or 2m; empty = the usual time",
            f"{filled.seconds}s" if filled and filled.seconds else "",
            optional=True,
        ),
    ]
    if len(names) > 1:
        blocks.insert(0, _found(names))
    where = {"channel": asker.channel, "thread": asker.thread_ts, "url": asker.response_url}
    return _frame(blocks, submit=True, metadata=json.dumps(where))


def asker_of(body: Mapping[str, Any]) -> Asker:
    """Who filled in the dialog, and where it was opened."""
    where = json.loads(body["view"]["private_metadata"] or "{}")
    return Asker(
        user=body["user"]["id"],
        channel=str(where["channel"]),
        thread_ts=where.get("thread"),
        response_url=where.get("url"),
    )


def filled_in(view: Mapping[str, Any]) -> Check | dict[str, str]:
    """What the dialog asks for, or a sentence for each wrong field by its block id."""
    chosen = _value(view, FOUND)
    vm = _value(view, VM)
    initial = next(
        (
            block["element"].get("initial_value", "")
            for block in view.get("blocks", ())
            if block.get("block_id") == VM
        ),
        "",
    )
    if chosen and vm in {"", initial}:
        vm = chosen  # the list was used and the field left as it was
    return read_fields(vm, _value(view, TARGET), _value(view, SECONDS))


def _value(view: Mapping[str, Any], name: str) -> str:
    state = view["state"]["values"].get(name, {}).get(name, {})
    option = state.get("selected_option") or {}
    return str(state.get("value") or option.get("value") or "").strip()


def _frame(blocks: list[dict[str, Any]], *, submit: bool, metadata: str) -> dict[str, Any]:
    view = {
        "type": "modal",
        "callback_id": CALLBACK,
        "title": plain("Check ARP of a VM", 24),
        "close": plain("Cancel", 24),
        "private_metadata": metadata,
        "blocks": blocks,
    }
    return view | {"submit": plain("Check", 24)} if submit else view


def _input(
    name: str, label: str, hint: str, value: str, *, optional: bool = False, most: int = 100
) -> dict[str, Any]:
    element: dict[str, Any] = {
        "type": "plain_text_input",
        "action_id": name,
        "max_length": most,
        "placeholder": plain(hint, 150),
    }
    if value:
        element["initial_value"] = value[:most]
    return {
        "type": "input",
        "block_id": name,
        "label": plain(label, 2000),
        "optional": optional,
        "element": element,
    }


def _found(names: Sequence[str]) -> dict[str, Any]:
    options = [{"text": plain(name, 75), "value": name[:75]} for name in names]
    return {
        "type": "input",
        "block_id": FOUND,
        "label": plain("Found in the message", 2000),
        "optional": True,
        "element": {"type": "static_select", "action_id": FOUND, "options": options},
    }
