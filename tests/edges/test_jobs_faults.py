"""The queue's promises with real worker processes and a real Redis that fail."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.edges.jobs_lab import Workers, ask, until
from tests.lab.redis import RedisServer
from workers.jobs import Jobs


@pytest.fixture
async def jobs(own_redis: RedisServer) -> AsyncIterator[Jobs]:
    jobs = Jobs(own_redis.url, lease_seconds=1)
    yield jobs
    await jobs.close()


@pytest.fixture
def workers(tmp_path: Path, own_redis: RedisServer) -> Iterator[Workers]:
    workers = Workers(tmp_path / "journal", own_redis.url)
    yield workers
    workers.close()


async def done(jobs: Jobs, job_id: str) -> bool:
    record = await jobs.get(job_id)
    return record is not None and record.state == "done"


async def test_a_killed_workers_job_is_taken_over_and_ends_once(
    jobs: Jobs, workers: Workers
) -> None:
    workers.start("first")
    job_id = await ask(jobs, "hold:")
    await until(lambda: bool(workers.lines("start", job_id)))
    workers.start("second")
    workers.kill("first")
    killed_at = time.monotonic()
    await until(lambda: len(workers.lines("start", job_id)) == 2)
    # Within a lease, plus the lease that a fresh worker must have been connected.
    assert time.monotonic() - killed_at < 6
    await jobs.cancel(job_id, "U2")
    await until(lambda: bool(workers.lines("finish", job_id)))
    assert [line[3] for line in workers.lines("start", job_id)] == ["1", "2"]
    assert len(workers.lines("answer", job_id)) == 1


async def test_a_worker_frozen_past_its_lease_wakes_up_and_stays_silent(
    jobs: Jobs, workers: Workers
) -> None:
    workers.start("frozen", concurrency=1)
    job_id = await ask(jobs, "hold:")
    await until(lambda: bool(workers.lines("start", job_id)))
    workers.start("other")
    workers.send("frozen", signal.SIGSTOP)
    await until(lambda: len(workers.lines("start", job_id)) == 2)
    workers.send("frozen", signal.SIGCONT)
    await until(lambda: bool(workers.lines("lost-taken", job_id)))
    await jobs.cancel(job_id, "U2")
    await until(lambda: bool(workers.lines("finish", job_id)))
    assert [line[0] for line in workers.lines("answer", job_id)] == ["other"]
    assert [line[0] for line in workers.lines("finish", job_id)] == ["other"]


async def test_a_job_that_always_crashes_is_handed_out_dead_once_and_told(
    jobs: Jobs, workers: Workers
) -> None:
    job_id = await ask(jobs, "crash:")
    async with asyncio.timeout(40):
        name = 0
        while not workers.lines("finish", job_id):
            if not workers.running or all(p.poll() is not None for p in workers.running.values()):
                name += 1
                workers.start(str(name))
            await asyncio.sleep(0.01)
    assert [line[3] for line in workers.lines("start", job_id)] == ["1", "2", "3"]
    assert len(workers.lines("dead", job_id)) == 1
    assert len(workers.lines("answer", job_id)) == 1


async def test_a_job_whose_work_breaks_is_tried_again_at_once_then_told(
    jobs: Jobs, workers: Workers
) -> None:
    workers.start("only")
    job_id = await ask(jobs, "break:")
    await until(lambda: done(jobs, job_id))
    assert len(workers.lines("start", job_id)) == 3
    assert len(workers.lines("dead", job_id)) == 1


async def test_draining_finishes_what_is_short_and_gives_back_what_is_long(
    jobs: Jobs, workers: Workers
) -> None:
    workers.start("leaving", grace_seconds=2.5)
    long_job, short_job = await ask(jobs, "hold:"), await ask(jobs, "sleep:1.5")
    await until(lambda: len(workers.lines("start")) == 2)
    workers.send("leaving", signal.SIGTERM)
    assert await workers.ended("leaving") == 0
    # Longer than a lease went by in draining, and nothing was lost.
    assert len(workers.lines("finish", short_job)) == 1
    record = await jobs.get(long_job)
    assert record is not None
    assert (record.state, record.tries, record.position) == ("queued", 0, 1)
    workers.start("next")
    await until(lambda: len(workers.lines("start", long_job)) == 2)
    assert [line[3] for line in workers.lines("start", long_job)] == ["1", "1"]


async def test_a_redis_that_is_away_longer_than_a_lease_makes_no_second_run(
    jobs: Jobs, workers: Workers, own_redis: RedisServer
) -> None:
    workers.start("busy", concurrency=1)
    job_id = await ask(jobs, "sleep:4")
    await until(lambda: bool(workers.lines("start", job_id)))
    workers.start("idle")
    other = await ask(jobs, "ok:")
    await until(lambda: bool(workers.lines("finish", other)))
    own_redis.kill()
    away_since = time.monotonic()
    await until(lambda: time.monotonic() - away_since > 2 * workers.lease_seconds)
    own_redis.start()
    await until(lambda: bool(workers.lines("finish", job_id)))
    assert len(workers.lines("start", job_id)) == 1
    assert len(workers.lines("answer", job_id)) == 1
    assert await jobs.stray_keys() == ()


async def test_a_frozen_redis_makes_no_second_run_and_claims_go_on_afterwards(
    jobs: Jobs, workers: Workers, own_redis: RedisServer
) -> None:
    workers.start("one", concurrency=1)
    job_id = await ask(jobs, "sleep:3")
    await until(lambda: bool(workers.lines("start", job_id)))
    workers.start("two")
    own_redis.freeze()
    frozen_since = time.monotonic()
    await until(lambda: time.monotonic() - frozen_since > 2 * workers.lease_seconds)
    own_redis.thaw()
    later = await ask(jobs, "ok:")
    await until(lambda: bool(workers.lines("finish", job_id) and workers.lines("finish", later)))
    assert len(workers.lines("start", job_id)) == 1


async def test_jobs_waiting_survive_a_killed_redis(jobs: Jobs, own_redis: RedisServer) -> None:
    asked = [await ask(jobs, f"ok:#{number}") for number in range(5)]
    own_redis.kill()
    own_redis.start()
    assert [record.job.id for record in await jobs.open_jobs()] == asked
    lease = await jobs.claim("w", 5)
    assert lease is not None
    assert lease.job.id == asked[0]
    await lease.finish({})


async def test_a_lease_notices_that_redis_lost_its_data(jobs: Jobs, own_redis: RedisServer) -> None:
    job_id = await ask(jobs, "ok:")
    lease = await jobs.claim("w", 5)
    assert lease is not None
    own_redis.command("FLUSHALL")
    await asyncio.wait_for(lease.lost.wait(), 5)
    assert lease.lost_reason == "gone"
    assert lease.job.id == job_id
    await lease.release(refund=False)


async def test_a_running_job_is_cancelled_at_once_and_says_who_did_it(jobs: Jobs) -> None:
    job_id = await ask(jobs, "ok:")
    lease = await jobs.claim("w", 5)
    assert lease is not None
    begun = time.monotonic()
    assert await jobs.cancel(job_id, "U7")
    await asyncio.wait_for(lease.cancelled.wait(), 5)
    assert time.monotonic() - begun < 1
    assert lease.cancelled_by == "U7"
    assert lease.lost_reason is None
    await lease.finish({"outcome": "cancelled"})
