"""``@arpcheck …`` in a channel or a thread turned into what it asks for, answered in that thread."""

from __future__ import annotations

import re
from typing import Any

from slack_bolt.async_app import AsyncApp

from handlers import answers
from handlers.desk import REDELIVERY_SECONDS, Asker, Desk
from handlers.request import parse

_PERSON = re.compile(r"<@(?P<user>[A-Z0-9]+)(?:\|[^>]*)?>")


def register(app: AsyncApp, desk: Desk) -> None:
    """Listen to mentions of the bot."""

    async def mentioned(event: dict[str, Any], body: dict[str, Any]) -> None:
        if "user" not in event or event.get("bot_id") or event.get("edited"):
            return  # another bot quoting us, or an old mention that was edited
        asker = Asker(
            user=event["user"],
            channel=event["channel"],
            thread_ts=event.get("thread_ts") or event["ts"],
        )
        async with desk.serving(asker):
            seen = f"event:{body.get('event_id') or event['ts']}"
            if not await desk.jobs.first_time(seen, REDELIVERY_SECONDS):
                return
            text = said_to(event.get("text") or "", desk.bot_user or _installed_as(body))
            await answers.answer(desk, asker, parse(text))

    app.event("app_mention")(mentioned)


def _installed_as(body: dict[str, Any]) -> str:
    """The bot's user id as the event names it, empty where it does not."""
    for installed in body.get("authorizations") or ():
        if installed.get("is_bot"):
            return str(installed.get("user_id") or "")
    return ""


def said_to(text: str, bot_user: str) -> str:
    """What was said to the bot: the words after its mention, or before it where none follow.

    ``bot_user`` empty = not known: the first one who is mentioned.
    """
    for match in _PERSON.finditer(text):
        if bot_user in {"", match["user"]}:
            after = text[match.end() :].strip(" \t\n:,")
            return after or text[: match.start()].strip()
    return text
