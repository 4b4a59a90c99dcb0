"""A small job after a check: its kept evidence handed to the network team, or posted once more."""

from __future__ import annotations

import contextlib

from workers.answer.evidence import Kept
from workers.arp.model import Job
from workers.arp.summary import Message, handed_off, said, with_note
from workers.errors import CheckError, SlackRefused, SlackUnreachable
from workers.jobs import Jobs, Lease
from workers.slack import Slack


async def hand_off(lease: Lease, jobs: Jobs, slack: Slack, channel: str) -> dict[str, str]:
    """Post the kept evidence to the network team's channel, and the link back into the thread."""
    job = lease.job
    thread_ts = job.thread.thread_ts or job.thread.root_ts
    try:
        kept = await _kept(job, jobs, channel)
        origin = await slack.permalink(job.thread.channel, thread_ts) if thread_ts else None
        message = with_note(kept.handoff, job, origin)
        ts = await _once(lease, slack, channel, message, kept)
        forth = await slack.permalink(channel, ts)
        said_there = handed_off(job, channel, forth)
    except (SlackRefused, SlackUnreachable, CheckError) as trouble:
        said_there = said(f":x: The hand-off did not work: {trouble.sentence} {trouble.next_step}")
        outcome = {"outcome": trouble.code.lower(), "headline": trouble.sentence}
    else:
        outcome = {"outcome": "handed off", "channel": channel, "ts": ts}
    if thread_ts:
        with contextlib.suppress(SlackRefused):
            await slack.post(
                job.thread.channel, said_there, thread_ts=thread_ts, key=f"{job.id}:told"
            )
    about = {"event": "hand-off", "job": job.of or job.id, "user": job.asked_by, "vm": job.vm}
    await jobs.audit(about | outcome | ({"note": job.note} if job.note else {}))
    return outcome


async def _once(lease: Lease, slack: Slack, channel: str, message: Message, kept: Kept) -> str:
    """Post and upload once over all runs; the ts of the hand-off message."""
    ts = lease.notes.get("handoff_ts")
    if ts is None:
        key = f"{lease.job.of}:handoff"
        ts = await slack.post(channel, message, key=key, look_first=lease.number > 1)
        await lease.note("handoff_ts", ts)
    if "uploaded" not in lease.notes:
        await lease.note("uploaded", "1")
        await slack.upload(channel, ts, kept.uploads())
    return ts


async def post_kept(lease: Lease, jobs: Jobs, slack: Slack) -> dict[str, str]:
    """Post a kept verdict where it could not be posted before."""
    job = lease.job
    try:
        kept = await _kept(job, jobs, job.thread.channel)
        thread_ts = job.thread.thread_ts or job.thread.root_ts
        key = f"{job.id}:verdict"
        ts = await slack.post(job.thread.channel, kept.verdict, thread_ts=thread_ts, key=key)
        if "uploaded" not in lease.notes:
            await lease.note("uploaded", "1")
            await slack.upload(job.thread.channel, thread_ts or ts, kept.uploads())
    except (SlackRefused, SlackUnreachable, CheckError) as trouble:
        await _tell(slack, job, trouble)
        return {"outcome": trouble.code.lower(), "headline": trouble.sentence}
    return {"outcome": "posted", "ts": ts}


async def _tell(slack: Slack, job: Job, trouble: CheckError) -> None:
    message = said(f":x: {trouble.sentence} {trouble.next_step}")
    with contextlib.suppress(SlackRefused, SlackUnreachable):
        if job.thread.response_url:
            await slack.respond(job.thread.response_url, message)
        else:
            await slack.direct(job.asked_by, message, key=f"{job.id}:told")


async def _kept(job: Job, jobs: Jobs, channel: str) -> Kept:
    if not channel:
        raise CheckError(
            "No channel is set for hand-offs.", next_step="Set ARPCHECK_NETWORK_CHANNEL."
        )
    files = await jobs.evidence(job.of or job.id)
    if files is None:
        raise CheckError(
            "The evidence of this check is not kept any more.", next_step="Run the check again."
        )
    return Kept.read(files)
