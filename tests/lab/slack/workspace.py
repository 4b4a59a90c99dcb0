"""Calls and clicks in, the state of one Slack workspace out: people, channels, messages, files.

Whoever changes something says ``touch()``; whoever waits for something uses ``wait_for``.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import string
import time
from collections.abc import Callable
from typing import Any, TypeVar

from tests.lab.slack.state import (
    ApiError,
    Channel,
    File,
    Json,
    Message,
    ResponseUrl,
    User,
    UserGroup,
    View,
)

T = TypeVar("T")

LEAST_SCOPES = frozenset(
    [
        "commands",
        "chat:write",
        "files:write",
        "app_mentions:read",
        "users:read",
        "users:read.email",
        "usergroups:read",
        "channels:read",
        "groups:read",
        "im:write",
    ],
)

TEAM, APP, BOT, BOT_USER = "T0LAB0001", "A0ARPCHK1", "B0ARPCHK1", "U0ARPCHK1"
ALICE, BOB, CARO, MALLORY = "U01ALICE", "U02BOB00", "U03CARO0", "U04MALL0"
INCIDENT, NET_ONCALL, VIRT = "C01INCID1", "C02NETONC", "C03VIRT01"
WAR_ROOM, DM_ALICE, NETWORK_GROUP = "C04WARROM", "D01ALICE1", "S01NETONC"


class Workspace:
    """One workspace with the arpcheck app installed; ``scopes`` are those its bot token was given."""

    def __init__(self) -> None:
        self.team_name, self.team_domain = "Arpcheck Lab", "arpcheck-lab"
        self.scopes: set[str] = set(LEAST_SCOPES)
        self.users = {user.id: user for user in _people()}
        self.groups = {
            NETWORK_GROUP: UserGroup(NETWORK_GROUP, "net-oncall", "Network on call", [BOB]),
        }
        self.channels = {channel.id: channel for channel in _channels()}
        self.hidden: list[Message] = []
        self.files: dict[str, File] = {}
        self.views: dict[str, View] = {}
        self.homes: dict[str, View] = {}
        self.response_urls: dict[str, ResponseUrl] = {}
        self.triggers: dict[str, tuple[str, float]] = {}
        self.version = 0
        self.base_url = ""
        self.random = random.Random()
        self._last_ts = 0
        self._numbers = itertools.count(1)
        self._waiting: set[asyncio.Event] = set()

    # -- change and wait -------------------------------------------------------------------------
    def touch(self) -> None:
        """Say that something changed."""
        self.version += 1
        for event in self._waiting:
            event.set()

    async def wait_for(self, predicate: Callable[[], T | None], timeout: float = 10) -> T:  # noqa: ASYNC109
        """Wait until ``predicate()`` is true and give its value; TimeoutError after ``timeout`` s."""
        event = asyncio.Event()
        self._waiting.add(event)
        try:
            async with asyncio.timeout(timeout):
                while not (value := predicate()):
                    await event.wait()
                    event.clear()
                return value
        finally:
            self._waiting.discard(event)

    async def changed(self, *, since: int) -> None:
        """Wait, as long as it takes, until ``version`` is no longer ``since``."""
        event = asyncio.Event()
        self._waiting.add(event)
        try:
            while self.version == since:
                await event.wait()
                event.clear()
        finally:
            self._waiting.discard(event)

    # -- names -----------------------------------------------------------------------------------
    def new_id(self, prefix: str) -> str:
        letters = self.random.choices(string.ascii_uppercase + string.digits, k=6)
        return f"{prefix}{next(self._numbers):03d}{''.join(letters)}"

    def new_ts(self) -> str:
        """Next message stamp: the time in microseconds, never the same twice."""
        self._last_ts = max(self._last_ts + 1, int(time.time() * 1_000_000))
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def new_trigger(self, user: str) -> str:
        trigger = f"{next(self._numbers)}.{int(time.time())}.{self.random.getrandbits(64):016x}"
        self.triggers[trigger] = (user, time.monotonic())
        return trigger

    def new_response_url(self, user: str, channel: str, original: Message | None = None) -> str:
        key = f"{self.random.getrandbits(96):024x}"
        made = ResponseUrl(key, user, channel, time.monotonic(), original)
        self.response_urls[key] = made
        return f"{self.base_url}/respond/{TEAM}/{key}"

    # -- look up ---------------------------------------------------------------------------------
    def channel(self, wanted: object) -> Channel:
        """Find a channel by id, ``#name`` or (its DM) user id, as the bot sees it."""
        name = str(wanted or "").removeprefix("#")
        for channel in self.channels.values():
            if name == channel.id or (name and name == channel.name):
                return channel
        raise ApiError("channel_not_found")

    def channel_for_bot(self, wanted: object) -> Channel:
        """Find a channel the bot may know of: a private one without the bot does not exist for it."""
        channel = self.channel(wanted)
        if channel.kind != "public" and BOT_USER not in channel.members:
            raise ApiError("channel_not_found")
        return channel

    def dm(self, user: str) -> Channel:
        """Give the direct conversation of the bot and ``user``, opened when there is none yet."""
        for channel in self.channels.values():
            if channel.kind == "im" and channel.user == user:
                return channel
        channel = Channel(self.new_id("D"), "directmessage", "im", [user, BOT_USER], user=user)
        self.channels[channel.id] = channel
        return channel

    def message(self, channel: str, ts: object) -> Message | None:
        found = (m for m in self.channels[channel].messages if m.ts == str(ts) and not m.deleted)
        return next(found, None)

    def thread(self, channel: str, ts: str) -> list[Message]:
        """Give the root message and its replies, oldest first."""
        shown = (m for m in self.channels[channel].messages if not m.deleted)
        return [m for m in shown if ts in {m.ts, m.thread_ts}]

    # -- change ----------------------------------------------------------------------------------
    def post(self, channel: Channel, user: str, text: str, **more: Any) -> Message:  # noqa: ANN401
        """Add a message to a channel, visible to all in it."""
        message = Message(channel.id, self.new_ts(), user, text, **more)
        if message.thread_ts:
            root = self.message(channel.id, message.thread_ts)
            if root is not None and root.thread_ts is None:
                root.thread_ts = root.ts
        message.show(time.time())
        channel.messages.append(message)
        self.touch()
        return message

    def whisper(self, channel: str, user: str, text: str, **more: Any) -> Message:  # noqa: ANN401
        """Show a message to one person only; Slack keeps no copy of it."""
        message = Message(channel, self.new_ts(), BOT_USER, text, only_for=user, **more)
        message.show(time.time())
        self.hidden.append(message)
        self.touch()
        return message

    def app_identity(self) -> Json:
        return {"bot_id": BOT, "app_id": APP}


def _people() -> list[User]:
    return [
        User(BOT_USER, "arpcheck", "arpcheck", is_bot=True, bot_id=BOT),
        User(ALICE, "alice", "Alice Okafor", "alice@example.com"),
        User(BOB, "bob", "Bob Lindqvist", "bob@example.com", is_admin=True),
        User(CARO, "caro", "Caro Méndez", "caro@example.com"),
        User(MALLORY, "mallory", "Mallory Voss", "mallory@example.com"),
    ]


def _channels() -> list[Channel]:
    everyone = [ALICE, BOB, CARO, MALLORY]
    return [
        Channel(INCIDENT, "incident", "public", [BOT_USER, *everyone], topic="What is broken now"),
        Channel(
            NET_ONCALL, "net-oncall", "public", [BOT_USER, BOB, ALICE], topic="Network on call"
        ),
        Channel(VIRT, "virtualization", "public", everyone, topic="ESXi and vCenter"),
        Channel(
            WAR_ROOM, "war-room", "private", [ALICE, BOB], topic="Private; arpcheck not invited"
        ),
        Channel(DM_ALICE, "directmessage", "im", [ALICE, BOT_USER], user=ALICE),
    ]
