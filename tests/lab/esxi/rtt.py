"""Bytes of a connection to the same bytes half a round trip later: distance, for benches."""

from __future__ import annotations

import asyncio
import contextlib
import socket


class Distance:
    """A relay on a port of its own in front of another; each way takes half of ``seconds``."""

    def __init__(self, seconds: float) -> None:
        self._half, self._tasks = seconds / 2, set[asyncio.Task[None]]()
        self._target = 0
        self._server: asyncio.Server | None = None

    async def open(self, sock: socket.socket, target: int) -> None:
        self._target = target
        self._server = await asyncio.start_server(self._accept, sock=sock)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.create_task(self._carry(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        flying: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def land() -> None:
            while True:
                due, data = await flying.get()
                await asyncio.sleep(max(0.0, due - loop.time()))
                if not data:
                    break
                sink.write(data)
                await sink.drain()
            sink.close()

        landing = asyncio.create_task(land())
        try:
            while data := await source.read(65536):
                flying.put_nowait((loop.time() + self._half, data))
            flying.put_nowait((loop.time() + self._half, b""))
            await landing
        except OSError:
            sink.close()
        finally:
            landing.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await landing
