"""``/arpcheck …`` turned into what it asks for."""

from __future__ import annotations

from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from handlers import answers, dialog, replies
from handlers.desk import REDELIVERY_SECONDS, Asker, Desk
from handlers.request import Ask, Help, Mistake, parse


def register(app: AsyncApp, desk: Desk) -> None:
    """Listen to the slash command."""

    async def arpcheck(ack: AsyncAck, command: dict[str, Any]) -> None:
        asker = Asker(
            user=command["user_id"],
            channel=command["channel_id"],
            response_url=command.get("response_url"),
        )
        async with desk.serving(asker):
            request = parse(command.get("text") or "")
            if isinstance(request, Help):
                await ack(text=replies.help_text().text)
                return
            if isinstance(request, Mistake):
                await ack(text=replies.mistake(request.sentence).text)
                return
            await ack()  # empty: the message of the check is the acknowledgement
            trigger = command.get("trigger_id") or ""
            once = f"command:{trigger}"
            if trigger and not await desk.jobs.first_time(once, REDELIVERY_SECONDS):
                return
            if isinstance(request, Ask):
                if await desk.admits(asker, "dialog"):
                    await desk.slack.open_view(trigger, dialog.check_dialog(asker))
                return
            await answers.answer(desk, asker, request)

    app.command("/arpcheck")(arpcheck)
