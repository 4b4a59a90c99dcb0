"""A claimed job turned into exactly one final answer in Slack, whatever happens on the way.

The law: an answer is kept in Redis before it is told, the right to tell it is taken there, and every
post is noted there before the next step, so that a worker that takes over goes on where the former
one stopped and repeats nothing. A run that has lost its job stays silent. A Slack that is away is
waited for.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from workers.answer.chat import Chat
from workers.answer.drawing import Drawing
from workers.answer.evidence import Kept, pack, pack_trouble
from workers.answer.follow_up import AUDITED, ending, hand_off, post_kept, send_files
from workers.answer.sharing import UPLOADED
from workers.arp.summary import Message, Progress, root_line, root_message, stimulus_message
from workers.check import Evidence, Peers, Quiet, check
from workers.check.apart import apart
from workers.errors import (
    CheckCancelled,
    CheckError,
    EvidenceTooBig,
    LeaseLost,
    SlackUnreachable,
)
from workers.health import CHECKS, timed
from workers.jobs import ANSWERED, Jobs, Lease
from workers.settings import WorkerSettings
from workers.slack import Slack

PREPARED = "prepared"
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
PATIENCE_SECONDS = 6 * 3600.0
"""How long one run waits for a Slack that is away; then another run does."""

T = TypeVar("T")

log = logging.getLogger(__name__)


class Answerer:
    """Performs leases; one for all jobs of a worker. ``peers`` gives a run what its check works with."""

    def __init__(
        self,
        jobs: Jobs,
        slack: Slack,
        peers: Callable[[Lease], Peers],
        settings: WorkerSettings,
    ) -> None:
        self._jobs = jobs
        self._slack = slack
        self._peers = peers
        self._settings = settings
        self._drawing = Drawing()

    async def close(self) -> None:
        """End what draws."""
        await self._drawing.close()

    async def perform(self, lease: Lease) -> None:
        """Do what the job asks for and finish it; a lost job is left in silence.

        Raises:
            CheckError: it could not be finished now, and is to be tried again.
        """
        chat = Chat(self._slack, lease)
        try:
            follow_up = self._follow_up(lease)
            if follow_up is not None:
                await lease.finish(await _patiently(lease, follow_up))
            else:
                await self._check(lease, chat)
        except LeaseLost as lost:
            log.warning("%s: %s", lease.job.id, lost.sentence)
            await chat.drop()
            # A follow-up has no message of its own: the bot that accepted it tells the asker.
            if lost.reason == "gone" and lease.job.kind == "check":
                gone = pack_trouble(_gone(), lease.job, ())
                await chat.tell_gone(gone.verdict, gone.root)
        finally:
            await chat.drop()

    def _follow_up(self, lease: Lease) -> Callable[[], Awaitable[dict[str, str]]] | None:
        """What a small job after a check does; None = the job is a check."""
        peers, channel = (self._jobs, self._slack, self._drawing), self._settings.network_channel
        return {
            "handoff": lambda: hand_off(lease, *peers, channel),
            "post": lambda: post_kept(lease, *peers),
            "files": lambda: send_files(lease, *peers),
        }.get(lease.job.kind)

    async def _check(self, lease: Lease, chat: Chat) -> None:
        await chat.open()
        kept = await self._kept_before(lease) or await self._made(lease, chat)
        with timed("answering"):
            await _patiently(lease, lambda: chat.answer(kept))
            kept = await self._pictured(lease, kept)
            await _patiently(lease, lambda: chat.finish(kept))
        outcome = dict(kept.outcome) | chat.links()
        if AUDITED not in lease.notes:
            await self._jobs.audit(outcome | {"event": "answered"})
            await lease.note(AUDITED, "1")
        watchers = await lease.finish(outcome)
        CHECKS.labels(outcome.get("verdict", ""), outcome["outcome"]).inc()
        await chat.tell_watchers(watchers, outcome)

    async def _kept_before(self, lease: Lease) -> Kept | None:
        """The answer that an earlier run made and may not have told, None = there is none."""
        if PREPARED in lease.notes:
            files = await self._jobs.evidence(lease.job.id)
            with contextlib.suppress(
                CheckError
            ):  # another version's: made anew, if it still must be
                if files is not None:
                    return Kept.read(files)
        if ANSWERED not in lease.notes:
            return None
        job = lease.job
        root = root_line(job, ":white_check_mark:", "the answer stands in the thread")
        outcome = {"job": job.id, "user": job.asked_by, "vm": job.vm, "outcome": "answered"}
        return Kept(Message(""), root, outcome)

    async def _made(self, lease: Lease, chat: Chat) -> Kept:
        """The check's answer, kept for whoever has to tell it."""
        teller = _Teller(lease, chat)
        try:
            result = await self._result(lease, teller)
        except asyncio.CancelledError:
            await chat.pause()
            raise
        channel = self._settings.network_channel
        if isinstance(result, CheckError):
            kept = pack_trouble(result, lease.job, teller.notes)
        else:
            kept = await apart(pack, result, lease.job, teller.notes, channel)
        await lease.check()  # what is kept is not fenced by itself
        await self._keep(lease, kept)
        await lease.note(PREPARED, "1")
        return kept

    async def _pictured(self, lease: Lease, kept: Kept) -> Kept:
        """The answer with its picture, which is kept as well where there is room, for a hand-off."""
        if UPLOADED in lease.notes:
            return kept
        drawn = await self._drawing.with_picture(kept)
        if drawn is not kept:
            await lease.check()
            with contextlib.suppress(
                EvidenceTooBig
            ):  # it can be drawn again, the captures are kept
                await self._keep_files(lease, drawn)
        return drawn

    async def _keep(self, lease: Lease, kept: Kept) -> None:
        """Keep the answer; captures that are too big for Redis go to the thread only.

        Their picture is kept in their place: without them it cannot be drawn.
        """
        try:
            await self._keep_files(lease, kept)
        except EvidenceTooBig as trouble:
            log.warning("%s: %s", lease.job.id, trouble.sentence)
            drawn = await self._drawing.with_picture(kept)
            await lease.check()
            await self._keep_files(lease, drawn.without_bundle())

    async def _keep_files(self, lease: Lease, kept: Kept) -> None:
        await self._jobs.keep_evidence(lease.job.id, kept.files(), self._settings.evidence_days)

    async def _result(self, lease: Lease, teller: _Teller) -> Evidence | CheckError:
        """The check's evidence, or the expected trouble that ended it.

        Raises:
            LeaseLost: the job is no longer this run's.
        """
        hopeless = ending(lease)
        if hopeless is not None:
            return hopeless
        running = asyncio.create_task(check(lease.job, self._peers(lease), teller))
        stops = [asyncio.create_task(e.wait()) for e in (lease.cancelled, lease.lost)]
        try:
            await asyncio.wait({running, *stops}, return_when=asyncio.FIRST_COMPLETED)
            if not running.done():
                await _cancelled(running)
                await lease.check()
                return CheckCancelled(by=lease.cancelled_by)
            return running.result()
        except LeaseLost:
            raise
        except CheckError as trouble:
            return trouble
        finally:
            await _cancelled(running)
            for stop in stops:
                stop.cancel()


