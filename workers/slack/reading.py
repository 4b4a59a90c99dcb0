"""A channel or a thread turned into its messages, as far back as a look for one's own post must go."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from workers.arp.model import SECOND
from workers.slack.calls import call

PAGE = 200
PAGES = 10
"""A busy channel writes that much while a check waits for a worker; a look ends somewhere."""
CLOCKS_SECONDS = 600
"""How far our clock may be ahead of Slack's."""


async def messages(
    client: AsyncWebClient, channel: str, thread_ts: str | None, *, since: int = 0
) -> AsyncIterator[dict[str, Any]]:
    """A thread from its start, a channel (``thread_ts`` None) from its end; ``since`` in ns.

    Raises:
        SlackRefused: such as missing_scope.
    """
    where: dict[str, Any] = {"channel": channel, "limit": PAGE, "include_all_metadata": True}
    if since:
        where["oldest"] = str(since // SECOND - CLOCKS_SECONDS)
    method: Callable[..., Awaitable[AsyncSlackResponse]] = client.conversations_history
    if thread_ts is not None:
        method, where["ts"] = client.conversations_replies, thread_ts
    for _ in range(PAGES):
        page = await call(method, repeatable=True, **where)
        for message in page.get("messages", ()):
            yield message
        where["cursor"] = (page.get("response_metadata") or {}).get("next_cursor")
        if not where["cursor"]:
            return
