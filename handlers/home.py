"""The app's home tab: what it is and how to start, for who opens it."""

from __future__ import annotations

import logging
from typing import Any

from slack_bolt.async_app import AsyncApp

from handlers import replies
from handlers.desk import Desk
from workers.errors import SlackRefused, SlackUnreachable

log = logging.getLogger(__name__)


def register(app: AsyncApp, desk: Desk) -> None:
    """Listen to the home tab being opened."""

    async def opened(event: dict[str, Any]) -> None:
        if event.get("tab", "home") != "home":
            return
        try:
            await desk.slack.publish_home(event["user"], home_view())
        except (SlackRefused, SlackUnreachable) as trouble:  # nobody asked for anything
            log.warning("the home tab of %s stays as it is: %s", event["user"], trouble.sentence)

    app.event("app_home_opened")(opened)


def home_view() -> dict[str, Any]:
    """The view that is published."""
    return {"type": "home", "blocks": list(replies.help_text().blocks)}
