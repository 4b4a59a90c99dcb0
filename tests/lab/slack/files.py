"""The three steps of an upload in (address, bytes, completion), files shared in channels out.

Sharing is asynchronous, as in Slack: completeUploadExternal answers before the message is there, and
a file has no mimetype until Slack has looked at it (slackapi/python-slack-sdk#1590, #1521).
"""

from __future__ import annotations

import asyncio
import mimetypes
import re
import time
from collections.abc import Callable

from aiohttp import web

from tests.lab.slack.call import Call, Method
from tests.lab.slack.chat import Chat
from tests.lab.slack.state import ApiError, Channel, File, Json
from tests.lab.slack.workspace import APP, BOT, BOT_USER, Workspace

LARGEST_BYTES = 1_000_000_000


class Files:
    """The file store; ``share_seconds`` is how late a completed upload shows up in its channel."""

    def __init__(self, space: Workspace, chat: Chat) -> None:
        self.space, self.chat = space, chat
        self.share_seconds = 0.02
        self._sharing: set[asyncio.TimerHandle] = set()

    def methods(self) -> dict[str, Method]:
        return {
            "files.getUploadURLExternal": Method(self.get_upload_url, "files:write"),
            "files.completeUploadExternal": Method(self.complete, "files:write"),
            "files.info": Method(self.info, "files:read"),
            "files.delete": Method(self.delete, "files:write"),
        }

    def get_upload_url(self, call: Call) -> Json:
        name, size = call.text("filename"), call.number("length", 0)
        if not name or size <= 0:
            raise ApiError.with_messages("invalid_arguments", ["missing filename or length"])
        if size > LARGEST_BYTES:
            raise ApiError("file_upload_size_restricted")
        file = File(self.space.new_id("F"), name, name, size=size, user=BOT_USER)
        file.alt_text = (call.text("alt_txt") or call.text("alt_text"))[:1000] or None
        file.created, file.base_url = int(time.time()), self.space.base_url
        self.space.files[file.id] = file
        return {"upload_url": f"{self.space.base_url}/upload/v1/{file.id}", "file_id": file.id}

    async def receive(self, request: web.Request) -> web.Response:
        """Take the bytes, sent raw or as a multipart form, without a token as Slack does."""
        if "Authorization" in request.headers:  # the address is the secret, and the host another
            return web.Response(status=400, text="no token belongs here")
        file = self.space.files.get(request.match_info["file"])
        if file is None or file.complete:
            return web.Response(status=404, text="unknown upload")
        if request.content_type.startswith("multipart/"):
            parts = [p for p in (await request.post()).values() if isinstance(p, web.FileField)]
            content = parts[0].file.read() if parts else b""
        else:
            content = await request.read()
        if len(content) != file.size:
            return web.Response(status=400, text="length differs from what was announced")
        file.content = content
        return web.Response(text=f"OK - {len(content)}")

    def complete(self, call: Call) -> Json:
        wanted = call.args.get("files")
        if not isinstance(wanted, list) or not wanted:
            raise ApiError.with_messages("invalid_arguments", ["missing required field: files"])
        channel = self._channel(call)
        thread = call.text("thread_ts") or None
        if channel is not None and thread:
            root = self.space.message(channel.id, thread)
            if root is None or root.is_reply:
                raise ApiError("thread_not_found")
        files = [self._finished(entry) for entry in wanted]
        comment = call.text("initial_comment")
        blocks = call.args.get("blocks") or []
        if blocks:
            blocks = self.chat.content({"blocks": blocks, "text": "x"})["blocks"]
        if channel is None:
            self._later(lambda: self._look_at(files))
        else:
            self._later(lambda: self._share(files, channel, thread, comment, blocks))
        return {"files": [{"id": file.id, "title": file.title} for file in files]}

    def info(self, call: Call) -> Json:
        file = self.space.files.get(call.text("file"))
        if file is None or not file.complete:
            raise ApiError("file_not_found")
        return {"file": file.as_json(), "comments": [], "response_metadata": {"next_cursor": ""}}

    def delete(self, call: Call) -> Json:
        if self.space.files.pop(call.text("file"), None) is None:
            raise ApiError("file_not_found")
        self.space.touch()
        return {}

    async def serve(self, request: web.Request) -> web.Response:
        """Give a file's bytes; only a picture is shown in place, all else is a download."""
        file = self.space.files.get(request.match_info["file"])
        if file is None or not file.complete:
            raise web.HTTPNotFound
        inline = file.mimetype in {"image/png", "image/jpeg", "image/gif"}
        safe_name = re.sub(r"[^\w.-]", "_", file.name, flags=re.ASCII)
        headers = {
            "Content-Disposition": f'{"inline" if inline else "attachment"}; filename="{safe_name}"',
            "X-Content-Type-Options": "nosniff",
        }
        content_type = file.mimetype if inline else "application/octet-stream"
        return web.Response(body=file.content, headers=headers, content_type=content_type)

    def forget_timers(self) -> None:
        for timer in self._sharing:
            timer.cancel()

    def _channel(self, call: Call) -> Channel | None:
        wanted = call.text("channel_id") or call.text("channels")
        if not wanted:
            return None
        if not re.fullmatch(r"[CDG][A-Z0-9]+", wanted):
            raise ApiError.with_messages("invalid_arguments", [f"invalid channel: {wanted[:80]}"])
        channel = self.space.channel_for_bot(wanted)
        if channel.archived:
            raise ApiError("is_archived")
        if BOT_USER not in channel.members:
            raise ApiError("not_in_channel")
        return channel

    def _finished(self, entry: Json) -> File:
        file = self.space.files.get(str(entry.get("id")))
        if file is None or len(file.content) != file.size:
            raise ApiError("file_not_found")
        file.title = str(entry.get("title") or file.name)
        file.complete = True
        return file

    def _later(self, act: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        self._sharing.add(loop.call_later(self.share_seconds, act))

    def _look_at(self, files: list[File]) -> None:
        for file in files:
            guess = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
            file.mimetype = guess
        self.space.touch()

    def _share(
        self,
        files: list[File],
        channel: Channel,
        thread: str | None,
        comment: str,
        blocks: list[Json],
    ) -> None:
        self._look_at(files)
        message = self.space.post(
            channel,
            BOT_USER,
            comment,
            blocks=blocks,
            files=files,
            thread_ts=thread,
            bot_id=BOT,
            app_id=APP,
        )
        for file in files:
            file.shares.setdefault(channel.id, []).append(message.ts)
            if channel.kind != "public":
                file.private_shares.add(channel.id)
        self.space.touch()
