"""What a person typed, wherever they typed it, turned into one request or one clear sentence.

Pure: no Slack, no clock. The grammar, after Slack's own mangling is undone::

    vm [to] [target] [[for] 30s]  |  help  |  status  |  stop [id]  |  history vm

A VM is a name, an IPv4 address, a MAC, a moid or a UUID; names with spaces stand in quotes, and a
quoted word is always a name. The target is an IPv4 address or a second VM.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from handlers.words import BadText, Word, checked, words_of

T = TypeVar("T")

LONGEST_NAME = 80  # vSphere API, VirtualMachine.name
LONGEST_SECONDS = 300

_DURATION = re.compile(
    r"(?P<number>\d{1,9})(?P<unit>|s|sec|secs|seconds?|m|min|mins|minutes?)", re.IGNORECASE
)
_MAC = re.compile(r"[0-9a-f]{2}([:-][0-9a-f]{2}){5}|[0-9a-f]{4}(\.[0-9a-f]{4}){2}", re.IGNORECASE)
_JOB = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,39}")
_IPV4_LIKE = re.compile(r"\d+(\.\d+){1,}([:/]\d*)?")


@dataclass(frozen=True, slots=True)
class Check:
    """Check a VM's ARP; ``seconds`` None = as long as the worker's setting says."""

    vm: str
    target: str | None = None
    seconds: int | None = None

    def text(self) -> str:
        """The request as it could be typed; equal requests have equal texts."""
        target = f" {_quoted(self.target)}" if self.target else ""
        seconds = f" for {self.seconds}s" if self.seconds else ""
        return f"{_quoted(self.vm)}{target}{seconds}"


@dataclass(frozen=True, slots=True)
class Ask:
    """Nothing was typed: ask with the dialog."""


@dataclass(frozen=True, slots=True)
class Help:
    """How to use it."""


@dataclass(frozen=True, slots=True)
class Status:
    """What runs and what waits."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop a check; without an id the asker's own."""

    job_id: str | None = None


@dataclass(frozen=True, slots=True)
class History:
    """The last verdicts on a VM."""

    vm: str


@dataclass(frozen=True, slots=True)
class Mistake:
    """What was typed cannot be read; ``sentence`` says why, for the person who typed it."""

    sentence: str


Request = Check | Ask | Help | Status | Stop | History | Mistake


class _Wrong(Exception):
    """Carries a Mistake's sentence out of the depths of the parser."""


def parse(text: str) -> Request:
    """Read what was typed after the command or the mention; never raises."""
    try:
        words = words_of(text)
        if not words:
            return Ask()
        return _command(words) or check_of(words)
    except (_Wrong, BadText) as wrong:
        return Mistake(str(wrong))


def read_fields(vm: str, target: str, seconds: str) -> Check | dict[str, str]:
    """The dialog's three fields turned into a check, or into a sentence for each wrong field."""
    read_vm = _field(_vm, vm) or Mistake("Name a VM: its name, IP, MAC, moid or UUID.")
    read_target = _field(_target, target)
    read_seconds = _field(lambda word: _seconds(word.text), seconds)
    fields = {"vm": read_vm, "target": read_target, "seconds": read_seconds}
    wrong = {name: read.sentence for name, read in fields.items() if isinstance(read, Mistake)}
    if (
        isinstance(read_vm, Mistake)
        or isinstance(read_target, Mistake)
        or isinstance(read_seconds, Mistake)
    ):
        return wrong
    return Check(read_vm, read_target, read_seconds)


def _field(read: Callable[[Word], T], text: str) -> T | Mistake | None:
    """One field of the dialog, where blanks need no quotes; None = left empty."""
    name = text.strip()
    try:
        return read(Word(checked(name), quoted=" " in name)) if name else None
    except (_Wrong, BadText) as wrong:
        return Mistake(str(wrong))


