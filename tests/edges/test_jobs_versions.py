"""Jobs that another version of arpcheck wrote."""

import json
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from tests.edges.jobs_lab import ask, claimed
from workers.jobs import Jobs, queue
from workers.jobs.connection import PREFIX


@pytest.fixture
async def jobs(redis_url: str) -> AsyncIterator[Jobs]:
    jobs = Jobs(redis_url, lease_seconds=5)
    yield jobs
    assert await jobs.stray_keys() == ()
    await jobs.close()


async def test_a_field_of_a_newer_version_is_left_aside(jobs: Jobs, redis_url: str) -> None:
    job_id = await ask(jobs, "app01")
    await rewrite(redis_url, job_id, {"colour": "green"})
    lease = await claimed(jobs)
    assert (lease.job.vm, lease.refused) == ("app01", None)
    await lease.finish({})


async def test_a_job_of_an_older_version_works(jobs: Jobs, redis_url: str) -> None:
    job_id = await ask(jobs, "app01")
    await rewrite(redis_url, job_id, {"kind": None, "of": None, "note": None, "seconds": None})
    lease = await claimed(jobs)
    assert (lease.job.kind, lease.refused) == ("check", None)
    await lease.finish({})


async def test_a_job_that_lacks_what_is_needed_is_refused_in_its_thread(
    jobs: Jobs, redis_url: str
) -> None:
    job_id = await ask(jobs, "app01")
    await rewrite(redis_url, job_id, {"vm": None})
    lease = await claimed(jobs)
    assert lease.refused == "This check's entry in the queue lacks 'vm'"
    assert lease.job.thread.root_ts == "1.1"
    await lease.finish({"outcome": "refused"})


async def test_a_newer_job_is_left_to_newer_workers_and_then_refused(
    jobs: Jobs, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = await ask(jobs, "app01")
    async with Redis.from_url(redis_url) as client:
        await client.hset(f"{PREFIX}job:{job_id}", "version", "2")
    assert await jobs.claim("w", 0) is None
    monkeypatch.setattr(queue, "NEWER_MS", 0)
    lease = await claimed(jobs)
    assert lease.refused == "This check was asked for with a newer version of arpcheck"
    await lease.finish({})


async def test_an_entry_that_says_nothing_is_dropped_and_logged(
    jobs: Jobs, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    job_id = await ask(jobs, "app01")
    async with Redis.from_url(redis_url) as client:
        await client.hset(f"{PREFIX}job:{job_id}", "data", "garbage")
    assert await jobs.claim("w", 0) is None
    assert (await jobs.depth()).running == 0
    assert "garbage" in caplog.text


async def rewrite(redis_url: str, job_id: str, changes: dict[str, str | None]) -> None:
    """Change a waiting job as another version would have written it; None = it had no such field."""
    async with Redis.from_url(redis_url) as client:
        key = f"{PREFIX}job:{job_id}"
        data = json.loads(await client.hget(key, "data") or b"{}") | changes
        kept = {name: value for name, value in data.items() if value is not None or name == "moid"}
        await client.hset(key, "data", json.dumps(kept))
