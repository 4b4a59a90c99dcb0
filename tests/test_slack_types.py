"""Slack's published types as a check: what is right passes, and each kind of mistake is named."""

import copy
from typing import Any

import pytest

from tests.slack_types import blocks_wrong, manifest_wrong, view_wrong

TEXT = {"type": "plain_text", "text": "x"}
BUTTON = {"type": "button", "action_id": "a", "text": TEXT, "value": "v"}
BLOCKS: list[dict[str, Any]] = [
    {"type": "section", "text": {"type": "mrkdwn", "text": "x"}},
    {"type": "actions", "elements": [BUTTON]},
    {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]]},
]


def test_what_is_right_passes() -> None:
    assert blocks_wrong(BLOCKS) == []
    assert view_wrong({"type": "modal", "title": TEXT, "blocks": BLOCKS[:2]}) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "sektion"},
        {"type": "section", "text": "x"},
        {"type": "section", "colour": "red"},
        {"type": "header", "text": {"type": "mrkdwn", "text": "x"}},
        {"type": "actions", "elements": [{"type": "button", "action_id": "a"}]},
        {"type": "actions", "elements": [{**BUTTON, "style": "red"}]},
        {"type": "table", "rows": [["x"]]},
        {"type": "image", "image_url": "https://example.com/x.png"},
    ],
)
def test_a_wrong_block_is_named(wrong: dict[str, Any]) -> None:
    assert blocks_wrong([wrong])


def test_a_wrong_view_is_named() -> None:
    assert view_wrong({"type": "modal", "blocks": []})
    assert view_wrong({"type": "modal", "title": TEXT, "blocks": [{"type": "sektion"}]})


def test_a_wrong_manifest_is_named() -> None:
    right: dict[str, Any] = {"display_information": {"name": "x"}, "settings": {}}
    assert manifest_wrong(right) == []
    for name, value in {
        "display_information": {"name": "x" * 36},
        "oauth_config": {"scopes": {"bot": ["chat:wrote"]}},
        "settings": {"interactivity": {}},
        "extra": {},
    }.items():
        assert manifest_wrong(copy.deepcopy(right) | {name: value}), name
