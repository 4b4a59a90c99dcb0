"""Bytes of a connection to the same bytes half a round trip later: distance, for benches."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from typing import cast


class Distance:
    """A relay on a port of its own in front of another; each way takes half of ``seconds``."""

    def __init__(self, seconds: float) -> None:
        self._half, self._target = seconds / 2, 0
        self._server: asyncio.Server | None = None
        self._sides: set[Side] = set()

    async def open(self, sock: socket.socket, target: int) -> None:
        self._target = target
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._near, sock=sock)

    async def close(self) -> None:
        """Close the port and cut what runs through it."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for side in tuple(self._sides):
            side.transport.abort()
            await side.gone.wait()

    def _near(self) -> Side:
        near, far = Side(self._half, self._sides), Side(self._half, self._sides)
        near.peer, far.peer = far, near
        near.reach = self._target
        return near


class Side(asyncio.Protocol):
    """One end of a relayed connection; what comes in goes out at its peer half a round trip later."""

    transport: asyncio.Transport
    peer: Side
    reach = 0

    def __init__(self, half: float, sides: set[Side]) -> None:
        self._half, self._sides = half, sides
        self._flying: deque[bytes] = deque()
        self._connecting: asyncio.Task[object] | None = None
        self.connected, self.gone = asyncio.Event(), asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._sides.add(self)
        self.connected.set()
        if self.reach:
            loop = asyncio.get_running_loop()
            opening = loop.create_connection(lambda: self.peer, "127.0.0.1", self.reach)
            self._connecting = loop.create_task(opening)

    def data_received(self, data: bytes) -> None:
        self._flying.append(data)
        asyncio.get_running_loop().call_later(self._half, self._land)

    def connection_lost(self, exc: Exception | None) -> None:
        self._sides.discard(self)
        self.gone.set()
        if self.peer.connected.is_set():
            asyncio.get_running_loop().call_later(self._half, self.peer.transport.close)

    def _land(self) -> None:
        """Write in the order of arrival, once the far end is there."""
        if self.peer.connected.is_set():
            self.peer.transport.write(self._flying.popleft())
        else:
            asyncio.get_running_loop().call_later(self._half, self._land)
