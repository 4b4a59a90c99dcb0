"""The workspace in, a web page that looks and works like a small Slack out.

``/page/state`` gives what one person sees, ``/page/live`` says when that changed, and ``/page/do``
does what the person did. ``/page/do`` takes JSON only, so no other site can post to it unasked.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from tests.lab.slack.emoji import EMOJI
from tests.lab.slack.forms import NotFilledIn, NotPossible
from tests.lab.slack.person import People
from tests.lab.slack.state import ApiError, Channel, Json, Message, View
from tests.lab.slack.workspace import ALICE, BOT_USER, Workspace

FOLDER = Path(__file__).with_name("page")
TYPES = {".css": "text/css", ".js": "text/javascript"}
SECURITY = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data: http: https:; "
    "style-src 'self' 'unsafe-inline'; connect-src 'self' ws:; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


async def _nothing(name: str) -> None:
    """Choose nothing: no panel was set up."""


@dataclass
class Panel:
    """What the lab can break: ``faults`` are (name, description); ``choose`` is awaited with a name."""

    faults: list[tuple[str, str]] = field(default_factory=list)
    choose: Callable[[str], Awaitable[None]] = _nothing
    chosen: str = ""


class Page:
    """The page's four addresses; ``shortcuts`` are the message shortcuts it offers."""

    def __init__(self, space: Workspace, people: People) -> None:
        self.space, self.people = space, people
        self.panel = Panel()
        self.shortcuts = [("arpcheck_message", "Check ARP of a VM…")]
        self._live: set[web.WebSocketResponse] = set()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/", self.index),
            web.get("/archives/{channel}/{message}", self.permalink),
            web.get("/page/state", self.state),
            web.get("/page/live", self.live),
            web.get("/page/{asset}", self.asset),
            web.post("/page/do", self.act),
        ]

    async def index(self, request: web.Request) -> web.Response:
        state = json.dumps(self.seen_by(_user(request, self.space))).replace("<", "\\u003c")
        html = (FOLDER / "index.html").read_text("utf-8").replace("{{state}}", state)
        return web.Response(text=html, content_type="text/html", headers=SECURITY)

    async def permalink(self, request: web.Request) -> web.Response:
        digits = request.match_info["message"].removeprefix("p")
        ts = request.query.get("thread_ts") or f"{digits[:-6]}.{digits[-6:]}"
        raise web.HTTPFound(f"/?channel={request.match_info['channel']}&thread={ts}")

    async def asset(self, request: web.Request) -> web.Response:
        file = FOLDER / request.match_info["asset"]
        if file.parent != FOLDER or file.suffix not in TYPES or not file.is_file():
            raise web.HTTPNotFound
        text = file.read_text("utf-8")
        return web.Response(text=text, content_type=TYPES[file.suffix], headers=SECURITY)

    async def state(self, request: web.Request) -> web.Response:
        return web.json_response(self.seen_by(_user(request, self.space)), headers=SECURITY)

    async def live(self, request: web.Request) -> web.StreamResponse:
        """Say that there is something new, whenever there is."""
        socket = web.WebSocketResponse(heartbeat=20, timeout=1)
        await socket.prepare(request)
        self._live.add(socket)
        telling = asyncio.create_task(self._tell(socket))
        try:
            async for _ in socket:
                continue
        finally:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)
            self._live.discard(socket)
        return socket

    async def stop(self) -> None:
        for socket in list(self._live):
            await socket.close()

    async def act(self, request: web.Request) -> web.Response:
        if request.content_type != "application/json":
            raise web.HTTPUnsupportedMediaType
        wanted = await request.json()
        try:
            await self._do(wanted)
        except (NotPossible, NotFilledIn, LookupError, ApiError) as trouble:
            return web.json_response({"error": str(trouble)}, status=400)
        return web.json_response({})

    def seen_by(self, user: str) -> Json:
        """Give everything the page draws, as ``user`` sees it."""
        space = self.space
        space.dm(user)
        home = space.homes.get(user)
        shown = [c for c in space.channels.values() if user in c.members]
        return {
            "you": user,
            "team": space.team_name,
            "version": space.version,
            "users": {
                u.id: {"name": u.name, "real_name": u.real_name, "is_bot": u.is_bot}
                for u in space.users.values()
            },
            "groups": {g.id: g.handle for g in space.groups.values()},
            "channels": [self._channel(channel, user) for channel in shown],
            "view": self._view(self.people.views.top(user)),
            "home": self._view(home),
            "shortcuts": self.shortcuts,
            "emoji": EMOJI,
            "panel": [
                {"name": name, "description": text, "chosen": name == self.panel.chosen}
                for name, text in self.panel.faults
            ],
        }

    async def _tell(self, socket: web.WebSocketResponse) -> None:
        told = self.space.version
        while not socket.closed:
            await self.space.changed(since=told)
            told = self.space.version
            await socket.send_json({"version": told})

    async def _do(self, wanted: Json) -> None:
        kind, user, people = wanted.get("action"), str(wanted.get("user")), self.people
        if kind == "type":
            await self._type(wanted["text"], user, wanted["channel"], wanted.get("thread_ts"))
        elif kind == "press":
            message = self._message(user, wanted["channel"], wanted["ts"])
            await people.press(message, wanted["button"], user=user, value=wanted.get("value"))
        elif kind == "shortcut":
            place = wanted["channel"]
            await people.shortcut(wanted["callback_id"], wanted["ts"], user=user, channel=place)
        elif kind == "open_home":
            await people.open_home(user)
        elif kind == "choose":
            await self._choose(str(wanted["name"]))
        else:
            await self._in_view(kind, self._shown_view(user, wanted.get("view")), wanted)

    def _shown_view(self, user: str, key: object) -> View:
        for view in (self.people.views.top(user), self.space.homes.get(user)):
            if view is not None and view.id == key:
                return view
        raise NotPossible("this dialog is gone")

    async def _in_view(self, kind: object, view: View, wanted: Json) -> None:
        if kind == "submit":
            await self.people.submit(view, wanted["values"])
        elif kind == "close_view":
            await self.people.close_view(view)
        elif kind == "press_in_view":
            await self.people.press_in_view(view, wanted["button"], value=wanted.get("value"))
        else:
            raise NotPossible(f"nothing known as {kind}")

    async def _type(self, text: str, user: str, channel: str, thread: str | None) -> None:
        if text.startswith("/"):
            if thread:
                command = text.partition(" ")[0]
                sentence = f"{command} is not supported in threads. Sorry!"
                self.space.whisper(channel, user, sentence, thread_ts=thread)
                return
            command, _, rest = text.partition(" ")
            await self.people.slash(rest.strip(), user=user, channel=channel, command=command)
        elif text.lower().startswith("@arpcheck"):
            rest = text[len("@arpcheck") :].strip()
            await self.people.mention(rest, user=user, channel=channel, thread_ts=thread)
        else:
            self.people.say(text, user=user, channel=channel, thread_ts=thread)

    async def _choose(self, name: str) -> None:
        if name not in [known for known, _ in self.panel.faults]:
            raise NotPossible(f"no fault named {name}")
        await self.panel.choose(name)
        self.panel.chosen = name
        self.space.touch()

    def _message(self, user: str, channel: str, ts: str) -> Message:
        mine = (m for m in self.space.hidden if m.ts == ts and m.only_for == user and not m.deleted)
        message = self.space.message(channel, ts) or next(mine, None)
        if message is None:
            raise NotPossible("this message is gone")
        return message

    def _channel(self, channel: Channel, user: str) -> Json:
        hidden = [m for m in self.space.hidden if m.only_for == user and m.channel == channel.id]
        shown = [m for m in [*channel.messages, *hidden] if not m.deleted]
        shown.sort(key=lambda m: float(m.ts))
        roots = [m for m in shown if not m.is_reply or m.broadcast]
        return {
            "id": channel.id,
            "name": self.space.users[BOT_USER].name if channel.kind == "im" else channel.name,
            "kind": channel.kind,
            "topic": channel.topic,
            "archived": channel.archived,
            "has_bot": BOT_USER in channel.members,
            "messages": [
                _shown(root, [m for m in shown if m.is_reply and m.thread_ts == root.ts])
                for root in roots
            ],
        }

    def _view(self, view: View | None) -> Json | None:
        return None if view is None else {"id": view.id, "body": view.body, "errors": view.errors}


def _shown(message: Message, replies: list[Message]) -> Json:
    return {
        "channel": message.channel,
        "ts": message.ts,
        "user": message.user,
        "text": message.text,
        "blocks": message.blocks,
        "files": [file.as_json() for file in message.files],
        "edits": len(message.versions) - 1,
        "only_for": message.only_for,
        "replies": [_shown(reply, []) for reply in replies],
    }


def _user(request: web.Request, space: Workspace) -> str:
    user = request.query.get("user", ALICE)
    return user if user in space.users else ALICE
