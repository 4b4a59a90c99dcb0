"""What all tests share: a real Redis, empty at the start of a test, Slack's twin, and the needs_… marks."""

import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis import Redis

from tests.lab.redis import RedisServer
from tests.lab.slack import SlackTwin
from tests.programs import missing_programs
from workers.slack import Slack

TESTS = Path(__file__).parent
FIRST = (
    *("faults/test_chaos.py", "flow/test_two_ends.py", "faults/test_trouble.py"),
    *(
        "flow/test_host_trouble.py",
        "flow/test_whole_line.py",
        "faults/",
        "flow/",
        "test_release.py",
    ),
    *("cli/", "arp/test_picture", "arp/test_metamorphic.py", "edges/"),
)
"""The longest first; one process takes a whole file, because many share what is slow to start."""


def pytest_configure() -> None:
    """A shell's background job ignores SIGINT, and so would every process that a test starts."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The run does not end with one long file; what computes fills the pauses of what waits."""

    def turn(item: pytest.Item) -> int:
        path = item.path.relative_to(TESTS).as_posix()
        return next((n for n, each in enumerate(FIRST) if path.startswith(each)), len(FIRST))

    items.sort(key=turn)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test whose peer is not installed is skipped, saying so; with CI=true it fails."""
    missing = missing_programs(mark.name for mark in item.iter_markers())
    if not missing:
        return
    reason = f"needs {' and '.join(missing)}, not installed here"
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def shared_redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """``REDIS_URL`` where its database is empty, else a server of our own.

    Of several pytest processes (``-n``) only the first takes ``REDIS_URL``: they may not share one.
    """
    given = os.environ.get("REDIS_URL", "")
    if given and os.environ.get("PYTEST_XDIST_WORKER", "gw0") == "gw0":
        with Redis.from_url(given) as client:
            if client.dbsize():
                pytest.exit("REDIS_URL holds data; the tests empty theirs, so give them another", 2)
        yield given
        return
    server = RedisServer(tmp_path_factory.mktemp("redis")).start()
    try:
        yield server.url
    finally:
        server.stop()


@pytest.fixture
def redis_url(shared_redis_url: str) -> Iterator[str]:
    """A Redis that is empty before and after the test."""
    with Redis.from_url(shared_redis_url) as client:
        client.flushdb()
        yield shared_redis_url
        client.flushdb()


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A server of this test alone: to be killed, frozen and emptied."""
    server = RedisServer(tmp_path / "redis").start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
async def twin() -> AsyncIterator[SlackTwin]:
    async with SlackTwin() as twin:
        yield twin


@pytest.fixture
async def slack(twin: SlackTwin) -> AsyncIterator[Slack]:
    slack = Slack(twin.bot_token, twin.api_url)
    yield slack
    await slack.close()
