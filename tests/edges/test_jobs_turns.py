"""Checks that wait for a busy host do not keep those of other hosts waiting."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from tests.edges.jobs_lab import ask, until
from workers.errors import LeaseLost
from workers.jobs import Jobs, Lease, Turns, run_worker

HOST_JOBS = 1


class Office:
    """A worker whose jobs, named ``HOST#any``, stay on their host until they are let go."""

    def __init__(self, jobs: Jobs, turns: int) -> None:
        self.jobs, self.turns = jobs, Turns(turns)
        self.begun: list[str] = []
        self.at_work: list[str] = []
        self.most_at_work = 0
        self.done: list[str] = []
        self.stop = asyncio.Event()
        self.to_lose: set[str] = set()
        self._let_go: set[str] = set()
        self._news = asyncio.Event()

    def let_go(self, *vms: str) -> None:
        self._let_go |= {*vms}
        self._news.set()

    async def perform(self, lease: Lease) -> None:
        job = lease.job
        self.begun.append(job.vm)
        if job.vm in self.to_lose:
            self.to_lose.remove(job.vm)
            lease._renewing.cancel()
        host = job.vm.partition("#")[0]
        waits = lambda _: self.turns.give(lease)  # noqa: E731
        async with self.jobs.host_slot(host, job.id, HOST_JOBS, waits):
            await self.turns.take_back(lease)
            self.at_work.append(job.vm)
            self.most_at_work = max(self.most_at_work, len(self.at_work))
            while job.vm not in self._let_go:
                self._news.clear()
                await self._news.wait()
            self.at_work.remove(job.vm)
        with suppress(LeaseLost):
            await lease.finish({"outcome": "ok"})
            self.done.append(job.vm)

    async def run(self) -> None:
        await run_worker(
            self.jobs, self.perform, worker="w", turns=self.turns, grace_seconds=0.1, stop=self.stop
        )


@pytest.fixture
async def jobs(redis_url: str) -> AsyncIterator[Jobs]:
    jobs = Jobs(redis_url, lease_seconds=1.0)
    await jobs.ping()
    yield jobs
    await jobs.close()


async def test_who_waits_for_a_host_lets_others_work_and_gets_a_turn_afterwards(jobs: Jobs) -> None:
    office = Office(jobs, turns=2)
    for vm in ("a#1", "a#2", "b#1", "c#1"):
        await ask(jobs, vm)
    running = asyncio.create_task(office.run())
    await until(lambda: office.at_work == ["a#1", "b#1"])  # and a#2 waits for its host
    assert office.begun == ["a#1", "a#2", "b#1"]

    office.let_go("a#1")
    await until(lambda: sorted(office.at_work) in (["a#2", "b#1"], ["b#1", "c#1"]))
    office.let_go("b#1", "a#2", "c#1")
    await until(lambda: len(office.done) == 4)
    assert office.most_at_work == 2
    office.stop.set()
    await running


async def test_a_worker_takes_no_more_than_twice_what_may_be_at_work(jobs: Jobs) -> None:
    office = Office(jobs, turns=2)
    for number in range(6):
        await ask(jobs, f"a#{number}")
    running = asyncio.create_task(office.run())
    await until(lambda: len(office.begun) == 4)
    await asyncio.sleep(0.3)  # nothing tells that a job is left alone
    assert len(office.begun) == 4
    assert (await jobs.depth()).waiting == 2
    office.stop.set()
    await running
    assert (await jobs.depth()).waiting == 6  # none is lost, and no try is used up


async def test_a_lost_run_takes_no_turn_from_the_next_one_of_its_job(jobs: Jobs) -> None:
    """The same worker claims the job anew, while the run that lost it still cleans up."""
    office = Office(jobs, turns=2)
    office.to_lose = {"a#1"}
    await ask(jobs, "a#1")
    running = asyncio.create_task(office.run())
    await until(lambda: office.at_work == ["a#1", "a#1"])
    await ask(jobs, "b#1")
    await asyncio.sleep(0.3)  # nothing tells that a job is left alone
    assert office.begun == ["a#1", "a#1"]
    office.let_go("a#1", "b#1")
    await until(lambda: sorted(office.done) == ["a#1", "b#1"])
    office.stop.set()
    await running


async def test_a_job_that_waits_in_vain_gives_back_no_turn_it_has_not(jobs: Jobs) -> None:
    turns = Turns(1)
    turns.take("a")
    turns.give("a")
    turns.take("b")
    waiting = asyncio.create_task(turns.take_back("a"))
    await asyncio.sleep(0)
    assert not turns.any_free
    waiting.cancel()
    await asyncio.wait({waiting})
    assert not turns.any_free
    turns.give("b")
    assert turns.any_free
    await asyncio.wait_for(turns.take_back("a"), 1)
    await asyncio.wait_for(turns.take_back("a"), 1)  # it has it
    assert not turns.any_free