def _command(words: list[Word]) -> Request | None:
    """The small commands; None where the first word is a VM."""
    first, rest = words[0], words[1:]
    name = "" if first.quoted else first.text.lower()
    if name in {"help", "?", "-h", "--help"} and not rest:
        return Help()
    if name == "status" and not rest:
        return Status()
    if name in {"stop", "cancel"} and len(rest) < 2:  # noqa: PLR2004
        return Stop(_job_id(rest[0].text) if rest else None)
    if name == "history":
        if not rest:
            raise _Wrong("Say of which VM: `history vm-name`.")
        if len(rest) > 1:
            raise _Wrong(_too_many(rest[1]))
        return History(_vm(rest[0]))
    return None


def check_of(words: list[Word]) -> Check:
    """Read ``vm [to] [target] [[for] 30s]``."""
    vm = _vm(words[0])
    rest = words[1:]
    seconds = None
    if rest and _is_duration(rest[-1]):
        seconds = _seconds(rest.pop().text)
        if rest and _is(rest[-1], "for"):
            rest.pop()
    elif len(rest) > 1 and _is(rest[-2], "for"):
        seconds = _seconds(rest[-1].text)
        del rest[-2:]
    elif rest and _is(rest[-1], "for"):
        raise _Wrong("Say for how long, such as `for 30s`.")
    if len(rest) > 1 and _is(rest[0], "to", "->", "→"):
        rest = rest[1:]
    if len(rest) > 1:
        raise _Wrong(_too_many(rest[1]))
    return Check(vm, _target(rest[0]) if rest else None, seconds)


def _is(word: Word, *texts: str) -> bool:
    return not word.quoted and word.text.lower() in texts


def _is_duration(word: Word) -> bool:
    """Whether the word can only be a time; a bare number needs ``for`` before it."""
    match = _DURATION.fullmatch(word.text)
    return not word.quoted and match is not None and bool(match["unit"])


def _seconds(text: str) -> int:
    match = _DURATION.fullmatch(text.replace(" ", ""))
    if match is None:
        raise _Wrong(f"{_shown(text)} is no time such as `30s` or `2m`.")
    factor = 60 if match["unit"].lower().startswith("m") else 1
    seconds = int(match["number"]) * factor
    if not 1 <= seconds <= LONGEST_SECONDS:
        raise _Wrong(f"A check listens 1 to {LONGEST_SECONDS} seconds, not {_shown(text)}.")
    return seconds


def _vm(word: Word) -> str:
    name = word.text.strip()
    if len(name) > LONGEST_NAME:
        raise _Wrong(f"A VM's name has at most {LONGEST_NAME} characters, this one {len(name)}.")
    if not name:
        raise _Wrong("The VM's name is empty.")
    if not word.quoted and _looks_like_address(name):
        _address(name)
    return name


def _target(word: Word) -> str:
    if not word.quoted and _looks_like_address(word.text):
        return _address(word.text)
    return _vm(word)


def _looks_like_address(text: str) -> bool:
    if _MAC.fullmatch(text):
        return False
    return bool(_IPV4_LIKE.fullmatch(text)) or _is_ipv6(text)


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def _address(text: str) -> str:
    """An IPv4 address that a host can have, in its usual form."""
    if _is_ipv6(text):
        raise _Wrong(f"{_shown(text)} is IPv6, which has no ARP (it uses Neighbour Discovery).")
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError:
        raise _Wrong(f"{_shown(text)} is no IPv4 address such as 10.0.0.1.") from None
    if address.is_multicast or address.is_loopback or address.is_unspecified or address.is_reserved:
        raise _Wrong(f"{address} is no address that ARP can ask for.")
    return str(address)


def _job_id(text: str) -> str:
    if not _JOB.fullmatch(text):
        raise _Wrong(f"{_shown(text)} is no check's id; `status` shows them.")
    return text


def _too_many(word: Word) -> str:
    return (
        f"What is {_shown(word.text)}? I read a VM, a target and a time;"
        ' a name with spaces stands in quotes: "my vm".'
    )


def _quoted(text: str) -> str:
    """The text so that it is read as one word: bare where it can only be a name."""
    if '"' not in text:
        return f'"{text}"'
    return f"`{text}`" if "`" not in text else text


def _shown(text: str) -> str:
    """Somebody's text inside a sentence; the sentence is escaped where it is sent."""
    short = text if len(text) <= 40 else text[:39] + "…"  # noqa: PLR2004
    return f"“{short}”"
