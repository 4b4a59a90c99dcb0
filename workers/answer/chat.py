"""One job's thread in Slack: its root message, its answer, and what is told where that fails."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

from workers.arp.model import Thread
from workers.arp.summary import (
    Message,
    Progress,
    joined_message,
    kept_message,
    root_message,
)
from workers.errors import CheckError, SlackRefused, SlackUnreachable
from workers.health import SLACK_ERRORS
from workers.jobs import Lease
from workers.slack import LiveMessage, Slack, Upload

ROOT, ASKED, VERDICT, UPLOADING, UPLOADED = (
    "root_ts",
    "asked_ts",
    "verdict_ts",
    "uploading",
    "uploaded",
)
"""What is noted with the job, so that a worker that takes over repeats nothing."""

log = logging.getLogger(__name__)


class Chat:
    """Where a job speaks. Trouble with progress is never the check's trouble; only the answer is."""

    def __init__(self, slack: Slack, lease: Lease) -> None:
        self._slack = slack
        self._lease = lease
        self._live: LiveMessage | None = None
        self._asking: asyncio.Task[None] | None = None
        self._link: str | None = None
        self.notes: list[str] = []

    @property
    def _thread(self) -> Thread:
        thread = self._lease.job.thread
        return replace(thread, root_ts=thread.root_ts or self._lease.notes.get(ROOT))

    def _reply_ts(self) -> str | None:
        return self._thread.thread_ts or self._thread.root_ts

    async def open(self) -> None:
        """Find the root message, or post it where the bot could not."""
        if self._thread.root_ts is None and not self._lease.notes.get("no_root"):
            await self._post_root()
        if self._thread.root_ts is not None:
            self._live = LiveMessage(self._slack, self._thread.channel, self._thread.root_ts)

    async def _post_root(self) -> None:
        job, thread = self._lease.job, self._thread
        message = root_message(job, Progress("finding"))
        try:
            ts = await self._slack.post(
                thread.channel, message, thread_ts=thread.thread_ts, key=f"{job.id}:root"
            )
        except (SlackRefused, SlackUnreachable) as trouble:
            _count(trouble)
            log.warning("%s has no message in Slack: %s", job.id, trouble.sentence)
            if isinstance(trouble, SlackRefused):
                await self._lease.note("no_root", trouble.reason)
            return
        await self._lease.note(ROOT, ts)

    def show(self, message: Message) -> None:
        """Show a state in the root message, soon."""
        if self._live is not None:
            self._live.show(message)

    def ask(self, message: Message) -> None:
        """Post a question in the thread, once over all runs; the check goes on meanwhile."""
        if self._reply_ts() is not None and ASKED not in self._lease.notes:
            self._asking = asyncio.create_task(self._ask(message))

    async def _ask(self, message: Message) -> None:
        job = self._lease.job
        with contextlib.suppress(CheckError):
            ts = await self._slack.post(
                self._thread.channel, message, thread_ts=self._reply_ts(), key=f"{job.id}:asked"
            )
            await self._lease.note(ASKED, ts)

    async def pause(self) -> None:
        """The worker stops: say that another one goes on."""
        await self._settle()
        if self._live is not None:
            message = root_message(self._lease.job, Progress("queued"))
            with contextlib.suppress(CheckError):
                await self._live.close(message)

    async def _settle(self) -> None:
        if self._asking is not None:
            await asyncio.wait({self._asking})
            self._asking = None

    async def answer(self, message: Message, root: Message, uploads: Sequence[Upload] = ()) -> None:
        """Post the final answer, once over all runs, with its files, and close the root message."""
        await self._settle()
        look_first = not await self._lease.may_answer()
        if look_first:
            # An earlier run took the right to answer; whether its answer arrived is looked up.
            await self._lease.may_answer(instead_of=self._lease.answer_taken)
        try:
            await self._post_answer(message, look_first=look_first)
            await self._upload(uploads)
            if self._live is not None:
                await self._live.close(root)
        except SlackRefused as refused:
            _count(refused)
            await self._tell_asker(message, refused, uploads)

    async def _post_answer(self, message: Message, *, look_first: bool) -> None:
        if VERDICT in self._lease.notes:
            return
        reply_ts = self._reply_ts()
        if reply_ts is None:
            reason = self._lease.notes.get("no_root", "no message")
            raise SlackRefused("There is no message to answer under.", reason=reason)
        job = self._lease.job
        ts = await self._slack.post(
            self._thread.channel,
            message,
            thread_ts=reply_ts,
            key=f"{job.id}:verdict",
            look_first=look_first,
            metadata={"job_id": job.id},
        )
        await self._lease.note(VERDICT, ts)

    async def _upload(self, uploads: Sequence[Upload]) -> None:
        """Share the files; a run that died while sharing leaves it unclear, and it is not repeated."""
        reply_ts = self._reply_ts()
        if not uploads or reply_ts is None or UPLOADED in self._lease.notes:
            return
        if UPLOADING in self._lease.notes and await self._slack.has_file(
            self._thread.channel, reply_ts, uploads[0].name
        ):
            return
        await self._lease.note(UPLOADING, "1")
        try:
            await self._slack.upload(self._thread.channel, reply_ts, uploads)
        except (SlackRefused, SlackUnreachable) as trouble:
            _count(trouble)
            log.warning("the files of %s were not shared: %s", self._lease.job.id, trouble.sentence)
            return
        await self._lease.note(UPLOADED, "1")

    async def _tell_asker(
        self, message: Message, refused: SlackRefused, uploads: Sequence[Upload]
    ) -> None:
        """The channel does not take the answer: the asker gets it, and it is kept."""
        job = self._lease.job
        kept = kept_message(job, message, refused.reason)
        if job.thread.response_url:
            with contextlib.suppress(SlackRefused, SlackUnreachable):
                await self._slack.respond(job.thread.response_url, kept)
                return
        with contextlib.suppress(SlackRefused):
            ts = await self._slack.direct(job.asked_by, kept, key=f"{job.id}:verdict")
            await self._lease.note(VERDICT, ts)
            channel = await self._slack.direct_channel(job.asked_by)
            with contextlib.suppress(SlackUnreachable):
                await self._slack.upload(channel, ts, uploads)

    def links(self) -> dict[str, str]:
        """Where the answer stands, for the history."""
        thread = self._thread
        return {
            key: value
            for key, value in {
                "channel": thread.channel,
                "root_ts": thread.root_ts or "",
                "verdict_ts": self._lease.notes.get(VERDICT, ""),
            }.items()
            if value
        }

    async def tell_watcher(self, watcher: Thread, outcome: Mapping[str, str]) -> None:
        """Tell somebody who joined where the answer stands."""
        thread = self._thread
        if self._link is None and thread.root_ts:
            self._link = await self._slack.permalink(thread.channel, thread.root_ts)
        message = joined_message(self._lease.job, outcome.get("headline", ""), self._link)
        if watcher.response_url:
            with contextlib.suppress(SlackRefused, SlackUnreachable):
                await self._slack.respond(watcher.response_url, message)


def _count(trouble: SlackRefused | SlackUnreachable) -> None:
    SLACK_ERRORS.labels(getattr(trouble, "reason", "unreachable")).inc()
