"""conversations.* calls in, channels, members and histories out, as the bot may see them."""

from __future__ import annotations

from tests.lab.slack.call import Call, Method
from tests.lab.slack.state import ApiError, Channel, Json, Message
from tests.lab.slack.workspace import BOT_USER, TEAM, Workspace


class Conversations:
    def __init__(self, space: Workspace) -> None:
        self.space = space

    def methods(self) -> dict[str, Method]:
        return {
            "conversations.info": Method(self.info),
            "conversations.open": Method(self.open, "im:write"),
            "conversations.join": Method(self.join, "channels:join"),
            "conversations.list": Method(self.list_all),
            "conversations.members": Method(self.members),
            "conversations.history": Method(self.history),
            "conversations.replies": Method(self.replies),
        }

    def info(self, call: Call) -> Json:
        channel = self._known(call, "read")
        return {"channel": self.as_json(channel)}

    def open(self, call: Call) -> Json:
        users = [user for user in call.text("users").split(",") if user]
        if call.text("channel"):
            return {"channel": {"id": self.space.channel_for_bot(call.text("channel")).id}}
        if len(users) != 1:
            raise ApiError(
                "users_list_not_supplied" if not users else "method_not_supported_for_channel_type"
            )
        user = self.space.users.get(users[0])
        if user is None:
            raise ApiError("user_not_found")
        if user.is_bot:
            raise ApiError("cannot_dm_bot")
        if user.deleted:
            raise ApiError("user_disabled")
        return {"channel": {"id": self.space.dm(user.id).id}}

    def join(self, call: Call) -> Json:
        channel = self.space.channel_for_bot(call.text("channel"))
        if channel.kind != "public":
            raise ApiError("method_not_supported_for_channel_type")
        if channel.archived:
            raise ApiError("is_archived")
        if BOT_USER not in channel.members:
            channel.members.append(BOT_USER)
            self.space.touch()
        return {"channel": self.as_json(channel)}

    def list_all(self, call: Call) -> Json:
        kinds = {"public_channel": "public", "private_channel": "private", "im": "im"}
        wanted = [kinds[t] for t in call.text("types", "public_channel").split(",") if t in kinds]
        for kind in wanted:
            call.need_for("read", kind)
        channels = [
            self.as_json(channel)
            for channel in self.space.channels.values()
            if channel.kind in wanted
            and (channel.kind == "public" or BOT_USER in channel.members)
            and not (channel.archived and call.flag("exclude_archived"))
        ]
        return {"channels": channels, "response_metadata": {"next_cursor": ""}}

    def members(self, call: Call) -> Json:
        channel = self._known(call, "read")
        return {"members": list(channel.members), "response_metadata": {"next_cursor": ""}}

    def history(self, call: Call) -> Json:
        channel = self._readable(call)
        roots = [m for m in channel.messages if not m.deleted and (not m.is_reply or m.broadcast)]
        return self._page(call, list(reversed(roots)))

    def replies(self, call: Call) -> Json:
        channel = self._readable(call)
        named = self.space.message(channel.id, call.text("ts"))
        if named is None:
            raise ApiError("thread_not_found")
        return self._page(call, self.space.thread(channel.id, named.ts))

    def _page(self, call: Call, messages: list[Message]) -> Json:
        """Cut to the wanted time and number; the cursor is the index of the next message."""
        oldest, latest = call.text("oldest", "0"), call.text("latest") or "9" * 12
        inclusive = call.flag("inclusive")
        chosen = [
            m
            for m in messages
            if float(oldest) < float(m.ts) < float(latest)
            or (inclusive and m.ts in {oldest, latest})
        ]
        start = call.number("cursor", 0)
        stop = start + min(max(call.number("limit", 100), 1), 999)
        with_metadata = call.flag("include_all_metadata")
        more = stop < len(chosen)
        return {
            "messages": [m.as_json(with_metadata=with_metadata) for m in chosen[start:stop]],
            "has_more": more,
            "response_metadata": {"next_cursor": str(stop) if more else ""},
        }

    def _known(self, call: Call, family: str) -> Channel:
        channel = self.space.channel_for_bot(call.text("channel"))
        call.need_for(family, channel.kind)
        return channel

    def _readable(self, call: Call) -> Channel:
        channel = self._known(call, "history")
        if BOT_USER not in channel.members:
            raise ApiError("not_in_channel")
        return channel

    def as_json(self, channel: Channel) -> Json:
        body: Json = {
            "id": channel.id,
            "created": 1_700_000_000,
            "is_archived": channel.archived,
            "is_im": channel.kind == "im",
            "is_private": channel.kind != "public",
            "context_team_id": TEAM,
        }
        if channel.kind == "im":
            return body | {"user": channel.user, "is_open": True}
        return body | {
            "name": channel.name,
            "name_normalized": channel.name,
            "is_channel": channel.kind == "public",
            "is_group": channel.kind == "private",
            "is_mpim": False,
            "is_general": False,
            "is_member": BOT_USER in channel.members,
            "num_members": len(channel.members),
            "topic": {"value": channel.topic, "creator": "", "last_set": 0},
            "purpose": {"value": "", "creator": "", "last_set": 0},
        }
