"""/arpcheck typed in → one message in the channel and one job in Redis, or one clear sentence."""

import asyncio
import re

import pytest

from tests.flow.bot_process import posted, running_bot, whisper
from tests.lab.slack import (
    ALICE,
    BOB,
    DM_ALICE,
    INCIDENT,
    MALLORY,
    NETWORK_GROUP,
    VIRT,
    WAR_ROOM,
    Channel,
)
from workers.jobs import Jobs

MODES = pytest.mark.parametrize("http", [False, True], ids=["socket", "http"])


@MODES
async def test_a_command_becomes_one_message_and_one_job(
    redis_url: str, jobs: Jobs, *, http: bool
) -> None:
    async with running_bot(redis_url, http=http) as (slack, _):
        typed = await slack.slash("app01 10.20.110.1 for 45s")
        assert typed.delivery.ack.ok
        assert typed.ack_body == ""
        root = await posted(slack)
        lease = await jobs.claim("w1", 5)
        assert lease is not None
        job = lease.job
        assert (job.vm, job.target, job.seconds) == ("app01", "10.20.110.1", 45)
        assert (job.asked_by, job.kind) == (ALICE, "check")
        assert (job.thread.channel, job.thread.root_ts) == (INCIDENT, root.ts)
        assert "app01" in root.text
        assert slack.ephemerals() == []
        await lease.finish({"outcome": "done"})


@MODES
async def test_the_same_command_twice_or_redelivered_is_one_check(
    redis_url: str, jobs: Jobs, *, http: bool
) -> None:
    async with running_bot(redis_url, http=http) as (slack, _):
        slack.redeliver_next()
        await slack.slash("app01")
        await asyncio.gather(*(slack.slash("app01") for _ in range(3)))
        await slack.slash("app02")
        await slack.wait_for(lambda: len(slack.messages()) == 2)
        assert sorted(record.job.vm for record in await jobs.open_jobs()) == ["app01", "app02"]


async def test_the_second_asker_joins(redis_url: str, jobs: Jobs) -> None:
    async with running_bot(redis_url) as (slack, _):
        await slack.slash("app01")
        root = await posted(slack)
        await slack.slash("APP01", user=BOB)
        told = await whisper(slack, "already being checked", BOB)
        assert root.ts.replace(".", "") in told.text  # the link
        (record,) = await jobs.open_jobs()
        assert record.watchers[0].channel == INCIDENT
        assert len(slack.messages()) == 1


async def test_help_and_mistakes_are_answered_at_once(redis_url: str) -> None:
    async with running_bot(redis_url) as (slack, _):
        helped = await slack.slash("help")
        assert "/arpcheck status" in helped.ephemerals[0].text
        wrong = await slack.slash("app01 10.0.0.999")
        assert "no IPv4 address" in wrong.ephemerals[0].text
        shouted = await slack.slash("a b <!channel>")
        assert "<!channel>" not in shouted.ephemerals[0].text
        assert slack.messages() == []


async def test_a_name_cannot_shout(redis_url: str) -> None:
    async with running_bot(redis_url) as (slack, _):
        await slack.slash('"&lt;!channel&gt; `x` *b*"')
        root = await posted(slack)
        assert "<!channel>" not in f"{root.text} {root.blocks}"


async def test_status_lists_what_runs_and_waits(redis_url: str) -> None:
    async with running_bot(redis_url) as (slack, _):
        await slack.slash("status")
        await whisper(slack, "Nothing is running")
        await slack.slash("app01")
        await posted(slack)
        await slack.slash("app02 for 60s")
        await slack.wait_for(lambda: len(slack.messages()) == 2)
        await slack.slash("status")
        listed = await whisper(slack, "0 running, 2 waiting")
        assert re.search(r"app01.*position 1(.|\n)*app02.*position 2", listed.text)


async def test_stop_asks_which_one_and_ends_it(redis_url: str, jobs: Jobs) -> None:
    async with running_bot(redis_url) as (slack, _):
        await slack.slash("app01")
        await slack.slash("app02")
        await slack.wait_for(lambda: len(slack.messages()) == 2)
        await slack.slash("stop")
        asked = await whisper(slack, "Which one?")
        wanted = next(line for line in asked.text.splitlines() if "app02" in line)
        job_id = re.search(r"stop (arp-\w+)", wanted)
        assert job_id is not None
        await slack.slash(f"stop {job_id[1]}")
        await whisper(slack, "Stopping the check of `app02`")
        await slack.wait_for(lambda: any("before it began" in m.text for m in slack.messages()))
        assert [record.job.vm for record in await jobs.open_jobs()] == ["app01"]
        await slack.slash(f"stop {job_id[1]}")
        await whisper(slack, "already over")
        await slack.slash("stop arp-unknown")
        await whisper(slack, "no longer known")
        await slack.slash("stop", user=BOB)
        await whisper(slack, "no check running or waiting", BOB)


async def test_history_shows_the_last_verdicts(redis_url: str, jobs: Jobs) -> None:
    async with running_bot(redis_url) as (slack, _):
        await slack.slash("history app01")
        await whisper(slack, "No verdict")
        said = slack.say("the verdict")
        place = {"channel": INCIDENT, "verdict_ts": said.ts}
        about = {"vm": "app01", "verdict": "ARP_OK", "headline": "<!here> answered"}
        await jobs.audit(about | place)
        await slack.slash("history APP01")
        told = await whisper(slack, "ARP_OK")
        assert said.ts.replace(".", "") in told.text
        assert "&lt;!here&gt; answered" in told.text


