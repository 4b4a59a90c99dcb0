"""A Redis that answers and refuses: running checks bear with it, nobody takes them over, they end once."""

from collections.abc import AsyncIterator, Callable, Iterator

import pytest
import pytest_asyncio
from redis import Redis

from tests.faults.scene import Scene, said
from tests.lab.lab import Program
from tests.lab.slack import ALICE
from workers.jobs.connection import PREFIX

pytestmark = pytest.mark.asyncio(loop_scope="package")

Trouble = Callable[[Redis], None]


def full(redis: Redis) -> None:
    redis.config_set("maxmemory", "1")


def not_full(redis: Redis) -> None:
    redis.config_set("maxmemory", "0")


def a_replica(redis: Redis) -> None:
    redis.replicaof("127.0.0.1", 1)


def a_master(redis: Redis) -> None:
    redis.replicaof("NO", "ONE")


def another_password(redis: Redis) -> None:
    redis.config_set("requirepass", "planted-other")
    redis.client_kill_filter(_type="pubsub")
    redis.client_kill_filter(_type="normal", skipme=True)


def the_old_password(redis: Redis) -> None:
    redis.config_set("requirepass", "")


@pytest.fixture
def redis(scene: Scene) -> Iterator[Redis]:
    """One connection that stays; the server is as it was afterwards."""
    assert scene.lab.redis is not None
    with Redis(port=scene.lab.redis.port, single_connection_client=True) as client:
        client.ping()
        yield client
        for mend in (not_full, a_master, the_old_password):
            mend(client)


@pytest_asyncio.fixture(loop_scope="package")
async def two_workers(scene: Scene) -> AsyncIterator[tuple[Program, Program]]:
    """Both have been connected for longer than a lease, so that they may take over."""
    both = await scene.hire(HOST_JOBS="4"), await scene.hire(HOST_JOBS="4")
    yield both


@pytest.mark.parametrize(
    ("spoil", "mend", "told"),
    [
        (full, not_full, "is full"),
        (a_replica, a_master, "refuses"),
        (another_password, the_old_password, "refuses the login"),
    ],
    ids=["full", "read-only replica", "another password"],
)
async def test_a_running_check_outlives_it(
    scene: Scene,
    redis: Redis,
    two_workers: tuple[Program, Program],
    spoil: Trouble,
    mend: Trouble,
    told: str,
) -> None:
    job_id = await scene.ask("db03")
    await scene.until(lambda: scene.root_shows(job_id, "capturing on"))
    captures, before = scene.captures_started(), told_alone(scene)
    spoil(redis)
    await scene.until(lambda: any(said(worker, told) for worker in two_workers))
    await scene.until(lambda: lease_is_over(redis, job_id))
    await scene.lab.slack.slash("app01")
    await scene.until(lambda: told_alone(scene) == before + 1)
    mend(redis)
    await scene.answered(job_id)
    assert scene.ledger.doubled() == []
    assert scene.captures_started() == captures, "it was begun again"
    assert not scene.captures_alive()


def lease_is_over(redis: Redis, job_id: str) -> bool:
    """Somebody else could have the job by now, had Redis let them."""
    ends_ms = redis.zscore(f"{PREFIX}running", job_id)
    seconds, micros = redis.time()
    assert ends_ms is not None
    return seconds * 1000 + micros / 1000 > ends_ms + 1000


def told_alone(scene: Scene) -> int:
    """How often the asker of a check that could not be queued was told so."""
    return sum("was not started" in said.text for said in scene.lab.slack.ephemerals(ALICE))
