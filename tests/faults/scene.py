"""A test's hand on the shared lab: workers started, harmed and ended, and what became of a check."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import Callable
from typing import Any

from tests.edges.jobs_lab import until
from tests.faults.ledger import Ledger
from tests.lab.lab import Lab, Program
from tests.lab.slack import INCIDENT
from workers.jobs import Jobs

LEASE_SECONDS = 2
CAPTURE_SECONDS = 4
ANSWER_SECONDS = 60


class Scene:
    """What one test does to the lab, undone at its end."""

    def __init__(self, lab: Lab, jobs: Jobs) -> None:
        self.lab, self.jobs = lab, jobs
        assert lab.redis is not None
        lab.redis.command("FLUSHALL")
        lab.slack.chat.dedupe = (
            False  # what Slack may do about a repeated client_msg_id is no proof
        )
        lab.slack.space.files.clear()
        self.ledger = Ledger(lab)
        self.workers: list[Program] = []
        self._began = time.time()

    async def hire(self, **settings: str) -> Program:
        """Start a worker."""
        common = {
            "ARPCHECK_LEASE_SECONDS": str(LEASE_SECONDS),
            "CAPTURE_SECONDS": str(CAPTURE_SECONDS),
        }
        worker = await self.lab.run("workers", self.lab.environment(**(common | settings)))
        self.workers.append(worker)
        return worker

    async def ask(self, text: str, *, channel: str = INCIDENT) -> str:
        """Type the command; the id of its job, once its message stands there."""
        before = set(self.ledger.roots())
        await self.lab.slack.slash(text, channel=channel)
        return await self._new_job(before)

    async def mention(self, text: str, *, user: str, channel: str) -> str:
        """Mention the bot, which gives no response_url; the id of the job."""
        before = set(self.ledger.roots())
        await self.lab.slack.mention(text, user=user, channel=channel)
        return await self._new_job(before)

    async def _new_job(self, before: set[str]) -> str:
        await self.until(lambda: set(self.ledger.roots()) - before)
        (job_id,) = set(self.ledger.roots()) - before
        return job_id

    async def until(self, condition: Callable[[], object], seconds: float = ANSWER_SECONDS) -> None:
        """Wait for a condition; what the workers said comes with the failure."""
        try:
            await self.lab.settled(condition, seconds)
        except TimeoutError:
            logs = "\n".join(f"--- {p.pid}\n{p.output()[-3000:]}" for p in self.workers)
            raise AssertionError(f"it did not happen within {seconds} s\n{logs}") from None

    async def answered(self, job_id: str, seconds: float = ANSWER_SECONDS) -> str:
        """Wait for the final answer; its text."""
        await self.until(lambda: self.ledger.answered(job_id), seconds)
        await self.finished(job_id)
        (answer,) = self.ledger.answers(job_id)
        return answer.text

    async def finished(self, job_id: str) -> dict[str, str]:
        """Wait until the queue knows the job's outcome."""
        outcome: dict[str, str] = {}

        async def done() -> bool:
            record = await self.jobs.get(job_id)
            if record is not None and record.state == "done":
                outcome.update(record.outcome)
            return bool(outcome)

        await until(done, ANSWER_SECONDS)
        return outcome

    def captures_alive(self) -> list[str]:
        """Captures of this test that still run; those of earlier tests' dead workers do not count."""
        return [
            " ".join(alive.argv)
            for twin in self.lab.esxi.values()
            for alive in twin.alive()
            if alive.since >= self._began
        ]

    async def capturing(self) -> None:
        """Wait until captures run on a host."""
        await self.until(self.captures_alive)

    async def kill(self, worker: Program) -> None:
        """As the kernel's out-of-memory killer does."""
        worker.signal(signal.SIGKILL)
        await worker.process.wait()

    async def another_capture(self) -> None:
        """Wait until a capture is started that was not before."""
        before = self.captures_started()
        await self.until(lambda: self.captures_started() > before)

    def captures_started(self) -> int:
        """How many captures were ever started on any host."""
        return sum(
            "pktcap-uw" in logged.line and "--capture" in logged.line
            for twin in self.lab.esxi.values()
            for logged in twin.commands
        )

    def root_shows(self, job_id: str, words: str) -> bool:
        return words in self.ledger.roots()[job_id].text

    async def end(self) -> None:
        """Stop the workers and take all trouble back."""
        lab = self.lab
        lab.slack.api.faults.clear()
        lab.vcenter.faults.clear()
        lab.world.faults.clear()
        for host in lab.world.hosts:
            host.behaviours.clear()
            host.ssh_running = True
        await asyncio.gather(*(worker.stop() for worker in self.workers))
        for worker in self.workers:
            lab.programs.remove(worker)


def records(worker: Program) -> list[dict[str, Any]]:
    """A worker's log, each line of which is one JSON object."""
    return [json.loads(line) for line in worker.output().splitlines()]


def said(worker: Program, words: str) -> bool:
    return words in worker.output()
