"""Fixtures that many tests share: a real Redis, empty at the start of every test."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from tests.lab.redis import RedisServer


@pytest.fixture(scope="session")
def shared_redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """``REDIS_URL`` where its database is empty, else a server of our own."""
    given = os.environ.get("REDIS_URL", "")
    if given:
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
