"""One job's thread in Slack: its root message, its answer, and what is told where that fails.

Every post has a key, is noted with the job, and is looked up by its key where an earlier run may
have made it. Before each try of each call the lease is asked: a run that was stopped while it waited
for Slack, and has lost its job meanwhile, stays silent.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import Mapping
from dataclasses import replace

from workers.answer.evidence import Kept
from workers.answer.sharing import LOST, share_once
from workers.arp.model import Thread
from workers.arp.summary import Message, Progress, joined_message, kept_message, root_message
from workers.errors import CheckError, SlackRefused, SlackUnreachable
from workers.jobs import ANSWERED, Lease
from workers.slack import GONE, LiveMessage, Slack

ROOT, NO_ROOT, ASKING, ASKED = "root_ts", "no_root", "asking", "asked_ts"
DIRECT = "direct"
"""What is noted with the job, so that a worker that takes over repeats nothing."""
RESPONDED = "responded"
"""In place of a verdict's ts: the asker alone was told, through the response_url."""

log = logging.getLogger(__name__)


class Chat:
    """Where a job speaks. Trouble with progress is never the check's trouble; only the answer is."""

    def __init__(self, slack: Slack, lease: Lease) -> None:
        self._slack = slack
        self._lease = lease
        self._live: LiveMessage | None = None
        self._asking: asyncio.Task[None] | None = None
        self.answered = ANSWERED in lease.notes
        self._closing: Message | None = None
        self.untold: str | None = None
        """Why the answer reached nobody, Slack's own word; None = it did, or is still to."""

    @property
    def _thread(self) -> Thread:
        thread = self._lease.job.thread
        return replace(thread, root_ts=thread.root_ts or self._lease.notes.get(ROOT))

    def _reply_ts(self) -> str | None:
        return self._thread.thread_ts or self._thread.root_ts

    # --- while it runs ---

    async def open(self) -> None:
        """Find the root message, or post it where the bot could not."""
        if self._thread.root_ts is None and NO_ROOT not in self._lease.notes:
            await self._post_root()
        if self._thread.root_ts is not None and self._live is None:
            thread = self._thread
            self._live = LiveMessage(
                self._slack, thread.channel, str(thread.root_ts), guard=self._lease.check
            )

    async def _post_root(self) -> None:
        """The bot may have posted it and died, or not have heard that Slack took it."""
        job, thread = self._lease.job, self._thread
        try:
            ts = await self._slack.post(
                thread.channel,
                root_message(job, Progress("finding")),
                thread_ts=thread.thread_ts,
                key=f"{job.id}:root",
                look_first=True,
                since=job.asked_at,
                guard=self._lease.check,
            )
        except SlackRefused as refused:
            log.warning("%s has no message in Slack: %s", job.id, refused.sentence)
            await self._lease.note(NO_ROOT, refused.reason)
        except SlackUnreachable as trouble:
            log.warning("%s has no message in Slack yet: %s", job.id, trouble.sentence)
        else:
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
        begun_before = ASKING in self._lease.notes
        with contextlib.suppress(CheckError):
            await self._lease.note(ASKING, "1")
            ts = await self._slack.post(
                self._thread.channel,
                message,
                thread_ts=self._reply_ts(),
                key=f"{job.id}:asked",
                look_first=begun_before,
                since=job.asked_at,
                guard=self._lease.check,
            )
            await self._lease.note(ASKED, ts)

    async def pause(self) -> None:
        """The worker stops: say that another one goes on."""
        if self._live is not None:
            message = root_message(self._lease.job, Progress("queued"))
            with contextlib.suppress(CheckError):
                await self._live.close(message)

    async def drop(self) -> None:
        """Say nothing more, whatever was still to be said."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait({self._asking})
            self._asking = None
        if self._live is not None:
            await self._live.drop()

    # --- the answer ---

    async def answer(self, kept: Kept) -> None:
        """Post the final answer, once over all runs.

        Raises:
            SlackUnreachable: it may not have arrived; calling again looks.
            LeaseLost: the job is another run's.
        """
        self._closing = kept.root
        if self._asking is not None:
            await asyncio.wait({self._asking})
            self._asking = None
        if ANSWERED not in self._lease.notes:
            await self.open()
            try:
                await self._post_answer(kept.verdict)
            except SlackRefused as refused:
                await self._tell_asker(kept.verdict, refused)

    async def finish(self, kept: Kept) -> None:
        """Send the files of the answer, and close the root message.

        Raises:
            SlackUnreachable: not all of it arrived; calling again goes on where this run ended.
            LeaseLost: the job is another run's.
        """
        channel, ts = self._files_go_to()
        if ts is not None and self.untold is None:
            lost = LOST if kept.name and not kept.bundle else ""
            await share_once(self._lease, self._slack, channel, ts, kept.uploads(), lost)
        await self._close(kept.root)

    async def _post_answer(self, message: Message) -> None:
        reply_ts = self._reply_ts()
        if reply_ts is None:
            if NO_ROOT not in self._lease.notes:
                raise SlackUnreachable("Slack has not taken the check's message yet.", retry=True)
            reason = self._lease.notes[NO_ROOT]
            raise SlackRefused("There is no message to answer under.", reason=reason)
        if self._thread.thread_ts is None and self._live is not None and self._live.is_gone:
            raise SlackRefused("The check's message was deleted.", reason=GONE)
        await self._post_final(self._thread.channel, message, reply_ts)

    async def _post_final(self, channel: str, message: Message, thread_ts: str | None) -> None:
        """Post under the token that only one run can hold."""
        job = self._lease.job
        first = await self._lease.may_answer()
        if not first:
            # An earlier run took the right to answer; whether its answer arrived is looked up.
            await self._lease.may_answer(instead_of=self._lease.answer_taken)
        ts = await self._slack.post(
            channel,
            message,
            thread_ts=thread_ts,
            key=f"{job.id}:verdict",
            look_first=not first or self._lease.number > 1,
            since=job.asked_at,
            metadata={"job_id": job.id},
            guard=self._lease.check,
        )
        self.answered = True
        await self._lease.note(ANSWERED, ts)

    async def _tell_asker(self, message: Message, refused: SlackRefused) -> None:
        """The channel does not take the answer: the asker gets it, and it is kept."""
        kept = kept_message(self._lease.job, message, refused.reason)
        ways = [self._tell_aside, self._tell_directly]
        if self._thread.root_ts is not None:  # they watched a message that lasts: so shall this
            ways.reverse()
        for tell in ways:
            if await tell(kept):
                return
        self.untold = refused.reason
        log.error("nobody could be told what came of %s: %s", self._lease.job.id, refused.sentence)

    async def _tell_aside(self, kept: Message) -> bool:
        """Show it to the asker alone, in the channel, where Slack gave a way to."""
        url = self._lease.job.thread.response_url
        if not url:
            return False
        with contextlib.suppress(SlackRefused, SlackUnreachable):
            await self._lease.check()
            await self._slack.respond(url, kept)
            self.answered = True
            await self._lease.note(ANSWERED, RESPONDED)
            return True
        return False

    async def _tell_directly(self, kept: Message) -> bool:
        """Post it, with its files, to the bot's direct messages with the asker."""
        try:
            channel = await self._slack.direct_channel(self._lease.job.asked_by)
            await self._lease.note(DIRECT, channel)
            await self._post_final(channel, kept, None)
        except SlackRefused as refused:
            log.warning("%s cannot be told directly: %s", self._lease.job.id, refused.sentence)
            return False
        return True

    def _files_go_to(self) -> tuple[str, str | None]:
        """Channel and thread; no thread where there is none to put files into."""
        notes = self._lease.notes
        if notes.get(ANSWERED) == RESPONDED:
            return "", None
        if DIRECT in notes:
            return notes[DIRECT], notes.get(ANSWERED)
        return self._thread.channel, self._reply_ts()

    async def _close(self, root: Message) -> None:
        if self._live is None:
            return
        try:
            await self._live.close(root)
        except SlackRefused as refused:  # deleted meanwhile, or the channel is archived
            log.warning("the message of %s stays as it is: %s", self._lease.job.id, refused.reason)

    async def tell_gone(self, message: Message, root: Message) -> None:
        """Redis has lost the job: no other run can speak, and nothing more can be noted."""
        thread = self._thread
        with contextlib.suppress(SlackRefused, SlackUnreachable):
            if self.answered:  # only its message may still be open
                root = self._closing or root
            if thread.root_ts is not None:
                await self._slack.edit(thread.channel, thread.root_ts, root)
            if self.answered:
                return
            job, reply_ts = self._lease.job, self._reply_ts()
            if reply_ts is not None:
                await self._slack.post(
                    thread.channel,
                    message,
                    thread_ts=reply_ts,
                    key=f"{job.id}:verdict",
                    look_first=True,
                    since=job.asked_at,
                )
            elif thread.response_url:
                await self._slack.respond(thread.response_url, message)

    # --- afterwards ---

    def links(self) -> dict[str, str]:
        """Where the answer stands, for the history."""
        thread = self._thread
        about = {
            "channel": thread.channel,
            "root_ts": thread.root_ts or "",
            ANSWERED: self._lease.notes.get(ANSWERED, ""),
            "untold": self.untold or "",
        }
        return {key: value for key, value in about.items() if value}

    async def tell_watchers(self, watchers: tuple[Thread, ...], outcome: Mapping[str, str]) -> None:
        """Tell those who joined where the answer stands: alone, else in the thread they spoke in."""
        thread = self._thread
        link = None
        if watchers and thread.root_ts:
            link = await self._slack.permalink(thread.channel, thread.root_ts)
        message = joined_message(self._lease.job, outcome.get("headline", ""), link)
        for watcher in watchers:
            with contextlib.suppress(SlackRefused, SlackUnreachable):
                await self._tell_watcher(watcher, message)

    async def _tell_watcher(self, watcher: Thread, message: Message) -> None:
        if watcher.response_url:
            with contextlib.suppress(SlackRefused):  # used up, or older than half an hour
                await self._slack.respond(watcher.response_url, message)
                return
        own = (self._thread.channel, self._reply_ts())
        if watcher.thread_ts and (watcher.channel, watcher.thread_ts) != own:
            where = hashlib.sha256(f"{watcher.channel}{watcher.thread_ts}".encode()).hexdigest()
            key = f"{self._lease.job.id}:joined:{where[:12]}"
            await self._slack.post(watcher.channel, message, thread_ts=watcher.thread_ts, key=key)
