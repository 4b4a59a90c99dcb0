"""Runs arpcheck in a process of its own against a practice lab, while the lab goes on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from tests.lab.start import ROOT, start

SECONDS = 90


@dataclass(frozen=True)
class Done:
    """A finished command."""

    status: int
    out: str
    err: str


async def arpcheck(environment: Mapping[str, str], *arguments: str, cwd: Path) -> Done:
    """Run to the end, in a folder without a .env file."""
    with TemporaryFile() as out, TemporaryFile() as err:
        process = await start(
            "workers.cli",
            *arguments,
            environment={**environment, "PYTHONPATH": str(ROOT)},
            output=(out.fileno(), err.fileno()),
            cwd=cwd,
        )
        try:
            async with asyncio.timeout(SECONDS):
                status = await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise
        return Done(status, *(_written(file) for file in (out, err)))


def _written(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


async def doctor(environment: Mapping[str, str], *arguments: str, cwd: Path) -> dict[str, Any]:
    """What ``arpcheck doctor --json`` says; its exit status must agree."""
    done = await arpcheck(environment, "doctor", "--json", *arguments, cwd=cwd)
    assert done.err == ""
    said: dict[str, Any] = json.loads(done.out)
    states = {reading["state"] for reading in said["readings"]}
    assert (done.status, said["ok"]) == ((1, False) if "fail" in states else (0, True))
    return said


def found(said: Mapping[str, Any], peer: str, subject: str) -> dict[str, str]:
    """The worst reading of that subject."""
    matching = [r for r in said["readings"] if (r["peer"], r["subject"]) == (peer, subject)]
    assert matching, [(r["peer"], r["subject"]) for r in said["readings"]]
    return max(matching, key=lambda reading: ["ok", "warn", "fail"].index(reading["state"]))
