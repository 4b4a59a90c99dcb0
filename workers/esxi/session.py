"""One SSH session of ours: when it is over, how it ended and, for a command, what it printed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import asyncssh

from workers.arp.pktcap import printable

OUTPUT_LIMIT = 2 * 1024 * 1024
NO_STATUS = -1

Channel = asyncssh.SSHClientChannel[bytes]


class Session(asyncssh.SSHClientSession[bytes]):
    """A session that tells its line when it is over."""

    def __init__(self) -> None:
        self.over = asyncio.Event()
        self.lost: str | None = None
        self.cut = False
        self.status: int | None = None
        self.when_over: Callable[[], None] = lambda: None

    def exit_status_received(self, status: int) -> None:
        """The command ended by itself."""
        self.status = status

    def exit_signal_received(
        self,
        signal: str,  # noqa: ARG002
        core_dumped: bool,  # noqa: ARG002, FBT001
        msg: str,  # noqa: ARG002
        lang: str,  # noqa: ARG002
    ) -> None:
        """The command was ended by a signal."""
        self.status = NO_STATUS

    def connection_lost(self, exc: Exception | None) -> None:
        """The channel is closed; ``exc`` where the whole connection broke."""
        if exc is not None:
            self.cut = True
            self.lost = printable(str(exc)) or type(exc).__name__
        elif self.status is None:
            self.lost = "the host closed the session without an exit status"
        self.over.set()
        self.when_over()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a finished command printed, decoded with replacement characters, and its exit status.

    ``status`` is NO_STATUS where a signal ended it, the host told none, or nothing was answered.
    """

    out: str
    err: str
    status: int

    @property
    def why(self) -> str:
        """The command's own words on a failure, in one line."""
        return printable(self.err) or printable(self.out) or f"exit status {self.status}"


class Collector(Session):
    """A session of a command that ends soon: what it prints is kept, up to OUTPUT_LIMIT."""

    def __init__(self) -> None:
        super().__init__()
        self.out = bytearray()
        self.err = bytearray()

    def data_received(self, data: bytes, datatype: int | None) -> None:
        """Keep what still fits."""
        kept = self.out if datatype is None else self.err
        kept += data[: max(0, OUTPUT_LIMIT - len(kept))]
