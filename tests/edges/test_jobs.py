"""The queue on a real Redis, seen from one process: places, joining, cancelling."""

import asyncio
import dataclasses
import time
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from tests.edges.jobs_lab import ask, claimed, make_job, until
from workers.arp.model import Thread
from workers.errors import QueueUnreachable
from workers.jobs import ANSWERED, Jobs, queue


@pytest.fixture
async def jobs(redis_url: str) -> AsyncIterator[Jobs]:
    jobs = Jobs(redis_url, lease_seconds=5)
    yield jobs
    assert await jobs.stray_keys() == ()
    await jobs.close()


async def test_a_job_comes_out_as_it_went_in_with_its_announced_thread(jobs: Jobs) -> None:
    job = make_job("app01 ‹ü› \n", target="10.0.0.1")
    assert (await jobs.enqueue(job)).position == 1
    thread = Thread("C1", root_ts="1.2", response_url="https://hooks.example.com/1")
    assert await jobs.announce(job.id, thread) == 1
    lease = await claimed(jobs)
    assert lease.job == dataclasses.replace(job, thread=thread)
    assert (lease.number, lease.dead, lease.notes) == (1, False, {})
    await lease.finish({"outcome": "ok"})
    record = await jobs.get(job.id)
    assert record is not None
    assert (record.state, record.outcome) == ("done", {"outcome": "ok"})


async def test_nobody_sees_a_job_before_its_root_message(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "HIDDEN_MS", 300)
    job = make_job("app01")
    await jobs.enqueue(job)
    assert await jobs.claim("w", 0) is None
    lease = await claimed(jobs)  # without announcement, a worker has it after a while
    assert lease.job.thread.root_ts is None
    assert await jobs.announce(job.id, Thread("C1", root_ts="9.9")) == 0
    await until(lambda: lease.job.thread.root_ts == "9.9")
    await lease.finish({})


async def test_an_announced_job_starts_at_once_for_a_worker_that_waits(jobs: Jobs) -> None:
    waiting = asyncio.create_task(jobs.claim("w", 10))
    await until(lambda: jobs._redis._listening is not None)
    begun = time.monotonic()
    await ask(jobs, "app01")
    lease = await waiting
    assert lease is not None
    assert time.monotonic() - begun < 0.9  # told, not polled
    await lease.finish({})


async def test_positions_are_fair_and_a_job_given_back_keeps_its_place(jobs: Jobs) -> None:
    ids = [await ask(jobs, f"vm{number}") for number in range(4)]
    records = [await jobs.get(job_id) for job_id in ids]
    assert [record.position for record in records if record] == [1, 2, 3, 4]
    lease = await claimed(jobs)
    assert [record.job.id for record in await jobs.open_jobs()] == ids
    await lease.release(refund=True)
    again = await claimed(jobs)
    assert (again.job.id, again.number) == (ids[0], 1)
    await again.release(refund=False)
    once_more = await claimed(jobs)
    assert (once_more.job.id, once_more.number) == (ids[0], 2)
    await once_more.finish({})
    depth = await jobs.depth()
    assert (depth.waiting, depth.running) == (3, 0)
    assert 0 < depth.oldest_seconds < 60


async def test_equal_checks_join_until_the_first_has_ended(jobs: Jobs) -> None:
    first = await ask(jobs, "App01")
    joined = await jobs.enqueue(make_job("  app01 "))
    assert (joined.joined, joined.job.id, joined.position) == (True, first, 1)
    other_target = await jobs.enqueue(make_job("app01", target="10.0.0.9"))
    assert not other_target.joined
    assert await jobs.watch_thread(first, Thread("C2", root_ts="2.2"))
    lease = await claimed(jobs)
    assert (await jobs.enqueue(make_job("app01"))).job.id == first
    assert await lease.watchers() == (Thread("C2", root_ts="2.2"),)
    await jobs.watch_thread(first, Thread("C3", thread_ts="3.3"))
    assert {thread.channel for thread in await lease.finish({})} == {"C2", "C3"}
    assert not await jobs.watch_thread(first, Thread("C4"))
    assert not (await jobs.enqueue(make_job("app01"))).joined


async def test_a_check_that_has_told_its_answer_is_not_joined(jobs: Jobs) -> None:
    """It still has its message to close: who has read the answer and asks again wants another."""
    first = await ask(jobs, "app01")
    lease = await claimed(jobs)
    assert (await jobs.enqueue(make_job("app01"))).job.id == first
    await lease.note(ANSWERED, "1.1")
    again = await jobs.enqueue(make_job("app01"))
    assert not again.joined
    assert (await jobs.enqueue(make_job("app01"))).job.id == again.job.id
    await lease.finish({})
    joined = await jobs.enqueue(make_job("app01"))
    assert (joined.joined, joined.job.id) == (True, again.job.id)


async def test_the_same_job_asked_twice_is_one_job(jobs: Jobs) -> None:
    job = make_job("app01")
    await jobs.enqueue(job)
    again = await jobs.enqueue(job)
    assert (again.joined, again.position) == (False, 1)
    assert len(await jobs.open_jobs()) == 1


async def test_a_discarded_job_leaves_nothing(jobs: Jobs, redis_url: str) -> None:
    job = make_job("app01")
    await jobs.enqueue(job)
    assert await jobs.discard(job.id)
    assert await jobs.get(job.id) is None
    async with Redis.from_url(redis_url) as client:
        assert await client.keys() == []
    with pytest.raises(QueueUnreachable, match="lost"):
        await jobs.announce(job.id, Thread("C1"))


async def test_a_queued_job_is_cancelled_for_good(jobs: Jobs) -> None:
    job_id = await ask(jobs, "app01")
    assert await jobs.cancel(job_id, "U2")
    assert not await jobs.cancel(job_id, "U3")
    assert await jobs.claim("w", 0) is None
    record = await jobs.get(job_id)
    assert record is not None
    assert record.outcome == {"outcome": "cancelled", "while": "queued", "by": "U2"}
    assert not await jobs.cancel("unknown", "U2")


async def test_only_the_first_time_is_the_first(jobs: Jobs) -> None:
    answers = await asyncio.gather(*(jobs.first_time("event-1", 60) for _ in range(10)))
    assert sorted(answers) == [False] * 9 + [True]
