"""Leases turned into running tasks, so many at a time, until the process is asked to stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from workers.health import LIVE_CHECKS
from workers.jobs.lease import Lease

CLAIM_SECONDS = 1.0
"""How long one claim waits: the longest that a stop is held up while nothing runs."""
CLEAN_UP_SECONDS = 20.0
"""How long a check that was told to stop may tidy up its hosts."""

log = logging.getLogger("arpcheck.jobs")


class Claims(Protocol):
    """Where leases come from."""

    async def claim(self, worker: str, wait_seconds: float) -> Lease | None:
        """The next job, or None."""


async def run_worker(
    jobs: Claims,
    perform: Callable[[Lease], Awaitable[None]],
    *,
    worker: str,
    concurrency: int,
    grace_seconds: float,
    stop: asyncio.Event,
) -> None:
    """Claim and perform until ``stop`` is set; then finish what runs, or give it back.

    ``perform`` finishes its lease. A lease that it left open is released: as a used try where it
    ended by itself, with the try refunded where the grace ran out and it was cancelled.
    """
    running: dict[asyncio.Task[None], Lease] = {}
    stopping = asyncio.create_task(stop.wait())
    try:
        while not stop.is_set():
            if len(running) < concurrency:
                lease = await jobs.claim(worker, CLAIM_SECONDS)
                if lease is not None and stop.is_set():
                    await lease.release(refund=True)
                elif lease is not None:
                    running[asyncio.create_task(_run(perform, lease))] = lease
            else:
                await asyncio.wait({stopping, *running}, return_when=asyncio.FIRST_COMPLETED)
            for task in [task for task in running if task.done()]:
                _tell_if_broken(task, running.pop(task))
    finally:
        stopping.cancel()
        await _drain(running, grace_seconds)


async def _run(perform: Callable[[Lease], Awaitable[None]], lease: Lease) -> None:
    task = asyncio.current_task()
    try:
        with LIVE_CHECKS.track_inprogress():
            await perform(lease)
    finally:
        if not lease.ended:
            await lease.release(refund=task is not None and task.cancelling() > 0)


async def _drain(running: dict[asyncio.Task[None], Lease], grace_seconds: float) -> None:
    if not running:
        return
    log.info("Stopping: %d checks may finish within %g s", len(running), grace_seconds)
    done, late = await asyncio.wait(running, timeout=grace_seconds)
    for task in late:
        task.cancel()
    if late:
        _, stuck = await asyncio.wait(late, timeout=CLEAN_UP_SECONDS)
        for task in stuck:
            await running[task].release(refund=True)
        done |= late - stuck
    for task in done:
        _tell_if_broken(task, running[task])


def _tell_if_broken(task: asyncio.Task[None], lease: Lease) -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None:
        log.error("The check %s broke", lease.job.id, exc_info=error)
