"""The hand-off to the network team and its answers turned into follow-up jobs and thread messages.

Who sees the hand-off message was asked for an answer by somebody who may run checks; its buttons
therefore work for everybody in that channel, and each press is on record.
"""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from handlers import replies
from handlers.buttons import Press, again, allowed, follow_up, known, listen, thread_of
from handlers.desk import REDELIVERY_SECONDS, Asker, Desk
from workers.arp.model import Job, Owner
from workers.arp.summary import FIXED, HANDOFF, NOT_OURS, TAKEN, Message, owner_words
from workers.arp.summary.blocks import context, plain, section
from workers.jobs import JobRecord

HANDOFF_VIEW = "arpcheck_handoff_note"
NOT_OURS_VIEW = "arpcheck_not_ours_why"
HAND_OFFS = 9
"""How often a hand-off that failed may be tried again."""
ONCE_SECONDS = 86_400
HANDED_OFF = "handed off"
"""What a worker says of a hand-off that worked."""


_POINTS = {str(owner): f"The verdict points to {owner_words(owner)}" for owner in Owner} | {
    "none": "By the verdict ARP works",
    "inconclusive": "The verdict points to nobody yet",
}


def register(app: AsyncApp, desk: Desk) -> None:
    """Listen to the hand-off's buttons and dialogs."""
    listen(app, desk, HANDOFF, _ask_note)
    listen(app, desk, TAKEN, _taken)
    listen(app, desk, NOT_OURS, _ask_why)
    listen(app, desk, FIXED, _fixed)

    async def noted(ack: AsyncAck, body: dict[str, Any]) -> None:
        press, job_id = _filled(body)
        async with desk.serving(press.asker):
            if "sure" in body["view"]["state"]["values"] and not _ticked(body):
                await ack(
                    response_action="errors",
                    errors={"sure": "Tick this to hand it off all the same."},
                )
                return
            await ack()
            await _hand_off(desk, press, job_id, _text(body, "note"))

    async def explained(ack: AsyncAck, body: dict[str, Any]) -> None:
        press, job_id = _filled(body)
        async with desk.serving(press.asker):
            await ack()
            once = f"not_ours:{body['view']['id']}"
            record = await known(desk, press, job_id)
            if record is not None and await desk.jobs.first_time(once, REDELIVERY_SECONDS):
                why = _text(body, "why")
                await _say(desk, press, record.job, replies.not_ours(press.asker.user, why))
                await desk.audit("not ours", press.asker, {"job": job_id, "why": why})

    app.view(HANDOFF_VIEW)(noted)
    app.view(NOT_OURS_VIEW)(explained)


async def _ask_note(desk: Desk, press: Press) -> None:
    """Ask for a note, and where the verdict points elsewhere, whether they are sure."""
    view = await desk.slack.open_view(press.trigger_id, _frame(HANDOFF_VIEW, [section("…")], ""))
    record = await desk.jobs.get(press.value)
    if record is None:
        filled = _frame(HANDOFF_VIEW, list(replies.gone().blocks), "")
    elif why := await desk.refusal(press.asker, "handoff", about=record.job):
        filled = _frame(HANDOFF_VIEW, list(replies.refused(why).blocks), "")
    else:
        filled = handoff_view(press, record)
    await desk.slack.update_view(view, filled)


async def _hand_off(desk: Desk, press: Press, job_id: str, note: str) -> None:
    """Queue the hand-off: a worker knows the network team's channel, this process does not."""
    record = await allowed(desk, press, "handoff", job_id)
    if record is None:
        return
    follow_id = await _next_id(desk, job_id)
    if follow_id is None:
        await desk.tell(press.asker, replies.handed_off_before())
        return
    thread = replace(record.job.thread, response_url=press.asker.response_url)
    job = follow_up(record.job, "handoff", press.asker, thread, note)
    await desk.start(press.asker, replace(job, id=follow_id))


async def _next_id(desk: Desk, job_id: str) -> str | None:
    """The id of this hand-off's job, None where one is under way or has worked.

    The id comes from the check's, so that two people who press at once ask for the same job.
    """
    for number in range(1, HAND_OFFS + 1):
        follow_id = f"{job_id}-h{number}"
        before = await desk.jobs.get(follow_id)
        if before is None:
            return follow_id
        if before.state != "done" or before.outcome.get("outcome") == HANDED_OFF:
            return None
    return None


async def _taken(desk: Desk, press: Press) -> None:
    record = await known(desk, press, press.value)
    once = f"taken:{press.value}:{press.asker.user}"
    if record is not None and await desk.jobs.first_time(once, ONCE_SECONDS):
        await _say(desk, press, record.job, replies.taken(press.asker.user))
        await desk.audit("taken", press.asker, {"job": record.job.id})


