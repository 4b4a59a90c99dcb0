"""A Job turned into a place in the queue, and a place in the queue turned into a worker's Lease."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from workers.arp.model import Job, Thread
from workers.errors import QueueUnreachable
from workers.health import Health
from workers.jobs.connection import PATIENT_SECONDS, Connection, fields, wait_for
from workers.jobs.lease import Lease, fresh_token
from workers.jobs.record import (
    ANSWERED,
    VERSION,
    Enqueued,
    JobRecord,
    JobUnreadable,
    join_key,
    read_job,
    read_record,
    read_refused,
    write_job,
    write_thread,
)

HIDDEN_MS = 10_000
"""How long a job waits for its root message before a worker may have it without."""
NEWER_MS = 60_000
"""How long a job of a newer version is left to a newer worker."""

log = logging.getLogger("arpcheck.jobs")


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """How much waits and runs; ``oldest_seconds`` is the age of the longest waiting job."""

    waiting: int
    running: int
    oldest_seconds: float


class Queue:
    """The queue itself; the bot's calls fail within two seconds, the worker's wait."""

    _redis: Connection
    _tries: int
    _keep_seconds: int

    async def enqueue(self, job: Job) -> Enqueued:
        """Take a place; no worker sees the job before ``announce`` or ten seconds.

        An equal job that is open is joined, until it has told its answer: who has read that and
        asks again wants another one.
        """
        reply = await self._redis.call(
            "enqueue",
            job.id,
            write_job(job),
            VERSION,
            write_thread(job.thread),
            join_key(job),
            HIDDEN_MS,
            f"note:{ANSWERED}",
        )
        _, joined, position, data, thread = reply
        try:
            answering = read_job(data, thread)
        except JobUnreadable:
            answering = read_refused(data, thread)
        return Enqueued(answering, bool(joined), position)

    async def announce(self, job_id: str, thread: Thread) -> int:
        """The root message is posted: workers may have the job. Returns its position, 0 = it runs.

        Raises:
            QueueUnreachable: also when Redis has lost the job since ``enqueue``.
        """
        position: int = await self._redis.call("announce", job_id, write_thread(thread))
        if position < 0:
            raise QueueUnreachable("Redis has lost its data, and with it this check", retry=True)
        return position

    async def discard(self, job_id: str) -> bool:
        """Take back a job that was never announced; False where a worker has it already."""
        return bool(await self._redis.call("discard", job_id))

    async def get(self, job_id: str) -> JobRecord | None:
        """What is known of a job; None = nothing (any more)."""
        found = fields(await self._redis.call("get", job_id))
        return read_record(found, int(found[":position"])) if found else None

    async def states(self, job_ids: Sequence[str]) -> dict[str, str]:
        """``queued``, ``running``, ``done`` or ``given up``; "" = Redis knows no such job (any more).

        What was given up had no worker that could tell its thread.
        """
        found = await self._redis.call("states", *job_ids) if job_ids else ()
        return dict(zip(job_ids, found, strict=True))

    async def open_jobs(self) -> tuple[JobRecord, ...]:
        """All jobs that run or wait, the next first."""
        reply = await self._redis.call("open")
        return tuple(read_record(fields(flat), place) for place, flat in reply if flat)

    async def depth(self) -> QueueDepth:
        """The figures for monitoring."""
        waiting, running, oldest_micros = await self._redis.call("depth")
        return QueueDepth(waiting, running, oldest_micros / 1e6)

    async def health(self) -> Health:
        """Whether Redis answers, and the figures, for ``workers.health.serve``."""
        try:
            depth = await self.depth()
        except QueueUnreachable as trouble:
            return Health(problems=(trouble.sentence,))
        return Health((), depth.waiting, depth.running, depth.oldest_seconds)

    async def cancel(self, job_id: str, by: str) -> bool:
        """End a queued job, or ask the worker of a running one to; False = it has ended before.

        After True, a job whose record is ``done`` with ``while: queued`` had no worker: the caller
        tells its thread. Otherwise its worker does.
        """
        outcome = json.dumps({"outcome": "cancelled", "while": "queued", "by": by})
        reply = await self._redis.call("flag", job_id, "cancel", by, 0, outcome, self._keep_seconds)
        return bool(reply)

    async def confirm_stimulus(self, job_id: str, by: str, at: int) -> bool:
        """Somebody says that the guest is sending now (``at``: ns); False = the job has ended."""
        return bool(await self._redis.call("flag", job_id, "stimulus", by, at, "", 0))

    async def watch_thread(self, job_id: str, thread: Thread) -> bool:
        """Have a joiner's thread told too; False = too late, the job has ended."""
        return bool(await self._redis.call("watch", job_id, write_thread(thread)))

    async def first_time(self, key: str, seconds: int) -> bool:
        """True for the first who comes with ``key`` within ``seconds``."""
        return bool(await self._redis.call("first", key, secrets.token_hex(8), seconds))

    async def claim(self, worker: str, wait_seconds: float) -> Lease | None:
        """The next job, or None when none came in time; a Redis that is away is waited for."""
        until = time.monotonic() + wait_seconds
        poll = min(1.0, self._redis.lease_seconds / 4)
        with self._redis.ears("queue") as told:
            while True:
                lease = await self._claim_now(worker)
                left = until - time.monotonic()
                if lease is not None or left <= 0:
                    return lease
                await wait_for(told, min(poll, left))

    async def _claim_now(self, worker: str) -> Lease | None:
        asking = asyncio.create_task(self._ask(worker))
        try:
            return await asyncio.shield(asking)
        except asyncio.CancelledError:
            # A claim in flight may already have a job: it is given back, not left to run out.
            lease = await asking
            if lease is not None:
                await lease.release(refund=True)
            raise

    async def _ask(self, worker: str) -> Lease | None:
        token = fresh_token(worker)
        try:
            reply = await self._redis.call(
                "claim",
                token,
                worker,
                int(self._redis.lease_seconds * 1000),
                self._tries,
                int(self._redis.held_for_a_lease()),
                VERSION,
                NEWER_MS,
                self._keep_seconds,
            )
        except QueueUnreachable:
            return None
        if not reply:
            return None
        kind, found = reply[0], fields(reply[1])
        if kind == "given up":
            log.error("Gave a job up: no worker could even tell its thread. Job: %s", found["data"])
            return None
        try:
            return Lease(self._redis, kind, token, found, self._keep_seconds)
        except JobUnreadable as error:
            log.error("Dropped an entry of the queue: %s: %r", error, found["data"])  # noqa: TRY400
            with suppress(QueueUnreachable):  # then its lease runs out, and it is dropped again
                await self._redis.call(
                    "finish",
                    found["id"],
                    token,
                    '{"outcome":"unreadable"}',
                    self._keep_seconds,
                    patience=PATIENT_SECONDS,
                )
            return None
