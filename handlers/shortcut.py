"""The message shortcut and the dialog turned into a check, answered in the message's thread."""

from __future__ import annotations

from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from handlers import dialog
from handlers.desk import REDELIVERY_SECONDS, Asker, Desk


def register(app: AsyncApp, desk: Desk) -> None:
    """Listen to the shortcut and to the filled-in dialog."""

    async def shortcut(ack: AsyncAck, body: dict[str, Any]) -> None:
        message = body["message"]
        asker = Asker(
            user=body["user"]["id"],
            channel=body["channel"]["id"],
            thread_ts=message.get("thread_ts") or message["ts"],
            response_url=body.get("response_url"),
        )
        async with desk.serving(asker):
            await ack()
            trigger = body["trigger_id"]
            if not await desk.jobs.first_time(f"shortcut:{trigger}", REDELIVERY_SECONDS):
                return
            if await desk.admits(asker, "shortcut"):
                names = dialog.suggestions(dialog.words_in(message))
                await desk.slack.open_view(trigger, dialog.check_dialog(asker, names=names))

    async def submitted(ack: AsyncAck, body: dict[str, Any]) -> None:
        asker = dialog.asker_of(body)
        async with desk.serving(asker):
            wanted = dialog.filled_in(body["view"])
            if isinstance(wanted, dict):
                await ack(response_action="errors", errors=wanted)
                return
            await ack()
            once = f"dialog:{body['view']['id']}:{wanted.text()}"
            if not await desk.jobs.first_time(once, REDELIVERY_SECONDS):
                return
            if await desk.admits(asker, "check"):
                await desk.check(asker, wanted)

    app.message_shortcut("arpcheck_message")(shortcut)
    app.view(dialog.CALLBACK)(submitted)
