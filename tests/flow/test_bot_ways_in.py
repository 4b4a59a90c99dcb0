"""Mention, message shortcut, dialog and buttons: every way in ends in the same jobs."""

import asyncio
from dataclasses import replace

import pytest

from tests.edges.jobs_lab import until
from tests.flow.bot_process import buttons, claimed, dialog, posted, running_bot, say, whisper
from tests.lab.slack import (
    ALICE,
    BOB,
    BOT_USER,
    DM_ALICE,
    INCIDENT,
    MALLORY,
    VIRT,
)
from workers.arp.model import Thread, VmCandidate
from workers.arp.summary import (
    AGAIN,
    HANDOFF,
    OPTIONS,
    POST_HERE,
    TAKEN,
    choice_message,
    stimulus_message,
    trouble_message,
)
from workers.jobs import Jobs

MODES = pytest.mark.parametrize("http", [False, True], ids=["socket", "http"])


# --- mention -----------------------------------------------------------------------------------


@MODES
async def test_a_mention_in_a_thread_is_answered_there(
    redis_url: str, jobs: Jobs, *, http: bool
) -> None:
    async with running_bot(redis_url, http=http) as (slack, _):
        said = slack.say("app01 is gone again")
        slack.redeliver_next()
        await slack.mention(f"<@{BOT_USER}>, `app01` 30s", thread_ts=said.ts)
        await slack.wait_for(lambda: len(slack.thread(INCIDENT, said.ts)) == 3)
        lease = await claimed(jobs)
        assert (lease.job.vm, lease.job.seconds) == ("app01", 30)
        assert lease.job.thread.thread_ts == said.ts
        assert lease.job.thread.root_ts == slack.thread(INCIDENT, said.ts)[-1].ts
        assert await jobs.open_jobs() != ()
        await lease.finish({"outcome": "done"})
        assert await jobs.open_jobs() == ()


async def test_a_mention_answers_questions_to_the_asker_only(redis_url: str) -> None:
    async with running_bot(redis_url, ARPCHECK_USERS=ALICE) as (slack, _):
        for text, told in (("help", "/arpcheck status"), ("a b c d", "What is"), ("", "dialog")):
            await slack.mention(text)
            await whisper(slack, told)
        await slack.mention("app01", user=MALLORY)
        await whisper(slack, "You may not run arpcheck", MALLORY)
        assert not [message for message in slack.messages() if message.bot_id]


# --- shortcut and dialog -----------------------------------------------------------------------


@MODES
async def test_the_shortcut_suggests_the_names_in_the_message(
    redis_url: str, jobs: Jobs, *, http: bool
) -> None:
    async with running_bot(redis_url, http=http) as (slack, _):
        said = slack.say("ALERT: `db 7` and app01, see https://mon.example.com/x1 <@U02BOB00>")
        await slack.shortcut("arpcheck_message", said.ts)
        view = await dialog(slack)
        assert "db 7" in str(view.body)
        assert "app01" in str(view.body)
        assert "mon.example.com" not in str(view.body)
        done = await slack.submit(view, {"target": "10.0.0.999"})
        assert done.ack.ok
        assert "no IPv4 address" in view.errors["target"]
        await slack.submit(view, {"vm": "app01", "target": "10.0.0.1", "seconds": "60"})
        lease = await claimed(jobs)
        assert (lease.job.vm, lease.job.target, lease.job.seconds) == ("app01", "10.0.0.1", 60)
        assert lease.job.thread.thread_ts == said.ts
        assert len(slack.thread(INCIDENT, said.ts)) == 2
        await lease.finish({"outcome": "done"})


async def test_the_command_alone_opens_the_dialog(redis_url: str, jobs: Jobs) -> None:
    async with running_bot(redis_url) as (slack, _):
        typed = await slack.slash("")
        assert typed.ack_body == ""
        await slack.submit(await dialog(slack), {"vm": "my vm"})
        await posted(slack)
        lease = await claimed(jobs)
        assert (lease.job.vm, lease.job.target, lease.job.seconds) == ("my vm", None, None)
        await lease.finish({"outcome": "done"})


async def test_the_home_tab_says_how(redis_url: str) -> None:
    async with running_bot(redis_url) as (slack, _):
        await slack.people.open_home()
        await slack.wait_for(lambda: slack.space.homes)
        assert "/arpcheck app01" in str(slack.space.homes[ALICE].body)


# --- buttons of a running check ----------------------------------------------------------------


@MODES
async def test_cancel_and_started_reach_the_running_check(
    redis_url: str, jobs: Jobs, *, http: bool
) -> None:
    async with running_bot(redis_url, http=http, ARPCHECK_USERS=f"{ALICE},{BOB}") as (slack, _):
        await slack.slash("app01")
        root = await posted(slack)
        lease = await claimed(jobs)
        asked = await say(slack, lease.job, stimulus_message(lease.job, "app01", "10.0.0.1"))
        await slack.press(asked, "arpcheck_started", times=2)
        await whisper(slack, "silence of the VM counts")
        await until(lambda: lease.stimulus_confirmed_at is not None)
        await slack.press(root, "arpcheck_cancel", user=MALLORY)
        await whisper(slack, "can stop this", MALLORY)
        assert not lease.cancelled.is_set()
        await slack.press(root, "arpcheck_cancel", user=BOB)
        await asyncio.wait_for(lease.cancelled.wait(), 10)
        await lease.finish({"outcome": "cancelled"})
        await slack.press(root, "arpcheck_cancel")
        await whisper(slack, "already over")


