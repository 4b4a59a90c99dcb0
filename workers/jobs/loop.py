"""Leases turned into running tasks, so many at a time, until the process is asked to stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable, Iterable
from typing import Any, Protocol

from workers.health import LIVE_CHECKS
from workers.jobs.lease import Lease

CLAIM_SECONDS = 1.0
"""How long one claim waits: the longest that a stop is held up while nothing runs."""
CLEAN_UP_SECONDS = 20.0
"""How long a check that was told to stop may tidy up its hosts."""

log = logging.getLogger("arpcheck.jobs")


MOST_LEASES = 2
"""A worker holds so many times as many leases as checks may be at work: the others wait for hosts."""

_NEXT = "next"  # in place of the run that is being claimed


class Turns:
    """At most ``most`` checks at work at a time; one that waits for its host lets others work.

    A turn is a run's, its lease's: a job that this process lost and claimed anew has two runs for a while.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._at_work: set[Hashable] = set()
        self._coming_back = 0
        self._changed = asyncio.Event()

    @property
    def any_free(self) -> bool:
        """Whether another job may be begun; who comes back goes first."""
        return len(self._at_work) + self._coming_back < self.most

    def take(self, run: Hashable) -> None:
        """Count a run as being at work."""
        self._at_work.add(run)

    def give(self, run: Hashable) -> None:
        """Let another run work instead of this one, which ended or waits."""
        self._at_work.discard(run)
        self._changed.set()

    async def take_back(self, run: Hashable) -> None:
        """Wait until there is a turn for a run that gave its own away; at once where it did not."""
        self._coming_back += 1
        try:
            while run not in self._at_work:
                if len(self._at_work) < self.most:
                    self.take(run)
                else:
                    self._changed.clear()
                    await self._changed.wait()
        finally:
            self._coming_back -= 1
            self._changed.set()

    async def change(self, others: Iterable[asyncio.Task[Any]]) -> None:
        """Wait until a turn was given, or one of the other tasks is done."""
        self._changed.clear()
        changed = asyncio.create_task(self._changed.wait())
        try:
            await asyncio.wait({changed, *others}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            changed.cancel()


class Claims(Protocol):
    """Where leases come from."""

    async def claim(self, worker: str, wait_seconds: float) -> Lease | None:
        """The next job, or None."""


async def run_worker(
    jobs: Claims,
    perform: Callable[[Lease], Awaitable[None]],
    *,
    worker: str,
    turns: Turns,
    grace_seconds: float,
    stop: asyncio.Event,
) -> None:
    """Claim and perform until ``stop`` is set; then finish what runs, or give it back.

    Jobs that wait for a busy host do not keep others waiting: ``perform`` gives their turns away.

    ``perform`` finishes its lease. A lease that it left open is released: as a used try where it
    ended by itself, with the try refunded where the grace ran out and it was cancelled.
    """
    running: dict[asyncio.Task[None], Lease] = {}
    stopping = asyncio.create_task(stop.wait())
    try:
        while not stop.is_set():
            if turns.any_free and len(running) < MOST_LEASES * turns.most:
                turns.take(_NEXT)
                try:
                    lease = await jobs.claim(worker, CLAIM_SECONDS)
                finally:
                    turns.give(_NEXT)
                if lease is not None and stop.is_set():
                    await lease.release(refund=True)
                elif lease is not None:
                    turns.take(lease)
                    running[asyncio.create_task(_run(perform, lease, turns))] = lease
            else:
                await turns.change({stopping, *running})
            for task in [task for task in running if task.done()]:
                _tell_if_broken(task, running.pop(task))
    finally:
        stopping.cancel()
        await _drain(running, grace_seconds)


async def _run(perform: Callable[[Lease], Awaitable[None]], lease: Lease, turns: Turns) -> None:
    task = asyncio.current_task()
    try:
        with LIVE_CHECKS.track_inprogress():
            await perform(lease)
    finally:
        turns.give(lease)
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
