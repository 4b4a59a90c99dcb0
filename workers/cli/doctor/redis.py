"""``REDIS_URL`` turned into readings: whether jobs can travel through it, and whether they can be lost."""

from __future__ import annotations

import time
from collections.abc import Mapping

from workers.cli.doctor.reading import Notebook, Readings
from workers.errors import QueueUnreachable
from workers.jobs import Jobs
from workers.settings import Reader, read_redis_url

NOTES = Notebook("redis")


async def look_at_redis(environment: Mapping[str, str]) -> Readings:
    """Whether it answers, runs our scripts, is new enough and keeps what it is given."""
    reader = Reader(environment)
    url = read_redis_url(reader)
    for line in NOTES.settings(reader.problems):
        yield line
    if reader.problems:
        return
    try:
        jobs = Jobs(url)
    except QueueUnreachable as trouble:
        yield NOTES.trouble("connection", trouble)
        return
    try:
        async for line in _look(jobs):
            yield line
    except QueueUnreachable as trouble:
        yield NOTES.trouble("connection", trouble)
    finally:
        await jobs.close()


async def _look(jobs: Jobs) -> Readings:
    began = time.perf_counter()
    await jobs.ping()
    spent_ms = (time.perf_counter() - began) * 1000
    yield NOTES.ok("connection", f"answers and runs arpcheck's scripts, {spent_ms:.1f} ms")
    facts = await jobs.server_facts()
    if facts.too_old:
        yield NOTES.fail("version", f"{facts.too_old}.", "Use Redis 6.2 or newer, or Valkey.")
    else:
        yield NOTES.ok("version", f"Redis {facts.version}")
    if facts.evicts:
        yield NOTES.fail(
            "eviction",
            f"{facts.evicts}.",
            "CONFIG SET maxmemory-policy noeviction, or no maxmemory.",
        )
    else:
        yield NOTES.ok("eviction", f"nothing is thrown away (policy {facts.memory_policy})")
    if facts.forgets:
        mend = "Set appendonly yes, or accept that a restart of Redis loses waiting checks."
        yield NOTES.warn("persistence", f"{facts.forgets}.", mend)
    else:
        yield NOTES.ok("persistence", "every write is logged to disk, as far as Redis tells")
