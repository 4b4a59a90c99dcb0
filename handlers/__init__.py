"""What people do in Slack, one module per way in, each turning it into one queued job."""

from slack_bolt.async_app import AsyncApp

from handlers import buttons, command, handoff, home, mention, shortcut
from handlers.desk import Desk


def register(app: AsyncApp, desk: Desk) -> None:
    """Listen to every way in."""
    for way_in in (command, mention, shortcut, buttons, handoff, home):
        way_in.register(app, desk)
