"""The environment turned into the bot's settings: Slack and Redis only, never vCenter or SSH."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from workers.settings import (
    APP_TOKEN,
    BOT_TOKEN,
    REDIS_URL,
    SIGNING_SECRET,
    SLACK_API_URL,
    Reader,
    read_redis_url,
    read_slack_api_url,
)

_CHANNEL = re.compile(r"[CGD][A-Z0-9]{2,}")
_USER = re.compile(r"[UWS][A-Z0-9]{2,}")


@dataclass(frozen=True, slots=True)
class BotSettings:
    """All that the bot needs. ``app_token`` empty = HTTP on ``port``; secrets stay out of ``repr``."""

    slack_bot_token: str = field(repr=False)
    slack_app_token: str = field(default="", repr=False)
    slack_signing_secret: str = field(default="", repr=False)
    port: int = 3000
    slack_api_url: str = SLACK_API_URL
    redis_url: str = field(default=REDIS_URL, repr=False)
    channels: frozenset[str] = frozenset()
    users: frozenset[str] = frozenset()
    metrics_port: int = 0

    def secrets(self) -> tuple[str, ...]:
        """What must never be logged."""
        return (
            self.slack_bot_token,
            self.slack_app_token,
            self.slack_signing_secret,
            self.redis_url,
        )


def read_bot_settings(env: Mapping[str, str]) -> BotSettings:
    """Check and read the bot's settings.

    Raises:
        SettingsError: with a line per problem.
    """
    reader = Reader(env)
    app_token = reader.text("SLACK_APP_TOKEN")
    signing_secret = reader.text("SLACK_SIGNING_SECRET")
    if app_token and not app_token.startswith("xapp-"):
        reader.problems.append(f"SLACK_APP_TOKEN should start with xapp-: {APP_TOKEN}")
    if not app_token and not signing_secret:
        reader.problems.append(
            "SLACK_APP_TOKEN (Socket Mode) or SLACK_SIGNING_SECRET (HTTP) is needed: the one is"
            f" {APP_TOKEN}; the other comes {SIGNING_SECRET}"
        )
    settings = BotSettings(
        slack_bot_token=reader.required("SLACK_BOT_TOKEN", BOT_TOKEN, ("xoxb-",)),
        slack_app_token=app_token,
        slack_signing_secret=signing_secret,
        port=reader.number("PORT", 3000, 1, 65535),
        slack_api_url=read_slack_api_url(reader),
        redis_url=read_redis_url(reader),
        channels=_ids(reader, "ARPCHECK_CHANNELS", _CHANNEL, "a channel id such as C0123456789"),
        users=_ids(reader, "ARPCHECK_USERS", _USER, "a user id (U…) or a user group's id (S…)"),
        metrics_port=reader.number("ARPCHECK_METRICS_PORT", 0, 0, 65535),
    )
    reader.done()
    return settings


def _ids(reader: Reader, name: str, shape: re.Pattern[str], meaning: str) -> frozenset[str]:
    """Comma-separated ids; names such as #net-oncall are a frequent mistake, and told."""
    ids = reader.names(name)
    for word in sorted(ids):
        if not shape.fullmatch(word) and not (word == "*" and name == "ARPCHECK_CHANNELS"):
            reader.problems.append(f"{name}: {word!r} is not {meaning}")
    return ids
