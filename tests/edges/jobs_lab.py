"""What the queue's tests share: jobs by text, worker processes, and waiting for conditions."""

import asyncio
import itertools
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from workers.arp.model import Job, Thread
from workers.jobs import Jobs, Lease

ROOT = Path(__file__).parents[2]
_numbers = itertools.count(1)


def make_job(vm: str, *, job_id: str = "", target: str | None = None) -> Job:
    return Job(
        id=job_id or f"j{next(_numbers)}",
        vm=vm,
        asked_by="U1",
        thread=Thread("C1"),
        asked_at=1_767_225_600_000_000_123,
        target=target,
    )


async def ask(jobs: Jobs, vm: str) -> str:
    """Enqueue and announce; returns the id."""
    job = make_job(vm)
    await jobs.enqueue(job)
    await jobs.announce(job.id, Thread("C1", root_ts="1.1"))
    return job.id


async def claimed(jobs: Jobs, worker: str = "w") -> Lease:
    lease = await jobs.claim(worker, 5)
    assert lease is not None
    return lease


async def until(
    condition: Callable[[], Awaitable[bool]] | Callable[[], bool], seconds: float = 15
) -> None:
    end = time.monotonic() + seconds
    while True:
        met = condition()
        if await met if isinstance(met, Awaitable) else met:
            return
        assert time.monotonic() < end, "the condition was not met in time"
        await asyncio.sleep(0.01)


class Workers:
    """Worker processes of one test and the journal they all write."""

    def __init__(
        self, journal: Path, url: str, *, lease_seconds: float = 1.0, tries: int = 3
    ) -> None:
        self.journal, self.url = journal, url
        self.lease_seconds, self.tries = lease_seconds, tries
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        journal.touch()

    def start(self, name: str, *, concurrency: int = 4, grace_seconds: float = 5) -> None:
        arguments = (name, self.url, self.lease_seconds, self.tries, concurrency, grace_seconds)
        self.running[name] = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.edges.job_worker",
                *map(str, arguments),
                str(self.journal),
            ],
            cwd=ROOT,
        )

    def lines(self, event: str, job_id: str = "") -> list[list[str]]:
        lines = [line.split() for line in self.journal.read_text("utf-8").splitlines()]
        return [line for line in lines if line[1] == event and job_id in {"", line[2]}]

    def send(self, name: str, number: signal.Signals) -> None:
        self.running[name].send_signal(number)

    def kill(self, name: str) -> None:
        process = self.running.pop(name)
        process.kill()
        process.wait(10)

    async def ended(self, name: str) -> int:
        await until(lambda: self.running[name].poll() is not None)
        return self.running.pop(name).wait(10)

    def close(self) -> None:
        for name in list(self.running):
            self.kill(name)
