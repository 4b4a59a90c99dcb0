"""A claimed job turned into the right to work on it, for as long as Redis hears from this process.

The law: whatever changes a job carries the claim's token, and Redis refuses a token that is no
longer the job's. A process that slept through its lease can therefore wake up, and do no harm.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from workers.arp.model import Job, Thread
from workers.errors import LeaseLost, QueueUnreachable
from workers.health import LEASES_LOST
from workers.jobs.connection import PATIENT_SECONDS, SOON_SECONDS, Connection, fields, wait_for
from workers.jobs.record import (
    JobUnreadable,
    read_job,
    read_refused,
    read_thread,
    starting,
    watchers,
)

NOTE_CHARACTERS = 4096


@dataclass(frozen=True, slots=True)
class AnswerTaken:
    """Which run took the right to the final answer: its try, and when (ns since 1970)."""

    number: int
    at: int
    holder: str = dataclasses.field(repr=False)


class Lease:
    """A running job. ``number`` is the try, ``dead`` = tries are used up: only tell people.

    ``refused`` is a sentence where this version cannot read the job: tell it to the thread and
    finish. ``notes`` are what this and earlier tries noted. ``lost`` is set when the job is no
    longer this run's; ``lost_reason`` then says why:

    - ``taken``: another worker has it. Stay silent, stop, leave nothing running.
    - ``ended``: somebody ended it meanwhile. Stay silent too.
    - ``gone``: Redis has lost its data. No other worker knows the job: the thread may be told.

    The final answer: ``may_answer()`` is True for the first run that asks, and for no other. A run
    that gets False asks ``answer_taken`` who has it, looks into the thread whether that answer is
    there (its message carries the job's id) and, where it is not, asks ``may_answer(instead_of=…)``.
    """

    def __init__(
        self, redis: Connection, kind: str, token: str, found: Mapping[str, str], keep_seconds: int
    ) -> None:
        self._redis, self._token, self._keep_seconds = redis, token, keep_seconds
        self.dead = kind == "dead"
        self.number = int(found.get("tries", 0))
        self.notes: dict[str, str] = starting("note:", found)
        self.cancelled, self.lost = asyncio.Event(), asyncio.Event()
        self.cancelled_by: str | None = None
        self.lost_reason: str | None = None
        self.stimulus_confirmed_at: int | None = None
        self.stimulus_confirmed = asyncio.Event()
        self.answer_taken: AnswerTaken | None = None
        self.refused: str | None = None
        self.ended = False
        try:
            self.job: Job = read_job(found["data"], found["thread"], int(found["version"]))
        except JobUnreadable as error:
            self.refused = str(error)
            self.job = read_refused(found["data"], found["thread"])
        self._flags(found.get("cancelled", ""), found.get("stimulus_at", ""), found["thread"])
        self._renewing = redis.spawn(self._renew_until_ended())

    def __repr__(self) -> str:
        return f"<Lease {self.job.id} try {self.number}{' dead' * self.dead}>"

    async def note(self, key: str, value: str) -> None:
        """Remember a small text for later tries.

        Raises:
            LeaseLost: the job is no longer this run's.
        """
        if len(value) > NOTE_CHARACTERS:
            raise ValueError(f"a note holds {NOTE_CHARACTERS} characters, {key!r} has {len(value)}")
        self._still_held(await self._call("note", key, value))
        self.notes[key] = value

    async def may_answer(self, *, instead_of: AnswerTaken | None = None) -> bool:
        """Take the right to post the final answer (see the class); asking again gives the same.

        Raises:
            LeaseLost: the job is no longer this run's.
        """
        reply = await self._call("answer", instead_of.holder if instead_of else "")
        self._still_held(reply)
        number, micros, _ = reply[2].split(" ", 2)
        self.answer_taken = AnswerTaken(int(number), int(micros) * 1000, reply[2])
        return bool(reply[1])

    async def check(self) -> None:
        """Renew now: the last look before something that Redis cannot fence.

        Raises:
            LeaseLost: the job is no longer this run's.
        """
        await self._renew(PATIENT_SECONDS)
        if self.lost_reason is not None:
            raise _lost(self.lost_reason)

    async def watchers(self) -> tuple[Thread, ...]:
        """The threads that joined so far; ``finish`` returns those who came until the end."""
        found = fields(await self._redis.call("get", self.job.id, patience=PATIENT_SECONDS))
        return watchers(found)

    async def finish(self, outcome: Mapping[str, str]) -> tuple[Thread, ...]:
        """End the job for good and return the threads that joined it.

        Raises:
            LeaseLost: the job is no longer this run's, and was not ended.
        """
        await self._stop_renewing()
        reply = await self._call("finish", json.dumps(dict(outcome)), self._keep_seconds)
        self._still_held(reply)
        return watchers(fields(reply[1]))

    async def release(self, *, refund: bool) -> None:
        """Give the job back to its place in the queue; ``refund`` = this run counts as no try."""
        await self._stop_renewing()
        with suppress(QueueUnreachable):  # then the lease runs out, which comes to the same
            counter = "deads" if self.dead else "tries"
            await self._call("release", int(refund), counter, patience=SOON_SECONDS)

    async def _call(
        self,
        script: str,
        *arguments: Any,  # noqa: ANN401 - what Lua takes
        patience: float = PATIENT_SECONDS,
    ) -> Any:  # noqa: ANN401 - what Lua returns
        return await self._redis.call(
            script, self.job.id, self._token, *arguments, patience=patience
        )

    def _still_held(self, reply: list[Any]) -> None:
        if reply[0] != "ok":
            self._lose(reply[0])
            raise _lost(reply[0])

    def _lose(self, reason: str) -> None:
        if self.lost_reason is None:
            LEASES_LOST.labels(reason).inc()
            self.lost_reason = reason
        self.lost.set()

    async def _stop_renewing(self) -> None:
        self.ended = True
        self._renewing.cancel()
        with suppress(asyncio.CancelledError):
            await self._renewing

    async def _renew_until_ended(self) -> None:
        period = self._redis.lease_seconds / 3
        with self._redis.ears(f"job:{self.job.id}") as told:
            while self.lost_reason is None and not self.ended:
                await wait_for(told, period)
                with suppress(QueueUnreachable):
                    await self._renew(period)

    async def _renew(self, patience: float) -> None:
        reply = await self._redis.call(
            "renew",
            self.job.id,
            self._token,
            int(self._redis.lease_seconds * 1000),
            patience=patience,
        )
        if reply[0] == "ok":
            self._flags(*reply[1:4])
        else:
            self._lose(reply[0])

    def _flags(self, cancelled_by: str, stimulus_at: str, thread: str) -> None:
        if cancelled_by:
            self.cancelled_by = cancelled_by
            self.cancelled.set()
        if stimulus_at:
            self.stimulus_confirmed_at = int(stimulus_at)
            self.stimulus_confirmed.set()
        # The root message may be announced after the worker has begun.
        with suppress(JobUnreadable):
            self.job = dataclasses.replace(self.job, thread=read_thread(thread))


def _lost(reason: str) -> LeaseLost:
    sentence = {
        "taken": "Another worker has taken this check over",
        "ended": "This check was ended meanwhile",
        "gone": "Redis has lost its data, and with it this check",
    }[reason]
    return LeaseLost(sentence, reason=reason)


def fresh_token(worker: str) -> str:
    """A token of one claim; unique even when Redis has lost its memory of earlier ones."""
    return f"{worker}:{secrets.token_hex(8)}"
