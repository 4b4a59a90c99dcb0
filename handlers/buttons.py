"""A pressed button turned into what it stands for, once, for those who may."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from handlers import answers, dialog, replies
from handlers.desk import DOUBLE_SECONDS, REDELIVERY_SECONDS, Asker, Desk, new_id
from handlers.request import Check
from workers.arp.model import Job, Thread
from workers.arp.summary import (
    AGAIN,
    CANCEL,
    CHOOSE,
    CLOSEST,
    OPTIONS,
    POST_HERE,
    SEND_FILES,
    STARTED,
    Message,
)
from workers.arp.summary.blocks import context
from workers.jobs import ANSWERED, JobRecord

CHOICE_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Press:
    """One press of a button; ``message`` is the message it stands in, as Slack sent it back."""

    asker: Asker
    action: str
    value: str
    trigger_id: str
    message: dict[str, Any]


Pressed = Callable[[Desk, Press], Awaitable[None]]


def register(app: AsyncApp, desk: Desk) -> None:
    """Listen to every button of a check's messages."""
    for action, pressed in {
        CANCEL: _cancel,
        AGAIN: _again,
        OPTIONS: _options,
        CHOOSE: _choose,
        CLOSEST: _closest,
        STARTED: _started,
        POST_HERE: _post_here,
        SEND_FILES: _send_files,
    }.items():
        listen(app, desk, action, pressed)


def listen(app: AsyncApp, desk: Desk, action: str, pressed: Pressed) -> None:
    """Have ``pressed`` called once for each press of ``action`` (``action:n`` among several)."""

    async def listener(ack: AsyncAck, body: dict[str, Any], action: dict[str, Any]) -> None:
        press = read_press(body, action)
        async with desk.serving(press.asker):
            await ack()
            if await _is_new(desk, press, str(action.get("action_ts", ""))):
                await pressed(desk, press)

    app.action(re.compile(rf"^{action}(:\d+)?$"))(listener)


def read_press(body: dict[str, Any], action: dict[str, Any]) -> Press:
    """What Slack says of a press."""
    container = body.get("container") or {}
    message = body.get("message") or {}
    channel = (body.get("channel") or {}).get("id") or container.get("channel_id", "")
    asker = Asker(
        user=body["user"]["id"],
        channel=str(channel),
        thread_ts=message.get("thread_ts") or container.get("thread_ts"),
        response_url=body.get("response_url"),
    )
    return Press(
        asker=asker,
        action=action["action_id"].partition(":")[0],
        value=str(action.get("value", "")),
        trigger_id=str(body.get("trigger_id", "")),
        message=message,
    )


async def _is_new(desk: Desk, press: Press, action_ts: str) -> bool:
    """False for a redelivered press and for the second of a double click."""
    what = f"{press.asker.user}:{press.action}:{press.value}"
    first = await desk.jobs.first_time(f"press:{what}", DOUBLE_SECONDS)
    return first and await desk.jobs.first_time(f"press:{what}:{action_ts}", REDELIVERY_SECONDS)


async def allowed(desk: Desk, press: Press, action: str, job_id: str) -> JobRecord | None:
    """The job behind a button, for those who may; else they are told why not."""
    record = await known(desk, press, job_id)
    if record is not None and await desk.admits(press.asker, action, about=record.job):
        return record
    return None


async def known(desk: Desk, press: Press, job_id: str) -> JobRecord | None:
    """The job behind a button; where it has expired, they are told."""
    record = await desk.jobs.get(job_id)
    if record is None:
        await desk.tell(press.asker, replies.gone())
    return record


def thread_of(job: Job) -> Thread:
    """The thread a check spoke in, for another check that starts there."""
    thread = job.thread
    return Thread(thread.channel, None, thread.thread_ts or thread.root_ts, thread.response_url)


async def _cancel(desk: Desk, press: Press) -> None:
    record = await known(desk, press, press.value)
    if record is not None:
        await answers.cancel(desk, press.asker, record.job)


async def _again(desk: Desk, press: Press) -> None:
    record = await allowed(desk, press, "again", press.value)
    if record is not None:
        await again(desk, press.asker, record.job)


async def again(desk: Desk, asker: Asker, job: Job) -> None:
    """Start the same check anew, in the thread of the former one."""
    await desk.start(
        asker,
        replace(
            job,
            id=new_id(),
            asked_by=asker.user,
            asked_at=time.time_ns(),
            thread=replace(thread_of(job), response_url=asker.response_url),
        ),
    )