async def _patiently(lease: Lease, tell: Callable[[], Awaitable[T]]) -> T:
    """Tell until Slack has taken it all: an outage delays an answer, and loses none.

    Raises:
        SlackUnreachable: not within PATIENCE_SECONDS. LeaseLost: another run goes on.
    """
    pause, until = FIRST_PAUSE_SECONDS, time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return await tell()
        except SlackUnreachable as trouble:
            if time.monotonic() > until:
                raise
            log.warning("%s is told again in %g s: %s", lease.job.id, pause, trouble.sentence)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(lease.lost.wait(), pause)
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


def _gone() -> CheckError:
    return CheckError(
        "Redis lost its data while the check ran, so the check was given up.",
        next_step="Ask for it again.",
    )


async def _cancelled(task: asyncio.Task[Evidence]) -> None:
    """Cancel a running check, once, and wait until it has left its host clean."""
    if not task.done():
        if not task.cancelling():
            task.cancel()
        await asyncio.wait({task})


class _Teller(Quiet):
    """A desk that shows a check's progress in its root message."""

    def __init__(self, lease: Lease, chat: Chat) -> None:
        super().__init__()
        self._lease = lease
        self._chat = chat

    @property
    def stimulus_confirmed_at(self) -> int | None:
        """When somebody pressed "I started it"."""
        return self._lease.stimulus_confirmed_at

    def tell(self, progress: Progress) -> None:
        """Show the state soon."""
        self._chat.show(root_message(self._lease.job, progress))

    def ask_for_traffic(self, vm: str, target: str | None) -> None:
        """Say in the thread what to type in the guest, once."""
        self._chat.ask(stimulus_message(self._lease.job, vm, target))
