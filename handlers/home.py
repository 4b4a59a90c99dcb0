"""The app's home tab: what it is and how to start, for who opens it."""

from __future__ import annotations

from typing import Any

from slack_bolt.async_app import AsyncApp

from handlers import replies
from handlers.desk import Asker, Desk


def register(app: AsyncApp, desk: Desk) -> None:
    """Listen to the home tab being opened."""

    async def opened(event: dict[str, Any]) -> None:
        if event.get("tab", "home") != "home":
            return
        async with desk.serving(Asker(event["user"], event.get("channel", event["user"]))):
            await desk.slack.publish_home(event["user"], home_view())

    app.event("app_home_opened")(opened)


def home_view() -> dict[str, Any]:
    """The view that is published."""
    return {"type": "home", "blocks": list(replies.help_text().blocks)}
