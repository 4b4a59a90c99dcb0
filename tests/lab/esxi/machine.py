"""One host of the world to what its commands share: processes, files, clock, behaviours, log."""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.lab.esxi.processes import Processes
from tests.lab.network import Network
from tests.lab.world import EsxiHost, World

PIPE_BYTES = 256 * 1024  # what sshd and the pipe behind it hold before a writer has to wait


@dataclass(frozen=True)
class Logged:
    """A command line that somebody sent, with when and on which connection."""

    at: float
    connection: int
    line: str


class Behaviours:
    """The host's oddities by name; ``name:value`` carries a value."""

    def __init__(self, host: EsxiHost) -> None:
        self._host = host

    def __contains__(self, name: str) -> bool:
        return self.value(name) is not None

    def value(self, name: str) -> str | None:
        """The value behind the name, "" where it has none, None where the host lacks it."""
        for behaviour in self._host.behaviours:
            head, _, value = behaviour.partition(":")
            if head == name:
                return value
        return None

    def number(self, name: str, default: float) -> float:
        value = self.value(name)
        return float(value) if value else default

    def names(self) -> set[str]:
        return {behaviour.partition(":")[0] for behaviour in self._host.behaviours}


class Inlet:
    """Bytes on their way to a reader: a channel's stdin or the end of a pipe."""

    def __init__(self, data: bytes = b"", *, ended: bool = False) -> None:
        self._data, self._ended, self._more = bytearray(data), ended, asyncio.Event()
        self.abandoned = False

    def write(self, data: bytes) -> bool:
        self._data += data
        self._more.set()
        return not self.abandoned

    def room(self) -> int:
        return PIPE_BYTES - len(self._data)

    def end(self) -> None:
        self._ended = True
        self._more.set()

    async def read(self) -> bytes:
        """What has come, at least a byte; b"" at the end."""
        while not self._data and not self._ended:
            self._more.clear()
            await self._more.wait()
        data = bytes(self._data)
        self._data.clear()
        return data

    async def line(self) -> bytes:
        """The next line with its newline, the rest at the end, b"" after it."""
        while b"\n" not in self._data and not self._ended:
            self._more.clear()
            await self._more.wait()
        end = self._data.find(b"\n") + 1 or len(self._data)
        data = bytes(self._data[:end])
        del self._data[:end]
        return data

    async def all(self) -> bytes:
        parts = []
        while part := await self.read():
            parts.append(part)
        return b"".join(parts)


class Kept:
    """A stream that keeps what is written: a file, ``$( )``; or nothing, for /dev/null."""

    def __init__(self, *, keep: bool = True) -> None:
        self.data, self._keep = bytearray(), keep

    def write(self, data: bytes) -> bool:
        if self._keep:
            self.data += data
        return True

    def room(self) -> int:
        return PIPE_BYTES


@dataclass
class Machine:
    """An ESXi host from the inside."""

    world: World
    network: Network
    host: EsxiHost
    processes: Processes = field(default_factory=Processes)
    files: dict[str, Kept] = field(default_factory=dict)
    commands: list[Logged] = field(default_factory=list)
    used: Counter[str] = field(default_factory=Counter)
    random: random.Random = field(default_factory=lambda: random.Random(7))

    def __post_init__(self) -> None:
        self.behaviours = Behaviours(self.host)

    @property
    def release(self) -> tuple[int, int]:
        """(8, 0) for 8.0.3; a behaviour such as ``version_6_7`` overrules the world's version."""
        for name in self.behaviours.names():
            if match := re.fullmatch(r"version_(\d+)_(\d+)", name):
                return int(match[1]), int(match[2])
        major, minor = [*self.host.version.split("."), "0"][:2]
        return int(major), int(minor)

    @property
    def version(self) -> str:
        major, minor = self.release
        same = self.host.version.startswith(f"{major}.{minor}")
        return self.host.version if same else f"{major}.{minor}.0"

    @property
    def offset(self) -> int:
        """How many nanoseconds the host's clock is ahead."""
        return int(self.behaviours.number("clock_offset", 0) * 1e9)

    def now(self) -> float:
        """The host's own clock, in seconds since 1970."""
        return time.time() + self.offset / 1e9
