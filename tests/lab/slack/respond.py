"""POSTs to a response_url in, ephemeral or visible messages out: five uses within thirty minutes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from aiohttp import web

from tests.lab.slack.chat import Chat
from tests.lab.slack.state import ApiError, Json, Message, ResponseUrl
from tests.lab.slack.workspace import APP, BOT, BOT_USER, Workspace

MOST_USES, LIVES_SECONDS = 5, 30 * 60


class Responses:
    """The response_url endpoint; works where the bot is no member, as in Slack."""

    def __init__(self, space: Workspace, chat: Chat) -> None:
        self.space, self.chat = space, chat
        self.clock: Callable[[], float] = time.monotonic
        self.refused: list[str] = []

    async def handle(self, request: web.Request) -> web.Response:
        known = self.space.response_urls.get(request.match_info["key"])
        try:
            body = await request.json()
        except json.JSONDecodeError:
            return self._refuse(400, "invalid_payload")
        if known is None:
            return self._refuse(404, "expired_url")
        if self.clock() - known.made_at > LIVES_SECONDS:
            return self._refuse(404, "expired_url")
        if known.uses >= MOST_USES:
            return self._refuse(404, "used_url")
        known.uses += 1
        try:
            self.answer(known, body)
        except ApiError as trouble:
            return self._refuse(400, trouble.code)
        return web.json_response({"ok": True})

    def answer(self, known: ResponseUrl, body: Json) -> Message | None:
        """Carry out one answer: new, replacing or deleting the message it belongs to."""
        original = known.original
        if body.get("delete_original"):
            if original is not None:
                original.deleted = True
                self.space.touch()
            return None
        content = self.chat.content(body)
        if body.get("replace_original") and original is not None:
            original.text, original.blocks = content["text"], content["blocks"]
            original.attachments = content["attachments"]
            original.show(time.time())
            self.space.touch()
            return original
        more = {**content, "bot_id": BOT, "thread_ts": body.get("thread_ts") or None}
        if body.get("response_type") == "in_channel":
            channel = self.space.channels[known.channel]
            return self.space.post(
                channel, BOT_USER, app_id=APP, response_type="in_channel", **more
            )
        return self.space.whisper(known.channel, known.user, **more)

    def _refuse(self, status: int, error: str) -> web.Response:
        self.refused.append(error)
        return web.json_response({"ok": False, "error": error}, status=status)
