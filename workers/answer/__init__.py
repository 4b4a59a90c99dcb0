"""A claimed job turned into exactly one final answer in Slack, whatever happens on the way.

The law: the right to answer is taken in Redis before the answer is posted, and every post is noted
there before the next step, so that a worker that takes over goes on and repeats nothing. A run that
has lost its job stays silent.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from workers.answer.chat import Chat
from workers.answer.evidence import Kept, outcome_of, pack
from workers.answer.follow_up import hand_off, post_kept
from workers.arp.summary import (
    Message,
    Progress,
    choice_message,
    root_line,
    root_message,
    root_verdict,
    stimulus_message,
    trouble_message,
)
from workers.check import Evidence, Peers, Quiet, check
from workers.errors import (
    CheckCancelled,
    CheckError,
    LeaseLost,
    QueueUnreachable,
    VmAmbiguous,
    VmNotFound,
)
from workers.health import CHECKS, LEASES_LOST
from workers.jobs import Jobs, Lease
from workers.settings import WorkerSettings
from workers.slack import Slack

log = logging.getLogger(__name__)


class Answerer:
    """Performs leases; one for all jobs of a worker."""

    def __init__(self, jobs: Jobs, slack: Slack, peers: Peers, settings: WorkerSettings) -> None:
        self._jobs = jobs
        self._slack = slack
        self._peers = peers
        self._settings = settings

    async def perform(self, lease: Lease) -> None:
        """Do what the job asks for and finish it; a lost job is left in silence."""
        try:
            await self._perform(lease)
        except LeaseLost as lost:
            LEASES_LOST.labels(lost.reason).inc()
            log.warning("%s: %s", lease.job.id, lost.sentence)
            if lost.reason == "gone":
                await self._tell_gone(lease)

    async def _perform(self, lease: Lease) -> None:
        follow_ups: dict[str, Callable[[Lease], Awaitable[dict[str, str]]]] = {
            "handoff": self._hand_off,
            "post": self._post_kept,
        }
        if lease.job.kind in follow_ups and not (lease.dead or lease.refused):
            await lease.finish(await follow_ups[lease.job.kind](lease))
            return
        chat = Chat(self._slack, lease)
        await chat.open()
        try:
            result = await self._result(lease, chat)
        except asyncio.CancelledError:
            await chat.pause()
            raise
        outcome = await self._answer(lease, chat, result)
        CHECKS.labels(outcome.get("verdict", ""), outcome["outcome"]).inc()
        for watcher in await lease.finish(outcome):
            await chat.tell_watcher(watcher, outcome)
        await self._jobs.audit(outcome | {"event": "answered"})

    async def _hand_off(self, lease: Lease) -> dict[str, str]:
        channel = self._settings.network_channel
        return await hand_off(lease, self._jobs, self._slack, channel)

    async def _post_kept(self, lease: Lease) -> dict[str, str]:
        return await post_kept(lease, self._jobs, self._slack)

    # --- what comes of a check ---

    async def _result(self, lease: Lease, chat: Chat) -> Evidence | CheckError:
        """The check's evidence, or the expected trouble that ended it.

        Raises:
            LeaseLost: the job is no longer this run's.
        """
        if lease.refused:
            return CheckError(lease.refused, next_step="Ask for the check again.")
        if lease.dead:
            return CheckError(
                f"The worker that ran it died {lease.number} times, so it was given up.",
                next_step="Tell whoever runs arpcheck; their log names the cause. Then run it again.",
            )
        running = asyncio.create_task(check(lease.job, self._peers, _Teller(lease, chat)))
        stops = [asyncio.create_task(e.wait()) for e in (lease.cancelled, lease.lost)]
        try:
            await asyncio.wait({running, *stops}, return_when=asyncio.FIRST_COMPLETED)
            if not running.done():
                await _cancelled(running)
                if lease.lost.is_set():
                    await lease.check()
                by = f" by <@{lease.cancelled_by}>" if lease.cancelled_by else ""
                return CheckCancelled(f"It was stopped{by}.")
            return running.result()
        except LeaseLost:
            raise
        except CheckError as trouble:
            return trouble
        finally:
            await _cancelled(running)
            for stop in stops:
                stop.cancel()

    async def _answer(
        self, lease: Lease, chat: Chat, result: Evidence | CheckError
    ) -> dict[str, str]:
        """Post the final answer once, and say in the root message what it is."""
        if isinstance(result, CheckError):
            message, root = _trouble(lease, result, chat.notes)
            await chat.answer(message, root)
            return outcome_of(lease.job, result)
        kept = await asyncio.to_thread(
            pack, result, lease.job, chat.notes, self._settings.network_channel
        )
        await self._keep(lease, kept, chat)
        root = root_verdict(result.judgement, lease.job)
        await chat.answer(kept.verdict, root, kept.uploads())
        return outcome_of(lease.job, result) | chat.links()

    async def _keep(self, lease: Lease, kept: Kept, chat: Chat) -> None:
        """Keep the evidence for hand-offs; without it the answer still goes out."""
        try:
            days = self._settings.evidence_days
            await self._jobs.keep_evidence(lease.job.id, kept.files(), days)
        except QueueUnreachable:
            raise
        except CheckError as trouble:
            chat.notes.append(trouble.sentence)

    async def _tell_gone(self, lease: Lease) -> None:
        """Redis has lost its data: no other worker knows of this job, so this one says so."""
        sentence = "Redis lost its data while it ran, so the check was given up."
        job = lease.job
        if job.thread.root_ts is None:
            return
        message = trouble_message(job, sentence, "Run it again.")
        with contextlib.suppress(CheckError):
            await self._slack.edit(job.thread.channel, job.thread.root_ts, message)


def _trouble(lease: Lease, trouble: CheckError, notes: list[str]) -> tuple[Message, Message]:
    """The thread's message and the root's line for a check without a verdict."""
    job = lease.job
    sentence = " ".join([trouble.sentence, *notes])
    if isinstance(trouble, VmAmbiguous):
        line = f"{len(trouble.candidates)} VMs answer to this name, choose one in the thread"
        return choice_message(job, trouble.candidates), root_line(job, ":grey_question:", line)
    closest = trouble.closest if isinstance(trouble, VmNotFound) else ()
    sign = ":black_square_for_stop:" if isinstance(trouble, CheckCancelled) else ":x:"
    message = trouble_message(job, sentence, trouble.next_step, closest=closest)
    return message, root_line(job, sign, trouble.sentence)


async def _cancelled(task: asyncio.Task[Evidence]) -> None:
    """Cancel a running check and wait until it has left its host clean."""
    if not task.done():
        task.cancel()
        await asyncio.wait({task})


class _Teller(Quiet):
    """A desk that shows a check's progress in its root message."""

    def __init__(self, lease: Lease, chat: Chat) -> None:
        super().__init__()
        self.notes = chat.notes
        self._lease = lease
        self._chat = chat

    @property
    def stimulus_confirmed_at(self) -> int | None:
        """When somebody pressed "I started it"."""
        return self._lease.stimulus_confirmed_at

    def tell(self, progress: Progress) -> None:
        """Show the state soon."""
        self._chat.show(root_message(self._lease.job, progress))

    def ask_for_traffic(self, vm: str, gateway: str | None) -> None:
        """Say in the thread what to type in the guest, once."""
        self._chat.ask(stimulus_message(self._lease.job, vm, gateway))
