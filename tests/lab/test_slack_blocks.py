"""The block rules: a full verdict message passes, and one step over each limit is named."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.lab.slack import ApiError
from tests.lab.slack.blocks import check_message, message_text_length, problems, view_problems

Block = dict[str, Any]


def plain(length: int = 1) -> Block:
    return {"type": "plain_text", "text": "x" * length}


def mrkdwn(length: int = 1) -> Block:
    return {"type": "mrkdwn", "text": "x" * length}


def button(**more: object) -> Block:
    return {"type": "button", "action_id": "a", "text": plain(), **more}


def actions(*elements: Block) -> Block:
    return {"type": "actions", "elements": list(elements)}


def section(**more: object) -> Block:
    return {"type": "section", "text": mrkdwn(), **more}


def option(value: str = "v", length: int = 1) -> Block:
    return {"text": plain(length), "value": value}


def cell(text: str = "x") -> Block:
    return {"type": "raw_text", "text": text}


def table(rows: int, columns: int, text: str = "x", **more: object) -> Block:
    return {"type": "table", "rows": [[cell(text)] * columns for _ in range(rows)], **more}


def confirm(**more: object) -> Block:
    return {"title": plain(), "text": mrkdwn(), **more}


VERDICT: list[Block] = [
    {"type": "header", "text": plain(150)},
    section(text=mrkdwn(3000), block_id="b" * 255),
    {"type": "section", "fields": [mrkdwn(2000)] * 10},
    {"type": "divider"},
    {
        "type": "table",
        "column_settings": [{"align": "left", "is_wrapped": True}, None, {"align": "right"}],
        "rows": [
            [cell(), cell(" "), {"type": "raw_number", "value": 14}],
            [
                cell(),
                {
                    "type": "rich_text",
                    "elements": [
                        {
                            "type": "rich_text_section",
                            "elements": [
                                {"type": "text", "text": "14", "style": {"bold": True}},
                                {"type": "emoji", "name": "x"},
                            ],
                        },
                    ],
                },
                cell(),
            ],
        ],
    },
    actions(
        button(
            action_id="hand_off",
            style="primary",
            value="v" * 2000,
            confirm=confirm(text=mrkdwn(300), confirm=plain(30), deny=plain(30)),
        ),
        button(action_id="again", text=plain(75)),
        {
            "type": "static_select",
            "action_id": "vm",
            "options": [option(str(n)) for n in range(100)],
        },
    ),
    {"type": "context", "elements": [mrkdwn()] * 10},
    {"type": "image", "image_url": "https://example.com/p.png", "alt_text": "x" * 2000},
    {"type": "markdown", "text": "x" * 12_000},
]


def test_a_message_at_every_limit_passes() -> None:
    assert problems(VERDICT) == []
    assert problems([{"type": "divider"}] * 50) == []
    assert problems([table(100, 20, " ")]) == []


@pytest.mark.parametrize(
    ("block", "said"),
    [
        (
            section(text=mrkdwn(3001)),
            "less than 3001 characters [json-pointer:/blocks/0/text/text]",
        ),
        (section(text=mrkdwn(0)), "more than 0 characters"),
        ({"type": "section"}, "one of text and fields is required"),
        ({"type": "section", "fields": [mrkdwn()] * 11}, "no more than 10 items"),
        ({"type": "section", "fields": [mrkdwn(2001)]}, "less than 2001 characters"),
        (section(block_id="b" * 256), "less than 256 characters"),
        (section(colour="red"), "invalid additional property: colour"),
        (section(accessory=actions()), "unsupported type: actions"),
        ({"type": "header", "text": plain(151)}, "less than 151 characters"),
        ({"type": "header", "text": mrkdwn()}, "must be of type plain_text"),
        ({"type": "context", "elements": [mrkdwn()] * 11}, "no more than 10 items"),
        (actions(*[button(action_id=str(n)) for n in range(26)]), "no more than 25 items"),
        (actions(), "no less than 1 items"),
        (actions(button(), button()), "action_id already used"),
        (actions(button(text=plain(76))), "less than 76 characters"),
        (actions(button(text=mrkdwn())), "must be of type plain_text"),
        (actions({"type": "button", "action_id": "a"}), "missing required field: text"),
        (actions(button(value="v" * 2001)), "less than 2001 characters"),
        (actions(button(url="https://" + "u" * 3000)), "less than 3001 characters"),
        (actions(button(action_id="a" * 256)), "less than 256 characters"),
        (actions(button(style="green")), "must be primary or danger"),
        (actions(button(confirm=confirm(title=plain(101)))), "less than 101 characters"),
        (actions(button(confirm=confirm(text=mrkdwn(301)))), "less than 301 characters"),
        (actions(button(confirm=confirm(confirm=plain(31)))), "less than 31 characters"),
        (actions(button(confirm=confirm(deny=plain(31)))), "less than 31 characters"),
        (actions(button(confirm={"title": plain()})), "missing required field: text"),
        (actions({"type": "marquee"}), "unsupported type: marquee"),
        (
            actions({"type": "overflow", "options": [option(str(n)) for n in range(6)]}),
            "no more than 5 items",
        ),
        (
            actions({"type": "static_select", "options": [option(str(n)) for n in range(101)]}),
            "no more than 100 items",
        ),
        (actions({"type": "static_select", "options": [option(), option()]}), "must be unique"),
        (actions({"type": "static_select", "options": [option("v", 76)]}), "less than 76"),
        (actions({"type": "static_select", "options": [option("v" * 151)]}), "less than 151"),
        (table(101, 1), "no more than 100 items"),
        (table(1, 21), "no more than 20 items"),
        (table(1, 1, ""), "more than 0 characters"),
        (table(2, 20, "x" * 251), "less than 10001 characters in all"),
        ({"type": "table", "rows": [[cell()], [cell()] * 2]}, "same number of cells"),
        (table(1, 1, column_settings=[{"align": "middle"}]), "left, center or right"),
        ({"type": "table", "rows": [[{"type": "mrkdwn", "text": "x"}]]}, "unsupported type"),
        ({"type": "image", "image_url": "https://x"}, "missing required field: alt_text"),
        ({"type": "image", "alt_text": "x"}, "exactly one of image_url and slack_file"),
        (
            {"type": "image", "image_url": "https://" + "x" * 3000, "alt_text": "x"},
            "less than 3001",
        ),
        ({"type": "image", "image_url": "https://x", "alt_text": "x" * 2001}, "less than 2001"),
        ({"type": "markdown", "text": "x" * 12_001}, "less than 12001 characters"),
        ({"type": "alert", "text": mrkdwn()}, "alert is not allowed in a message"),
        ({"type": "data_table", "rows": [[cell()]]}, "missing required field: caption"),
        (
            {"type": "data_table", "caption": "c", "rows": [[cell()]], "page_size": 101},
            "from 1 to 100",
        ),
        ({"type": "rich_text", "elements": [{"type": "text", "text": "x"}]}, "unsupported type"),
        ({"type": "no_such"}, "unsupported type: no_such"),
        ("text", "must be an object"),
    ],
)
def test_one_step_over_a_limit_is_named(block: object, said: str) -> None:
    assert said in "\n".join(problems([block]))


def test_what_counts_over_the_whole_message_is_counted() -> None:
    assert "no more than 50 items" in problems([{"type": "divider"}] * 51)[0]
    assert problems([{"type": "divider"}] * 51, "modal") == []
    twice = [section(block_id="same"), section(block_id="same")]
    assert "block_id already exists" in problems(twice)[0]
    markdown = [{"type": "markdown", "text": "x" * 7_000}] * 2
    assert "12001 characters in all" in problems(markdown)[0]
    with pytest.raises(ApiError, match="invalid_attachments"):
        check_message([table(1, 1), table(1, 1)])
    with pytest.raises(ApiError, match="invalid_blocks"):
        check_message([section(text=mrkdwn(3001))])


def test_the_text_people_read_is_counted_wherever_it_stands() -> None:
    assert message_text_length([section(fields=[mrkdwn(10)]), table(2, 2, "abc")]) == 1 + 10 + 12


VIEW: Block = {
    "type": "modal",
    "title": plain(24),
    "submit": plain(24),
    "close": plain(24),
    "callback_id": "c" * 255,
    "private_metadata": "m" * 3000,
    "blocks": [
        {
            "type": "input",
            "label": plain(),
            "element": {"type": "plain_text_input", "action_id": "a", "max_length": 3000},
        },
        {"type": "alert", "text": mrkdwn(200), "level": "warning"},
    ],
}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, ""),
        ({"title": plain(25)}, "less than 25 characters [json-pointer:/view/title/text]"),
        ({"submit": plain(25)}, "less than 25 characters"),
        ({"close": plain(25)}, "less than 25 characters"),
        ({"submit": None}, "submit is required"),
        ({"private_metadata": "m" * 3001}, "less than 3001"),
        ({"callback_id": "c" * 256}, "less than 256"),
        ({"type": "popup"}, "modal or home"),
        ({"blocks": [table(1, 1)]}, "table is not allowed in a modal"),
        ({"blocks": [{"type": "divider"}] * 101}, "no more than 100 items"),
        ({"blocks": [{"type": "alert", "text": mrkdwn(201)}]}, "less than 201 characters"),
    ],
)
def test_a_dialog_is_held_to_its_own_limits(change: Block, said: str) -> None:
    found = "\n".join(view_problems(copy.deepcopy(VIEW) | change))
    assert said in found
    assert bool(said) is bool(found)
