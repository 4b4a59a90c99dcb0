"""Slack's side of the wire on a port of this machine: Web API, Socket Mode, signed requests, page.

Everything a test or the demo does with the workspace goes through ``SlackTwin``. It is built from
Slack's public documentation and knows nothing of the app that talks to it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Self, TypeVar

from aiohttp import web

from tests.lab.slack.chat import Chat
from tests.lab.slack.conversations import Conversations
from tests.lab.slack.delivery import Deliveries, Delivery
from tests.lab.slack.faults import Fault
from tests.lab.slack.files import Files
from tests.lab.slack.page import Page, Panel
from tests.lab.slack.people import People as Directory
from tests.lab.slack.person import People, Press, Slash
from tests.lab.slack.respond import Responses
from tests.lab.slack.signed_http import SignedHttp
from tests.lab.slack.socket_mode import SocketMode
from tests.lab.slack.state import File, Json, Message, Version, View
from tests.lab.slack.text import as_text, pings
from tests.lab.slack.views import Views
from tests.lab.slack.web_api import WebApi
from tests.lab.slack.workspace import ALICE, BOT_USER, INCIDENT, Workspace

T = TypeVar("T")


class SlackTwin:
    """A Slack workspace with arpcheck installed, on 127.0.0.1 and a free ``port``.

    The parts are public for what the short methods below do not cover: ``space`` (who and what
    exists, ``space.scopes``), ``api`` (``calls``, ``rates``, ``revoked``), ``socket``
    (``connections``, ``refresh()``, ``drop()``), ``http`` (``request_url``, ``wrong_signatures``),
    ``deliveries`` (``sent``, ``retry_seconds``, ``repeat_next``, ``late_next``), ``people``, ``views``.
    """

    def __init__(self, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.host, self.port = host, port
        self.signing_secret = "8f742231b10e8888abcd99yyyzzz85a5"
        self.space = Workspace()
        self.chat = Chat(self.space)
        self.store = Files(self.space, self.chat)
        self.views = Views(self.space)
        self.socket = SocketMode(self.space)
        self.http = SignedHttp(self.signing_secret)
        self.deliveries = Deliveries(self.space, [self.socket, self.http])
        self.responses = Responses(self.space, self.chat)
        self.people = People(self.space, self.deliveries, self.views, self.responses)
        methods = {
            **self.chat.methods(),
            **Conversations(self.space).methods(),
            **Directory(self.space).methods(),
            **self.store.methods(),
            **self.views.methods(),
            **self.socket.methods(),
        }
        self.api = WebApi(methods, self.space)
        self.page = Page(self.space, self.people)
        self._runner: web.AppRunner | None = None

    # -- life ------------------------------------------------------------------------------------
    async def start(self) -> None:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.add_routes(
            [
                web.route("*", "/api/{method}", self.api.handle),
                web.get("/link/", self.socket.handle),
                web.post("/upload/v1/{file}", self.store.receive),
                web.post("/respond/{team}/{key}", self.responses.handle),
                web.get("/files/{file}/{name}", self.store.serve),
                web.get("/files/{file}/download/{name}", self.store.serve),
                *self.page.routes(),
            ],
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.host, self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self.space.base_url = f"http://{self.host}:{self.port}"

    async def stop(self) -> None:
        self.api.stopping.set()
        self.socket.stopping.set()
        await self.deliveries.stop()
        self.store.forget_timers()
        await self.page.stop()
        for connection in list(self.socket.connections):
            await connection.socket.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *trouble: object) -> None:
        await self.stop()

    @property
    def url(self) -> str:
        return self.space.base_url

    @property
    def panel(self) -> Panel:
        """The list of lab faults that the page shows; set its ``faults``, ``choose`` and ``chosen``."""
        return self.page.panel

    @property
    def api_url(self) -> str:
        return f"{self.space.base_url}/api/"

    @property
    def bot_token(self) -> str:
        return self.api.bot_token

    @property
    def app_token(self) -> str:
        return self.api.app_token

    # -- what people do --------------------------------------------------------------------------
    async def slash(
        self,
        text: str = "",
        *,
        user: str = ALICE,
        channel: str = INCIDENT,
        command: str = "/arpcheck",
    ) -> Slash:
        return await self.people.slash(text, user=user, channel=channel, command=command)

    async def mention(
        self, text: str, *, user: str = ALICE, channel: str = INCIDENT, thread_ts: str | None = None
    ) -> tuple[Message, Delivery | None]:
        return await self.people.mention(text, user=user, channel=channel, thread_ts=thread_ts)

    def say(
        self, text: str, *, user: str = ALICE, channel: str = INCIDENT, thread_ts: str | None = None
    ) -> Message:
        return self.people.say(text, user=user, channel=channel, thread_ts=thread_ts)

    async def shortcut(
        self, callback_id: str, message_ts: str, *, user: str = ALICE, channel: str = INCIDENT
    ) -> Delivery:
        return await self.people.shortcut(callback_id, message_ts, user=user, channel=channel)

    async def press(
        self,
        message: Message,
        button: str,
        *,
        user: str = ALICE,
        confirm: bool = True,
        value: str | None = None,
        times: int = 1,
    ) -> Press:
        return await self.people.press(
            message, button, user=user, confirm=confirm, value=value, times=times
        )

    async def submit(self, view: View, values: Json | None = None) -> Delivery:
        return await self.people.submit(view, values)

    def invite(self, channel: str) -> None:
        """Bring the bot into a channel."""
        members = self.space.channel(channel).members
        if BOT_USER not in members:
            members.append(BOT_USER)
        self.space.touch()

    def kick(self, channel: str) -> None:
        """Take the bot out of a channel."""
        self.space.channel(channel).members.remove(BOT_USER)
        self.space.touch()

    def archive(self, channel: str) -> None:
        self.space.channel(channel).archived = True
        self.space.touch()

    def delete(self, channel: str, ts: str) -> None:
        """Delete a message, as a person or an administrator can."""
        message = self.space.message(self.space.channel(channel).id, ts)
        if message is None:
            raise LookupError(f"no message {ts}")
        message.deleted = True
        self.space.touch()

    # -- what people see -------------------------------------------------------------------------
    def messages(self, channel: str = INCIDENT) -> list[Message]:
        """Give what stands in a channel, without the replies that only their threads show."""
        place = self.space.channel(channel)
        return [m for m in place.messages if not m.deleted and (not m.is_reply or m.broadcast)]

    def thread(self, channel: str, ts: str) -> list[Message]:
        """Give a root message and its replies, oldest first."""
        return self.space.thread(self.space.channel(channel).id, ts)

    def history_of(self, channel: str, ts: str) -> list[Version]:
        """Give all a message ever showed, deleted ones included, oldest first, with times."""
        place = self.space.channel(channel)
        return next(list(m.versions) for m in place.messages if m.ts == ts)

    def ephemerals(self, user: str = ALICE, channel: str | None = None) -> list[Message]:
        where = None if channel is None else self.space.channel(channel).id
        shown = [m for m in self.space.hidden if m.only_for == user and not m.deleted]
        return [m for m in shown if where in {None, m.channel}]

    def dms(self, user: str = ALICE) -> list[Message]:
        """Give what the bot and the person wrote in their direct conversation, replies included."""
        for channel in self.space.channels.values():
            if channel.kind == "im" and channel.user == user:
                return [m for m in channel.messages if not m.deleted]
        return []

    def view_of(self, user: str = ALICE) -> View | None:
        """Give the dialog the person has open."""
        return self.views.top(user)

    @property
    def files(self) -> list[File]:
        return [file for file in self.space.files.values() if file.complete]

    def file_bytes(self, file_id: str) -> bytes:
        return self.space.files[file_id].content

    def as_text(self, message: Message) -> str:
        return as_text(message, self.space)

    def pings(self, message: Message) -> set[str]:
        """Say whom a message calls: ``@channel``, ``@here``, user and group ids."""
        return pings(message)

    def thread_as_text(self, channel: str, ts: str) -> str:
        """Render a thread for a terminal, a blank line between messages."""
        return "\n\n".join(self.as_text(message) for message in self.thread(channel, ts))

    # -- waiting and faults ----------------------------------------------------------------------
    async def wait_for(self, predicate: Callable[[], T | None], timeout: float = 10) -> T:  # noqa: ASYNC109
        """Wait until ``predicate()`` is true and give its value; TimeoutError after ``timeout`` s."""
        return await self.space.wait_for(predicate, timeout)

    async def connected(self, count: int = 1, timeout: float = 10) -> None:  # noqa: ASYNC109
        """Wait until ``count`` Socket Mode connections are open."""
        await self.wait_for(lambda: len(self.socket.connections) >= count, timeout)

    def fail(
        self,
        method: str,
        times: int = 1,
        kind: str = "http500",
        *,
        retry_after: int = 1,
        seconds: float = 1,
    ) -> None:
        """Make the next ``times`` calls of ``method`` fail; the kinds stand at ``faults.Fault``."""
        self.api.faults.add(method, Fault(kind, retry_after, seconds), times)

    def redeliver_next(self, times: int = 1) -> None:
        """Send the next payloads twice although the app acked them."""
        self.deliveries.repeat_next += times

    def delay_next(self, seconds: float) -> None:
        """Deliver the next payload late; its trigger_id ages meanwhile."""
        self.deliveries.late_next.append(seconds)