async def _options(desk: Desk, press: Press) -> None:
    view = await desk.slack.open_view(press.trigger_id, dialog.loading_dialog())
    record = await desk.jobs.get(press.value)
    if record is None:
        await desk.slack.update_view(view, dialog.check_dialog(press.asker))
        return
    if why := await desk.refusal(press.asker, "options", about=record.job):
        await desk.slack.update_view(view, dialog.refused_dialog(why))
        return
    job, thread = record.job, thread_of(record.job)
    asker = replace(press.asker, channel=thread.channel, thread_ts=thread.thread_ts)
    filled = Check(job.vm, job.target, job.seconds)
    await desk.slack.update_view(view, dialog.check_dialog(asker, filled))


async def _choose(desk: Desk, press: Press) -> None:
    """One of several VMs of a name: the check goes on under its own message."""
    chosen = _object(press.value)
    await _go_on(desk, press, chosen, moid=chosen.get("moid") or None)


async def _closest(desk: Desk, press: Press) -> None:
    """One of the closest names: likewise."""
    chosen = _object(press.value)
    await _go_on(desk, press, chosen, vm=chosen.get("vm") or None)


async def _go_on(
    desk: Desk,
    press: Press,
    chosen: dict[str, str],
    *,
    moid: str | None = None,
    vm: str | None = None,
) -> None:
    job_id = chosen.get("job", "")
    record = await allowed(desk, press, "choose", job_id) if moid or vm else None
    if record is None:
        return
    if not await desk.jobs.first_time(f"chosen:{job_id}", CHOICE_SECONDS):
        await desk.tell(press.asker, replies.already_chosen(record.job))
        return
    job = replace(
        record.job,
        id=new_id(),
        vm=vm or record.job.vm,
        moid=moid,
        asked_by=press.asker.user,
        asked_at=time.time_ns(),
    )
    await desk.start(press.asker, job)


async def _started(desk: Desk, press: Press) -> None:
    """Somebody made the guest send: from now on silence means something."""
    record = await allowed(desk, press, "started", press.value)
    if record is None:
        return
    noted = await desk.jobs.confirm_stimulus(record.job.id, press.asker.user, time.time_ns())
    if noted:
        await desk.audit("started traffic", press.asker, {"job": record.job.id})
    told = replies.stimulus_noted() if noted else replies.already_over(record.job.id)
    await desk.tell(press.asker, told)
    await _answered(desk, press, replies.started(press.asker.user) if noted else told)


async def _answered(desk: Desk, press: Press, answer: Message) -> None:
    """Put an answer in the place of a question's buttons, for everybody."""
    ts, blocks = press.message.get("ts"), press.message.get("blocks") or ()
    if ts:
        kept = [block for block in blocks if block.get("type") != "actions"]
        text = str(press.message.get("text", ""))
        message = Message(text, (*kept, context(answer.text)))
        await desk.slack.edit(press.asker.channel, str(ts), message)


async def _post_here(desk: Desk, press: Press) -> None:
    """The bot was invited meanwhile: have the kept result posted where it was asked for."""
    record = await allowed(desk, press, "post_here", press.value)
    if record is None:
        return
    if record.state != "done" and ANSWERED not in record.notes:
        await desk.tell(press.asker, replies.still_running(record.job))
        return
    answered_by = press.asker.response_url
    thread = replace(record.job.thread, root_ts=None, response_url=answered_by)
    await desk.start(press.asker, follow_up(record.job, "post", press.asker, thread))


async def _send_files(desk: Desk, press: Press) -> None:
    """Somebody misses a check's files in the thread where they pressed."""
    record = await allowed(desk, press, "send_files", press.value)
    if record is not None:
        asker = press.asker
        here = Thread(asker.channel, None, asker.thread_ts, asker.response_url)
        await desk.start(asker, follow_up(record.job, "files", asker, here))
        await _answered(desk, press, replies.files_sent(asker.user))


def follow_up(job: Job, kind: str, asker: Asker, thread: Thread, note: str = "") -> Job:
    """A small job that works with the kept result of a check."""
    return replace(
        job,
        id=new_id(),
        kind=kind,
        of=job.id,
        note=note,
        asked_by=asker.user,
        asked_at=time.time_ns(),
        thread=thread,
    )


def _object(text: str) -> dict[str, str]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return {str(k): str(v) for k, v in value.items()} if isinstance(value, dict) else {}
