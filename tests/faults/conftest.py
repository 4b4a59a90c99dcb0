"""The lab and the bot that the fault tests share; each test starts the workers it harms.

All tests of the package run in its one loop, those with a lab of their own too: a loop that stands
still is a Slack that does not answer, and the shared bot would go deaf.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.faults.scene import LEASE_SECONDS, Scene
from tests.lab.lab import Lab
from tests.lab.ports import free_port
from workers.jobs import Jobs


@pytest.fixture(scope="package")
def ports() -> dict[str, int]:
    """Where the bot, and the worker that several tests share, answer probes."""
    return {"bot": free_port(), "workers": free_port()}


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def shared_lab(
    tmp_path_factory: pytest.TempPathFactory, ports: dict[str, int]
) -> AsyncIterator[Lab]:
    """One lab with one bot for the whole package: starting them takes longer than most tests."""
    async with Lab(tmp_path_factory.mktemp("faults") / "lab") as lab:
        lab.slack.space.scopes |= {"channels:history", "groups:history"}
        probed = {"ARPCHECK_METRICS_PORT": str(ports["bot"])}
        await lab.run("bot", lab.environment(**probed))
        await lab.slack.connected(1, timeout=40)
        yield lab


@pytest_asyncio.fixture(loop_scope="package")
async def scene(shared_lab: Lab) -> AsyncIterator[Scene]:
    """An empty queue, an untroubled lab, no worker; afterwards nothing is left running."""
    jobs = Jobs(shared_lab.redis_url, lease_seconds=LEASE_SECONDS)
    scene = Scene(shared_lab, jobs)
    try:
        yield scene
        assert await jobs.stray_keys() == ()
    finally:
        await scene.end()
        await jobs.close()
