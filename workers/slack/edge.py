"""Messages turned into posts, edits, files and answers in Slack: the only way in and out of Slack.

The law: the final text is never lost and never doubled. What Slack will not draw is sent again as
plain text; a post with an unclear answer is looked up by its key before it is sent again, and where
Slack may not be asked it is sent once more, marked "(repeat)".
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from weakref import WeakSet

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from workers.arp.summary import Message
from workers.errors import SlackRefused, SlackUnreachable
from workers.slack import reading
from workers.slack.calls import Guard, Unclear, call, part
from workers.slack.plain import marked_repeat, may_go_plain, plain
from workers.slack.response_url import respond
from workers.slack.uploads import Place, Upload, share

CALL_SECONDS = 15
POSTS = 3
EVENT_TYPE = "arpcheck"
_KEYS = uuid.UUID("6f0c7b9e-2f43-4d2b-9a53-5f0a0a7c1d11")

log = logging.getLogger(__name__)


class Slack:
    """One bot token's way into Slack; made anywhere, used inside one event loop."""

    def __init__(self, token: str, api_url: str) -> None:
        self.client = AsyncWebClient(token=token, base_url=api_url, retry_handlers=[])
        self.following: WeakSet[object] = WeakSet()
        """The live messages that share the rate limit of edits."""

    def _open(self) -> AsyncWebClient:
        """The client with one session for all calls: a TLS handshake for each would be slow."""
        if self.client.session is None:
            timeout = aiohttp.ClientTimeout(total=CALL_SECONDS)
            self.client.session = aiohttp.ClientSession(timeout=timeout)
        return self.client

    async def close(self) -> None:
        """Close the connections; using the edge again opens new ones."""
        session, self.client.session = self.client.session, None
        if session is not None:
            await session.close()

    async def identity(self) -> dict[str, Any]:
        """Who the token is: ``auth.test``'s answer (team_id, user_id, bot_id, …)."""
        return await call(self._open().auth_test, repeatable=True)

    async def post(  # noqa: PLR0913 - what names a post, and what protects it
        self,
        channel: str,
        message: Message,
        *,
        thread_ts: str | None = None,
        key: str,
        look_first: bool = False,
        since: int = 0,
        metadata: Mapping[str, str] | None = None,
        guard: Guard | None = None,
    ) -> str:
        """Post once and return the message's ts.

        ``key`` (job id and step) names the post for ever. ``look_first`` looks for it first, for a
        worker that takes over; it cannot have been made before ``since`` (ns). ``guard`` is awaited
        before each try and may raise.

        Raises:
            SlackRefused: such as not_in_channel.
            SlackUnreachable: it was not posted, or not surely.
        """
        body: dict[str, Any] = {
            "channel": channel,
            "text": message.text,
            "blocks": list(message.blocks) or None,
            "thread_ts": thread_ts,
            "unfurl_links": False,
            "unfurl_media": False,
            "client_msg_id": str(uuid.uuid5(_KEYS, key)),
            "metadata": {
                "event_type": EVENT_TYPE,
                "event_payload": {**(metadata or {}), "key": key},
            },
        }
        if look_first:
            with contextlib.suppress(SlackRefused):  # unreadable: Slack has the client_msg_id
                found = await self.find(channel, thread_ts, key, since=since)
                if found:
                    return found
        return await self._post_once(body, key, since, guard)

    async def _post_once(
        self, body: dict[str, Any], key: str, since: int, guard: Guard | None
    ) -> str:
        trouble: SlackUnreachable | None = None
        for number in range(POSTS):
            try:
                return await self._posted(body, guard)
            except Unclear as unclear:
                trouble = unclear
            await asyncio.sleep(0.5 * 2**number)
            try:
                found = await self.find(body["channel"], body["thread_ts"], key, since=since)
            except SlackRefused:
                again = body | marked_repeat(Message(body["text"], tuple(body["blocks"] or ())))
                return await self._posted(again, guard)
            if found:
                return found
        raise trouble or SlackUnreachable("Slack does not answer.", retry=True)

    async def find(
        self, channel: str, thread_ts: str | None, key: str, *, since: int = 0
    ) -> str | None:
        """The ts of the post with this key, made after ``since`` (ns); SlackRefused without the scope."""
        return await reading.keyed(self._open(), channel, thread_ts, key, since=since)

    async def _posted(self, body: dict[str, Any], guard: Guard | None) -> str:
        post = self._open().chat_postMessage
        answer = await self._drawn(post, body, repeatable=False, guard=guard)
        return part(answer, "ts")

    async def _drawn(
        self,
        method: Callable[..., Awaitable[AsyncSlackResponse]],
        body: dict[str, Any],
        *,
        repeatable: bool,
        guard: Guard | None = None,
    ) -> dict[str, Any]:
        """Call with the blocks; as plain text where Slack will not draw them."""
        try:
            return await call(method, repeatable=repeatable, guard=guard, **body)
        except SlackRefused as refused:
            if not may_go_plain(refused):
                raise
            log.warning("Slack would not draw a message (%s): sent as plain text", refused.reason)
        message = plain(Message(body["text"], tuple(body["blocks"] or ())))
        body = body | {"text": message.text, "blocks": list(message.blocks)}
        if "client_msg_id" in body:  # it is documented nowhere, so it may be what was refused
            body["client_msg_id"] = None
        return await call(method, repeatable=repeatable, guard=guard, **body)

    async def edit(
        self, channel: str, ts: str, message: Message, *, guard: Guard | None = None
    ) -> None:
        """Replace a message; ``guard`` is awaited before each try and may raise.

        Raises:
            SlackRefused: such as message_not_found. SlackUnreachable: not surely replaced.
        """
        # chat.update keeps the old blocks where none are sent.
        blocks = message.blocks or plain(message).blocks
        body = {"channel": channel, "ts": ts, "text": message.text, "blocks": list(blocks)}
        await self._drawn(self._open().chat_update, body, repeatable=True, guard=guard)

    async def upload(
        self,
        channel: str,
        thread_ts: str,
        files: Sequence[Upload],
        comment: str = "",
        *,
        guard: Guard | None = None,
    ) -> None:
        """Share files as one message in a thread (``thread_ts`` = the parent's ts), at most once.

        Raises:
            SlackRefused: Slack does not take them. SlackUnreachable: not surely in the thread.
        """
        if files:
            where = Place(channel, thread_ts, comment)
            await share(self._open(), where, files, guard)

    async def direct(self, user: str, message: Message, *, key: str) -> str:
        """Post to a person directly; returns the ts.

        Raises:
            SlackRefused, SlackUnreachable: as ``post``.
        """
        return await self.post(await self.direct_channel(user), message, key=key)

    async def direct_channel(self, user: str) -> str:
        """The channel id of the bot's direct messages with a person."""
        answer = await call(self._open().conversations_open, repeatable=True, users=[user])
        return part(answer, "channel", "id")

    async def ephemeral(
        self, channel: str, user: str, message: Message, *, thread_ts: str | None = None
    ) -> None:
        """Show a message to one person only, where the bot is a member."""
        await self._drawn(
            self._open().chat_postEphemeral,
            {
                "channel": channel,
                "user": user,
                "text": message.text,
                "blocks": list(message.blocks) or None,
                "thread_ts": thread_ts,
            },
            repeatable=True,
        )

    async def respond(
        self, response_url: str, message: Message, *, thread_ts: str | None = None
    ) -> None:
        """Answer one person through a response_url: 5 times in 30 minutes, member or not.

        Raises:
            SlackRefused: used up or too old. SlackUnreachable: not surely shown.
        """
        await respond(self._open(), response_url, message, thread_ts)

    async def has_file(self, channel: str, thread_ts: str, name: str) -> bool | None:
        """Whether a file of that name is in the thread; None = the bot may not look."""
        try:
            return await reading.has_file(self._open(), channel, thread_ts, "name", name)
        except SlackRefused:
            return None

    async def permalink(self, channel: str, ts: str) -> str | None:
        """A link to a message; None where Slack gives none."""
        try:
            answer = await call(
                self._open().chat_getPermalink, repeatable=True, channel=channel, message_ts=ts
            )
            return part(answer, "permalink")
        except (SlackRefused, SlackUnreachable):
            return None

    async def open_view(self, trigger_id: str, view: Mapping[str, Any]) -> str:
        """Open a dialog within 3 s of the person's action; returns the view's id."""
        try:
            answer = await call(
                self._open().views_open, repeatable=False, trigger_id=trigger_id, view=dict(view)
            )
        except SlackRefused as refused:
            raise SlackRefused(
                f"Slack did not open the dialog ({refused.reason}).",
                reason=refused.reason,
                next_step="Try again, or type `/arpcheck vm-name`; in a thread, `@arpcheck vm-name`.",
            ) from None
        return part(answer, "view", "id")

    async def update_view(self, view_id: str, view: Mapping[str, Any]) -> None:
        """Fill an open dialog."""
        await call(self._open().views_update, repeatable=True, view_id=view_id, view=dict(view))

    def another_client(self, seconds: int) -> AsyncWebClient:
        """A client of the same token whose calls are given up after so many seconds."""
        client = self.client
        return AsyncWebClient(client.token, client.base_url, seconds, retry_handlers=[])

    async def try_socket_mode(self, app_token: str) -> None:
        """Ask for a WebSocket's address and leave it unused.

        Raises:
            SlackRefused: the app-level token is wrong, or Socket Mode is off.
        """
        opened = self._open().apps_connections_open
        await call(opened, repeatable=True, app_token=app_token)

    async def publish_home(self, user: str, view: Mapping[str, Any]) -> None:
        """Show the app's home tab to a person."""
        await call(self._open().views_publish, repeatable=True, user_id=user, view=dict(view))

    async def group_members(self, group: str) -> frozenset[str]:
        """The user ids of a user group (``S…``)."""
        answer = await call(self._open().usergroups_users_list, repeatable=True, usergroup=group)
        return frozenset(map(str, answer.get("users", ())))
