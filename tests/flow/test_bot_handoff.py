"""The hand-off: asked twice where it should be, one job, and the network team's answers come back."""

from dataclasses import replace

import pytest

from tests.flow.bot_process import buttons, claimed, dialog, posted, running_bot, say, whisper
from tests.lab.slack import ALICE, BOB, INCIDENT, NET_ONCALL, SlackTwin
from tests.lab.slack import Message as Shown
from tests.lab.slack.forms import NotFilledIn
from workers.arp.model import Thread
from workers.arp.summary import FIXED, HANDOFF, NOT_OURS, TAKEN
from workers.jobs import Jobs

MODES = pytest.mark.parametrize("http", [False, True], ids=["socket", "http"])


@MODES
async def test_the_hand_off_asks_for_a_note_and_becomes_one_job(
    redis_url: str, jobs: Jobs, *, http: bool
) -> None:
    async with running_bot(redis_url, http=http) as (slack, _):
        await slack.slash("app01")
        await posted(slack)
        lease = await claimed(jobs)
        shown = await say(slack, lease.job, buttons(lease.job, HANDOFF))
        await lease.finish({"outcome": "done", "owner": "network"})
        await slack.press(shown, HANDOFF)
        view = await dialog(slack, "Note to the network team")
        await slack.submit(view, {"note": "started <!here> at 3"})
        follow = await claimed(jobs)
        assert (follow.job.kind, follow.job.of) == ("handoff", lease.job.id)
        assert follow.job.note == "started <!here> at 3"
        assert follow.job.thread.root_ts == lease.job.thread.root_ts
        await slack.press(shown, HANDOFF, user=BOB)
        await slack.submit(await dialog(slack, "Note", BOB))
        await whisper(slack, "already handed off", BOB)
        await follow.finish({"outcome": "handed off"})
        assert await jobs.open_jobs() == ()


async def test_a_hand_off_that_failed_can_be_tried_again(redis_url: str, jobs: Jobs) -> None:
    async with running_bot(redis_url) as (slack, _):
        await slack.slash("app01")
        await posted(slack)
        lease = await claimed(jobs)
        shown = await say(slack, lease.job, buttons(lease.job, HANDOFF))
        await lease.finish({"outcome": "done", "owner": "network"})
        for user, outcome in ((ALICE, "slack_refused"), (BOB, "handed off")):
            await slack.press(shown, HANDOFF, user=user)
            await slack.submit(await dialog(slack, "Note", user))
            follow = await claimed(jobs)
            await follow.finish({"outcome": outcome})
        assert follow.job.id == f"{lease.job.id}-h2"


async def test_a_hand_off_against_the_verdict_is_asked_twice(redis_url: str, jobs: Jobs) -> None:
    async with running_bot(redis_url) as (slack, _):
        await slack.slash("app01")
        await posted(slack)
        lease = await claimed(jobs)
        shown = await say(slack, lease.job, buttons(lease.job, HANDOFF))
        await lease.finish({"outcome": "done", "owner": "virtualization"})
        await slack.press(shown, HANDOFF)
        view = await dialog(slack, "points to the virtualization team")
        with pytest.raises(NotFilledIn, match="the virtualization team must be filled in"):
            await slack.submit(view, {"note": "untagged"})
        await slack.submit(view)
        assert "all the same" in view.errors["sure"]
        assert await jobs.open_jobs() == ()
        await slack.submit(view, {"sure": ["sure"]})
        follow = await claimed(jobs)
        assert follow.job.kind == "handoff"
        await follow.finish({"outcome": "done"})


async def handed_off(slack: SlackTwin, jobs: Jobs) -> tuple[Shown, Shown]:
    """A check that ended and was handed off: its root message and the hand-off's."""
    await slack.slash("app01")
    root = await posted(slack)
    lease = await claimed(jobs)
    await lease.finish({"outcome": "done", "owner": "network"})
    there = replace(lease.job, thread=Thread(NET_ONCALL))
    return root, await say(slack, there, buttons(lease.job, TAKEN, NOT_OURS, FIXED))


async def test_the_network_teams_answers_come_back(redis_url: str, jobs: Jobs) -> None:
    async with running_bot(redis_url, ARPCHECK_USERS=ALICE) as (slack, _):
        root, shown = await handed_off(slack, jobs)
        await slack.press(shown, TAKEN, user=BOB, times=2)
        await slack.wait_for(lambda: "has taken this" in str(shown.blocks))
        await slack.press(shown, NOT_OURS, user=BOB)
        view = await dialog(slack, "Because", BOB)
        await slack.submit(view, {"why": "the port <!channel> is clean"})
        await slack.wait_for(lambda: len(slack.thread(INCIDENT, root.ts)) == 3)
        await slack.press(shown, FIXED, user=BOB)
        again = await claimed(jobs)
        assert (again.job.vm, again.job.asked_by) == ("app01", BOB)
        assert again.job.thread.thread_ts == root.ts
        texts = [message.text for message in slack.thread(INCIDENT, root.ts)]
        assert "has taken this" in texts[1]
        assert "not ours, because" in texts[2]
        assert "<!channel>" not in texts[2]
        assert "please re-check" in texts[3]
        assert len(texts) == 5  # and the message of the new check
        await again.finish({"outcome": "done"})
