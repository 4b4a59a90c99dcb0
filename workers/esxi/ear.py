"""One capture's SSH session turned into bytes for the reader and facts for the case.

Law: a capture is proven to listen by its ready line, or by the first packet it delivers. A file
header alone proves that the program runs, not that its session is attached.
"""

from __future__ import annotations

import asyncio
import string
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

import asyncssh

from workers.arp.model import CapturePoint
from workers.arp.pktcap import (
    Dumped,
    Pid,
    Planned,
    Progress,
    Prompt,
    Ready,
    Said,
    Status,
    Trouble,
    parse_status,
    printable,
)
from workers.esxi.session import Channel, Session
from workers.esxi.walk import LONGEST_START, MAGIC_LENGTH, PcapWalk, find_magic

# Releases without a ready line: once the file's header is there for so long, waiting ends.
HEADER_GRACE_SECONDS = 5.0

LINE_LIMIT = 4096
_WORDS = frozenset(string.printable.encode())
LINES_KEPT = 40

# The host's own packet limit (-c) keeps a capture far below this; nothing else should get near it.
MOST_BYTES = 16 * 1024 * 1024

# After so many bytes in one go a flooding capture lets the others be read.
TURN_BYTES = 256 * 1024

Hear = Callable[[CapturePoint, bytes], None]


