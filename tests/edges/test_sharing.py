"""Captures that were too big to be kept, and whose worker ended, are not missing in silence."""

from collections.abc import AsyncIterator

import pytest

from tests.edges.jobs_lab import ask, claimed
from tests.edges.test_slack_edge import HELLO
from tests.lab.slack import INCIDENT, SlackTwin
from workers.answer.sharing import LOST, share_once
from workers.jobs import Jobs
from workers.slack import Slack


@pytest.fixture
async def jobs(redis_url: str) -> AsyncIterator[Jobs]:
    jobs = Jobs(redis_url)
    yield jobs
    await jobs.close()


async def test_lost_captures_are_told_in_the_thread_once(
    twin: SlackTwin, slack: Slack, jobs: Jobs
) -> None:
    await ask(jobs, "app01")
    lease = await claimed(jobs)
    root = await slack.post(INCIDENT, HELLO, key="j1:root")
    for _ in range(2):
        await share_once(lease, slack, INCIDENT, root, (), LOST)
    told = [m.text for m in twin.thread(INCIDENT, root) if "too big to be kept" in m.text]
    assert len(told) == 1
    await lease.finish({"outcome": "answered"})
