"""Measurements turned into tables on the screen and in RESULTS.md."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Self

from bench.side_by_side import Contender

RESULTS = Path(__file__).parent / "RESULTS.md"
PARTS = ("reading", "vcenter", "live", "flight", "bot", "queue")
LAST = "remarks"
HEAD = """# What is fast, and what is not

Written by `make bench`, a part at a time (`make bench ARGS="--only reading"`). The rows of a table ran
in turn in the same run. Times are medians; compare the ratios, as absolute times differ between machines
and hours.
"""
BUSY = 0.5
"""From this load a core on, a table says that the machine was busy."""
_MARK = re.compile(r"<!-- part: (\w+) -->\n")

LIBRARIES = ("dpkt", "scapy", "asyncssh", "pyvmomi", "redis", "slack-bolt")


@dataclass(frozen=True, slots=True)
class Section:
    """One table; ``notes`` are sentences below it."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()

    @classmethod
    def of_race(cls, title: str, contenders: Sequence[Contender]) -> Self:
        """Medians, and how many times the first one's time each takes."""
        first = contenders[0]
        rows = tuple(
            (
                c.name,
                f"{c.seconds:.3f}",
                f"{c.seconds / first.seconds:.2f}",
                f"{c.cpu_seconds:.3f}",
                f"{c.cpu_seconds / first.cpu_seconds:.2f}",
                f"{c.megabytes}",
                "" if c.found is None else f"{c.found:,}",
                f"{len(c.wall)}",
            )
            for c in contenders
        )
        head = ("whole process", "s", "× first", "CPU s", "× first", "MB", "ARP found", "runs")
        notes = ("MB is never less than what the bench itself held when it started the process.",)
        return cls(title, head, rows, notes + _disagreements(contenders))

    def text(self) -> str:
        """The table in Markdown, aligned so that it reads well on a screen too."""
        widths = [max(map(len, column)) for column in zip(self.head, *self.rows, strict=True)]
        told = [self.head, tuple("-" * width for width in widths), *self.rows]
        lines = [
            "| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |"
            for row in told
        ]
        return "\n".join([f"## {self.title}", "", *lines, *(f"\n{n}" for n in self.notes), ""])


def _disagreements(contenders: Sequence[Contender]) -> tuple[str, ...]:
    counts = {c.found for c in contenders if c.found is not None}
    return () if len(counts) < 2 else ("**The counts differ.**",)


def write(part: str, sections: Sequence[Section], load: float, remarks: str) -> None:
    """Put one part's tables in RESULTS.md, with date, machine and versions; other parts stay."""
    found = _MARK.split(RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else "")
    parts = dict(zip(found[1::2], found[2::2], strict=True))
    about = f"Measured on {time.strftime('%Y-%m-%d %H:%M')}: {machine()}; {', '.join(versions())}."
    if load > BUSY * (os.cpu_count() or 1):
        about += (
            f" **The machine was busy with other work: load {load:.0f} on {os.cpu_count()} cores at the"
            " start.** Wall times are several times an idle machine's; look at CPU times and at ratios."
        )
    parts[part] = "\n".join([about, "", *(section.text() for section in sections)])
    parts[LAST] = remarks
    order = [name for name in (*PARTS, LAST) if name in parts]
    told = "".join(f"<!-- part: {name} -->\n{parts[name].strip()}\n\n" for name in order)
    RESULTS.write_text(f"{HEAD}\n{told.rstrip()}\n", encoding="utf-8")


def machine() -> str:
    """Cores, memory and processor in plain words."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    model = ""
    info = Path("/proc/cpuinfo")
    if info.exists():
        found = re.search(r"model name\s*: (.+)", info.read_text(encoding="utf-8"))
        model = f", {found[1].strip()}" if found else ""
    return f"{os.cpu_count()} cores, {memory:.0f} GB of memory{model}, {platform.system()}"


def versions() -> list[str]:
    """Python, the peers and the libraries that matter."""
    told = [f"Python {platform.python_version()}"]
    for library in LIBRARIES:
        try:
            told.append(f"{library} {version(library)}")
        except PackageNotFoundError:
            told.append(f"no {library}")
    return [*told, _tool("tcpdump"), _tool("tshark")]


def _tool(name: str) -> str:
    try:
        done = subprocess.run([name, "--version"], capture_output=True, text=True, check=False)
    except OSError:
        print(f"{name} is not installed; it is left out", file=sys.stderr)
        return f"no {name}"
    found = re.search(r"\d+\.\d+[.\d]*", done.stdout + done.stderr)
    return f"{name} {found[0] if found else 'of unknown version'}"
