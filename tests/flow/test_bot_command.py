"""/arpcheck typed in → one message in the channel, one job in Redis; in both modes."""

import pytest

from tests.flow.bot_process import root_of, running_bot
from tests.lab.slack import ALICE, INCIDENT
from workers.jobs import Jobs

MODES = pytest.mark.parametrize("http", [False, True], ids=["socket", "http"])


@MODES
async def test_a_command_becomes_one_message_and_one_job(redis_url: str, *, http: bool) -> None:
    async with running_bot(redis_url, http=http) as (slack, _):
        typed = await slack.slash("app01 10.20.110.1 for 45s")
        assert typed.delivery.ack.ok
        assert typed.ack_body == ""
        root = await slack.wait_for(lambda: root_of(slack))
        jobs = Jobs(redis_url)
        lease = await jobs.claim("w1", 5)
        assert lease is not None
        job = lease.job
        assert (job.vm, job.target, job.seconds) == ("app01", "10.20.110.1", 45)
        assert (job.asked_by, job.kind) == (ALICE, "check")
        assert (job.thread.channel, job.thread.root_ts) == (INCIDENT, root.ts)
        assert "app01" in root.text
        assert slack.ephemerals() == []
        await lease.finish({"outcome": "done"})
        await jobs.close()
