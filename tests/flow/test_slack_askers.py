"""Several people at one time: who joins, who waits, who may stop what, and who may ask at all."""

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.flow.slack_life import Life, life
from tests.lab.slack import ALICE, BOB, CARO, MALLORY, NETWORK_GROUP

pytestmark = pytest.mark.asyncio(loop_scope="module")

WORKER_JOBS = 2


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Life]:
    folder = tmp_path_factory.mktemp("askers") / "lab"
    may = {"ARPCHECK_USERS": f"{ALICE},{CARO},{NETWORK_GROUP}", "WORKER_JOBS": str(WORKER_JOBS)}
    async with life(folder, **may) as here:
        here.lab.situation("blog")  # a check goes on to its end
        yield here


async def test_who_asks_for_the_same_vm_joins_and_nothing_is_captured_twice(here: Life) -> None:
    before = len(here.capture_lines())
    root = await here.asked("app01 4s")
    await here.captures(6)
    other, third = here.channel(), here.channel()
    talk = here.slack.say("is app01 well?", channel=third)
    await asyncio.gather(
        here.slack.slash("APP01", user=BOB, channel=other),
        here.slack.mention("app01", user=CARO, channel=third, thread_ts=talk.ts),
    )
    link = root.ts.replace(".", "")
    assert link in (await here.whisper("already being checked", other, BOB)).text
    assert link in (await here.whisper("already being checked", third, CARO)).text
    found = await here.verdict(root)
    headline = found["report"]["verdict"]["headline"]
    told = await here.whisper("has ended", other, BOB)
    assert headline in told.text
    assert link in told.text
    there = await here.reply(talk, "has ended")
    assert headline in there.text
    assert link in there.text
    assert here.slack.messages(other) == []
    assert len(here.bundles(root.channel)) == 1
    assert not here.bundles(other)
    assert not here.bundles(third)
    lines = here.capture_lines()[before:]
    assert len(lines) == len(set(lines)) > 0


async def test_status_shows_what_runs_and_what_waits_and_stop_ends_either(here: Life) -> None:
    texts = ["app01", "web02", "log04", "db03"]
    roots = [await here.asked(text) for text in texts]
    await here.captures(12)
    channel = here.channel()
    await here.slack.slash("status", channel=channel, user=BOB)
    told = (await here.whisper("2 running, 2 waiting", channel, BOB)).text
    assert re.search(r"(app01.*: running(.|\n)*){1}web02.*: running", told)
    assert re.search(r"log04.*position 1(.|\n)*db03.*position 2", told)
    assert all(root.ts.replace(".", "") in told for root in roots)
    assert "position 2" in roots[3].text
    ids = re.findall(r"\|(arp-\w+)>", told)
    await here.slack.slash(f"stop {ids[3]}", channel=channel, user=CARO)
    await here.ended(roots[3])
    assert f"stopped by <@{CARO}> before it began" in roots[3].text
    await here.slack.slash(f"stop {ids[0]}", channel=channel, user=MALLORY)
    await here.whisper("can stop this", channel, MALLORY)
    await here.slack.press(roots[0], "Cancel", user=MALLORY)
    await here.whisper("can stop this", roots[0].channel, MALLORY)
    assert "Cancel" in str(roots[0].blocks)
    await here.slack.slash(f"stop {ids[0]}", channel=channel, user=BOB)  # one of the group
    await here.slack.press(roots[1], "Cancel", user=ALICE)
    await asyncio.gather(here.ended(roots[0]), here.ended(roots[1]))
    await here.slack.slash(f"stop {ids[2]}", channel=channel, user=ALICE)
    await here.ended(roots[2])
    await here.quiet()


async def test_who_may_not_ask_is_told_who_may_on_every_way_in(here: Life) -> None:
    channel = here.channel()
    await here.slack.slash("app01", channel=channel, user=MALLORY)
    told = await here.whisper("You may not run arpcheck", channel, MALLORY)
    assert f"<@{ALICE}>" in told.text
    assert f"<!subteam^{NETWORK_GROUP}>" in told.text
    said = here.slack.say("app01?", channel=channel, user=MALLORY)
    await here.slack.mention("app01", channel=channel, user=MALLORY, thread_ts=said.ts)
    await here.slack.shortcut("arpcheck_message", said.ts, channel=channel, user=MALLORY)
    await here.slack.slash("", channel=channel, user=MALLORY)
    await here.slack.wait_for(lambda: len(here.slack.ephemerals(MALLORY, channel)) == 4)
    assert here.slack.view_of(MALLORY) is None
    assert [m.user for m in here.slack.messages(channel)] == [MALLORY]


async def test_buttons_obey_the_same_rules(here: Life) -> None:
    here.lab.situation("blog")  # where ARP works there is nothing to hand off
    root = await here.asked("app01 5s")
    await here.verdict(root)
    verdict = await here.reply(root, "Run again")
    await here.slack.press(verdict, "Run again", user=MALLORY)
    await here.whisper("You may not run arpcheck", root.channel, MALLORY)
    for button in ("Run with options…", "arpcheck_handoff"):
        await here.slack.press(verdict, button, user=MALLORY)
        view = await here.dialog("may not run arpcheck", MALLORY)
        assert "submit" not in view.body
    assert len(here.replies(root)) == 2