class Ear(Session):
    """One capture. Times are ours (nanoseconds); ``Listening`` puts them on the host's clock."""

    def __init__(self, planned: Planned, hear: Hear, ends_by: int) -> None:
        super().__init__()
        self.planned = planned
        self.command = planned.command
        self.ends_by = ends_by
        self.begun = False
        self.pid: int | None = None
        self.ready_at: int | None = None
        self.over_at: int | None = None
        self.last_sign_at = time.time_ns()
        self.dropped: int | None = None
        self.broken: str | None = None
        self.asked_first = False
        self.decided = asyncio.Event()
        self.walk = PcapWalk()
        self.bytes = 0
        self.said: deque[str] = deque(maxlen=LINES_KEPT)
        self.trouble: deque[str] = deque(maxlen=LINES_KEPT)
        self._hear = hear
        self._channel: Channel | None = None
        self._noise: bytes | None = b""
        self._line = b""
        self._held = b""
        self._turn = 0
        self._grace: asyncio.TimerHandle | None = None

    @property
    def heard_anything(self) -> bool:
        """Whether a capture file began."""
        return self.bytes > 0

    @property
    def overflowed(self) -> bool:
        """Whether more came than is kept: the rest is not passed on."""
        return self.bytes > MOST_BYTES

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        """A channel is open; also after a first one was refused."""
        self._channel = chan
        self.begun = True
        self.over_at = self.lost = None
        self.over.clear()
        self.decided.clear()

    def session_started(self) -> None:
        """Say yes at once: some builds ask before they capture, and the others ignore it."""
        if self._channel is not None:
            with suppress(BrokenPipeError):  # it has ended already; what it said is on its way
                self._channel.write(b"Y\n")
            self._channel.write_eof()

    def data_received(self, data: bytes, datatype: int | None) -> None:
        """Packets come on stdout, words on stderr."""
        self.last_sign_at = time.time_ns()
        if datatype is not None:
            self._read_words(data)
        elif self._noise is not None:
            self._find_start(data)
        else:
            self._pass_on(data)
        self._yield_turn(len(data))

    def connection_lost(self, exc: Exception | None) -> None:
        """The session is over, for whatever reason."""
        self.over_at = time.time_ns()
        if self._line:
            self._read_line(self._line)
        self._let_go()
        self._read_noise(self._noise or b"")
        if self._grace is not None:
            self._grace.cancel()
        self.decided.set()
        super().connection_lost(exc)

    def fail(self, why: str) -> None:
        """The capture never started."""
        self.broken = why
        self.over_at = time.time_ns()
        self.decided.set()
        self.over.set()

    def interrupt(self, signal: str = "INT") -> None:
        """Ask the capture to end through its channel; INT is the way it was built for."""
        if self._channel is not None and not self.over.is_set():
            with suppress(OSError):
                self._channel.send_signal(signal)

    def hang_up(self) -> None:
        """Close the session; the process may still run."""
        if self._channel is not None and not self.over.is_set():
            self._channel.abort()

    def words(self) -> str:
        """What the host said about a failure: its errors, else its last words."""
        lines = list(self.trouble) or [line for line in self.said if line]
        return printable("; ".join(lines[-3:]))

    def _find_start(self, data: bytes) -> None:
        """Whatever stands before the capture file (a prompt, status lines) is read as words."""
        noise = (self._noise or b"") + data
        start = find_magic(noise)
        if start < 0:
            # A line's end may be the first byte of a capture file that is cut here.
            sure = noise.rfind(b"\n", 0, max(0, len(noise) - LONGEST_START)) + 1
            self._read_noise(noise[:sure])
            self._noise = noise[sure:][-LINE_LIMIT:]
            self._glance(self._noise)
            return
        self._noise = None
        self._read_noise(noise[:start])
        self._pass_on(noise[start:])

    def _read_noise(self, noise: bytes) -> None:
        for line in noise.splitlines():
            self._read_line(line, told_by_us=False)  # our own words go to stderr

    def _glance(self, unfinished: bytes) -> None:
        """Some builds end the ready line only with the next one: its words are enough."""
        if self.ready_at is None and isinstance(_status(unfinished), Ready):
            self._prove()

    def _pass_on(self, data: bytes) -> None:
        if self.overflowed:
            return
        self.bytes += len(data)
        if self.overflowed:
            self.hang_up()
            return
        self.walk.feed(data)
        if self.walk.records and self.ready_at is None:
            self._prove()
        elif self.ready_at is None and self._grace is None and len(data) >= MAGIC_LENGTH:
            loop = asyncio.get_running_loop()
            self._grace = loop.call_later(HEADER_GRACE_SECONDS, self.decided.set)
        self._hear_whole(data)

    def _hear_whole(self, data: bytes) -> None:
        """Give records to the reader; words behind them, where a build says them there, are words."""
        data, loose = self._held + data, self.walk.loose
        self._held = b""
        if self.walk.lost and _are_words(loose):
            data, self._noise = data[: -len(loose)], b""  # from here on nothing but words comes
            self._find_start(loose)
        elif loose and not self.walk.lost:
            data, self._held = data[: -len(loose)], loose
        if data:
            self._hear(self.planned.point, data)

    def _let_go(self) -> None:
        """At the end: what was held back is words, or the beginning of a record."""
        held, self._held = self._held, b""
        if _are_words(held):
            self._read_noise(held)
        elif held:
            self._hear(self.planned.point, held)

    def _prove(self) -> None:
        self.ready_at = time.time_ns()
        self.decided.set()

    def _read_words(self, data: bytes) -> None:
        *lines, rest = (self._line + data).replace(b"\r", b"\n").split(b"\n")
        for line in lines:
            self._read_line(line)
        self._line = rest[-LINE_LIMIT:]
        self._glance(self._line)

    def _read_line(self, line: bytes, *, told_by_us: bool = True) -> None:
        match _status(line):
            case Ready():
                if self.ready_at is None:
                    self._prove()
            case Pid(number) if told_by_us:
                self.pid = self.pid or number
            case Dumped(_, dropped) | Progress(_, dropped):
                self.dropped = dropped
            case Trouble(text):
                self.trouble.append(text)
            case (Said(text) | Prompt(text)) as word:
                self.asked_first |= isinstance(word, Prompt)
                self.said.append(text)
            case Pid():
                pass

    def _yield_turn(self, length: int) -> None:
        self._turn += length
        if self._turn >= TURN_BYTES and self._channel is not None:
            self._turn = 0
            self._channel.pause_reading()
            asyncio.get_running_loop().call_soon(self._channel.resume_reading)


def _are_words(data: bytes) -> bool:
    return bool(data) and all(byte in _WORDS for byte in data[:16])


def _status(line: bytes) -> Status:
    return parse_status(line[:LINE_LIMIT].decode("utf-8", "replace"))
