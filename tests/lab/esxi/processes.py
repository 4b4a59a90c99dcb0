"""A host's process table: who runs, since when, and what a signal does to it.

A process outlives the SSH channel that started it, as on a real host: only its own end, a signal or
a write to the closed channel stops it.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

SIGNALS = {"HUP": 1, "INT": 2, "QUIT": 3, "KILL": 9, "USR1": 10, "PIPE": 13, "ALRM": 14, "TERM": 15}


class Stream(Protocol):
    """Where a process writes: a channel, a pipe or a file. False = nobody reads any more."""

    def write(self, data: bytes) -> bool: ...

    def room(self) -> int: ...


@dataclass
class Process:
    """One process; ``on_signal`` answers True where it deals with the signal itself.

    ``session`` is the process that the channel began with, ``holds`` whether this one keeps the
    channel's pipes open.
    """

    pid: int
    argv: list[str]
    parent: int
    since: float = field(default_factory=time.time)
    threads: int = 1
    on_signal: Callable[[str], bool] | None = None
    task: asyncio.Task[int] | None = None
    killed_by: str | None = None
    immune: frozenset[str] = frozenset()
    session: int = 0
    holds: bool = True

    @property
    def name(self) -> str:
        return self.argv[0].rsplit("/", 1)[-1] if self.argv else ""

    def signal(self, name: str) -> None:
        """Deliver a signal by its name without SIG."""
        if name != "KILL" and name in self.immune:
            return
        if name == "KILL" or self.on_signal is None or not self.on_signal(name):
            self.killed_by = name
            if self.task is not None:
                self.task.cancel()


class Processes:
    """The table. Process ids grow and are never used twice."""

    def __init__(self) -> None:
        self._pids = itertools.count(2_100_417, 7)
        self._running: dict[int, Process] = {}

    def __iter__(self) -> Iterator[Process]:
        return iter(tuple(self._running.values()))

    def get(self, pid: int) -> Process | None:
        return self._running.get(pid)

    def new(self, argv: list[str], parent: int = 1) -> Process:
        process = Process(next(self._pids), argv, parent)
        above = self._running.get(parent)
        process.session = above.session if above else process.pid
        self._running[process.pid] = process
        return process

    def start(self, process: Process, work: Coroutine[Any, Any, int]) -> asyncio.Task[int]:
        """Run a process's work; the task gives its exit status and never raises."""
        process.task = asyncio.create_task(self._run(process, work), name=f"pid {process.pid}")

        def ended(_: asyncio.Task[int]) -> None:
            work.close()  # killed before its first step
            self._running.pop(process.pid, None)

        process.task.add_done_callback(ended)
        return process.task

    @staticmethod
    def status(task: asyncio.Task[int]) -> int:
        """The exit status of a task that is done, even one killed before its first step."""
        return 128 + SIGNALS["TERM"] if task.cancelled() else task.result()

    async def end_all(self) -> None:
        """The host goes down: nothing is left."""
        tasks = [process.task for process in self if process.task is not None]
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._running.clear()

    async def _run(self, process: Process, work: Coroutine[Any, Any, int]) -> int:
        try:
            return await work
        except asyncio.CancelledError:
            return 128 + SIGNALS.get(process.killed_by or "TERM", 15)
