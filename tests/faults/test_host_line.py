"""Several workers, one host, one check at a time there: the line moves in order, whoever leaves it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from tests.faults.scene import Scene

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_one_host_is_captured_by_one_check_at_a_time_and_in_order(scene: Scene) -> None:
    """A silent guest is listened to for as long as was asked, or until somebody has enough of it."""
    settings = {"HOST_JOBS": "1", "WORKER_JOBS": "1", "CAPTURE_SECONDS": "60"}
    for _ in range(3):  # with a real lease: who starves for longer than that loses its place
        await scene.hire(**settings, ARPCHECK_LEASE_SECONDS="15")
    first = await scene.ask("db03 for 60s")
    await scene.until(lambda: scene.root_shows(first, "capturing on"))
    async with most_captures(scene) as most:
        each = len(scene.captures_alive())
        second = await scene.ask("db03 10.20.120.8 for 3s")
        await scene.until(lambda: scene.root_shows(second, "waiting for"))
        third = await scene.ask("db03 10.20.120.9 for 3s")
        await scene.until(lambda: scene.root_shows(third, "position 2"))
        last = await scene.ask("db03 10.20.120.10 for 3s")
        await cancelled(scene, second)
        await scene.until(lambda: scene.root_shows(third, "position 1"))
        await cancelled(scene, first)
        for job_id in (third, last):
            await scene.answered(job_id)
    assert most == [each]
    order = [scene.ledger.answers(job_id)[0].ts for job_id in (second, first, third, last)]
    assert order == sorted(order)
    assert scene.ledger.doubled() == []


async def cancelled(scene: Scene, job_id: str) -> None:
    await scene.lab.slack.press(scene.ledger.roots()[job_id], "Cancel")
    assert "was stopped by" in await scene.answered(job_id)


@contextlib.asynccontextmanager
async def most_captures(scene: Scene) -> AsyncIterator[list[int]]:
    """The most captures that were seen alive at one time."""
    most = [0]

    async def look() -> None:
        while True:
            most[0] = max(most[0], len(scene.captures_alive()))
            await asyncio.sleep(0.02)

    looking = asyncio.create_task(look())
    try:
        yield most
    finally:
        looking.cancel()
