"""A worker process for the tests: does what a job's VM text says, and writes down what it did.

``python -m tests.edges.job_worker NAME URL LEASE_SECONDS TRIES CONCURRENCY GRACE_SECONDS
JOURNAL``. A VM text is ``VERB:ARGUMENT#any``: ``sleep:SECONDS``, ``hold:`` (until cancelled),
``crash:``, ``break:``. A line of the journal is ``NAME EVENT JOB TRY``.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from workers.errors import LeaseLost
from workers.jobs import Jobs, Lease, Turns, run_worker


class Journal:
    def __init__(self, name: str, path: str) -> None:
        self._name, self.path = name, path
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(self, event: str, lease: Lease) -> None:
        os.write(self._file, f"{self._name} {event} {lease.job.id} {lease.number}\n".encode())

    def has(self, event: str, job_id: str) -> bool:
        lines = [line.split() for line in Path(self.path).read_text("utf-8").splitlines()]
        return any(line[1:3] == [event, job_id] for line in lines)


async def work(lease: Lease) -> None:
    verb, _, argument = lease.job.vm.partition("#")[0].partition(":")
    if lease.dead or verb == "ok":
        return
    if verb == "crash":
        os.kill(os.getpid(), signal.SIGKILL)
    if verb == "break":
        raise RuntimeError("broken on purpose")
    ends = [asyncio.create_task(event.wait()) for event in (lease.cancelled, lease.lost)]
    try:
        await asyncio.wait(
            ends,
            timeout=float(argument) if verb == "sleep" else None,
            return_when=asyncio.FIRST_COMPLETED,
        )
    finally:
        for task in ends:
            task.cancel()


async def perform(lease: Lease, journal: Journal) -> None:
    journal.write("dead" if lease.dead else "start", lease)
    try:
        await work(lease)
        granted = await lease.may_answer()
        if not granted and not journal.has("answer", lease.job.id):
            granted = await lease.may_answer(instead_of=lease.answer_taken)
        if granted:
            journal.write("answer", lease)
        await lease.finish({"outcome": "cancelled" if lease.cancelled.is_set() else "ok"})
        journal.write("finish", lease)
    except LeaseLost as loss:
        journal.write(f"lost-{loss.reason}", lease)


async def main(arguments: list[str]) -> None:
    name, url, lease_seconds, tries, concurrency, grace, path = arguments
    journal = Journal(name, path)
    jobs = Jobs(url, lease_seconds=float(lease_seconds), tries=int(tries))
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await run_worker(
        jobs,
        lambda lease: perform(lease, journal),
        worker=name,
        turns=Turns(int(concurrency)),
        grace_seconds=float(grace),
        stop=stop,
    )
    await jobs.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
