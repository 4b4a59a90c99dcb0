"""A Job turned into the JSON that waits in Redis, and a job's hash turned back into what is known of it.

The law of rolling upgrades: a field may be added to ``Job`` with a default, and then old and new
processes read each other's jobs. Anything else raises ``VERSION``: an older worker leaves such a
job to a newer one for a minute and then tells the thread that it cannot read it.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workers.arp.model import Job, Thread
from workers.errors import CheckError

VERSION = 1
ANSWERED = "verdict_ts"
"""What a worker notes with a check once its answer is kept and told; the job ends soon after."""


class JobUnreadable(CheckError):
    """A job in the queue that this version cannot read."""

    code = "JOB_UNREADABLE"


@dataclass(frozen=True, slots=True)
class Enqueued:
    """The job that will answer; ``joined`` where an equal one was already under way.

    ``position`` is 1 for the next job to be claimed, 0 for one that runs.
    """

    job: Job
    joined: bool
    position: int


@dataclass(frozen=True, slots=True)
class JobRecord:
    """What is known of a job; ``state`` is ``queued``, ``running`` or ``done``.

    ``position`` counts from 1 while it is queued, else 0. ``outcome`` is what ``finish`` was given;
    ``{"outcome": "cancelled", "while": "queued", "by": …}`` where it was cancelled before a worker
    had it, ``{"outcome": "given up"}`` where not even telling people worked.
    """

    job: Job
    state: str
    position: int
    notes: Mapping[str, str]
    outcome: Mapping[str, str]
    tries: int = 0
    cancelled_by: str | None = None
    watchers: tuple[Thread, ...] = ()


def write_job(job: Job) -> str:
    """The job without its thread, which is kept beside it because ``announce`` completes it."""
    return _json({**dataclasses.asdict(job), "thread": None})


def write_thread(thread: Thread) -> str:
    """The same thread always gives the same text."""
    return _json(dataclasses.asdict(thread))


def read_thread(text: str) -> Thread:
    """Read what ``write_thread`` wrote, of any version that knows a channel."""
    return typing.cast("Thread", _value(Thread, _object(text)))


def read_job(data: str, thread: str, version: int = VERSION) -> Job:
    """Read what ``write_job`` and ``write_thread`` wrote.

    Raises:
        JobUnreadable: written by a version that this one does not understand.
    """
    if version > VERSION:
        raise JobUnreadable("This check was asked for with a newer version of arpcheck")
    return typing.cast("Job", _value(Job, {**_object(data), "thread": _object(thread)}))


def read_refused(data: str, thread: str) -> Job:
    """As much of an unreadable job as is needed to tell its thread.

    Raises:
        JobUnreadable: not even that.
    """
    known: dict[str, Any] = {"vm": "?", "asked_by": "", "asked_at": 0}
    kept = {key: value for key, value in _object(data).items() if key in {"id", *known}}
    return typing.cast("Job", _value(Job, {**known, **kept, "thread": _object(thread)}))


def read_record(found: Mapping[str, str], position: int) -> JobRecord:
    """A job's hash, as Redis holds it."""
    try:
        job = read_job(found["data"], found["thread"], int(found["version"]))
    except JobUnreadable:
        job = read_refused(found["data"], found["thread"])
    return JobRecord(
        job=job,
        state=found["state"],
        position=position,
        notes=starting("note:", found),
        outcome=_object(found["outcome"]) if "outcome" in found else {},
        tries=int(found.get("tries", 0)),
        cancelled_by=found.get("cancelled"),
        watchers=watchers(found),
    )


def watchers(found: Mapping[str, str]) -> tuple[Thread, ...]:
    """The threads that joined a job."""
    return tuple(read_thread(text) for text in sorted(starting("watch:", found)))


def starting(prefix: str, found: Mapping[str, str]) -> dict[str, str]:
    """The fields of a hash whose names start with ``prefix``, without it."""
    return {key[len(prefix) :]: found[key] for key in found if key.startswith(prefix)}


def join_key(job: Job) -> str:
    """Equal for jobs of which one answer serves all: same kind, same VM, same target.

    A job that exists to post somewhere is equal only to one that posts in the same thread.
    """
    about = job.moid or " ".join(job.vm.casefold().split())
    where = write_thread(job.thread) if job.kind in {"post", "files"} else ""
    return _json([job.kind, job.of, job.vcenter_id, about, job.target, where])


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise JobUnreadable("This check's entry in the queue is damaged")
    return value


@functools.cache
def _hints(kind: type) -> Mapping[str, Any]:
    """Evaluated once: it takes longer than all the rest of reading a job."""
    return typing.get_type_hints(kind)


def _value(kind: type, values: Mapping[str, Any]) -> object:
    hints = _hints(kind)
    given: dict[str, Any] = {}
    for field in dataclasses.fields(kind):
        if field.name in values:
            value, hint = values[field.name], hints[field.name]
            if dataclasses.is_dataclass(hint) and isinstance(value, dict):
                value = _value(typing.cast("type", hint), value)
            given[field.name] = tuple(value) if isinstance(value, list) else value
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise JobUnreadable(f"This check's entry in the queue lacks {field.name!r}")
    return kind(**given)
