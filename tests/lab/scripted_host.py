"""A table of commands and answers to an SSH server: an ESXi host as strange as a test wants it.

The twin in ``tests/lab/esxi`` behaves as hosts are known to. This one knows nothing but the commands
it is told, answers each with whatever bytes, late, never, without a status, or refuses to run it, and
plays a capture step by step. Only ``timeout``, ``kill`` and the end of time are its own.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import cast

import asyncssh

OPTION = re.compile(r"timeout -t (\d+) -s INT (.*)")
PLAIN = re.compile(r"timeout -s INT (\d+) (.*)")
STDERR = asyncssh.EXTENDED_DATA_STDERR
NO_SUCH = 127


@dataclass
class Reply:
    """What a command prints and how it ends; ``status`` None = the host tells none."""

    out: str = ""
    err: str = ""
    status: int | None = 0
    refused: bool = False
    hangs: bool = False


@dataclass
class Step:
    """A part of a capture's life: bytes to stdout or stderr, after some seconds."""

    out: bytes = b""
    err: bytes = b""
    after: float = 0.0


@dataclass
class ScriptedHost:
    """``answers`` by command line (a command that stands in none is not found).

    More than ``commands_at_a_time`` on a connection are refused, though their channels open.
    """

    answers: dict[str, Reply]
    capture: list[Step]
    syntax: re.Pattern[str] = OPTION
    greeting: str = ""
    echoes: bool = False
    tells_pid: bool = True
    ends_at_once: bytes = b""  # captures say so and end in the moment in which they begin
    obeys_kill: bool = True
    obeys_signals: bool = True
    seconds_per_command: float = 0.0
    commands_at_a_time: int = 100
    prompts: list[list[tuple[str, bool]]] = field(default_factory=list)
    wanted: list[list[str]] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    alive: dict[int, str] = field(default_factory=dict)
    banner: str = ""
    port: int = 0

    def __post_init__(self) -> None:
        self.host_key = asyncssh.generate_private_key("ssh-ed25519")
        self.client_key = asyncssh.generate_private_key("ecdsa-sha2-nistp256")
        self.pids = itertools.count(2_100_417, 7)
        self.sessions: dict[int, Session] = {}
        self._server: asyncssh.SSHAcceptor | None = None

    async def start(self) -> None:
        self._server = await asyncssh.create_server(
            cast("Callable[[], asyncssh.SSHServer]", lambda: Login(self)),
            "127.0.0.1", 0, server_host_keys=[self.host_key], encoding=None, line_editor=False,
        )  # fmt: skip
        self.port = self._server.get_port()

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for session in tuple(self.sessions.values()):
            session.end(1)
        await self._server.wait_closed()

    def reply(self, command: str) -> Reply:
        if command == "ps -c" and command not in self.answers:
            rows = [f"{pid} {pid} pktcap-uw {line}\n" for pid, line in self.alive.items()]
            return Reply("WID CID WorldName Command\n1 1 init init\n" + "".join(rows))
        if command == "date -u" and command not in self.answers:
            return Reply(time.strftime("%a %b %e %H:%M:%S UTC %Y\n", time.gmtime()))
        missing = Reply(err=f"sh: {command.split(maxsplit=1)[0]}: not found\n", status=NO_SUCH)
        return self.answers.get(command, missing)


class Login(asyncssh.SSHServer):
    """A key, or as many rounds of questions as ``prompts`` has."""

    def __init__(self, host: ScriptedHost) -> None:
        self._host, self._round, self.running = host, 0, 0

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        if self._host.banner:
            conn.send_auth_banner(self._host.banner)

    def begin_auth(self, username: str) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return not self._host.prompts

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return key == self._host.client_key.convert_to_public()

    def kbdint_auth_supported(self) -> bool:
        return bool(self._host.prompts)

    def get_kbdint_challenge(
        self, username: str, lang: str, submethods: str
    ) -> asyncssh.auth.KbdIntChallenge:
        return "", "", "", self._host.prompts[0]

    def validate_kbdint_response(
        self, username: str, responses: Sequence[str]
    ) -> asyncssh.auth.KbdIntChallenge:
        if list(responses) != self._host.wanted[self._round]:
            return False
        self._round += 1
        left = self._host.prompts[self._round :]
        return ("", "", "", left[0]) if left else True

    def session_requested(self) -> asyncssh.SSHServerSession[bytes]:
        return Session(self._host, self)


