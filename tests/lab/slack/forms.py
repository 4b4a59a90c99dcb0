"""Blocks and what a person wants of them in; the element meant, or Slack's ``state.values``, out."""

from __future__ import annotations

from typing import Any

from tests.lab.slack.state import Json

MENUS = {"static_select", "radio_buttons", "external_select"}
MANY = {"multi_static_select", "checkboxes"}
PLAIN = {
    "plain_text_input": ("value", "initial_value"),
    "number_input": ("value", "initial_value"),
    "users_select": ("selected_user", "initial_user"),
    "channels_select": ("selected_channel", "initial_channel"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "multi_users_select": ("selected_users", "initial_users"),
}


class NotPossible(Exception):
    """What the person tried cannot be done in Slack's own window."""


class NotFilledIn(Exception):
    """Slack's own window would not let the person submit this."""


def state_of(blocks: list[Json], values: Json) -> Json:
    """Give ``{block_id: {action_id: …}}``; a value may be named by action_id, block_id or label."""
    left = dict(values)
    state: Json = {}
    for block in blocks:
        for element in [block.get("element"), block.get("accessory"), *block.get("elements", [])]:
            if not isinstance(element, dict) or element.get("type") not in {*PLAIN, *MENUS, *MANY}:
                continue
            label = (block.get("label") or {}).get("text")
            names = [element.get("action_id"), block.get("block_id"), label]
            given = next((left.pop(name) for name in names if name in left), None)
            filled = _filled(element, given)
            if block.get("type") == "input" and values:
                _require(block, element, filled)
            state.setdefault(block["block_id"], {})[element.get("action_id", "")] = filled
    if left:
        raise NotFilledIn(f"nothing to fill in named {', '.join(left)}")
    return state


def find_element(blocks: list[Json], wanted: str) -> tuple[str, Json]:
    """Find an interactive element by action_id, value or label; gives its block_id and itself."""
    for block in blocks:
        inside = [*block.get("elements", []), block.get("accessory"), block.get("element")]
        for element in inside:
            if not isinstance(element, dict) or "type" not in element:
                continue
            text = element.get("text")
            label = text.get("text") if isinstance(text, dict) else None
            if wanted in {element.get("action_id"), label}:
                return str(block.get("block_id", "")), element
    raise NotPossible(f"nothing named {wanted!r} to press")


def options_of(element: Json) -> list[Json]:
    groups = element.get("option_groups") or []
    return list(element.get("options") or []) + [o for g in groups for o in g["options"]]


def _filled(element: Json, given: Any) -> Json:  # noqa: ANN401 - any JSON
    kind = element["type"]
    if kind in PLAIN:
        name, initial = PLAIN[kind]
        value = element.get(initial) if given is None else given
        return {"type": kind, name: value if value != "" else None}
    if kind in MENUS:
        chosen = element.get("initial_option") if given is None else _option(element, given)
        return {"type": kind, "selected_option": chosen}
    chosen_many = element.get("initial_options") or []
    if given is not None:
        chosen_many = [_option(element, item) for item in given]
    return {"type": kind, "selected_options": chosen_many}


def _option(element: Json, wanted: object) -> Json:
    for option in options_of(element):
        if wanted in (option["value"], option["text"]["text"]):
            return {"text": option["text"], "value": option["value"]}
    if element["type"] == "external_select":
        return {"text": {"type": "plain_text", "text": str(wanted)}, "value": str(wanted)}
    raise NotFilledIn(f"no option {wanted!r}")


def _require(block: Json, element: Json, filled: Json) -> None:
    value = next(v for k, v in filled.items() if k != "type")
    if not value and not block.get("optional"):
        raise NotFilledIn(f"{(block.get('label') or {}).get('text')} must be filled in")
    if isinstance(value, str) and len(value) > int(element.get("max_length") or 3000):
        raise NotFilledIn(f"{(block.get('label') or {}).get('text')} is too long")
