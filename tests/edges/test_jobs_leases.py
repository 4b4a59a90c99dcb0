"""Leases, fencing and the right to answer, on a real Redis."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.edges.jobs_lab import ask, claimed, until
from tests.lab.redis import RedisServer
from workers.errors import LeaseLost
from workers.jobs import Jobs, Lease
from workers.jobs.connection import PREFIX, fields


@pytest.fixture
async def jobs(redis_url: str) -> AsyncIterator[Jobs]:
    jobs = Jobs(redis_url, lease_seconds=5)
    yield jobs
    assert await jobs.stray_keys() == ()
    await jobs.close()


@pytest.fixture
async def hasty(redis_url: str) -> AsyncIterator[Jobs]:
    """A queue with a short lease."""
    jobs = Jobs(redis_url, lease_seconds=0.5)
    yield jobs
    assert await jobs.stray_keys() == ()
    await jobs.close()


async def test_the_flags_reach_the_worker_also_when_nobody_hears_the_telling(hasty: Jobs) -> None:
    job_id = await ask(hasty, "app01")
    lease = await claimed(hasty)
    hasty._redis._topics.clear()  # every publish is lost on this process
    assert await hasty.confirm_stimulus(job_id, "U1", 1_767_225_600_000_000_007)
    await asyncio.wait_for(lease.stimulus_confirmed.wait(), 5)
    assert lease.stimulus_confirmed_at == 1_767_225_600_000_000_007
    await hasty.cancel(job_id, "U1")
    await asyncio.wait_for(lease.cancelled.wait(), 5)
    await lease.finish({})
    assert not await hasty.confirm_stimulus(job_id, "U1", 1)


async def taken_over(hasty: Jobs, *, notes: dict[str, str], answer: bool) -> tuple[Lease, Lease]:
    """A lease that stopped renewing, and the one that took its job over."""
    await ask(hasty, "app01")
    old = await claimed(hasty, "old")
    for key, value in notes.items():
        await old.note(key, value)
    if answer:
        assert await old.may_answer()
    old._renewing.cancel()
    return old, await claimed(hasty, "new")


async def test_who_lost_a_job_can_change_nothing_of_it(hasty: Jobs) -> None:
    old, new = await taken_over(hasty, notes={"root_ts": "1.1"}, answer=False)
    assert (new.number, new.notes) == (2, {"root_ts": "1.1"})
    for attempt in (
        old.note("root_ts", "9"),
        old.may_answer(),
        old.check(),
        old.finish({"outcome": "stale"}),
    ):
        with pytest.raises(LeaseLost) as caught:
            await attempt
        assert caught.value.reason == "taken"
    await old.release(refund=True)
    assert old.lost.is_set()
    await new.check()
    await new.note("root_ts", "2")
    await new.finish({"outcome": "ok"})
    record = await hasty.get(new.job.id)
    assert record is not None
    assert (record.outcome, record.notes) == ({"outcome": "ok"}, {"root_ts": "2"})


async def test_the_right_to_answer_is_one_runs_alone(hasty: Jobs) -> None:
    _, new = await taken_over(hasty, notes={}, answer=True)
    assert not await new.may_answer()
    seen = new.answer_taken
    assert seen is not None
    assert seen.number == 1
    assert abs(seen.at - time.time_ns()) < 60e9
    # The new run looked into the thread and found nothing posted.
    assert await new.may_answer(instead_of=seen)
    assert await new.may_answer()
    assert new.answer_taken is not None
    assert new.answer_taken.number == 2
    await new.finish({})


async def test_an_answer_taken_again_meanwhile_is_not_taken_from_the_wrong_run(
    hasty: Jobs,
) -> None:
    _, new = await taken_over(hasty, notes={}, answer=True)
    assert not await new.may_answer()
    seen = new.answer_taken
    assert await new.may_answer(instead_of=seen)
    new._renewing.cancel()
    newest = await claimed(hasty)
    assert not await newest.may_answer(instead_of=seen)
    await newest.finish({})


async def test_finishing_twice_is_one_finish(jobs: Jobs) -> None:
    await ask(jobs, "app01")
    lease = await claimed(jobs)
    await lease.finish({"outcome": "ok"})
    await lease.finish({"outcome": "again"})  # as after a lost reply
    record = await jobs.get(lease.job.id)
    assert record is not None
    assert record.outcome == {"outcome": "ok"}


async def test_a_claim_whose_reply_was_lost_gets_the_same_job_again(jobs: Jobs) -> None:
    ids = [await ask(jobs, "vm1"), await ask(jobs, "vm2")]
    arguments = ("w:token", "w", 5000, 3, 0, 1, 60_000, 60)
    first = await jobs._redis.call("claim", *arguments)
    again = await jobs._redis.call("claim", *arguments)
    assert fields(again[1]) == fields(first[1])
    assert fields(first[1])["id"] == ids[0]
    assert (await jobs.depth()).waiting == 1


async def test_a_worker_that_has_just_connected_takes_nothing_over(
    hasty: Jobs, redis_url: str
) -> None:
    await ask(hasty, "app01")
    old = await claimed(hasty)
    old._renewing.cancel()
    await until(lambda: old_lease_is_over(hasty))
    newcomer = Jobs(redis_url, lease_seconds=0.5)
    connected = time.monotonic()
    lease = await claimed(newcomer)
    assert time.monotonic() - connected >= 0.5
    await lease.finish({})
    await newcomer.close()


async def old_lease_is_over(jobs: Jobs) -> bool:
    client = jobs._redis.client
    running: Any = await client.zrange(PREFIX + "running", 0, -1, withscores=True)
    now: Any = await client.time()
    return bool(now[0] * 1000 + now[1] / 1000 > running[0][1])


async def test_a_job_that_nobody_can_even_tell_of_is_given_up(
    redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    jobs = Jobs(redis_url, lease_seconds=0.3, tries=1)
    job_id = await ask(jobs, "app01")
    for dead in (False, True):
        lease = await claimed(jobs)
        assert (lease.dead, lease.number) == (dead, 1)
        lease._renewing.cancel()
    await until(lambda: given_up(jobs, job_id))
    assert job_id in caplog.text
    await jobs.close()


async def given_up(jobs: Jobs, job_id: str) -> bool:
    assert await jobs.claim("w", 0) is None
    record = await jobs.get(job_id)
    return record is not None and record.outcome == {"outcome": "given up"}


async def test_a_claim_cut_off_in_flight_gives_its_job_back(own_redis: RedisServer) -> None:
    jobs = Jobs(own_redis.url)
    job_id = await ask(jobs, "app01")
    own_redis.freeze()
    claim = asyncio.create_task(jobs.claim("w", 10))
    pool = jobs._redis.client.connection_pool
    await until(lambda: bool(pool._in_use_connections))
    claim.cancel()
    own_redis.thaw()
    with pytest.raises(asyncio.CancelledError):
        await claim
    record = await jobs.get(job_id)
    assert record is not None
    assert (record.state, record.tries) == ("queued", 0)
    await jobs.close()


async def test_closing_ends_the_renewals(redis_url: str) -> None:
    jobs = Jobs(redis_url)
    await ask(jobs, "app01")
    lease = await claimed(jobs)
    await jobs.close()
    assert lease._renewing.done()
