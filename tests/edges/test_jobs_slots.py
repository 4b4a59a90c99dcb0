"""A host's slots and the duties a check leaves on it, over several workers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from tests.edges.jobs_lab import until
from workers.errors import LeaseLost
from workers.jobs import Jobs


@pytest.fixture
async def one(redis_url: str) -> AsyncIterator[Jobs]:
    jobs = Jobs(redis_url, lease_seconds=0.6)
    await jobs.ping()
    yield jobs
    assert await jobs.stray_keys() == ()
    await jobs.close()


@pytest.fixture
async def two(redis_url: str) -> AsyncIterator[Jobs]:
    jobs = Jobs(redis_url, lease_seconds=0.6)
    await jobs.ping()
    yield jobs
    await jobs.close()


async def test_captures_on_a_host_take_turns_in_the_order_of_coming(one: Jobs, two: Jobs) -> None:
    held: list[str] = []
    places: dict[str, list[int]] = {"a": [], "b": [], "c": []}
    leave = {name: asyncio.Event() for name in places}

    async def capture(jobs: Jobs, job_id: str) -> None:
        async with jobs.host_slot("esx07", job_id, 1, places[job_id].append):
            held.append(job_id)
            await leave[job_id].wait()

    tasks = []
    for jobs, job_id in ((one, "a"), (two, "b"), (one, "c")):
        tasks.append(asyncio.create_task(capture(jobs, job_id)))
        await until(lambda name=job_id: in_line(one, name))
    assert await one.host_line("esx07") == ("a", "b", "c")
    await until(lambda: places["c"] == [2])
    for job_id, expected in (("a", ["a", "b"]), ("b", ["a", "b", "c"])):
        leave[job_id].set()
        await until(lambda wanted=expected: held == wanted)
    leave["c"].set()
    await asyncio.gather(*tasks)
    assert places == {"a": [], "b": [1], "c": [2, 1]}
    assert await one.host_line("esx07") == ()


async def in_line(jobs: Jobs, job_id: str) -> bool:
    return job_id in await jobs.host_line("esx07")


async def test_as_many_as_allowed_capture_at_once_and_hosts_do_not_mind_one_another(
    one: Jobs,
) -> None:
    async with AsyncExitStack() as held, asyncio.timeout(5):
        for host, job_id in (("esx07", "a"), ("esx07", "b"), ("esx08", "c")):
            await held.enter_async_context(one.host_slot(host, job_id, 2))


async def test_a_slot_is_held_for_longer_than_a_lease(one: Jobs, two: Jobs) -> None:
    async with one.host_slot("esx07", "a", 1):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2), two.host_slot("esx07", "b", 1):
                pass
    async with asyncio.timeout(5), two.host_slot("esx07", "b", 1):
        assert await two.host_line("esx07") == ("b",)


async def test_a_dead_holders_slot_comes_back(redis_url: str, two: Jobs) -> None:
    dead = Jobs(redis_url, lease_seconds=0.6)
    slot = dead.host_slot("esx07", "a", 1)
    await slot.__aenter__()
    dead._redis.lease_seconds = 1000  # renews no more
    async with asyncio.timeout(5), two.host_slot("esx07", "b", 1):
        assert await two.host_line("esx07") == ("b",)
    await slot.__aexit__(None, None, None)
    await dead.close()


async def test_a_job_taken_over_inherits_its_place_and_the_old_run_loses_it(
    one: Jobs, two: Jobs
) -> None:
    async with one.host_slot("esx07", "a", 1):

        async def wait_in_vain() -> None:
            async with one.host_slot("esx07", "b", 1):
                raise AssertionError("the place was taken over")

        old = asyncio.create_task(wait_in_vain())
        await until(lambda: in_line(one, "b"))
        behind = asyncio.create_task(one.host_slot("esx07", "c", 1).__aenter__())
        await until(lambda: in_line(one, "c"))
        new = two.host_slot("esx07", "b", 1)
        entering = asyncio.create_task(new.__aenter__())
        with pytest.raises(LeaseLost):
            await asyncio.wait_for(old, 5)
        assert await one.host_line("esx07") == ("a", "b", "c")
        behind.cancel()
        await asyncio.wait([behind])
    await asyncio.wait_for(entering, 5)
    await new.__aexit__(None, None, None)


async def test_an_ssh_service_is_stopped_once_and_only_when_nobody_needs_it(
    one: Jobs, two: Jobs
) -> None:
    async with one.host_slot("host-7", "a", 2):
        await one.owe_ssh_stop("host-7", "a")
        async with two.host_slot("host-7", "b", 2):
            assert await one.ssh_stops_owed("host-7", by_job="a") == ()  # b still captures
            assert await two.ssh_stops_owed() == ()
        assert await one.ssh_stops_owed("host-7", by_job="a") == ("host-7",)
        assert await two.ssh_stops_owed() == ()  # a is at it
    entered = asyncio.create_task(two.host_slot("host-7", "c", 2).__aenter__())
    await until(lambda: waits(two, "c"))
    assert not entered.done()
    await one.ssh_stop_done("host-7")
    await asyncio.wait_for(entered, 5)
    assert await two.ssh_stops_owed(by_job="c") == ()


async def waits(jobs: Jobs, job_id: str) -> bool:
    return job_id in await jobs.host_line("host-7")


async def test_a_duty_of_a_dead_worker_is_another_ones_to_settle(one: Jobs, two: Jobs) -> None:
    await one.owe_ssh_stop("host-9", "gone")
    claims = await asyncio.gather(one.ssh_stops_owed(), two.ssh_stops_owed())
    assert sorted(claims) == [(), ("host-9",)]
    await two.ssh_stop_done("host-9")
    assert await one.ssh_stops_owed() == ()
