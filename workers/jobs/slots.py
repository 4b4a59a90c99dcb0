"""A host's name turned into the right to capture on it: a line that moves over all workers.

Who stands first in the line holds a slot. Everybody in it renews; who stops renewing is dropped
by somebody who has himself been connected for a lease. A job that was taken over inherits the
place of its earlier run.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from workers.errors import LeaseLost, QueueUnreachable
from workers.jobs.connection import PATIENT_SECONDS, Connection, wait_for

log = logging.getLogger("arpcheck.jobs")


class HostSlots:
    """At most so many captures on one ESXi host at a time."""

    _redis: Connection

    @asynccontextmanager
    async def host_slot(
        self,
        host: str,
        job_id: str,
        limit: int,
        waiting: Callable[[int], None] | None = None,
    ) -> AsyncIterator[None]:
        """Wait for a slot and hold it; ``waiting`` is called with each new place (1 = next).

        ``host`` is any name, the same for all workers (and for the SSH duties: the moid).

        Raises:
            LeaseLost: while waiting, a newer run of the job took the place.
        """
        place = _Place(self._redis, host, f"{job_id}/{secrets.token_hex(4)}", limit)
        try:
            with self._redis.ears(f"slot:{host}") as told:
                await place.wait(told, waiting)
            holding = asyncio.create_task(place.hold())
            try:
                yield
            finally:
                place.left = True
                holding.cancel()
                with suppress(asyncio.CancelledError):
                    await holding
        finally:
            with suppress(QueueUnreachable):  # then it lapses within a lease
                await self._redis.call("leave", host, place.member)

    async def host_line(self, host: str) -> tuple[str, ...]:
        """The ids of the jobs that hold a slot or wait for one, in order."""
        return tuple(member.rpartition("/")[0] for member in await self._redis.call("line", host))


class _Place:
    """One run's place in a host's line."""

    def __init__(self, redis: Connection, host: str, member: str, limit: int) -> None:
        self._redis, self._host, self.member, self._limit = redis, host, member, limit
        self._arrived = 0
        self.left = False

    async def wait(self, told: asyncio.Event, waiting: Callable[[int], None] | None) -> None:
        before = 0
        while place := await self._renew(holding=False):
            if place < 0:
                raise LeaseLost("Another worker has taken this check over", reason="taken")
            if waiting is not None and place != before:
                waiting(place)
            before = place
            await wait_for(told, min(1.0, self._redis.lease_seconds / 3))

    async def hold(self) -> None:
        while not self.left:
            await asyncio.sleep(self._redis.lease_seconds / 3)
            try:
                place = await self._renew(holding=True)
            except QueueUnreachable:
                continue
            if place < 0:
                return  # the lease is lost too, and says so
            if place > 0:
                log.warning("More captures on %r than allowed for a moment", self._host)

    async def _renew(self, *, holding: bool) -> int:
        lease_ms = int(self._redis.lease_seconds * 1000)
        self._arrived, place = await self._redis.call(
            "slot",
            self._host,
            self.member,
            self._arrived,
            lease_ms,
            self._limit,
            int(self._redis.held_for_a_lease()),
            int(holding),
            patience=PATIENT_SECONDS,
        )
        return int(place)
