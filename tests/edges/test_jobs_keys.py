"""Every key in Redis over the whole life of a check: it ends by itself, or somebody owns it."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis

from tests.edges.jobs_lab import ask, claimed, make_job
from workers import jobs as module
from workers.arp.model import Thread
from workers.jobs import Jobs
from workers.jobs.connection import PREFIX

DAY = 86_400
FOREVER = {"waiting", "running", "joins", "ssh", "pins"}


@pytest.fixture
async def jobs(redis_url: str) -> AsyncIterator[Jobs]:
    jobs = Jobs(redis_url, lease_seconds=5)
    yield jobs
    await jobs.close()


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_url) as client:
        yield client


async def seconds_left(redis: Redis) -> dict[str, int]:
    """Of every key there is; -1 = none, for ever."""
    keys: list[Any] = await redis.keys()
    assert all(key.startswith(PREFIX.encode()) for key in keys)
    return {key.decode().removeprefix(PREFIX): await redis.ttl(key) for key in keys}


async def test_every_key_of_a_checks_life_ends_or_has_an_owner(jobs: Jobs, redis: Redis) -> None:
    seen = dict[str, int]()
    async for _ in a_life(jobs):
        assert await jobs.stray_keys() == ()
        seen |= await seconds_left(redis)
    assert {kind(name) for name in seen} == documented()
    assert {kind(name) for name, left in seen.items() if left == -1} == FOREVER
    left = {kind(name): seconds for name, seconds in (await seconds_left(redis)).items()}
    assert left.keys() & FOREVER == {"pins"}, "what nobody owns any more is empty, and gone"
    assert 6 * DAY < left["job"] <= 7 * DAY
    assert 6 * DAY < left["evidence"] <= 7 * DAY
    assert 399 * DAY < left["audit"] <= 400 * DAY
    assert 0 < left["first"] <= 900


async def a_life(jobs: Jobs) -> AsyncIterator[str]:
    """A check from its command to its end, with a look at each stage."""
    assert await jobs.first_time("command:1", 900)
    job_id = await ask(jobs, "app01")
    await jobs.enqueue(make_job("app01"))
    await jobs.watch_thread(job_id, Thread("C2", thread_ts="2.2"))
    yield "queued"
    lease = await claimed(jobs)
    await lease.note("root_ts", "1.1")
    await jobs.pin("esx07", "ssh-rsa AAAA")
    async with jobs.host_slot("host-7", job_id, 1):
        await jobs.owe_ssh_stop("host-7", job_id)
        assert await jobs.ssh_stops_owed("host-7", by_job=job_id) == ("host-7",)
        yield "captures"
        await jobs.ssh_stop_done("host-7")
    await jobs.keep_evidence(job_id, {"bundle.zip": b"PK"}, 7)
    assert await lease.may_answer()
    await jobs.audit({"event": "answered", "vm": "app01", "verdict": "ARP_OK"})
    yield "answers"
    await lease.finish({"outcome": "verdict"})
    yield "done"


def kind(name: str) -> str:
    return name.partition(":")[0]


def documented() -> set[str]:
    """The kinds of key in the table of the module that makes them."""
    table = module.__doc__ or ""
    return set(re.findall(r"^([a-z]+)[:, ].* {2}(?:zset|hash|string|stream) ", table, re.MULTILINE))


async def test_a_stray_is_found(jobs: Jobs, redis: Redis) -> None:
    job_id = await ask(jobs, "app01")
    assert await jobs.stray_keys() == ()
    await redis.set(f"{PREFIX}unheard-of", "1")
    async with redis.pipeline() as pipe:
        pipe.hset(f"{PREFIX}joins", "other", "gone")
        pipe.zadd(f"{PREFIX}waiting", {"lost": 1})
        pipe.hset(f"{PREFIX}job:nobodys", "state", "running")
        await pipe.execute()
    found = set(await jobs.stray_keys())
    assert found == {"unheard-of", "joins other", "waiting lost", "job:nobodys"}
    await jobs.cancel(job_id, "U1")
    assert set(await jobs.stray_keys()) == found
