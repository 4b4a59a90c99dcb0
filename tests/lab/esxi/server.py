"""SSH connections to a host's shell: what ESXi's ``sshd`` lets in, and how it fails.

The channel's life and the process's life are apart: when a channel or connection is cut, its
processes learn of it only by writing.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import cast

import asyncssh

from tests.lab.esxi.machine import PIPE_BYTES, Inlet, Logged, Machine
from tests.lab.esxi.processes import Process, Processes
from tests.lab.esxi.shell import Shell

STDERR = asyncssh.EXTENDED_DATA_STDERR


class Outlet:
    """A process's way out through a channel."""

    def __init__(self, chan: asyncssh.SSHServerChannel[bytes], kind: int | None) -> None:
        self._chan, self._kind, self.closed = chan, kind, False

    def write(self, data: bytes) -> bool:
        if not self.closed:
            with contextlib.suppress(OSError):  # closed between two turns of the loop
                self._chan.write(data, self._kind)
        return not self.closed

    def room(self) -> int:
        return PIPE_BYTES if self.closed else PIPE_BYTES - self._chan.get_write_buffer_size()


@dataclass
class Door:
    """Who may come in, and the connections that are open."""

    machine: Machine
    user: str
    password: str
    keys: list[asyncssh.SSHKey]
    connections: set[asyncssh.SSHServerConnection] = field(default_factory=set)
    unknown: int = 0
    opened: int = 0
    passwords: int = 0

    def server(self) -> Login:
        return Login(self)


class Login(asyncssh.SSHServer):
    """One connection: public key or keyboard-interactive, as a stock ESXi offers."""

    def __init__(self, door: Door) -> None:
        self._door, self._sessions, self._known = door, 0, False
        self.number = 0

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        door, behaviours = self._door, self._door.machine.behaviours
        self._conn = conn
        door.opened += 1
        self.number = door.opened
        door.unknown += 1
        door.connections.add(conn)
        limit = behaviours.number("max_startups", 2)
        if "max_startups" in behaviours and door.unknown > limit:
            conn.abort()
        if "cut_after" in behaviours:
            delay = behaviours.number("cut_after", 2)
            asyncio.get_running_loop().call_later(delay, conn.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._door.connections.discard(self._conn)
        self._is_known()

    def _is_known(self) -> None:
        if not self._known:
            self._known = True
            self._door.unknown -= 1

    async def begin_auth(self, username: str) -> bool:
        await asyncio.sleep(self._door.machine.behaviours.number("slow_login", 0))
        return True

    def auth_completed(self) -> None:
        self._is_known()

    def public_key_auth_supported(self) -> bool:
        return "keyboard_only" not in self._door.machine.behaviours

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return self._lets_in(username) and key in self._door.keys

    def kbdint_auth_supported(self) -> bool:
        return "key_only" not in self._door.machine.behaviours

    def get_kbdint_challenge(
        self, username: str, lang: str, submethods: str
    ) -> asyncssh.auth.KbdIntChallenge:
        return "", "", "", [("Password: ", False)]

    def validate_kbdint_response(self, username: str, responses: Sequence[str]) -> bool:
        self._door.passwords += 1
        return self._lets_in(username) and list(responses) == [self._door.password]

    def password_auth_supported(self) -> bool:
        return "password_allowed" in self._door.machine.behaviours

    def validate_password(self, username: str, password: str) -> bool:
        self._door.passwords += 1
        return self._lets_in(username) and password == self._door.password

    def _lets_in(self, username: str) -> bool:
        refused = "permission_denied" in self._door.machine.behaviours
        locked = self._door.machine.host.lockdown != "lockdownDisabled"
        return username == self._door.user and not refused and not locked

    def session_requested(self) -> asyncssh.SSHServerSession[bytes]:
        behaviours = self._door.machine.behaviours
        limit = 1 if "max_sessions_1" in behaviours else behaviours.number("max_sessions", 10)
        if self._sessions >= limit:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, "open failed")
        self._sessions += 1
        return Session(self._door.machine, self.number, self._session_ended)

    def _session_ended(self) -> None:
        self._sessions -= 1


class Session(asyncssh.SSHServerSession[bytes]):
    """One channel: a command line, or lines on stdin, run by a shell of its own."""

    def __init__(self, machine: Machine, connection: int, ended: Callable[[], None]) -> None:
        self._machine, self._connection, self._ended = machine, connection, ended
        self._stdin, self._line = Inlet(), ""
        self._shell_pid = -1

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        self._chan = chan
        self._outlets = Outlet(chan, None), Outlet(chan, STDERR)

    def exec_requested(self, command: str) -> bool:
        self._line = command
        return True

    def shell_requested(self) -> bool:
        return True

    def session_started(self) -> None:
        self._machine.commands.append(Logged(self._machine.now(), self._connection, self._line))
        behaviours = self._machine.behaviours
        if "stalled_channel" in behaviours:
            self._machine.used["channels"] += 1
            if self._machine.used["channels"] > behaviours.number("stalled_channel", 0):
                return
        process = self._machine.processes.new(["sh", "-c", self._line] if self._line else ["-sh"])
        self._shell_pid = process.pid
        shell = Shell(self._machine, process, self._stdin, *self._outlets)
        task = self._machine.processes.start(process, self._shell(shell))
        task.add_done_callback(lambda done: self._shell_ended(process, Processes.status(done)))

    async def _shell(self, shell: Shell) -> int:
        if self._line:
            return await shell.run(self._line)
        status = 0
        while line := await self._stdin.line():
            self._machine.commands.append(
                Logged(self._machine.now(), self._connection, line.decode().rstrip("\n"))
            )
            status = await shell.run(line.decode())
        return status

    def _shell_ended(self, process: Process, status: int) -> None:
        """sshd closes the channel once nobody holds its pipes: children that go on do."""
        left = [
            each.task
            for each in self._machine.processes
            if each.session == process.pid and each is not process and each.holds and each.task
        ]
        if left:
            waiting = asyncio.gather(*left, return_exceptions=True)
            waiting.add_done_callback(lambda _: self._shell_ended(process, status))
        else:
            self._close(process, status)

    def _close(self, process: Process, status: int) -> None:
        if self._outlets[0].closed:
            return
        if process.killed_by and status > 128:
            self._chan.exit_with_signal(process.killed_by)
        else:
            self._chan.exit(status)

    def data_received(self, data: bytes, datatype: int | None) -> None:
        self._stdin.write(data)

    def eof_received(self) -> bool:
        self._stdin.end()
        return True

    def signal_received(self, signal: str) -> None:
        if "no_channel_signals" in self._machine.behaviours:
            return
        for process in self._machine.processes:
            if process.session == self._shell_pid:
                process.signal(signal.removeprefix("SIG"))

    def connection_lost(self, exc: Exception | None) -> None:
        for outlet in self._outlets:
            outlet.closed = True
        self._stdin.end()
        self._ended()


async def listen(
    door: Door, port_socket: socket.socket, host_key: asyncssh.SSHKey
) -> asyncssh.SSHAcceptor:
    """Open the door on a socket that is already bound."""
    return await asyncssh.create_server(
        cast("Callable[[], asyncssh.SSHServer]", door.server),
        sock=port_socket,
        server_host_keys=[host_key],
        server_version="OpenSSH_9.8",
        encoding=None,
        line_editor=False,
        keepalive_interval=0,
        login_timeout=120,
        compression_algs=["none"],
        encryption_algs=[
            "aes256-gcm@openssh.com",
            "aes128-gcm@openssh.com",
            "aes256-ctr",
            "aes128-ctr",
        ],
    )
