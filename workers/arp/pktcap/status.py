"""What ``pktcap-uw`` says beside its packets, line by line, turned into values.

Capitals, a final dot and the ``pktcap: `` prefix differ between releases (5.5 to 8.0 transcripts),
so everything is matched loosely.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ready:
    """The capture session is connected: from here on it listens."""


@dataclass(frozen=True, slots=True)
class Pid:
    """The process id that our own command line told."""

    number: int


@dataclass(frozen=True, slots=True)
class Dumped:
    """The last account: packets written, packets lost."""

    packets: int
    dropped: int


@dataclass(frozen=True, slots=True)
class Progress:
    """An account in between: packets written, packets lost."""

    packets: int
    dropped: int


@dataclass(frozen=True, slots=True)
class Prompt:
    """A question that waits for a yes."""

    text: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """An error, in the host's words."""

    text: str


@dataclass(frozen=True, slots=True)
class Said:
    """Anything else."""

    text: str


Status = Ready | Pid | Dumped | Progress | Prompt | Trouble | Said

_READY = re.compile(
    r"vsock\s+connection\s+from\s+port\W{1,3}\d+\W{1,3}cid\W{1,3}\d+", re.IGNORECASE
)
_PID = re.compile(r"^PID (\d{1,10})$")
_DUMPED = re.compile(r"dumped (\d{1,18}) packets?\b.*?\bdropped (\d{1,18}) packets?", re.IGNORECASE)
_PROGRESS = re.compile(r"\bdump: ?(\d{1,18}), ?broken ?: ?\d+, ?drop: ?(\d{1,18})", re.IGNORECASE)
_PROMPT = re.compile(r"\[y/n\]|\(y/n\)|\by/n\b|\bcontinue ?\?|\bare you sure\b", re.IGNORECASE)
_ERROR = re.compile(r"error: ?(.+)", re.IGNORECASE)
_TROUBLE = re.compile(
    r"not found|no such|permission denied|operation not permitted|can't execute|cannot|could not"
    r"|unable to|invalid|unknown|unrecognized|failed to|usage:",
    re.IGNORECASE,
)
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9]*")

# What a normal run says, word for word: never a reason for a failure.
_NORMAL = re.compile(
    r"^(?:pktcap: )?(?:the (?:name of the uplink|switch port id|dir|session capture point|output"
    r" file) is|no server port specif|output the packet info|local cid|listen on port|accept"
    r"|receive thread exiting|dump thread exiting|join with|destroying session|done|to capture)",
    re.IGNORECASE,
)


def parse_status(line: str) -> Status:
    """Read one line; a progress report and an error may share it, then the error counts."""
    text = printable(line)
    if _READY.search(text):
        return Ready()
    if match := _PID.match(text):
        return Pid(int(match[1]))
    if match := _DUMPED.search(text):
        return Dumped(int(match[1]), int(match[2]))
    if match := _ERROR.search(text):
        return Trouble(match[1])
    if match := _PROGRESS.search(text):
        return Progress(int(match[1]), int(match[2]))
    return _other(text)


def _other(text: str) -> Status:
    if _NORMAL.match(text):
        return Said(text)
    if _PROMPT.search(text):
        return Prompt(text)
    if _TROUBLE.search(text):
        return Trouble(text)
    return Said(text)


def parse_points(text: str) -> frozenset[str]:
    """The words of ``pktcap-uw -A``, whose layout differs: a capture point is one whole word."""
    return frozenset(_WORD.findall(text))


def printable(text: str, limit: int = 300) -> str:
    """One line without control or formatting characters, for messages and logs.

    Terminal escapes, line breaks and direction overrides in a name could forge a line.
    """
    kept = (
        " " if c.isspace() else c
        for c in text[: limit * 8]
        if c.isspace() or unicodedata.category(c)[0] != "C"
    )
    line = " ".join("".join(kept).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
