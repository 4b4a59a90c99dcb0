"""A thread or a channel turned into its messages, as far back as a look for one's own post must go.

Reading needs the optional history scopes; without them Slack refuses, and the caller must do without.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from workers.arp.model import SECOND
from workers.slack.calls import call

PAGE = 200
PAGES = 20
"""An incident's channel and thread are busy; a look ends somewhere."""
CLOCKS_SECONDS = 600
"""How far our clock may be ahead of Slack's."""


async def messages(
    client: AsyncWebClient, channel: str, thread_ts: str | None, *, since: int = 0
) -> AsyncIterator[Mapping[str, Any]]:
    """A thread from its start, a channel (``thread_ts`` None) from its end; ``since`` in ns.

    Raises:
        SlackRefused: the bot may not read there. SlackUnreachable: Slack does not answer.
    """
    where: dict[str, Any] = {"channel": channel, "limit": PAGE, "include_all_metadata": True}
    if since:
        where["oldest"] = str(since // SECOND - CLOCKS_SECONDS)
    method: Callable[..., Awaitable[AsyncSlackResponse]] = client.conversations_history
    if thread_ts is not None:
        method, where["ts"] = client.conversations_replies, thread_ts
    for _ in range(PAGES):
        page = await call(method, repeatable=True, **where)
        for said in page.get("messages") or ():
            yield said
        where["cursor"] = (page.get("response_metadata") or {}).get("next_cursor")
        if not where["cursor"]:
            return


async def keyed(
    client: AsyncWebClient, channel: str, thread_ts: str | None, key: str, *, since: int = 0
) -> str | None:
    """The ts of the post with this key in its metadata; None = there is none.

    Raises:
        SlackRefused, SlackUnreachable: as ``messages``.
    """
    async for said in messages(client, channel, thread_ts, since=since):
        payload = (said.get("metadata") or {}).get("event_payload") or {}
        if payload.get("key") == key:
            return str(said["ts"])
    return None


async def has_file(
    client: AsyncWebClient, channel: str, thread_ts: str, field: str, value: str
) -> bool:
    """Whether a file whose ``field`` (id, name) has this value is in the thread.

    Raises:
        SlackRefused, SlackUnreachable: as ``messages``.
    """
    async for said in messages(client, channel, thread_ts):
        if any(file.get(field) == value for file in said.get("files") or ()):
            return True
    return False
