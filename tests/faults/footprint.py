"""A program of the lab turned into what it holds of the machine: its memory, its open files."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.lab.lab import Program

LOOK_SECONDS = 1.0
QUIET_LOOKS = 5
IDLE_SECONDS = 120.0
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Footprint:
    """``files`` are open file descriptors, sockets among them."""

    name: str
    megabytes: float
    files: int

    def __str__(self) -> str:
        return f"{self.name}: {self.megabytes:.0f} MB, {self.files} files"


def footprint(program: Program) -> Footprint:
    process = Path(f"/proc/{program.pid}")
    pages = int((process / "statm").read_text().split()[1])
    files = len(list((process / "fd").iterdir()))
    return Footprint(program.name, pages * PAGE_BYTES / 1e6, files)


async def idle_footprints(programs: Sequence[Program]) -> list[Footprint]:
    """What each holds once none has opened or closed a file for some looks."""
    quiet, before = 0, list[Footprint]()
    until = time.monotonic() + IDLE_SECONDS
    while quiet < QUIET_LOOKS:
        assert time.monotonic() < until, f"not idle: {[str(print_) for print_ in before]}"
        await asyncio.sleep(LOOK_SECONDS)
        now = [footprint(program) for program in programs]
        same = [one.files for one in now] == [one.files for one in before]
        quiet, before = quiet + 1 if same else 0, now
    return before
