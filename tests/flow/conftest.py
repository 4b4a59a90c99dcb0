"""What the tests of the Slack process share."""

from collections.abc import AsyncIterator

import pytest

from workers.jobs import Jobs


@pytest.fixture
async def jobs(redis_url: str) -> AsyncIterator[Jobs]:
    """The test's own hand on the queue: it stands where the worker stands."""
    jobs = Jobs(redis_url)
    yield jobs
    await jobs.close()
