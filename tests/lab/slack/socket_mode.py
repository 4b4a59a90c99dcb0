"""WebSocket connections of the app in, envelopes and their acks out (Slack's Socket Mode)."""

from __future__ import annotations

import asyncio
import json
import uuid
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web

from tests.lab.slack.call import Call, Method
from tests.lab.slack.delivery import ACK_SECONDS, Ack, Delivery
from tests.lab.slack.state import ApiError, Json
from tests.lab.slack.workspace import APP, Workspace

MOST_CONNECTIONS = 10
ANSWERABLE = {"slash_commands", "interactive"}


@dataclass(eq=False)
class Connection:
    """One open WebSocket; ``received`` are the envelopes sent down it."""

    id: str
    socket: web.WebSocketResponse
    received: list[Json] = field(default_factory=list)


class SocketMode:
    """All Socket Mode connections; each payload goes to one of them, picked at random.

    ``hello`` is said to a new connection, None = all that Slack documents. So many of the next
    connections as ``unanswered`` says are taken and never answered.
    """

    def __init__(self, space: Workspace) -> None:
        self.space = space
        self.connections: list[Connection] = []
        self.ack_seconds = ACK_SECONDS
        self.enabled = True
        self.hello: Json | None = None
        self.unanswered = 0
        self.stopping = asyncio.Event()
        self._tickets: set[str] = set()
        self._waiting: dict[str, asyncio.Future[Json | str]] = {}

    def methods(self) -> dict[str, Method]:
        return {"apps.connections.open": Method(self.open)}

    def open(self, call: Call) -> Json:
        if not self.enabled:
            raise ApiError("socket_mode_not_enabled")
        ticket = uuid.uuid4().hex
        self._tickets.add(ticket)
        base = self.space.base_url.replace("http://", "ws://")
        return {"url": f"{base}/link/?ticket={ticket}&app_id={APP}"}

    async def handle(self, request: web.Request) -> web.StreamResponse:
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.Response(status=404, text="unknown ticket")
        self._tickets.discard(ticket)
        if self.unanswered:
            self.unanswered -= 1
            await self.stopping.wait()
            return web.Response(status=503)
        socket = web.WebSocketResponse(heartbeat=30, timeout=1)
        await socket.prepare(request)
        if len(self.connections) >= MOST_CONNECTIONS:
            await socket.send_json({"type": "disconnect", "reason": "too_many_websockets"})
            await socket.close()
            return socket
        connection = Connection(ticket, socket)
        self.connections.append(connection)
        try:
            await socket.send_json(self._hello())
            self.space.touch()
            await self._read(connection)
        finally:
            self.connections.remove(connection)
            self.space.touch()
        return socket

    async def refresh(self, reason: str = "refresh_requested", *, close: bool = True) -> None:
        """Tell every connection to reconnect, as Slack does every few hours, and close it."""
        for connection in list(self.connections):
            await connection.socket.send_json(
                {"type": "disconnect", "reason": reason, "debug_info": {}}
            )
            if close:
                await connection.socket.close()

    async def drop(self) -> None:
        """Cut every connection without a word."""
        for connection in list(self.connections):
            transport = connection.socket._req.transport if connection.socket._req else None
            if transport is not None:
                transport.abort()

    async def send(self, delivery: Delivery, retry: int, reason: str) -> Ack:
        """Send one envelope down one connection and wait for its ack."""
        alive = [c for c in self.connections if not c.socket.closed]
        if not alive:
            return Ack(error="no_way")
        envelope_id = str(uuid.uuid4())
        envelope: Json = {
            "envelope_id": envelope_id,
            "type": delivery.kind,
            "accepts_response_payload": delivery.kind in ANSWERABLE,
            "payload": delivery.payload,
        }
        if delivery.kind == "events_api":
            envelope |= {"retry_attempt": retry, "retry_reason": reason}
        connection = self.space.random.choice(alive)
        waiting = self._waiting[envelope_id] = asyncio.get_running_loop().create_future()
        try:
            connection.received.append(envelope)
            await connection.socket.send_json(envelope)
            return Ack(await asyncio.wait_for(waiting, self.ack_seconds))
        except TimeoutError:
            return Ack(error="timeout")
        except ConnectionError:
            return Ack(error="connection_failed")
        finally:
            self._waiting.pop(envelope_id, None)

    async def _read(self, connection: Connection) -> None:
        async for frame in connection.socket:
            if frame.type is not WSMsgType.TEXT:
                continue
            try:
                answer = json.loads(frame.data)
            except json.JSONDecodeError:
                continue
            waiting = self._waiting.get(str(answer.get("envelope_id")))
            if waiting is not None and not waiting.done():
                waiting.set_result(answer.get("payload") or "")

    def _hello(self) -> Json:
        return self.hello or {
            "type": "hello",
            "num_connections": len(self.connections),
            "connection_info": {"app_id": APP},
            "debug_info": {"host": "lab", "approximate_connection_time": 18060},
        }
