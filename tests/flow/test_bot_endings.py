"""Checks that end without a worker's word: the bot that accepted them tells everybody who waits."""

from collections.abc import AsyncIterator

import pytest

from tests.edges.jobs_lab import until
from tests.flow.bot_process import posted, root_of, running_bot, whisper
from tests.lab.slack import ALICE, BOB, CARO, INCIDENT, SlackTwin
from workers.jobs import Jobs


@pytest.fixture
async def jobs(redis_url: str) -> AsyncIterator[Jobs]:
    """A queue whose jobs are tried once."""
    jobs = Jobs(redis_url, lease_seconds=0.3, tries=1)
    yield jobs
    await jobs.close()


async def test_who_joined_a_check_that_is_stopped_in_the_queue_is_told(redis_url: str) -> None:
    async with running_bot(redis_url) as (slack, _):
        await slack.slash("app01")
        root = await posted(slack)
        await slack.slash("app01", user=BOB)
        await whisper(slack, "already being checked", BOB)
        talk = slack.say("app01?")
        await slack.mention("app01", user=CARO, thread_ts=talk.ts)
        await whisper(slack, "already being checked", CARO)
        await slack.slash("stop")
        assert f"stopped by <@{ALICE}>" in (await whisper(slack, "before it began", BOB)).text
        await slack.wait_for(lambda: in_thread(slack, talk.ts, "before it began"))
        await slack.wait_for(lambda: "before it began" in root.text)


def in_thread(slack: SlackTwin, ts: str, words: str) -> bool:
    return any(words in message.text for message in slack.thread(INCIDENT, ts))


async def test_a_check_stopped_before_its_message_stood_there_is_closed(
    redis_url: str, jobs: Jobs
) -> None:
    async with running_bot(redis_url) as (slack, _):
        slack.fail("chat.postMessage", kind="slow", seconds=2)
        await slack.slash("app01")

        async def queued() -> bool:
            return bool(await jobs.open_jobs())

        await until(queued)
        assert root_of(slack) is None
        await slack.slash("stop")
        await whisper(slack, "Stopping the check of `app01`")
        root = await posted(slack)
        await slack.wait_for(lambda: "before it began" in root.text)


async def test_a_check_that_no_worker_could_even_tell_of_is_told_by_the_bot(
    redis_url: str, jobs: Jobs
) -> None:
    async with running_bot(redis_url) as (slack, _):
        await slack.slash("app01")
        root = await posted(slack)
        await slack.slash("app01", user=BOB)
        await whisper(slack, "already being checked", BOB)
        for _ in range(2):  # to work on it, and to tell of it
            lease = await jobs.claim("w", 10)
            assert lease is not None
            lease._renewing.cancel()

        async def given_up() -> bool:
            assert await jobs.claim("w", 0) is None
            return not await jobs.open_jobs()

        await until(given_up)
        await slack.wait_for(lambda: "No worker could finish" in root.text)
        await whisper(slack, "No worker could finish", BOB)
        answers = slack.thread(root.channel, root.ts)[1:]
        assert "`/arpcheck app01`" in answers[0].text
        assert len(answers) == 1
