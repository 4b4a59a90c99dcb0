"""From the verdict in the incident's thread to the network team's channel and back, all of it real."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from tests.flow.bot_process import dialog, whisper
from tests.flow.test_whole_line import ANSWER_SECONDS, ask, thread, unzipped
from tests.lab.lab import Lab, Program
from tests.lab.slack import ALICE, BOB, INCIDENT, NET_ONCALL, Message
from workers.arp.summary import FIXED, HANDOFF, NOT_OURS, TAKEN

SECONDS = "12"


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with Lab(tmp_path / "lab") as lab:
        yield lab
        await lab.settled(lambda: not lab.captures_alive())


async def handed_over(lab: Lab) -> Message:
    """The message in the network team's channel, once its files are there and the thread was told."""

    def there() -> Message | None:
        posts = handoffs(lab)
        shared = posts and len(lab.slack.thread(NET_ONCALL, posts[0].ts)) > 1
        return posts[0] if shared else None

    message = await lab.slack.wait_for(there, timeout=ANSWER_SECONDS)
    assert message is not None
    return message


async def said(lab: Lab, root: Message, words: str) -> Message:
    """Wait for a message with these words in the incident's thread."""

    def found() -> Message | None:
        texts = lab.slack.thread(INCIDENT, root.ts)
        return next((message for message in texts if words in message.text), None)

    message = await lab.slack.wait_for(found, timeout=ANSWER_SECONDS)
    assert message is not None
    return message


def handoffs(lab: Lab) -> list[Message]:
    return [m for m in lab.slack.messages(NET_ONCALL) if m.bot_id and not m.is_reply]


def audited(lab: Lab) -> list[dict[str, str]]:
    with Redis.from_url(lab.redis_url, decode_responses=True) as client:
        streams = [key for key in client.scan_iter("*audit*") if client.type(key) == "stream"]
        entries: Any = [entry for key in streams for _, entry in client.xrange(key)]
        return list(entries)


async def another_worker(lab: Lab) -> Program:
    (worker,) = [program for program in lab.programs if program.name == "workers"]
    assert await worker.stop() == 0
    return await lab.run("workers", lab.environment(CAPTURE_SECONDS=SECONDS))


def stands_alone(lab: Lab, there: Message, verdict: Message) -> None:
    """Claim, numbers, switch and port, what is open, the first test; bundle and picture under it."""
    shown = lab.slack.as_text(there)
    headline = verdict.text.splitlines()[0].partition(": ")[2]
    for words in (
        headline,  # the claim, with its numbers
        "sw-a Ethernet1/7",
        "UPLINK_VLAN_NOT_CARRIED",
        "Not proven",
        "First test",
        "since CHG0042",
        "the incident thread",
    ):
        assert words in shown, words
    assert lab.slack.pings(there) <= {ALICE}  # the one who handed it off
    files = [f for m in lab.slack.thread(NET_ONCALL, there.ts) for f in m.files]
    bundle, picture = sorted(files, key=lambda file: file.name, reverse=True)
    assert (Path(bundle.name).suffix, Path(picture.name).suffix) == (".zip", ".png")
    assert "report.json" in unzipped(lab.slack.file_bytes(bundle.id))


def linked(lab: Lab, root: Message, there: Message, told: Message) -> None:
    assert f"/archives/{INCIDENT}/p{root.ts.replace('.', '')}" in str(there.blocks)
    assert f"/archives/{NET_ONCALL}/p{there.ts.replace('.', '')}" in str(told.blocks)


async def answered_by_the_network_team(lab: Lab, root: Message, there: Message) -> None:
    """Every answer shows up in the incident's thread, the last one as a new check."""
    await lab.slack.press(there, TAKEN, user=BOB, times=2)
    await said(lab, root, "has taken this")
    await lab.slack.press(there, NOT_OURS, user=BOB)
    await lab.slack.submit(await dialog(lab.slack, "Because", BOB), {"why": "the trunk is clean"})
    await said(lab, root, "the trunk is clean")

    lab.situation("healthy")
    await lab.slack.press(there, FIXED, user=BOB)
    await said(lab, root, "re-check")
    again = await said(lab, root, "ARP works")
    assert again.thread_ts == root.ts
    assert [m.text for m in thread(lab, root) if "has taken this" in m.text][1:] == []


async def test_the_network_team_gets_a_case_that_stands_alone_and_answers(lab: Lab) -> None:
    lab.situation("blog")
    root, verdict, _ = await ask(lab, "app01", CAPTURE_SECONDS=SECONDS)
    await another_worker(lab)

    await lab.slack.press(verdict, HANDOFF, times=2)
    view = await dialog(lab.slack, "Note to the network team")
    lab.slack.redeliver_next()
    await lab.slack.submit(view, {"note": "since CHG0042, <!here> please"})
    there = await handed_over(lab)
    told = await said(lab, root, "handed this off")

    stands_alone(lab, there, verdict)
    linked(lab, root, there, told)

    await lab.slack.press(verdict, HANDOFF, user=BOB)
    await lab.slack.submit(await dialog(lab.slack, "Note", BOB))
    await whisper(lab.slack, "already handed off", BOB)
    assert len(handoffs(lab)) == 1

    await answered_by_the_network_team(lab, root, there)
    trail = audited(lab)
    events = [entry.get("event", "") for entry in trail]
    for event in ("hand-off", "taken", "not ours", "fixed", "answered"):
        assert event in events, (event, events)
    assert events.count("hand-off") == 1
    (ended,) = [entry for entry in trail if entry.get("outcome") == "verdict"]
    assert set(ended["commands"].split("; ")) == captured(lab)
    assert sum("0x8035" in command for command in captured(lab)) == 4  # RARP, two uplinks


def captured(lab: Lab) -> set[str]:
    """Every capture that a host was told to run."""
    lines = [logged.line for twin in lab.esxi.values() for logged in twin.commands]
    return {"pktcap-uw" + line.partition("pktcap-uw")[2] for line in lines if "--ethtype" in line}


async def test_a_verdict_that_points_elsewhere_is_asked_twice(lab: Lab) -> None:
    lab.situation("drop-tx")
    root, verdict, _ = await ask(lab, "app01", CAPTURE_SECONDS=SECONDS)
    assert "virtualization" in str(verdict.blocks[-2])
    await lab.slack.press(verdict, HANDOFF)
    view = await dialog(lab.slack, "points to the virtualization team")
    await lab.slack.submit(view)
    assert "all the same" in view.errors["sure"]
    assert not handoffs(lab)
    await lab.slack.submit(view, {"sure": ["sure"]})
    there = await handed_over(lab)
    assert "VSWITCH_DROP_TX" in lab.slack.as_text(there)
    await said(lab, root, "handed this off")
