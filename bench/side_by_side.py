"""Turns command lines into medians: all run in turn, round by round, so that drift hits all alike."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(slots=True)
class Contender:
    """A command; ``feed`` is a file that goes into its standard input through a pipe.

    Of ``cold`` nothing is in memory when it starts, so that it waits for the disk.
    ``answer`` turns what it prints, chunk by chunk, into the count of ARP frames it found.
    """

    name: str
    command: Sequence[str]
    answer: Callable[[Iterator[bytes]], int | None]
    feed: Path | None = None
    cold: Path | None = None
    rounds: int | None = None
    """At most so many rounds: for the very slow ones."""
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    megabytes: int = 0
    found: int | None = None

    @property
    def seconds(self) -> float:
        return statistics.median(self.wall)

    @property
    def cpu_seconds(self) -> float:
        return statistics.median(self.cpu)


def race(contenders: Sequence[Contender], rounds: int) -> Sequence[Contender]:
    """Run every contender once a round; the first round is not counted where there are several."""
    for number in range(rounds + (rounds > 2)):
        for contender in contenders:
            if len(contender.wall) < (contender.rounds or rounds + 1):
                _run(contender)
        if rounds > 2 and number == 0:
            for contender in contenders:
                if contender.rounds != 1:
                    contender.wall.clear()
                    contender.cpu.clear()
    return contenders


def _run(contender: Contender) -> None:
    if contender.cold is not None:
        forget(contender.cold)
    reader, writer = os.pipe()
    feeder = None
    if contender.feed is not None:
        feeder = subprocess.Popen(["cat", contender.feed], stdout=subprocess.PIPE)
    started = time.perf_counter()
    process = subprocess.Popen(
        contender.command,
        stdin=feeder.stdout if feeder else subprocess.DEVNULL,
        stdout=writer,
        stderr=subprocess.DEVNULL,
        env=environment(),
    )
    os.close(writer)
    printed = iter(lambda: os.read(reader, 1 << 20), b"")
    contender.found = contender.answer(printed)
    for _ in printed:
        pass
    _, status, usage = os.wait4(process.pid, 0)
    contender.wall.append(time.perf_counter() - started)
    process.returncode = os.waitstatus_to_exitcode(status)
    os.close(reader)
    if feeder is not None and feeder.stdout is not None:
        feeder.stdout.close()
        feeder.wait()
    contender.cpu.append(usage.ru_utime + usage.ru_stime)
    contender.megabytes = max(contender.megabytes, usage.ru_maxrss // 1024)
    if process.returncode:
        print(f"{contender.name} ended with status {process.returncode}", file=sys.stderr)


def forget(path: Path) -> None:
    """Put a file out of the system's memory."""
    with path.open("rb") as file:
        os.fsync(file)  # what is not on disk yet stays
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def environment() -> dict[str, str]:
    """As after an installation: compiled modules are kept, nothing is written unbuffered."""
    dropped = {"PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONPATH"}
    return {name: value for name, value in os.environ.items() if name not in dropped}