class Session(asyncssh.SSHServerSession[bytes]):
    """One command."""

    def __init__(self, host: ScriptedHost, login: Login) -> None:
        self._host, self._command, self._pid = host, "", next(host.pids)
        self._login, self._counted = login, False
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        self._chan = chan

    def exec_requested(self, command: str) -> bool:
        self._command = command
        self._host.commands.append(command)
        full = self._login.running >= self._host.commands_at_a_time
        if full or self._host.reply(_bare(command)).refused:
            return False
        self._login.running += 1
        self._counted = True
        return True

    def session_started(self) -> None:
        if self._host.ends_at_once and "pktcap-uw --" in self._command:
            self._write(self._host.ends_at_once, STDERR)
            self.end(1)
            return
        self._task = asyncio.create_task(self._run(), name=self._command)

    def data_received(self, data: bytes, datatype: int | None) -> None:
        """A yes on stdin is of no interest."""

    def eof_received(self) -> bool:
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """The process goes on: a host that notices nothing."""
        self._login.running -= self._counted

    def signal_received(self, signal: str) -> None:
        if self._host.obeys_signals:
            self.end(0)

    async def _run(self) -> None:
        host = self._host
        await asyncio.sleep(host.seconds_per_command)
        if host.echoes:
            self._write(f"{self._command}\n".encode())
        if host.greeting:
            self._write(host.greeting.encode())
            self._write(host.greeting.encode(), STDERR)
        if "pktcap-uw --" in self._command:
            await self._capture()
        elif self._command.startswith("kill -"):
            self._kill()
        else:
            await self._answer()

    async def _answer(self) -> None:
        bare = _bare(self._command)
        bounded = self._command.startswith("timeout")
        if bounded and not self._host.syntax.fullmatch(self._command):
            self._write(b"timeout: can't execute '1': No such file or directory\n", STDERR)
            self.end(NO_SUCH)
            return
        reply = Reply() if bare == "true" else self._host.reply(bare)
        if reply.hangs:
            await asyncio.Event().wait()
        self._write(reply.out.encode())
        self._write(reply.err.encode(), STDERR)
        self.end(reply.status)

    def _kill(self) -> None:
        if not self._host.obeys_kill:
            self._write(b"sh: kill: not found\n", STDERR)
            self.end(NO_SUCH)
            return
        for word in self._command.split()[2:]:
            if int(word) in self._host.sessions:
                self._host.sessions[int(word)].end(0)
        self.end(0)

    async def _capture(self) -> None:
        host = self._host
        match = host.syntax.search(self._command)
        assert match, self._command
        host.sessions[self._pid] = self
        host.alive[self._pid] = self._command.partition("exec ")[2]
        if host.tells_pid:
            self._write(f"PID {self._pid}\n".encode(), STDERR)
        ends = time.monotonic() + int(match[1])
        for step in host.capture:
            await asyncio.sleep(min(step.after, ends - time.monotonic()))
            self._write(step.err, STDERR)
            self._write(step.out)
        await asyncio.sleep(max(0.0, ends - time.monotonic()))
        self.end(143)

    def _write(self, data: bytes, kind: int | None = None) -> None:
        if data and not self._chan.is_closing():
            self._chan.write(data, kind)

    def end(self, status: int | None) -> None:
        self._host.sessions.pop(self._pid, None)
        if self._host.alive.pop(self._pid, None) is not None and self._task is not None:
            self._task.cancel()
        if self._chan.is_closing():
            return
        if status is None:
            self._chan.close()
        else:
            self._chan.exit(status)


def _bare(command: str) -> str:
    """The command without what bounds it."""
    for syntax in (OPTION, PLAIN):
        if match := syntax.fullmatch(command):
            return match[2]
    return command
