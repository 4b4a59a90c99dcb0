"""A request that was read turned into its answer: what command and mention have in common."""

from __future__ import annotations

import time
from collections.abc import Mapping

from handlers import replies
from handlers.desk import DOUBLE_SECONDS, Asker, Desk
from handlers.request import Ask, Check, Help, History, Mistake, Request, Status, Stop
from workers.arp.model import Job

VERDICTS = 5
LINKS = 5


async def answer(desk: Desk, asker: Asker, request: Request) -> None:
    """Do what was asked, for those who may; how to use it is told to everybody."""
    if isinstance(request, Help | Ask):
        await desk.tell(asker, replies.help_text())
    elif isinstance(request, Mistake):
        await desk.tell(asker, replies.mistake(request.sentence))
    elif isinstance(request, Stop):
        await _stop(desk, asker, request.job_id)
    elif await desk.admits(asker, type(request).__name__.lower()):
        if isinstance(request, Check):
            typed = f"typed:{asker.channel}:{asker.user}:{request.text().casefold()}"
            if await desk.jobs.first_time(typed, DOUBLE_SECONDS):
                await desk.check(asker, request)
        elif isinstance(request, Status):
            await _status(desk, asker)
        else:
            await _history(desk, asker, request)


async def _status(desk: Desk, asker: Asker) -> None:
    records = await desk.jobs.open_jobs()
    links: dict[str, str] = {}
    for record in records[:LINKS]:
        thread = record.job.thread
        link = (
            await desk.slack.permalink(thread.channel, thread.root_ts) if thread.root_ts else None
        )
        if link:
            links[record.job.id] = link
    await desk.tell(asker, replies.status(records, links, time.time_ns()))


async def _history(desk: Desk, asker: Asker, request: History) -> None:
    records = await desk.jobs.history(request.vm, VERDICTS)
    links = [await _link(desk, record) for record in records]
    await desk.tell(asker, replies.history(request.vm, records, links))


async def _link(desk: Desk, record: Mapping[str, str]) -> str | None:
    """The link to a verdict's message, where one was posted."""
    ts = record.get("verdict_ts") or record.get("root_ts")
    return await desk.slack.permalink(record["channel"], ts) if ts else None


async def _stop(desk: Desk, asker: Asker, job_id: str | None) -> None:
    if job_id is None:
        own = [r for r in await desk.jobs.open_jobs() if r.job.asked_by == asker.user]
        if not own:
            await desk.tell(asker, replies.nothing_open())
        elif len(own) > 1:
            await desk.tell(asker, replies.which_one(own))
        else:
            await cancel(desk, asker, own[0].job)
        return
    record = await desk.jobs.get(job_id)
    if record is None:
        await desk.tell(asker, replies.gone())
    else:
        await cancel(desk, asker, record.job)


async def cancel(desk: Desk, asker: Asker, job: Job) -> None:
    """Stop a check for the one who asked for it, or for anybody who may run checks."""
    if asker.user != job.asked_by:
        why = await desk.access.refusal(asker.user, asker.channel)
        if why is not None:
            await desk.audit("refused", asker, {"action": "cancel", "job": job.id, "why": why})
            await desk.tell(asker, replies.may_not_stop(job))
            return
    stopped = await desk.jobs.cancel(job.id, asker.user)
    if stopped:
        await desk.audit("cancelled", asker, {"job": job.id, "vm": job.vm})
        await desk.close_unstarted(job.id)
    await desk.tell(asker, replies.stopped(job) if stopped else replies.already_over(job.id))
