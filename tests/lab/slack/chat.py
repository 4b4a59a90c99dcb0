"""chat.* calls in, messages in channels out, refused for the same reasons as Slack refuses them."""

from __future__ import annotations

import time
from typing import Any

from tests.lab.slack.blocks import check_message, message_text_length
from tests.lab.slack.call import Call, Method
from tests.lab.slack.state import ApiError, Channel, Json, Message
from tests.lab.slack.workspace import APP, BOT, BOT_USER, Workspace

TEXT_LIMIT = 4_000
BLOCKS_TEXT_LIMIT = 11_340


class Chat:
    """The chat family. ``dedupe`` off = a repeated client_msg_id posts a second message."""

    def __init__(self, space: Workspace) -> None:
        self.space = space
        self.dedupe = True

    def methods(self) -> dict[str, Method]:
        return {
            "chat.postMessage": Method(self.post_message, "chat:write"),
            "chat.update": Method(self.update, "chat:write"),
            "chat.postEphemeral": Method(self.post_ephemeral, "chat:write"),
            "chat.delete": Method(self.delete, "chat:write"),
            "chat.getPermalink": Method(self.get_permalink),
        }

    def post_message(self, call: Call) -> Json:
        channel = self._writable(call)
        content = self.content(call.args)
        if message_text_length(content["blocks"]) > BLOCKS_TEXT_LIMIT:
            raise ApiError("msg_blocks_too_long")
        thread = self._thread(call, channel)
        repeated = self._posted_before(channel, call.text("client_msg_id"))
        message = repeated or self.space.post(
            channel,
            BOT_USER,
            **content,
            bot_id=BOT,
            app_id=APP,
            thread_ts=thread,
            broadcast=bool(thread) and call.flag("reply_broadcast"),
            metadata=_metadata(call.args),
            client_msg_id=call.text("client_msg_id") or None,
        )
        shown = message.as_json(with_metadata=True)
        return {"channel": channel.id, "ts": message.ts, "message": shown}

    def update(self, call: Call) -> Json:
        channel = self._known(call)
        message = self.space.message(channel.id, call.text("ts"))
        if message is None:
            raise ApiError("message_not_found")
        if message.user != BOT_USER:
            raise ApiError("cant_update_message")
        if channel.archived:
            raise ApiError("is_archived")
        content = self.content(call.args, files_ok=bool(message.files))
        message.text = content["text"]
        for part in ("blocks", "attachments"):
            if call.args.get(part) is not None:
                setattr(message, part, content[part])
        if call.args.get("metadata") is not None:
            message.metadata = _metadata(call.args)
        message.edited_at = self.space.new_ts()
        message.show(time.time())
        self.space.touch()
        shown = message.as_json(with_metadata=True)
        return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": shown}

    def post_ephemeral(self, call: Call) -> Json:
        channel = self._known(call)
        user = call.text("user")
        if user not in self.space.users:
            raise ApiError("user_not_found")
        if BOT_USER not in channel.members:
            raise ApiError("not_in_channel")
        if channel.archived:
            raise ApiError("is_archived")
        if user not in channel.members:
            raise ApiError("user_not_in_channel")
        thread = self._thread(call, channel)
        content = self.content(call.args)
        message = self.space.whisper(channel.id, user, **content, thread_ts=thread, bot_id=BOT)
        return {"message_ts": message.ts}

    def delete(self, call: Call) -> Json:
        channel = self._known(call)
        message = self.space.message(channel.id, call.text("ts"))
        if message is None:
            raise ApiError("message_not_found")
        if message.user != BOT_USER:
            raise ApiError("cant_delete_message")
        message.deleted = True
        self.space.touch()
        return {"channel": channel.id, "ts": message.ts}

    def get_permalink(self, call: Call) -> Json:
        channel = self._known(call)
        message = self.space.message(channel.id, call.text("message_ts"))
        if message is None:
            raise ApiError("message_not_found")
        return {"channel": channel.id, "permalink": self.permalink(message)}

    def permalink(self, message: Message) -> str:
        url = f"{self.space.base_url}/archives/{message.channel}/p{message.ts.replace('.', '')}"
        if message.is_reply:
            url += f"?thread_ts={message.thread_ts}&cid={message.channel}"
        return url

    def content(self, args: Json, *, files_ok: bool = False) -> dict[str, Any]:
        """Check what a message would show; raises Slack's error for what it would not take."""
        text = str(args.get("text") or "")
        blocks, attachments = args.get("blocks") or [], args.get("attachments") or []
        if not text.strip() and not blocks and not attachments and not files_ok:
            raise ApiError("no_text")
        if len(text) > TEXT_LIMIT:
            raise ApiError("msg_too_long")
        if len(attachments) > 100:
            raise ApiError("too_many_attachments")
        check_message(blocks, self._usable_file)
        for index, block in enumerate(blocks):
            block.setdefault("block_id", f"b{index}{self.space.random.getrandbits(16):04x}")
        return {"text": text, "blocks": blocks, "attachments": attachments}

    def _usable_file(self, key: str) -> bool:
        """Whether an image block may show this file: known, and Slack has looked at its type."""
        files = self.space.files.values()
        return any(key in {f.id, f.as_json()["url_private"]} and f.mimetype for f in files)

    def _known(self, call: Call) -> Channel:
        if not call.text("channel"):
            raise ApiError("channel_not_found")
        return self.space.channel_for_bot(call.text("channel"))

    def _writable(self, call: Call) -> Channel:
        wanted = call.text("channel")
        if wanted in self.space.users:
            if self.space.users[wanted].is_bot:
                raise ApiError("cannot_dm_bot")
            return self.space.dm(wanted)
        channel = self._known(call)
        if channel.archived:
            raise ApiError("is_archived")
        if BOT_USER not in channel.members and "chat:write.public" not in call.scopes:
            raise ApiError("not_in_channel")
        if channel.read_only:
            raise ApiError("restricted_action_read_only_channel")
        return channel

    def _thread(self, call: Call, channel: Channel) -> str | None:
        wanted = call.text("thread_ts")
        if not wanted:
            return None
        root = self.space.message(channel.id, wanted)
        if root is None:
            raise ApiError("thread_not_found")
        return root.thread_ts or root.ts

    def _posted_before(self, channel: Channel, client_msg_id: str) -> Message | None:
        if not client_msg_id or not self.dedupe:
            return None
        seen = (m for m in channel.messages if m.client_msg_id == client_msg_id and not m.deleted)
        return next(seen, None)


def _metadata(args: Json) -> Json | None:
    metadata = args.get("metadata")
    if not metadata:
        return None
    payload = metadata.get("event_payload") if isinstance(metadata, dict) else None
    if not isinstance(payload, dict) or not isinstance(metadata.get("event_type"), str):
        raise ApiError("invalid_metadata_format")
    for value in payload.values():
        inner = value.values() if isinstance(value, dict) else [value]
        if not all(isinstance(v, str | int | float | bool | list) for v in inner):
            raise ApiError("invalid_metadata_schema")
    return dict(metadata)