# --- buttons of a check that ended -------------------------------------------------------------


async def test_one_of_several_vms_is_chosen_once_and_the_message_goes_on(
    redis_url: str, jobs: Jobs
) -> None:
    async with running_bot(redis_url) as (slack, _):
        await slack.slash("app01 10.0.0.1")
        root = await posted(slack)
        lease = await claimed(jobs)
        two = [VmCandidate(f"vm-{n}", "app01", f"folder{n}", "prod", "poweredOn") for n in (1, 2)]
        asked = await say(slack, lease.job, choice_message(lease.job, two))
        await lease.finish({"outcome": "VM_AMBIGUOUS"})
        await slack.press(asked, "arpcheck_choose:2", times=2)
        await slack.press(asked, "arpcheck_choose:1", user=BOB)
        await whisper(slack, "already chosen", BOB)
        chosen = await claimed(jobs)
        assert (chosen.job.moid, chosen.job.target) == ("vm-2", "10.0.0.1")
        assert chosen.job.id != lease.job.id
        assert chosen.job.thread.root_ts == root.ts
        assert len(slack.messages()) == 1
        await chosen.finish({"outcome": "done"})
        assert await jobs.open_jobs() == ()


async def test_the_closest_name_is_taken(redis_url: str, jobs: Jobs) -> None:
    async with running_bot(redis_url) as (slack, _):
        await slack.slash("ap01")
        root = await posted(slack)
        lease = await claimed(jobs)
        told = trouble_message(lease.job, "No VM is called ap01.", closest=["app01", "app 02"])
        shown = await say(slack, lease.job, told)
        await lease.finish({"outcome": "VM_NOT_FOUND"})
        await slack.press(shown, "arpcheck_closest:1")
        chosen = await claimed(jobs)
        assert (chosen.job.vm, chosen.job.moid) == ("app 02", None)
        assert chosen.job.thread.root_ts == root.ts
        await chosen.finish({"outcome": "done"})


async def test_again_and_with_options_stay_in_the_thread(redis_url: str, jobs: Jobs) -> None:
    async with running_bot(redis_url) as (slack, _):
        await slack.slash("app01 10.0.0.1 for 20s")
        root = await posted(slack)
        first = await claimed(jobs)
        shown = await say(slack, first.job, buttons(first.job, AGAIN, OPTIONS))
        await first.finish({"outcome": "done"})
        await slack.press(shown, AGAIN, user=BOB, times=2)
        again = await claimed(jobs)
        assert (again.job.vm, again.job.target, again.job.seconds) == ("app01", "10.0.0.1", 20)
        assert (again.job.asked_by, again.job.thread.thread_ts) == (BOB, root.ts)
        await again.finish({"outcome": "done"})
        await slack.press(shown, OPTIONS)
        view = await dialog(slack, "10.0.0.1")
        assert "20s" in str(view.body)
        await slack.submit(view, {"target": "10.0.0.2", "seconds": "2m"})
        other = await claimed(jobs)
        assert (other.job.target, other.job.seconds) == ("10.0.0.2", 120)
        assert other.job.thread.thread_ts == root.ts
        await other.finish({"outcome": "done"})
        assert len(slack.messages()) == 1


async def test_a_button_of_a_forgotten_check_says_so(redis_url: str, jobs: Jobs) -> None:
    async with running_bot(redis_url) as (slack, _):
        await slack.slash("app01")
        await posted(slack)
        lease = await claimed(jobs)
        job = replace(lease.job, id="arp-forgotten")
        shown = await say(slack, job, buttons(job, AGAIN, HANDOFF, TAKEN))
        await slack.press(shown, AGAIN)
        await whisper(slack, "no longer known")
        await slack.press(shown, TAKEN, user=BOB)
        await whisper(slack, "no longer known", BOB)
        await lease.finish({"outcome": "done"})


async def test_a_kept_result_can_be_posted_from_the_direct_message(
    redis_url: str, jobs: Jobs
) -> None:
    async with running_bot(redis_url, ARPCHECK_CHANNELS=VIRT) as (slack, _):
        await slack.slash("app01", channel=VIRT)
        await whisper(slack, "/invite @arpcheck")
        lease = await claimed(jobs)
        job = replace(lease.job, thread=Thread(DM_ALICE))
        shown = await say(slack, job, buttons(lease.job, POST_HERE, AGAIN))
        await lease.finish({"outcome": "done"})
        slack.invite(VIRT)
        await slack.press(shown, POST_HERE)
        follow = await claimed(jobs)
        assert (follow.job.kind, follow.job.thread.channel) == ("post", VIRT)
        await follow.finish({"outcome": "done"})
        await slack.press(shown, AGAIN)
        await posted(slack, VIRT)
