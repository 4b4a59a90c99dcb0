"""What people do in Slack, one module per way in, each turning it into one queued job."""

import logging
from typing import Any

from slack_bolt.async_app import AsyncApp

from handlers import buttons, command, handoff, home, mention, replies, shortcut
from handlers.desk import Asker, Desk

log = logging.getLogger(__name__)


def register(app: AsyncApp, desk: Desk) -> None:
    """Listen to every way in."""
    for way_in in (command, mention, shortcut, buttons, handoff, home):
        way_in.register(app, desk)

    async def failed(error: Exception, body: dict[str, Any]) -> None:
        """A mistake of ours: the log gets the traceback, the person a sentence."""
        log.error("a request failed", exc_info=error)
        user = body.get("user_id") or (body.get("user") or {}).get("id") or ""
        url = body.get("response_url")
        if url:
            await desk.tell(Asker(str(user), "", None, str(url)), replies.unexpected())

    app.error(failed)
