"""Commands for one host turned into SSH sessions on as few connections as the host allows.

A hardened host allows one session a connection (MaxSessions 1), OpenSSH's default is ten. The first
refusal teaches how many fit; what does not fit gets a connection of its own. Until then several
sessions are opened at a time, because each costs two round trips.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, Protocol, TypeVar, cast

import asyncssh

from workers.arp.pktcap import printable
from workers.errors import CheckError, HostRefused, HostUnreachable
from workers.esxi.session import NO_STATUS, Answer, Channel, Collector, Session
from workers.esxi.ssh import Door

MOST_CONNECTIONS = 40
OPEN_SECONDS = 10
CLOSE_SECONDS = 3
REFUSALS_IN_A_ROW = 4
OPENING_AT_ONCE = 6
REFUSAL_PAUSE_SECONDS = 0.02

# Bytes under way per session before the host has to wait: enough for full speed, and all that a
# paused reader can pile up.
WINDOW = 512 * 1024

SHELL_ACCESS = "Check that the account has shell access (shellAccess) on the host."


class _CommandRefused(HostRefused):
    """The host lets sessions in and refuses this very command."""


S = TypeVar("S", bound=Session)


class _Connects(Protocol):
    async def connect(self) -> asyncssh.SSHClientConnection: ...


class _Line:
    """One connection. After a refusal among several openings they go one by one until it counts."""

    def __init__(self, door: _Connects, limit: int | None) -> None:
        self.opening = asyncio.ensure_future(door.connect())
        self.limit = limit
        self.live = 0
        self.waiting = 0
        self.dead = False
        self.refusals = 0
        self.opening_now = 0
        self.turns = asyncio.Semaphore(OPENING_AT_ONCE)
        self.one_by_one = False
        self.alone = asyncio.Lock()

    def is_alone(self) -> bool:
        """Whether one session is being opened here and none runs."""
        return self.live == 0 and self.opening_now == 1

    def has_room(self) -> bool:
        if self.dead or (self.opening.done() and self._broken()):
            return False
        return self.limit is None or self.live + self.waiting < self.limit

    def is_full(self) -> bool:
        """Whether nothing more fits beside what runs and is being opened."""
        return self.limit is not None and self.live + self.opening_now >= self.limit

    def _broken(self) -> bool:
        failed = self.opening.cancelled() or self.opening.exception() is not None
        return failed or self.opening.result().is_closed()

    def ended(self) -> None:
        self.live -= 1

    def abort(self) -> None:
        if not self.opening.done():
            self.opening.cancel()
        elif not self.opening.cancelled() and self.opening.exception() is None:
            self.opening.result().abort()

    async def close(self) -> None:
        if not self.opening.done():
            self.opening.cancel()
        await asyncio.wait({self.opening})
        if self.opening.cancelled() or self.opening.exception() is not None:
            return  # told to whoever waited for it
        connection = self.opening.result()
        connection.close()
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await connection.wait_closed()
        except (TimeoutError, OSError, asyncssh.Error):
            connection.abort()


class Lines:
    """All connections to one host."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self.host = door.host
        self._lines: list[_Line] = []
        self._limit: int | None = None

    @property
    def connections(self) -> int:
        """How many connections are open or opening."""
        return sum(1 for line in self._lines if not line.dead)

    @property
    def sessions_allowed(self) -> int | None:
        """Sessions the host allows on one connection, None = it has refused none so far."""
        return self._limit

    async def run(self, command: str, *, seconds: float) -> Answer:
        """Run a command to its end and give what it printed, up to 2 MiB.

        Raises:
            HostUnreachable: no end within ``seconds``, or the connection broke.
            HostRefused, HostKeyRefused: see ``Door.connect``.
        """
        channel, session = await self.session(Collector, command)
        channel.write_eof()
        try:
            async with asyncio.timeout(seconds):
                await session.over.wait()
        except TimeoutError:
            raise HostUnreachable(
                f"{self.host} did not finish a command within {seconds:g} s: {printable(command, 80)}.",
                next_step="Try again; if it stays so, the SSH service of the host hangs.",
                retry=True,
            ) from None
        finally:
            channel.close()
        if session.cut:
            raise HostUnreachable(
                f"The SSH connection to {self.host} broke during a command: {session.lost}.",
                retry=True,
            )
        status = NO_STATUS if session.status is None else session.status
        out, err = (bytes(part).decode("utf-8", "replace") for part in (session.out, session.err))
        return Answer(out, err, status)

    async def session(self, factory: Callable[[], S], command: str) -> tuple[Channel, S]:
        """Start a command on a connection with room, or on a new one.

        Raises:
            HostUnreachable, HostRefused, HostKeyRefused
        """
        limit = self._limit
        for _ in range(2 * REFUSALS_IN_A_ROW + len(self._lines)):
            line = self._free_line()
            line.waiting += 1
            try:
                opened = await self._open_on(line, factory, command)
            except _CommandRefused:
                self._limit = limit  # what refused it was no limit on sessions
                raise
            finally:
                line.waiting -= 1
            if opened is not None:
                return opened
        raise HostRefused(
            f"{self.host} lets {self.door.user} log in but refuses to run commands.",
            next_step=SHELL_ACCESS,
        )

    async def close(self) -> None:
        """Close every connection, the half-open ones too."""
        lines, self._lines = self._lines, []
        await asyncio.gather(*(line.close() for line in lines))

    def _free_line(self) -> _Line:
        self._drop_dead()
        for line in self._lines:
            if line.has_room():
                return line
        if len(self._lines) >= MOST_CONNECTIONS:
            raise HostRefused(f"{self.host} would need more than {MOST_CONNECTIONS} connections.")
        line = _Line(self.door, self._limit)
        self._lines.append(line)
        return line

    def _drop_dead(self) -> None:
        """Forget lines that nothing runs on any more; their connections end at once."""
        for line in [line for line in self._lines if line.dead and not line.live]:
            line.abort()
            self._lines.remove(line)

    async def _open_on(
        self, line: _Line, factory: Callable[[], S], command: str
    ) -> tuple[Channel, S] | None:
        async with line.turns, line.alone if line.one_by_one else nullcontext():
            if line.dead or line.is_full():
                return None
            line.opening_now += 1
            try:
                connection = await asyncio.shield(line.opening)
                return await self._create(line, connection, factory, command)
            except _CommandRefused:
                raise
            except CheckError:
                line.dead = True
                raise
            finally:
                line.opening_now -= 1

    async def _create(
        self,
        line: _Line,
        connection: asyncssh.SSHClientConnection,
        factory: Callable[[], S],
        command: str,
    ) -> tuple[Channel, S] | None:
        options: dict[str, Any] = {"encoding": None, "window": WINDOW, "request_pty": False}
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                channel, made = await connection.create_session(factory, command, **options)
        except asyncssh.ChannelOpenError as refusal:
            if connection.is_closed():
                line.dead = True
            elif refusal.code == asyncssh.OPEN_REQUEST_SESSION_FAILED and line.is_alone():
                raise _CommandRefused(
                    f"{self.host} refuses to run {printable(command, 80)} for {self.door.user}.",
                    next_step=SHELL_ACCESS,
                ) from None
            else:
                await self._learn(line)
            return None
        except TimeoutError:
            line.dead = True
            raise HostUnreachable(
                f"{self.host} accepted the login and then let the first step hang for"
                f" {OPEN_SECONDS} s.",
                next_step="This is known of some ESXi 8 builds: try again, or restart the host's SSH"
                " service.",
                retry=True,
            ) from None
        except (OSError, asyncssh.Error) as trouble:
            line.dead = True
            why = printable(str(trouble)) or type(trouble).__name__
            raise HostUnreachable(
                f"{self.host} closed the SSH connection: {why}.", retry=True
            ) from None
        session = cast(S, made)
        line.live += 1
        line.refusals = 0
        session.when_over = line.ended
        if session.over.is_set():
            line.ended()
        return channel, session

    async def _learn(self, line: _Line) -> None:
        """A refused session: as many as run now are what this host allows on a connection.

        Where others were being opened, it cannot be told how many were. Where none runs, the host
        may not have put away the last one yet; that takes a moment.
        """
        if line.opening_now > 1:
            line.one_by_one = True
            return
        if line.live == 0:
            line.refusals += 1
            line.dead = line.refusals >= REFUSALS_IN_A_ROW
            await asyncio.sleep(REFUSAL_PAUSE_SECONDS * line.refusals)
            return
        line.limit = line.live
        line.one_by_one = False  # what fits is known
        self._limit = min(self._limit or line.live, line.live)
