"""A small job after a check: its kept evidence handed to the network team, or sent once more.

An unreachable Slack is the caller's to wait for: every step is noted, and calling again goes on.
"""

from __future__ import annotations

import contextlib

from workers.answer.drawing import Drawing
from workers.answer.evidence import Kept
from workers.answer.sharing import share_once
from workers.arp.model import Job
from workers.arp.summary import Message, handed_off, said, with_note
from workers.errors import CheckError, LeaseLost, QueueUnreachable, SlackRefused, SlackUnreachable
from workers.jobs import Jobs, Lease
from workers.slack import Slack

POSTED, TOLD, AUDITED = "posted_ts", "told", "audited"


def ending(lease: Lease) -> CheckError | None:
    """Why a job must not be worked on any more, None = it may."""
    if lease.refused:
        return CheckError(lease.refused, next_step="Ask for it again.")
    if lease.dead:
        return CheckError(
            f"It was begun {lease.number} times and never came to an end, so it was given up.",
            next_step="The worker's log names the cause: tell whoever runs arpcheck.",
        )
    return None


async def hand_off(
    lease: Lease, jobs: Jobs, slack: Slack, drawing: Drawing, channel: str
) -> dict[str, str]:
    """Post the kept evidence to the network team's channel, and the link back into the thread.

    Raises:
        SlackUnreachable: call again. LeaseLost, QueueUnreachable: another run will do it.
    """
    job = lease.job
    thread_ts = job.thread.thread_ts or job.thread.root_ts
    try:
        kept = await _kept(lease, jobs, drawing, channel)
        origin = await slack.permalink(job.thread.channel, thread_ts) if thread_ts else None
        message = with_note(_for_network(kept), job, origin)
        ts = await _post(lease, slack, (channel, None), message, f"{job.of}:handoff")
        await share_once(lease, slack, channel, ts, kept.uploads())
        said_there = handed_off(job, channel, await slack.permalink(channel, ts))
        outcome = {"outcome": "handed off", "channel": channel, "ts": ts}
    except (SlackUnreachable, LeaseLost, QueueUnreachable):
        raise
    except CheckError as trouble:
        said_there = said(
            f"The hand-off did not work: {trouble.sentence} {trouble.next_step}", ":x:"
        )
        outcome = {"outcome": trouble.code.lower(), "headline": trouble.sentence}
    if thread_ts and TOLD not in lease.notes:
        with contextlib.suppress(SlackRefused):
            key = f"{job.id}:told"
            await slack.post(
                job.thread.channel, said_there, thread_ts=thread_ts, key=key,
                look_first=lease.number > 1, guard=lease.check,
            )  # fmt: skip
        await lease.note(TOLD, "1")
    await _audit(lease, jobs, outcome)
    return outcome


async def post_kept(lease: Lease, jobs: Jobs, slack: Slack, drawing: Drawing) -> dict[str, str]:
    """Post a kept verdict where it could not be posted before.

    Raises:
        SlackUnreachable: call again. LeaseLost, QueueUnreachable: another run will do it.
    """
    job = lease.job
    thread_ts = job.thread.thread_ts or job.thread.root_ts
    try:
        kept = await _kept(lease, jobs, drawing, job.thread.channel)
        place = (job.thread.channel, thread_ts)
        ts = await _post(lease, slack, place, kept.verdict, f"{job.id}:verdict")
        await share_once(lease, slack, job.thread.channel, thread_ts or ts, kept.uploads())
    except (SlackUnreachable, LeaseLost, QueueUnreachable):
        raise
    except CheckError as trouble:
        await _tell(slack, job, trouble)
        return {"outcome": trouble.code.lower(), "headline": trouble.sentence}
    return {"outcome": "posted", "ts": ts}


async def send_files(lease: Lease, jobs: Jobs, slack: Slack, drawing: Drawing) -> dict[str, str]:
    """Send a check's kept files to the thread in which somebody misses them.

    Raises:
        SlackUnreachable: call again. LeaseLost, QueueUnreachable: another run will do it.
    """
    job = lease.job
    try:
        kept = await _kept(lease, jobs, drawing, job.thread.channel)
        await share_once(
            lease, slack, job.thread.channel, job.thread.thread_ts or "", kept.uploads()
        )
    except (SlackUnreachable, LeaseLost, QueueUnreachable):
        raise
    except CheckError as trouble:
        await _tell(slack, job, trouble)
        return {"outcome": trouble.code.lower(), "headline": trouble.sentence}
    return {"outcome": "files sent"}


async def _post(
    lease: Lease, slack: Slack, place: tuple[str, str | None], message: Message, key: str
) -> str:
    """Post once over all runs; the ts."""
    if POSTED not in lease.notes:
        channel, thread_ts = place
        ts = await slack.post(
            channel, message, thread_ts=thread_ts, key=key, look_first=True, guard=lease.check
        )
        await lease.note(POSTED, ts)
    return lease.notes[POSTED]


async def _audit(lease: Lease, jobs: Jobs, outcome: dict[str, str]) -> None:
    job = lease.job
    if AUDITED not in lease.notes:
        about = {"event": "hand-off", "job": job.of or job.id, "user": job.asked_by, "vm": job.vm}
        await jobs.audit(about | outcome | ({"note": job.note} if job.note else {}))
        await lease.note(AUDITED, "1")


async def _tell(slack: Slack, job: Job, trouble: CheckError) -> None:
    message = said(f"{trouble.sentence} {trouble.next_step}", ":x:")
    with contextlib.suppress(SlackRefused):
        if job.thread.response_url:
            await slack.respond(job.thread.response_url, message)
        else:
            await slack.direct(job.asked_by, message, key=f"{job.id}:told")


def _for_network(kept: Kept) -> Message:
    if kept.handoff is None:
        raise CheckError("This check ended without a verdict.", next_step="Run it again.")
    return kept.handoff


async def _kept(lease: Lease, jobs: Jobs, drawing: Drawing, channel: str) -> Kept:
    hopeless = ending(lease)
    if hopeless is not None and POSTED not in lease.notes:
        raise hopeless
    if not channel:
        raise CheckError(
            "No channel is set for hand-offs.", next_step="Set ARPCHECK_NETWORK_CHANNEL."
        )
    files = await jobs.evidence(lease.job.of or lease.job.id)
    if files is None:
        raise CheckError(
            "The evidence of this check is not kept any more.", next_step="Run the check again."
        )
    return await drawing.with_picture(Kept.read(files))