async def _ask_why(desk: Desk, press: Press) -> None:
    await desk.slack.open_view(press.trigger_id, explain_view(press))


async def _fixed(desk: Desk, press: Press) -> None:
    """Check again in the original thread: whoever sees a hand-off was asked for this answer."""
    record = await known(desk, press, press.value)
    if record is not None:
        await _say(desk, press, record.job, replies.fixed(press.asker.user))
        await desk.audit("fixed", press.asker, {"job": record.job.id})
        await again(desk, press.asker, record.job)


async def _say(desk: Desk, press: Press, job: Job, message: Message) -> None:
    """Put the network team's answer into the check's thread and onto, or under, the hand-off."""
    thread, ts = thread_of(job), press.message.get("ts")
    key = f"{job.id}:{press.action}:{press.asker.user}:{ts}:{time.time_ns()}"
    await desk.slack.post(thread.channel, message, thread_ts=thread.thread_ts, key=key)
    blocks = press.message.get("blocks")
    if ts and blocks:
        marked = Message(press.message.get("text", ""), (*blocks, context(message.text)))
        await desk.slack.edit(press.asker.channel, ts, marked)
    elif ts:
        await desk.slack.post(press.asker.channel, message, thread_ts=ts, key=f"{key}:there")


def handoff_view(press: Press, record: JobRecord) -> dict[str, Any]:
    """The dialog: what will happen, an optional note, and a second question where it is due."""
    owner = record.outcome.get("owner", "")
    blocks = [
        section("Posts the report and the captures to the network team's channel."),
        _note("note", "Note to the network team", "What they should know besides", optional=True),
    ]
    if owner and owner != "network":
        blocks.append(_sure(_POINTS.get(owner, f"The verdict points to {owner}")))
    return _frame(HANDOFF_VIEW, blocks, _metadata(press, record.job.id), "Hand off")


def explain_view(press: Press) -> dict[str, Any]:
    """The dialog that asks the network team why it is not theirs."""
    blocks = [_note("why", "Because…", "What was checked, and what it showed", optional=False)]
    return _frame(NOT_OURS_VIEW, blocks, _metadata(press, press.value), "Send")


def _frame(
    callback: str, blocks: list[dict[str, Any]], metadata: str, submit: str = ""
) -> dict[str, Any]:
    title = "Hand off" if callback == HANDOFF_VIEW else "Not ours"
    view = {
        "type": "modal",
        "callback_id": callback,
        "title": plain(title, 24),
        "close": plain("Not yet", 24),
        "private_metadata": metadata,
        "blocks": blocks,
    }
    return view | {"submit": plain(submit, 24)} if submit else view


def _note(name: str, label: str, hint: str, *, optional: bool) -> dict[str, Any]:
    return {
        "type": "input",
        "block_id": name,
        "optional": optional,
        "label": plain(label, 2000),
        "element": {
            "type": "plain_text_input",
            "action_id": name,
            "multiline": True,
            "max_length": 1500,
            "placeholder": plain(hint, 150),
        },
    }


def _sure(label: str) -> dict[str, Any]:
    """A tick that Slack asks for itself: the dialog is not sent without it."""
    return {
        "type": "input",
        "block_id": "sure",
        "optional": False,
        "label": plain(label, 2000),
        "element": {
            "type": "checkboxes",
            "action_id": "sure",
            "options": [
                {"text": plain("Hand off to the network team all the same", 75), "value": "sure"}
            ],
        },
    }


def _metadata(press: Press, job_id: str) -> str:
    asker = press.asker
    where = {"channel": asker.channel, "thread": asker.thread_ts, "url": asker.response_url}
    kept = {"ts": press.message.get("ts"), "action": press.action}
    return json.dumps({"job": job_id, **where, **kept})


def _filled(body: dict[str, Any]) -> tuple[Press, str]:
    """The press that opened the dialog, by what the dialog remembers of it."""
    kept = json.loads(body["view"]["private_metadata"] or "{}")
    asker = Asker(
        body["user"]["id"], str(kept.get("channel", "")), kept.get("thread"), kept.get("url")
    )
    press = Press(asker, str(kept.get("action", "")), "", "", {"ts": kept.get("ts")})
    return press, str(kept.get("job", ""))


def _text(body: dict[str, Any], name: str) -> str:
    state = body["view"]["state"]["values"].get(name, {}).get(name, {})
    return str(state.get("value") or "").strip()


def _ticked(body: dict[str, Any]) -> bool:
    return bool(body["view"]["state"]["values"]["sure"]["sure"].get("selected_options"))
