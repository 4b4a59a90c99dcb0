"""Blocking work on a connection turned into awaitable work with a deadline, a retry and a sentence.

Every piece of work runs in a small pool of threads of its own. When its deadline passes or its task
is cancelled, the sockets it uses are cut, so the thread is free again at once and nothing hangs on
a silent server. A session that vCenter has ended is renewed once, a connection that broke is tried
once more; all work done here may be repeated without harm.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from pyVmomi import vim

from workers.settings import VcenterSettings
from workers.vcenter.connection import Call, Connection, connect, disconnect, working
from workers.vcenter.faults import BROKEN_CONNECTION, EXPECTED, explain, unanswered

T = TypeVar("T")

LOGOUT_SECONDS = 5.0
THREADS = 6


class Session:
    """A connection to vCenter that is made on first use and made again when it has died."""

    def __init__(
        self, settings: VcenterSettings, *, wait_seconds: float, call_seconds: float
    ) -> None:
        self.settings = settings
        self._wait_seconds = wait_seconds
        self._call_seconds = call_seconds
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="vcenter")
        self._connection: Connection | None = None
        self._connecting = asyncio.Lock()

    async def run(self, work: Callable[[Connection], T], *, seconds: float | None = None) -> T:
        """Do ``work`` in a thread, within ``seconds``.

        Raises:
            VcenterUnreachable, VcenterRefused, VmNotFound: or what ``work`` itself raises.
        """
        try:
            async with asyncio.timeout(seconds or self._call_seconds):
                return await self._persist(work)
        except TimeoutError as late:
            raise unanswered(self.settings) from late
        except EXPECTED as trouble:
            raise explain(trouble, self.settings) from trouble

    async def _persist(self, work: Callable[[Connection], T]) -> T:
        """Work through one broken connection and one ended session.

        A broken connection alone does not end the session: logging in again would leave it behind.
        """
        connection = await self._connected(None)
        was_broken = was_ended = False
        while True:
            try:
                return await self._in_thread(partial(_without_call, work, connection))
            except vim.fault.NotAuthenticated:
                if was_ended:
                    raise
                was_ended = True
                connection = await self._connected(connection)
            except BROKEN_CONNECTION:
                if was_broken:
                    raise
                was_broken = True
                connection.stub.DropConnections()

    async def _connected(self, dead: Connection | None) -> Connection:
        """The connection that is in use, or a new one in place of ``dead``."""
        async with self._connecting:
            if self._connection is None or self._connection is dead:
                self._connection = None
                if dead is not None:
                    await self._leave(dead)
                self._connection = await self._in_thread(
                    lambda call: connect(self.settings, call, self._wait_seconds)
                )
            return self._connection

    async def _in_thread(self, work: Callable[[Call], T]) -> T:
        call = Call()

        def job() -> T:
            with working(call):
                return work(call)

        future = self._threads.submit(job)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            call.cut()
            raise

    async def _leave(self, connection: Connection) -> None:
        try:
            async with asyncio.timeout(LOGOUT_SECONDS):
                await self._in_thread(lambda _: disconnect(connection))
        except TimeoutError:
            connection.stub.close()

    async def close(self) -> None:
        """Log out and end the threads; may be called again."""
        async with self._connecting:
            if self._connection is not None:
                await self._leave(self._connection)
                self._connection = None
        self._threads.shutdown(wait=False, cancel_futures=True)


def _without_call(work: Callable[[Connection], T], connection: Connection, _: Call) -> T:
    return work(connection)
