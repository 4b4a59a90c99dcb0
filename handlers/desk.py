"""One request turned into one queued job with its message in the channel: what all ways in share.

The law: a person always gets exactly one visible answer, either the message of the check or one
sentence only they can see, and whatever was accepted is queued even where Slack refuses the message.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace

from handlers import replies
from handlers.accepted import Accepted
from handlers.access import Access
from handlers.request import Check
from workers import health
from workers.arp.model import Job, Thread
from workers.arp.summary import Message, Progress, root_message
from workers.errors import CheckError, QueueUnreachable, SlackRefused, SlackUnreachable
from workers.jobs import Enqueued, Jobs
from workers.slack import Slack

DOUBLE_SECONDS = 4
"""The same words or the same button of the same person within this time are a double click."""
REDELIVERY_SECONDS = 900
"""Slack delivers an event again at once, after 1 and after 5 minutes."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, where, and how they are answered: by ``response_url``, else in the channel.

    ``thread_ts`` is the thread they spoke in, None where they spoke in the channel itself.
    """

    user: str
    channel: str
    thread_ts: str | None = None
    response_url: str | None = None


@dataclass(slots=True)
class Desk:
    """What the handlers work with; ``bot_user`` is the bot's own user id."""

    slack: Slack
    jobs: Jobs
    access: Access
    bot_user: str = ""
    accepted: Accepted = field(init=False)
    _serving: set[asyncio.Future[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.accepted = Accepted(self.slack, self.jobs)

    @contextlib.asynccontextmanager
    async def serving(self, asker: Asker) -> AsyncIterator[None]:
        """Around a handler's work: expected trouble becomes one sentence for the asker."""
        done = asyncio.get_running_loop().create_future()
        self._serving.add(done)
        try:
            yield
        except QueueUnreachable as trouble:
            log.error("the queue is out of reach: %s", trouble.sentence)  # noqa: TRY400
            await self.tell(asker, replies.queue_down())
        except CheckError as trouble:
            log.warning("a request of %s failed: %s", asker.user, trouble.sentence)
            await self.tell(asker, replies.trouble(trouble.sentence, trouble.next_step))
        finally:
            self._serving.discard(done)
            done.set_result(None)

    async def idle(self, seconds: float) -> bool:
        """Wait until no handler works any more; False = some still do after that time."""
        if self._serving:
            await asyncio.wait(set(self._serving), timeout=seconds)
        return not self._serving

    async def tell(self, asker: Asker, message: Message) -> None:
        """Tell one person, and nobody else; trouble in doing so is only logged."""
        thread = asker.thread_ts
        try:
            if asker.response_url:
                try:
                    await self.slack.respond(asker.response_url, message, thread_ts=thread)
                    return
                except SlackRefused:  # used five times, or older than 30 minutes
                    log.info("a response_url no longer works")
            try:
                await self.slack.ephemeral(asker.channel, asker.user, message, thread_ts=thread)
            except SlackRefused as refused:  # they left, or the bot did
                log.info("nothing can be shown in that channel: %s", refused.reason)
                await self.slack.direct(asker.user, message, key=f"told:{new_id()}")
        except (SlackRefused, SlackUnreachable) as trouble:
            log.warning("could not answer %s: %s", asker.user, trouble.sentence)

    async def admits(self, asker: Asker, action: str, *, about: Job | None = None) -> bool:
        """Whether they may; a refusal is told and audited."""
        why = await self.refusal(asker, action, about=about)
        if why is not None:
            await self.tell(asker, replies.refused(why))
        return why is None

    async def refusal(self, asker: Asker, action: str, *, about: Job | None = None) -> str | None:
        """Why they may not, as mrkdwn, audited and still to be told; None = they may.

        What concerns a job counts as asked for in that job's channel: its buttons may also stand in
        a direct message of the bot.
        """
        channel = asker.channel if about is None else about.thread.channel
        why = await self.access.refusal(asker.user, channel)
        if why is not None:
            health.COMMANDS.labels(action, "refused").inc()
            await self.audit("refused", asker, {"action": action, "why": why})
        return why

    async def audit(self, event: str, asker: Asker, more: Mapping[str, str]) -> None:
        """Put what a person did on record."""
        record = {"event": event, "user": asker.user, "channel": asker.channel, **more}
        await self.jobs.audit(record)

    async def check(self, asker: Asker, wanted: Check) -> None:
        """Start a check for somebody who may."""
        job = Job(
            id=new_id(),
            vm=wanted.vm,
            asked_by=asker.user,
            thread=Thread(asker.channel, None, asker.thread_ts, asker.response_url),
            asked_at=time.time_ns(),
            target=wanted.target,
            seconds=wanted.seconds,
        )
        await self.start(asker, job)

    async def start(self, asker: Asker, job: Job) -> None:
        """Queue a job and show its message, or send the asker to the check that already runs."""
        enqueued = await self._enqueue(job)
        if enqueued.joined:
            await self._join(asker, job, enqueued.job)
            return
        self.accepted.remember(job)
        await self.audit("asked", asker, _words_of(job))
        health.COMMANDS.labels(job.kind, "queued").inc()
        thread = job.thread
        if job.kind == "check" and thread.root_ts is None:  # else an earlier message goes on
            thread = await self._root(asker, enqueued)
        self.accepted.remember(replace(job, thread=thread))
        try:
            if not await self.jobs.announce(job.id, thread):
                await self.close_unstarted(job.id)  # stopped before its message was known
        except QueueUnreachable:
            if thread.root_ts is None:
                raise
            await self.slack.edit(thread.channel, thread.root_ts, replies.queue_lost(job))

    async def _enqueue(self, job: Job) -> Enqueued:
        try:
            return await self.jobs.enqueue(job)
        except QueueUnreachable:
            with contextlib.suppress(QueueUnreachable):  # it may be there, and only the answer lost
                await self.jobs.discard(job.id)
            raise

    async def _root(self, asker: Asker, enqueued: Enqueued) -> Thread:
        """Post the message of a check; where that fails the check runs and its result is kept."""
        job = enqueued.job
        message = root_message(job, Progress("queued", position=enqueued.position))
        thread = job.thread
        key = f"{job.id}:root"
        try:
            ts = await self.slack.post(thread.channel, message, thread_ts=thread.thread_ts, key=key)
            return replace(thread, root_ts=ts)
        except SlackUnreachable as trouble:
            log.warning("the message of %s was not posted: %s", job.id, trouble.sentence)
            await self.tell(asker, replies.slow_slack(job))
            return thread
        except SlackRefused as trouble:
            log.warning("the message of %s was refused: %s", job.id, trouble.reason)
            return await self._elsewhere(asker, job, message, trouble.reason)

    async def _elsewhere(self, asker: Asker, job: Job, message: Message, reason: str) -> Thread:
        """The channel does not take the message: in a private conversation use a direct message."""
        if asker.channel.startswith("D"):
            with contextlib.suppress(SlackRefused, SlackUnreachable):
                channel = await self.slack.direct_channel(asker.user)
                ts = await self.slack.post(channel, message, key=f"{job.id}:root")
                await self.tell(asker, replies.sent_directly(job))
                return Thread(channel, ts, None, asker.response_url)
        await self.tell(asker, replies.not_a_member(job, reason))
        return job.thread

    async def _join(self, asker: Asker, wanted: Job, running: Job) -> None:
        """An equal check is under way: one capture, and the asker is told where to look."""
        health.COMMANDS.labels(wanted.kind, "joined").inc()
        if wanted.kind != "check":
            await self.tell(asker, replies.under_way())
            return
        root = running.thread.root_ts
        link = await self.slack.permalink(running.thread.channel, root) if root else None
        here = Thread(asker.channel, None, asker.thread_ts, asker.response_url)
        await self.jobs.watch_thread(running.id, here)
        self.accepted.remember_joined(running, replace(wanted, thread=here))
        await self.audit("joined", asker, _words_of(wanted) | {"job": running.id})
        await self.tell(asker, replies.joined(running, link))

    async def close_unstarted(self, job_id: str) -> None:
        """A check that was stopped before a worker had it has nobody else to close its message."""
        record = await self.jobs.get(job_id)
        if record is None or record.outcome.get("while") != "queued":
            return
        job, message = record.job, replies.cancelled_in_queue(record.job, record.cancelled_by or "")
        if job.thread.root_ts is not None:
            await self.slack.edit(job.thread.channel, job.thread.root_ts, message)
        for number, watcher in enumerate(record.watchers):
            with contextlib.suppress(SlackRefused, SlackUnreachable):
                if watcher.response_url:
                    await self.slack.respond(watcher.response_url, message)
                elif watcher.thread_ts:
                    key = f"{job_id}:joined:{number}"
                    await self.slack.post(
                        watcher.channel, message, thread_ts=watcher.thread_ts, key=key
                    )


def new_id() -> str:
    """An id for a job, short enough to be typed after ``stop``."""
    return f"arp-{secrets.token_hex(4)}"


def _words_of(job: Job) -> dict[str, str]:
    words = {"job": job.id, "kind": job.kind, "vm": job.vm, "target": job.target or ""}
    return {name: word for name, word in words.items() if word}
