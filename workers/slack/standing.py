"""What Slack says of the tokens themselves: scopes, memberships, Socket Mode; for ``arpcheck doctor``."""

from __future__ import annotations

from slack_sdk.web.async_slack_response import AsyncSlackResponse

from workers.errors import SlackRefused
from workers.slack.calls import call
from workers.slack.edge import Slack


class SlackStanding(Slack):
    """The bot token's way into Slack, asked what it may do there; nothing is posted."""

    async def scopes(self) -> frozenset[str]:
        """What the token may do, as Slack says in the headers of every answer."""
        client = self._open()
        told: list[str] = []

        async def ask() -> AsyncSlackResponse:
            answer = await client.auth_test()
            # slack_sdk keeps the spelling of the wire, where header names have no case.
            told.extend(v for k, v in answer.headers.items() if k.lower() == "x-oauth-scopes")
            return answer

        ask.__name__ = "auth_test"
        await call(ask, repeatable=True)
        return frozenset(word.strip() for word in ",".join(told).split(",") if word.strip())

    async def is_member(self, channel: str) -> bool | None:
        """Whether the bot is in a channel; None = the token has no scope to see that.

        Raises:
            SlackRefused: such as channel_not_found, also for a private channel without the bot.
        """
        client = self._open()
        try:
            answer = await call(client.conversations_info, repeatable=True, channel=channel)
            return bool(answer["channel"].get("is_member") or answer["channel"].get("is_im"))
        except SlackRefused as refused:
            if refused.reason != "missing_scope":
                raise
        try:
            await call(client.conversations_history, repeatable=True, channel=channel, limit=1)
        except SlackRefused as refused:
            if refused.reason == "not_in_channel":
                return False
            if refused.reason != "missing_scope":
                raise
            return None
        return True
