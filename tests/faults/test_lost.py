"""A Redis that keeps nothing on disk is restarted: whoever waits for a check is told so, once."""

import signal
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from tests.faults.ledger import Ledger
from tests.faults.scene import said
from tests.lab.lab import Lab, Program
from tests.lab.redis import RedisServer
from tests.lab.slack import BOB, CARO, NET_ONCALL

pytestmark = pytest.mark.asyncio(loop_scope="package")

LOST = "Redis lost its data"
SETTINGS = {"ARPCHECK_LEASE_SECONDS": "2", "WORKER_JOBS": "1", "HOST_JOBS": "4"}
SECONDS = 60


@pytest_asyncio.fixture(loop_scope="package")
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    """Two bots, no worker yet."""
    lab = Lab(tmp_path / "lab")
    lab.redis = RedisServer(tmp_path / "redis", persistence=False)
    async with lab:
        lab.slack.space.scopes |= {"channels:history", "groups:history"}
        lab.slack.chat.dedupe = False
        for _ in range(2):
            await lab.run("bot", lab.environment(**SETTINGS))
        await lab.slack.connected(2, timeout=60)
        yield lab


async def test_everybody_who_waits_is_told_once(lab: Lab) -> None:
    """A check whose worker lives, one whose worker dies meanwhile, and checks that wait."""
    ledger = Ledger(lab)
    await busy_worker(lab, ledger, "db03")
    victim = await busy_worker(lab, ledger, "db03 10.20.110.7")
    await asked(lab, ledger, "app01")
    await lab.slack.slash("app01", user=BOB)
    await lab.settled(lambda: alone(lab, BOB, "already being checked"))
    await lab.slack.mention("web02", user=CARO, channel=NET_ONCALL)
    await lab.settled(lambda: len(ledger.roots()) == 4)

    victim.signal(signal.SIGKILL)
    await victim.process.wait()
    lab.slack.fail("chat.postMessage", times=2, kind="http503")
    assert lab.redis is not None
    lab.redis.kill()
    lab.redis.start()
    await all_told(lab, ledger)
    await nobody_is_told_again(lab, ledger)


async def all_told(lab: Lab, ledger: Ledger) -> None:
    for job_id in ledger.roots():
        await lab.settled(partial(ledger.answered, job_id), SECONDS)
        assert LOST in ledger.answers(job_id)[0].text
        assert LOST in ledger.roots()[job_id].text
    await lab.settled(lambda: alone(lab, BOB, LOST), SECONDS)
    told = f"{next(iter(ledger.roots()))} is lost, and its worker has said so"
    await lab.settled(lambda: any(said(bot, told) for bot in lab.programs[:2]), SECONDS)


async def nobody_is_told_again(lab: Lab, ledger: Ledger) -> None:
    """Who asks again gets a verdict, and by then all else would have been said too."""
    again = await asked(lab, ledger, "app01")
    await lab.run("workers", lab.environment(**SETTINGS, CAPTURE_SECONDS="3"))
    await lab.settled(partial(ledger.answered, again), SECONDS)
    assert LOST not in ledger.roots()[again].text
    assert ledger.doubled() == []
    assert alone(lab, BOB, LOST) == 1


async def busy_worker(lab: Lab, ledger: Ledger, command: str) -> Program:
    """A worker that listens to a silent guest, which takes it all its time."""
    worker = await lab.run("workers", lab.environment(**SETTINGS, CAPTURE_SECONDS="60"))
    before = len(lab.captures_alive())
    await asked(lab, ledger, command)
    await lab.settled(lambda: len(lab.captures_alive()) > before, SECONDS)
    return worker


async def asked(lab: Lab, ledger: Ledger, command: str) -> str:
    """Type a command; its job's id."""
    before = set(ledger.roots())
    await lab.slack.slash(command)
    await lab.settled(lambda: set(ledger.roots()) - before)
    (job_id,) = set(ledger.roots()) - before
    return job_id


def alone(lab: Lab, user: str, words: str) -> int:
    """How often this person alone was told it."""
    return sum(words in message.text for message in lab.slack.ephemerals(user))
