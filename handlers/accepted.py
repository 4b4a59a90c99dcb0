"""Checks that this bot accepted, turned into a word to their askers where no worker will say one.

A check that waits is known to Redis alone, and to the bot that put it there. So each bot remembers
what it accepted until that has ended, and looks now and then whether Redis still knows it, and
whether it was given up untold. A worker that ran a check which Redis has lost says so itself, sooner;
the answer is therefore looked up by its key before it is posted. Each bot speaks for its own askers
only: several bots tell nobody twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from handlers import replies
from workers.arp.model import Job
from workers.arp.summary import Message
from workers.errors import QueueUnreachable, SlackRefused, SlackUnreachable
from workers.jobs import Jobs
from workers.slack import Slack

LOOK_SECONDS = 5.0
LOOKS = 3
"""A check is lost when it was missed so often: by then a worker that ran it has noticed and spoken."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Open:
    """``job`` None = another bot accepted it; ``joined`` are the askers whom this bot let join."""

    job: Job | None = None
    joined: list[Job] = field(default_factory=list)
    missed: int = 0


class Accepted:
    """One bot's memory of the checks that are still to end."""

    def __init__(self, slack: Slack, jobs: Jobs) -> None:
        self._slack, self._jobs = slack, jobs
        self._open: dict[str, _Open] = {}

    def remember(self, job: Job) -> None:
        """It is queued; told again once its message is posted, and its thread is known."""
        self._open.setdefault(job.id, _Open()).job = job

    def remember_joined(self, running: Job, wanted: Job) -> None:
        """Somebody who wanted the same waits for the answer of the running one."""
        self._open.setdefault(running.id, _Open()).joined.append(wanted)

    @contextlib.asynccontextmanager
    async def looked_after(self) -> AsyncIterator[None]:
        """Look now and then, as long as the block lasts."""
        looking = asyncio.create_task(self._look_after())
        try:
            yield
        finally:
            looking.cancel()
            await asyncio.wait({looking})

    async def _look_after(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            with contextlib.suppress(QueueUnreachable):
                await self._look()

    async def _look(self) -> None:
        for job_id, state in (await self._jobs.states(tuple(self._open))).items():
            known = self._open[job_id]
            known.missed = 0 if state else known.missed + 1
            untold = state == "given up" or known.missed >= LOOKS
            say = replies.given_up if state else replies.lost
            if state == "done" or (untold and await self._told(job_id, known, say)):
                del self._open[job_id]

    async def _told(self, job_id: str, known: _Open, say: Callable[[Job], Message]) -> bool:
        """Tell whoever waits for it; False = Slack is away, and some are told at the next look."""
        try:
            if known.job is not None:
                await self._tell_asker(known.job, say(known.job))
                known.job = None
            while known.joined:
                await self._tell_apart(known.joined[-1], say(known.joined[-1]))
                known.joined.pop()
        except SlackUnreachable as trouble:
            log.warning("%s is over, and nobody can be told yet: %s", job_id, trouble.sentence)
            return False
        except SlackRefused as refused:
            log.error("%s is over, and nobody can be told: %s", job_id, refused.sentence)  # noqa: TRY400
        return True

    async def _tell_asker(self, job: Job, message: Message) -> None:
        thread = job.thread
        if job.kind != "check" or thread.root_ts is None:
            await self._tell_apart(job, message)
            return
        where, key = thread.thread_ts or thread.root_ts, f"{job.id}:verdict"
        with contextlib.suppress(SlackRefused):  # unreadable: Slack knows the key of a post too
            if await self._slack.find(thread.channel, where, key, since=job.asked_at):
                log.info("%s is lost, and its worker has said so", job.id)
                return
        log.warning("%s: %s", job.id, message.text)
        try:
            await self._slack.edit(thread.channel, thread.root_ts, message)
            await self._slack.post(thread.channel, message, thread_ts=where, key=key)
        except SlackRefused:  # deleted meanwhile, or thrown out of the channel
            await self._tell_apart(job, message)

    async def _tell_apart(self, job: Job, message: Message) -> None:
        """Tell the asker alone."""
        thread = job.thread
        if thread.response_url:
            with contextlib.suppress(SlackRefused):  # used up, or older than half an hour
                await self._slack.respond(thread.response_url, message, thread_ts=thread.thread_ts)
                return
        await self._slack.ephemeral(
            thread.channel, job.asked_by, message, thread_ts=thread.thread_ts
        )
