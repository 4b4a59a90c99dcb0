"""A thread or a channel's newest messages, read to find there what may have been posted before.

Reading needs the optional history scopes; without them Slack refuses, and the caller must do without.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from workers.slack.calls import call

PAGE = 200
PAGES = 20
"""An incident's thread can be long, and Slack gives its oldest messages first."""


async def messages(
    client: AsyncWebClient, channel: str, thread_ts: str | None
) -> AsyncIterator[Mapping[str, Any]]:
    """A thread's messages, or the newest of a channel.

    Raises:
        SlackRefused: the bot may not read there. SlackUnreachable: Slack does not answer.
    """
    where: dict[str, Any] = {"channel": channel, "limit": PAGE, "include_all_metadata": True}
    if thread_ts is None:
        newest = await call(client.conversations_history, repeatable=True, **where)
        for said in newest.get("messages") or ():
            yield said
        return
    where["ts"] = thread_ts
    for _ in range(PAGES):
        page = await call(client.conversations_replies, repeatable=True, **where)
        for said in page.get("messages") or ():
            yield said
        where["cursor"] = (page.get("response_metadata") or {}).get("next_cursor")
        if not where["cursor"]:
            return


async def keyed(
    client: AsyncWebClient, channel: str, thread_ts: str | None, key: str
) -> str | None:
    """The ts of the post with this key in its metadata; None = there is none.

    Raises:
        SlackRefused, SlackUnreachable: as ``messages``.
    """
    async for said in messages(client, channel, thread_ts):
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