# --- where the bot is not a member -------------------------------------------------------------


@pytest.mark.parametrize("channel", [VIRT, WAR_ROOM], ids=["public", "private"])
async def test_not_in_the_channel_the_check_runs_and_can_be_posted_later(
    redis_url: str, jobs: Jobs, channel: str
) -> None:
    async with running_bot(redis_url) as (slack, _):
        await slack.slash("app01", channel=channel)
        told = await whisper(slack, "/invite @arpcheck")
        lease = await jobs.claim("w1", 15)
        assert lease is not None
        assert lease.job.thread.root_ts is None
        assert lease.job.thread.response_url
        slack.invite(channel)
        await slack.press(told, "arpcheck_post_here")
        again = await whisper(slack, "not finished yet")
        await lease.finish({"outcome": "done"})
        await slack.press(again, "arpcheck_post_here", user=BOB)
        follow = await jobs.claim("w1", 15)
        assert follow is not None
        assert (follow.job.kind, follow.job.of) == ("post", lease.job.id)
        assert follow.job.thread.channel == channel
        await follow.finish({"outcome": "done"})


async def test_in_direct_messages(redis_url: str, jobs: Jobs) -> None:
    async with running_bot(redis_url) as (slack, _):
        await slack.slash("app01", channel=DM_ALICE)
        await slack.wait_for(slack.dms)
        (record,) = await jobs.open_jobs()
        assert record.job.thread.channel == DM_ALICE


async def test_in_a_conversation_of_two_people_the_answer_comes_directly(
    redis_url: str, jobs: Jobs
) -> None:
    async with running_bot(redis_url) as (slack, _):
        other = Channel("D05TWO001", "directmessage", "im", [ALICE, BOB], user=BOB)
        slack.space.channels[other.id] = other
        await slack.slash("app01", channel=other.id)
        await whisper(slack, "our direct messages")
        (message,) = slack.dms()
        lease = await jobs.claim("w1", 5)
        assert lease is not None
        assert (lease.job.thread.channel, lease.job.thread.root_ts) == (DM_ALICE, message.ts)
        await lease.finish({"outcome": "done"})


async def test_an_archived_channel_is_told(redis_url: str) -> None:
    async with running_bot(redis_url) as (slack, _):
        slack.archive(INCIDENT)
        await slack.slash("app01")
        await whisper(slack, "archived")


# --- who may -----------------------------------------------------------------------------------


async def test_refusals_say_who_may_and_are_audited(redis_url: str, jobs: Jobs) -> None:
    may = f"{ALICE},{NETWORK_GROUP}"
    async with running_bot(redis_url, ARPCHECK_CHANNELS=INCIDENT, ARPCHECK_USERS=may) as (
        slack,
        bot,
    ):
        await slack.slash("app01", user=MALLORY)
        told = await whisper(slack, "You may not run arpcheck", MALLORY)
        assert f"<@{ALICE}>" in told.text
        assert f"<!subteam^{NETWORK_GROUP}>" in told.text
        await slack.slash("app01", channel=VIRT)
        told = await whisper(slack, "may not be used here")
        assert f"<#{INCIDENT}>" in told.text
        assert await jobs.open_jobs() == ()
        await bot.said("refused")
        await slack.slash("app02", user=BOB)  # a member of the group
        await posted(slack)


async def test_without_channels_nothing_is_allowed(redis_url: str, jobs: Jobs) -> None:
    async with running_bot(redis_url, ARPCHECK_CHANNELS="") as (slack, _):
        await slack.slash("app01")
        await whisper(slack, "ARPCHECK_CHANNELS")
        await slack.slash("")
        await slack.wait_for(lambda: len(slack.ephemerals()) == 2)
        assert slack.view_of() is None
        assert await jobs.open_jobs() == ()


async def test_a_group_that_cannot_be_read_allows_nobody(redis_url: str) -> None:
    async with running_bot(redis_url, ARPCHECK_USERS=NETWORK_GROUP) as (slack, _):
        slack.fail("usergroups.users.list", 1, "missing_scope")
        await slack.slash("app01", user=BOB)
        await whisper(slack, "could not be read", BOB)
        assert slack.messages() == []


# --- trouble -----------------------------------------------------------------------------------


async def test_slack_refusing_to_draw_or_losing_the_answer_still_gives_one_message(
    redis_url: str, jobs: Jobs
) -> None:
    async with running_bot(redis_url) as (slack, _):
        slack.fail("chat.postMessage", 1, "invalid_blocks")
        await slack.slash("app01")
        await posted(slack)
        slack.fail("chat.postMessage", 1, "ratelimited")
        await slack.slash("app02")
        await slack.wait_for(lambda: len(slack.messages()) == 2)
        for vm in ("app01", "app02"):
            lease = await jobs.claim("w1", 5)
            assert lease is not None
            assert lease.job.vm == vm
            assert lease.job.thread.root_ts
            await lease.finish({"outcome": "done"})
