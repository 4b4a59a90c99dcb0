"""Block Kit composition objects and elements in, sentences about what Slack would refuse out.

Every sentence ends in the JSON pointer of the wrong part, as Slack's own do. Limits: Slack's Block
Kit reference (docs.slack.dev/reference/block-kit).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.lab.slack.state import Json

ID_LIMIT, OPTIONS_LIMIT = 255, 100
BUTTON = {"text", "action_id", "url", "value", "style", "confirm", "accessibility_label"}
SELECT = {"placeholder", "action_id", "confirm", "focus_on_load"}
CHOICE = {"options", "action_id", "confirm", "focus_on_load"}
INPUT = {"placeholder", "action_id", "initial_value", "focus_on_load", "dispatch_action_config"}

ELEMENT_KEYS: Mapping[str, set[str]] = {
    "button": BUTTON,
    "image": {"image_url", "slack_file", "alt_text"},
    "overflow": {"options", "action_id", "confirm"},
    "datepicker": SELECT | {"initial_date"},
    "timepicker": SELECT | {"initial_time", "timezone"},
    "checkboxes": CHOICE | {"initial_options"},
    "radio_buttons": CHOICE | {"initial_option"},
    "plain_text_input": INPUT | {"multiline", "min_length", "max_length"},
    "number_input": INPUT | {"is_decimal_allowed", "min_value", "max_value"},
    "static_select": SELECT | {"options", "option_groups", "initial_option"},
    "external_select": SELECT | {"min_query_length", "initial_option"},
    "users_select": SELECT | {"initial_user"},
    "channels_select": SELECT | {"initial_channel", "response_url_enabled"},
    "conversations_select": SELECT
    | {"initial_conversation", "default_to_current_conversation", "response_url_enabled", "filter"},
    "multi_static_select": SELECT
    | {"options", "option_groups", "initial_options", "max_selected_items"},
    "multi_users_select": SELECT | {"initial_users", "max_selected_items"},
}
HAS_OPTIONS = {"overflow", "checkboxes", "radio_buttons", "static_select", "multi_static_select"}
MOST_OPTIONS = {"overflow": 5, "checkboxes": 10, "radio_buttons": 10}


@dataclass
class Check:
    """Collects sentences about what is wrong with a message or view on one ``surface``."""

    surface: str = "message"
    wrong: list[str] = field(default_factory=list)
    action_ids: set[str] = field(default_factory=set)

    def say(self, sentence: str, path: str) -> None:
        self.wrong.append(f"{sentence} [json-pointer:{path}]")

    def mapping(self, value: object, path: str) -> bool:
        if isinstance(value, dict):
            return True
        self.say("must be an object", path)
        return False

    def keys(self, value: Json, allowed: set[str], required: set[str], path: str) -> None:
        for key in sorted(required - {k for k, v in value.items() if v is not None}):
            self.say(f"missing required field: {key}", path)
        for key in sorted(value.keys() - allowed):
            self.say(f"invalid additional property: {key}", path)

    def string(self, value: object, path: str, most: int, least: int = 1) -> None:
        if value is None:
            return
        if not isinstance(value, str):
            self.say("must be a string", path)
        elif len(value) > most:
            self.say(f"must be less than {most + 1} characters", path)
        elif len(value) < least:
            self.say(f"must be more than {least - 1} characters", path)

    def listing(self, value: object, path: str, most: int, least: int = 1) -> list[Any]:
        if not isinstance(value, list):
            self.say("must be a list", path)
            return []
        if len(value) > most:
            self.say(f"no more than {most} items allowed", path)
        if len(value) < least:
            self.say(f"no less than {least} items required", path)
        return value

    def text(self, value: object, path: str, most: int, kinds: str = "mrkdwn plain_text") -> None:
        """Check a text object of one of ``kinds``, 1..``most`` characters."""
        if value is None or not self.mapping(value, path):
            return
        assert isinstance(value, dict)
        kind = value.get("type")
        if kind not in kinds.split():
            self.say(f"must be of type {' or '.join(kinds.split())}", f"{path}/type")
        allowed = {"type", "text"} | ({"verbatim"} if kind == "mrkdwn" else {"emoji"})
        self.keys(value, allowed, {"type", "text"}, path)
        self.string(value.get("text"), f"{path}/text", most)

    def confirm(self, value: object, path: str) -> None:
        """Check a confirmation dialog: title 100, text 300, buttons 30."""
        if value is None or not self.mapping(value, path):
            return
        assert isinstance(value, dict)
        needed = {"title", "text"}
        self.keys(value, needed | {"confirm", "deny", "style"}, needed, path)
        self.text(value.get("title"), f"{path}/title", 100, "plain_text")
        self.text(value.get("text"), f"{path}/text", 300)
        self.text(value.get("confirm"), f"{path}/confirm", 30, "plain_text")
        self.text(value.get("deny"), f"{path}/deny", 30, "plain_text")

    def options(self, value: object, path: str, most: int) -> None:
        seen = set()
        for index, option in enumerate(self.listing(value, path, most)):
            here = f"{path}/{index}"
            if not self.mapping(option, here):
                continue
            self.keys(option, {"text", "value", "description", "url"}, {"text", "value"}, here)
            self.text(option.get("text"), f"{here}/text", 75)
            self.text(option.get("description"), f"{here}/description", 75)
            self.string(option.get("value"), f"{here}/value", 150)
            if option.get("value") in seen:
                self.say("option values must be unique", f"{here}/value")
            seen.add(option.get("value"))

    def element(self, value: object, path: str, allowed: set[str]) -> None:
        """Check an interactive element or image that must be one of the ``allowed`` types."""
        if not self.mapping(value, path):
            return
        assert isinstance(value, dict)
        kind = str(value.get("type"))
        if kind not in allowed or kind not in ELEMENT_KEYS:
            self.say(f"unsupported type: {kind}", path)
            return
        self.keys(value, ELEMENT_KEYS[kind] | {"type"}, {"type"}, path)
        self._action_id(value, path)
        self.confirm(value.get("confirm"), f"{path}/confirm")
        self.text(value.get("placeholder"), f"{path}/placeholder", 150, "plain_text")
        if kind == "button":
            self._button(value, path)
        elif kind == "image":
            self.image(value, path)
        elif kind in HAS_OPTIONS:
            self._choice(kind, value, path)
        elif kind == "plain_text_input":
            self._text_input(value, path)
        elif kind == "number_input" and not isinstance(value.get("is_decimal_allowed"), bool):
            self.say("missing required field: is_decimal_allowed", path)

    def image(self, value: Json, path: str) -> None:
        """Check what images as block, element or accessory have in common."""
        if ("image_url" in value) is ("slack_file" in value):
            self.say("exactly one of image_url and slack_file is required", path)
        if not value.get("alt_text"):
            self.say("missing required field: alt_text", path)
        self.string(value.get("alt_text"), f"{path}/alt_text", 2000)
        self.string(value.get("image_url"), f"{path}/image_url", 3000)
        if not str(value.get("image_url", "https://")).startswith(("https://", "http://")):
            self.say("must be a valid URL", f"{path}/image_url")

    def _action_id(self, value: Json, path: str) -> None:
        action_id = value.get("action_id")
        self.string(action_id, f"{path}/action_id", ID_LIMIT)
        if isinstance(action_id, str) and action_id in self.action_ids:
            self.say(f"action_id already used in this block: {action_id}", f"{path}/action_id")
        self.action_ids.add(str(action_id)) if action_id else None

    def _button(self, value: Json, path: str) -> None:
        self.keys(value, BUTTON | {"type"}, {"text"}, path)
        self.text(value.get("text"), f"{path}/text", 75, "plain_text")
        self.string(value.get("value"), f"{path}/value", 2000, 0)
        self.string(value.get("url"), f"{path}/url", 3000)
        self.string(value.get("accessibility_label"), f"{path}/accessibility_label", 75)
        if value.get("style") not in {None, "primary", "danger"}:
            self.say("must be primary or danger", f"{path}/style")

    def _choice(self, kind: str, value: Json, path: str) -> None:
        groups = value.get("option_groups")
        if groups is None:
            self.options(
                value.get("options"), f"{path}/options", MOST_OPTIONS.get(kind, OPTIONS_LIMIT)
            )
            return
        if "options" in value:
            self.say("options and option_groups exclude one another", path)
        for index, group in enumerate(self.listing(groups, f"{path}/option_groups", OPTIONS_LIMIT)):
            here = f"{path}/option_groups/{index}"
            if self.mapping(group, here):
                self.text(group.get("label"), f"{here}/label", 75, "plain_text")
                self.options(group.get("options"), f"{here}/options", OPTIONS_LIMIT)

    def _text_input(self, value: Json, path: str) -> None:
        self.string(value.get("initial_value"), f"{path}/initial_value", 3000, 0)
        for name in ("min_length", "max_length"):
            length = value.get(name)
            if length is not None and not (isinstance(length, int) and 0 <= length <= 3000):
                self.say("must be a number from 0 to 3000", f"{path}/{name}")


def is_link(url: object) -> bool:
    return bool(re.match(r"(https?|mailto|slack):", str(url)))
