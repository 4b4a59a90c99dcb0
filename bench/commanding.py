"""Slash commands a second turned into the times of their acknowledgement, and into waiting in the queue."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from bench.live import asking_world, usage
from bench.results import Section
from tests.lab.lab import Lab
from tests.lab.slack import INCIDENT
from workers.jobs import Jobs

HOSTS = 16


async def acknowledged(rate: int, seconds: int) -> Section:
    """Commands for so many different VMs at an even rate; nobody works on them meanwhile."""
    with tempfile.TemporaryDirectory(prefix="arpcheck-bench-") as folder:
        async with Lab(Path(folder)) as lab:
            bot = await lab.run("bot")
            await lab.slack.connected(1, timeout=30)
            before, _ = usage(bot)
            started = time.perf_counter()
            typed = [
                asyncio.create_task(_typed(lab, number, started + number / rate))
                for number in range(rate * seconds)
            ]
            took = sorted(await asyncio.gather(*typed))
            after, megabytes = usage(bot)
            jobs = Jobs(lab.redis_url)
            queued = len(await _all_queued(jobs, len(typed)))
            await jobs.close()
    rows = (
        ("commands", f"{len(typed):,}"),
        ("median", f"{statistics.median(took) * 1000:.0f} ms"),
        ("99 of 100 within", f"{took[int(len(took) * 0.99)] * 1000:.0f} ms"),
        ("slowest", f"{took[-1] * 1000:.0f} ms"),
        ("bot's CPU a command", f"{(after - before) / len(typed) * 1000:.1f} ms"),
        ("bot's memory", f"{megabytes:.0f} MB"),
        ("jobs in the queue afterwards", f"{queued:,}"),
        ("lost", f"{len(typed) - queued:,}"),
    )
    title = f"The bot: {rate} commands a second for {seconds} s, typed → acknowledged"
    return Section(title, ("what", "figure"), rows)


async def _typed(lab: Lab, number: int, at: float) -> float:
    await asyncio.sleep(max(0.0, at - time.perf_counter()))
    started = time.perf_counter()
    await lab.slack.slash(f"vm-{number:05d}")
    return time.perf_counter() - started


async def _all_queued(jobs: Jobs, wanted: int) -> tuple[object, ...]:
    """What is queued, once it is all or nothing more has come for a while."""
    found: tuple[object, ...] = ()
    still = 0
    while len(found) < wanted and still < 20:
        known, found = len(found), await jobs.open_jobs()
        still = still + 1 if len(found) == known else 0
        await asyncio.sleep(0.5)
    return found


async def spread_over_workers(checks: int, seconds: int) -> Section:
    """The same checks, over one, two and four worker processes of four checks each."""
    rows = []
    for workers in (1, 2, 4):
        waits, ends = await _worked_off(checks, seconds, workers)
        rows.append(
            (
                f"{workers}",
                f"{statistics.median(waits):.1f}",
                f"{max(waits):.1f}",
                f"{statistics.median(ends):.1f}",
                f"{max(ends):.1f}",
            )
        )
    title = f"{checks} checks of {seconds} s at once, on {HOSTS} hosts, by worker processes"
    head = ("workers", "wait, median s", "wait, worst s", "to verdict, median s", "worst s")
    return Section(title, head, tuple(rows))


async def _worked_off(checks: int, seconds: int, workers: int) -> tuple[list[float], list[float]]:
    """How long each check waited for a worker, and how long until its verdict was in the thread."""
    with tempfile.TemporaryDirectory(prefix="arpcheck-bench-") as folder:
        async with Lab(Path(folder), world=asking_world(checks, HOSTS)) as lab:
            environment = lab.environment(CAPTURE_SECONDS=str(seconds), WORKER_JOBS="4")
            await lab.run("bot", environment)
            for _ in range(workers):
                await lab.run("workers", environment)
            await lab.slack.connected(1, timeout=30)
            started = time.perf_counter()
            for vm in lab.world.vms:
                await lab.slack.slash(vm.name)
            begun: dict[str, float] = {}
            ended: dict[str, float] = {}
            while len(ended) < checks and time.perf_counter() - started < 240:
                now = time.perf_counter() - started
                for message in lab.slack.messages(INCIDENT):
                    if "queued" not in message.text:
                        begun.setdefault(message.ts, now)
                    if len(lab.slack.thread(INCIDENT, message.ts)) > 1:
                        ended.setdefault(message.ts, now)
                await asyncio.sleep(0.1)
    return list(begun.values()), list(ended.values())
