"""A rich_text block in, sentences about what Slack would refuse in it out."""

from __future__ import annotations

from collections.abc import Mapping

from tests.lab.slack.objects import Check
from tests.lab.slack.state import Json

CONTAINERS: Mapping[str, set[str]] = {
    "rich_text_section": {"type", "elements"},
    "rich_text_list": {"type", "elements", "style", "indent", "offset", "border"},
    "rich_text_preformatted": {"type", "elements", "border", "language"},
    "rich_text_quote": {"type", "elements", "border"},
}
LEAVES: Mapping[str, tuple[set[str], set[str]]] = {
    "text": ({"text", "style"}, {"text"}),
    "emoji": ({"name", "unicode", "skin_tone", "style"}, {"name"}),
    "link": ({"url", "text", "style", "unsafe"}, {"url"}),
    "user": ({"user_id", "style"}, {"user_id"}),
    "usergroup": ({"usergroup_id", "style"}, {"usergroup_id"}),
    "channel": ({"channel_id", "style"}, {"channel_id"}),
    "broadcast": ({"range", "style"}, {"range"}),
    "date": ({"timestamp", "format", "url", "fallback", "style"}, {"timestamp", "format"}),
    "color": ({"value"}, {"value"}),
}


def check_rich_text(check: Check, block: Json, path: str) -> None:
    elements = check.listing(block.get("elements"), f"{path}/elements", 1000)
    for index, element in enumerate(elements):
        here = f"{path}/elements/{index}"
        if not check.mapping(element, here):
            continue
        kind = str(element.get("type"))
        if kind not in CONTAINERS:
            check.say(f"unsupported type: {kind}", here)
            continue
        required = {"elements", "style"} if kind == "rich_text_list" else {"elements"}
        check.keys(element, CONTAINERS[kind], required, here)
        for number, inner in enumerate(
            check.listing(element.get("elements"), f"{here}/elements", 1000, 0)
        ):
            if kind == "rich_text_list":
                _check_item(check, inner, f"{here}/elements/{number}")
            else:
                _check_leaf(check, inner, f"{here}/elements/{number}")


def _check_item(check: Check, item: object, path: str) -> None:
    if not check.mapping(item, path):
        return
    assert isinstance(item, dict)
    if item.get("type") != "rich_text_section":
        check.say("must be of type rich_text_section", f"{path}/type")
        return
    for index, leaf in enumerate(check.listing(item.get("elements"), f"{path}/elements", 1000, 0)):
        _check_leaf(check, leaf, f"{path}/elements/{index}")


def _check_leaf(check: Check, leaf: object, path: str) -> None:
    if not check.mapping(leaf, path):
        return
    assert isinstance(leaf, dict)
    kind = str(leaf.get("type"))
    if kind not in LEAVES:
        check.say(f"unsupported type: {kind}", path)
        return
    allowed, required = LEAVES[kind]
    check.keys(leaf, allowed | {"type"}, required, path)
    if kind == "text":
        check.string(leaf.get("text"), f"{path}/text", 40_000)
    style = leaf.get("style")
    if style is not None and not (
        isinstance(style, dict)
        and style.keys() <= {"bold", "italic", "strike", "code", "underline"}
    ):
        check.say("invalid style", f"{path}/style")
