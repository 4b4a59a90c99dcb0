"""What a message suggests to the dialog, and that every view fits Slack's limits."""

import pytest

from handlers.buttons import Press
from handlers.desk import Asker
from handlers.dialog import (
    check_dialog,
    filled_in,
    loading_dialog,
    refused_dialog,
    suggestions,
    words_in,
)
from handlers.handoff import explain_view, handoff_view
from handlers.home import home_view
from handlers.mention import said_to
from handlers.request import Check
from tests.lab.slack.blocks import view_problems
from tests.slack_types import view_wrong
from workers.arp.model import Job, Owner, Thread
from workers.jobs import JobRecord


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("nothing here names a machine", []),
        ("app01 is down", ["app01"]),
        ("`my vm` and db-7 and app01", ["my vm", "db-7", "app01"]),
        ("app01 app01 APP02", ["app01", "APP02"]),
        ("see <https://mon.example.com/x1|dashboard> for web3.", ["web3"]),
        ("<http://app01.example.com|app01.example.com> lost", ["app01.example.com"]),
        ("<@U02BOB00> mail a1@example.com https://x1.example.com", []),
        ("vm-1021 (00:50:56:01:02:0a) at 10.0.0.7", ["00:50:56:01:02:0a", "vm-1021", "10.0.0.7"]),
        ("id 4216a2f0-1122-3344-5566-778899aabbcc", ["4216a2f0-1122-3344-5566-778899aabbcc"]),
    ],
)
def test_names_found_in_a_message(text: str, found: list[str]) -> None:
    assert [name for name in suggestions(text) if name in found or not found] == found


def test_names_are_found_in_an_alert_without_text() -> None:
    alert = {
        "text": None,
        "attachments": [
            {"title": "[FIRING:1] HostDown", "fields": [{"title": "vm", "value": "db7"}]}
        ],
        "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "`my vm` is lost"}}],
    }
    assert suggestions(words_in(alert)) == ["my vm", "db7"]
    assert words_in({}) == ""


def test_many_names_are_cut() -> None:
    assert len(suggestions(" ".join(f"app{number:02}" for number in range(40)))) == 10


def test_views_fit() -> None:
    asker = Asker("U1", "C1", "1.1", "https://hooks.example.com/" + "x" * 200)
    names = ["n" * 80, "m" * 80]
    press = Press(asker, "arpcheck_handoff", "arp-" + "f" * 36, "", {"ts": "1795378642.000100"})
    job = Job(press.value, "v" * 80, "U1", Thread("C1", "1.1"), 0)
    records = [JobRecord(job, "done", 0, {}, {"owner": owner}) for owner in Owner]
    for view in (
        loading_dialog(),
        refused_dialog("You may not. " * 300),
        *(handoff_view(press, record) for record in records),
        explain_view(press),
        home_view(),
        check_dialog(asker),
        check_dialog(asker, names=names),
        check_dialog(asker, Check("v" * 80, "t" * 80, 300)),
    ):
        assert view_problems(view) == []
        assert view_wrong(view) == []


@pytest.mark.parametrize(
    ("typed", "chosen", "meant"),
    [("", "db7", "db7"), ("app01", "db7", "db7"), ("web3", "db7", "web3"), ("app01", "", "app01")],
)
def test_the_list_counts_where_the_field_was_left_as_it_was(
    typed: str, chosen: str, meant: str
) -> None:
    view = check_dialog(Asker("U1", "C1"), names=["app01", "db7"])
    option = {"selected_option": {"value": chosen}} if chosen else {"selected_option": None}
    view["state"] = {"values": {"vm": {"vm": {"value": typed}}, "found": {"found": option}}}
    assert filled_in(view) == Check(meant)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<@UBOT> app01", "app01"),
        ("<@UBOT|arpcheck>: app01", "app01"),
        ("hey <@UBOT> app01 30s", "app01 30s"),
        ("app01 <@UBOT>", "app01"),
        ("<@UBOT>", ""),
        ("<@U2> <@UBOT> app01", "app01"),
    ],
)
def test_what_was_said_to_the_bot(text: str, said: str) -> None:
    assert said_to(text, "UBOT") == said
