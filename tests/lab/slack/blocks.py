"""Blocks of a message, dialog or Home tab in, what Slack would refuse about them out.

``problems`` gives sentences (empty = Slack would take it); ``check_message`` and ``check_view`` raise
the error Slack answers with. Limits: Slack's Block Kit reference; the caps Slack does not document
(the text of a whole message) are kept in ``chat``, which answers with their own error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.lab.slack.objects import ID_LIMIT, Check
from tests.lab.slack.rich_text import check_rich_text
from tests.lab.slack.state import ApiError, Json
from tests.lab.slack.tables import check_data_table, check_table

MOST_BLOCKS = {"message": 50, "modal": 100, "home": 100}
MARKDOWN_LIMIT = 12_000
SECTION_ACCESSORIES = {
    "button",
    "image",
    "overflow",
    "datepicker",
    "timepicker",
    "checkboxes",
    "radio_buttons",
    "static_select",
    "external_select",
    "users_select",
    "channels_select",
    "conversations_select",
    "multi_static_select",
    "multi_users_select",
}
ACTIONS = SECTION_ACCESSORIES - {"image", "multi_static_select", "multi_users_select"}
INPUTS = SECTION_ACCESSORIES - {"button", "image", "overflow"} | {
    "plain_text_input",
    "number_input",
}


def problems(
    blocks: object, surface: str = "message", usable_file: Callable[[str], bool] | None = None
) -> list[str]:
    """Say what is wrong with ``blocks`` on ``surface`` (message, modal or home)."""
    check = Check(surface)
    block_ids: set[str] = set()
    for index, block in enumerate(check.listing(blocks, "/blocks", MOST_BLOCKS[surface], 0)):
        path = f"/blocks/{index}"
        if not check.mapping(block, path):
            continue
        check.action_ids.clear()
        _check_block(check, block, path)
        block_id = block.get("block_id")
        if block_id in block_ids:
            check.say(f"block_id already exists: {block_id}", f"{path}/block_id")
        block_ids |= {block_id} if isinstance(block_id, str) else set()
        key = _file_key(block)
        if key and usable_file is not None and not usable_file(key):
            check.say("invalid slack file", f"{path}/slack_file")
    if isinstance(blocks, list):
        _check_together(check, [block for block in blocks if isinstance(block, dict)])
    return check.wrong


def check_message(blocks: object, usable_file: Callable[[str], bool] | None = None) -> None:
    """Raise invalid_blocks, or invalid_attachments for a second table, as chat.postMessage does."""
    wrong = problems(blocks, "message", usable_file)
    if wrong:
        tables = [line for line in wrong if line.startswith("only one table")]
        raise ApiError.with_messages("invalid_attachments" if tables else "invalid_blocks", wrong)


def check_view(view: Json) -> None:
    """Raise what views.open answers for a view Slack would not show."""
    wrong = view_problems(view)
    if wrong:
        raise ApiError.with_messages("invalid_arguments", wrong)


def view_problems(view: Json) -> list[str]:
    """Say what is wrong with a whole view: its own fields and its blocks."""
    kind = view.get("type")
    if kind not in {"modal", "home"}:
        return ["must be modal or home [json-pointer:/view/type]"]
    check = Check(kind)
    allowed = {"type", "title", "blocks", "close", "submit", "private_metadata", "callback_id"}
    allowed |= {"clear_on_close", "notify_on_close", "external_id", "submit_disabled"}
    check.keys(
        view, allowed, {"type", "blocks"} | ({"title"} if kind == "modal" else set()), "/view"
    )
    for name in ("title", "submit", "close"):
        check.text(view.get(name), f"/view/{name}", 24, "plain_text")
    check.string(view.get("private_metadata"), "/view/private_metadata", 3000, 0)
    check.string(view.get("callback_id"), "/view/callback_id", 255, 0)
    check.string(view.get("external_id"), "/view/external_id", 255, 0)
    blocks = view.get("blocks")
    has_input = any(isinstance(b, dict) and b.get("type") == "input" for b in blocks or [])
    if kind == "modal" and has_input and not view.get("submit"):
        check.say("submit is required when an input block is present", "/view/submit")
    return check.wrong + problems(blocks, kind)


def message_text_length(blocks: Sequence[Json]) -> int:
    """Count the characters people read in all blocks together."""
    return sum(_text_length(block) for block in blocks)


def _text_length(value: object) -> int:
    if isinstance(value, dict):
        own = sum(
            len(v) for k, v in value.items() if k in {"text", "alt_text"} and isinstance(v, str)
        )
        return own + sum(_text_length(v) for v in value.values() if isinstance(v, dict | list))
    return sum(_text_length(item) for item in value) if isinstance(value, list) else 0


def _file_key(block: Json) -> str | None:
    file = block.get("slack_file")
    if not isinstance(file, dict):
        return None
    return str(file.get("id") or file.get("url") or "")


def _check_together(check: Check, blocks: list[Json]) -> None:
    """Check what is counted over the whole message."""
    kinds = [block.get("type") for block in blocks]
    if kinds.count("table") > 1:
        check.say("only one table allowed per message", "/blocks")
    if kinds.count("data_visualization") > 2:
        check.say("only two data_visualization blocks allowed per message", "/blocks")
    markdown = sum(len(str(b.get("text", ""))) for b in blocks if b.get("type") == "markdown")
    if markdown > MARKDOWN_LIMIT:
        check.say(f"markdown must be less than {MARKDOWN_LIMIT + 1} characters in all", "/blocks")


def _check_block(check: Check, block: Json, path: str) -> None:
    kind = str(block.get("type"))
    rule = RULES.get(kind)
    if rule is None:
        check.say(f"unsupported type: {kind}", f"{path}/type")
        return
    keys, required, surfaces, look = rule
    if check.surface not in surfaces.split():
        check.say(f"{kind} is not allowed in a {check.surface}", path)
    check.keys(block, set(keys.split()) | {"type", "block_id"}, set(required.split()), path)
    check.string(block.get("block_id"), f"{path}/block_id", ID_LIMIT)
    look(check, block, path)


def _section(check: Check, block: Json, path: str) -> None:
    if block.get("text") is None and block.get("fields") is None:
        check.say("one of text and fields is required", path)
    check.text(block.get("text"), f"{path}/text", 3000)
    if block.get("fields") is not None:
        for index, text in enumerate(check.listing(block["fields"], f"{path}/fields", 10)):
            check.text(text, f"{path}/fields/{index}", 2000)
    if block.get("accessory") is not None:
        check.element(block["accessory"], f"{path}/accessory", SECTION_ACCESSORIES)


def _header(check: Check, block: Json, path: str) -> None:
    check.text(block.get("text"), f"{path}/text", 150, "plain_text")


def _context(check: Check, block: Json, path: str) -> None:
    for index, element in enumerate(check.listing(block.get("elements"), f"{path}/elements", 10)):
        here = f"{path}/elements/{index}"
        if isinstance(element, dict) and element.get("type") == "image":
            check.element(element, here, {"image"})
        else:
            check.text(element, here, 3000)


def _actions(check: Check, block: Json, path: str) -> None:
    for index, element in enumerate(check.listing(block.get("elements"), f"{path}/elements", 25)):
        check.element(element, f"{path}/elements/{index}", ACTIONS)


def _image(check: Check, block: Json, path: str) -> None:
    check.image(block, path)
    check.text(block.get("title"), f"{path}/title", 2000, "plain_text")


def _input(check: Check, block: Json, path: str) -> None:
    check.text(block.get("label"), f"{path}/label", 2000, "plain_text")
    check.text(block.get("hint"), f"{path}/hint", 2000, "plain_text")
    if block.get("element") is not None:
        check.element(block["element"], f"{path}/element", INPUTS)


def _markdown(check: Check, block: Json, path: str) -> None:
    check.string(block.get("text"), f"{path}/text", MARKDOWN_LIMIT)


def _alert(check: Check, block: Json, path: str) -> None:
    check.text(block.get("text"), f"{path}/text", 200)
    if block.get("level") not in {None, "default", "info", "warning", "error", "success"}:
        check.say("unknown level", f"{path}/level")


def _nothing_more(check: Check, block: Json, path: str) -> None:
    """Take a block that has no contents of its own to check."""


Rule = tuple[str, str, str, Callable[[Check, Json, str], None]]
ALL = "message modal home"
RULES: Mapping[str, Rule] = {
    "section": ("text fields accessory expand", "", ALL, _section),
    "header": ("text", "text", ALL, _header),
    "divider": ("", "", ALL, _nothing_more),
    "context": ("elements", "elements", ALL, _context),
    "actions": ("elements", "elements", ALL, _actions),
    "image": ("image_url slack_file alt_text title", "alt_text", ALL, _image),
    "input": ("label element dispatch_action hint optional", "label element", ALL, _input),
    "rich_text": ("elements", "elements", ALL, check_rich_text),
    "table": ("rows column_settings", "rows", "message", check_table),
    "data_table": (
        "caption rows page_size row_header_column_index",
        "caption rows",
        ALL,
        check_data_table,
    ),
    "markdown": ("text", "text", "message", _markdown),
    "alert": ("text level", "text", "modal", _alert),
}


def readable(wrong: Sequence[Any]) -> str:
    """One line per problem, for an assertion's message."""
    return "\n".join(str(line) for line in wrong)
