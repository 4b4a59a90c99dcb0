"""Checks while everything fails: each command ends in exactly one answer, and nothing is left behind.

``ARPCHECK_CHAOS_CHECKS`` is how many (36), ``ARPCHECK_CHAOS_SEED`` repeats a run's trouble. Some
checks more go first, untroubled: what is loaded and opened for good with the first ones is no leak.
"""

import asyncio
import os
import random
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.edges.jobs_lab import until
from tests.faults.chaos import REMOTE_LIMIT_SECONDS, Chaos
from tests.faults.footprint import Footprint, idle_footprints
from tests.lab.busy_world import busy_world
from tests.lab.lab import Lab
from workers.jobs import Jobs

pytestmark = pytest.mark.asyncio(loop_scope="package")

CHECKS = int(os.environ.get("ARPCHECK_CHAOS_CHECKS", "") or 36)
VMS = 12
UNTROUBLED = VMS
WORKERS = 3
COMMANDS = [
    f"vm-{n % VMS + 1:03d} 10.20.110.{n // VMS % 250 + 1}" for n in range(UNTROUBLED + CHECKS)
]
CHECKS_A_STRIKE = 3 if CHECKS >= 60 else 2
"""Few checks are struck more often: every kind of trouble is to fall among them."""
MORE_FILES = 12
MORE_MEGABYTES = 120
"""The C library keeps as much of what was freed, now more, now less of it."""
UNTROUBLED_SECONDS = 300
END_SECONDS = 90 + 3 * CHECKS


@pytest.mark.timeout(UNTROUBLED_SECONDS + END_SECONDS + 300)
async def test_every_command_ends_in_exactly_one_answer(tmp_path: Path) -> None:
    seed = int(os.environ.get("ARPCHECK_CHAOS_SEED", "") or random.SystemRandom().randrange(10**6))
    print(f"seed {seed}: ARPCHECK_CHAOS_SEED={seed}")  # noqa: T201 - shown when it fails
    async with Lab(tmp_path / "lab", world=busy_world(VMS)) as lab:
        lab.slack.space.scopes |= {"channels:history", "groups:history"}
        lab.slack.chat.dedupe = (
            False  # what Slack may do about a repeated client_msg_id is no proof
        )
        jobs = Jobs(lab.redis_url, lease_seconds=2)
        chaos = Chaos(lab, jobs, random.Random(seed))
        try:
            await run(chaos)
        finally:
            print(dict(Counter(chaos.struck)))  # noqa: T201
            await jobs.close()


async def run(chaos: Chaos) -> None:
    await chaos.begin()
    await chaos.ask(COMMANDS[:UNTROUBLED])
    await chaos.lab.settled(lambda: not chaos.unanswered(), UNTROUBLED_SECONDS)
    before = await idle_footprints(chaos.lasting)
    for _ in range(WORKERS - 1):
        await chaos.hire()

    began = time.monotonic()
    asking = asyncio.create_task(chaos.ask(COMMANDS[UNTROUBLED:]))
    while not asking.done() or chaos.unanswered():
        ended = len(chaos.accepted()) - len(chaos.unanswered()) - UNTROUBLED
        if len(chaos.struck) * CHECKS_A_STRIKE <= ended < CHECKS - CHECKS_A_STRIKE:
            await chaos.strike()
        await asyncio.sleep(0.3)
        assert time.monotonic() - began < END_SECONDS, (chaos.unanswered(), chaos.logs())
    await asking
    answered = time.monotonic() - began
    await all_clean(chaos)
    clean = time.monotonic() - began

    accepted = chaos.accepted()
    assert sorted(accepted.values()) == sorted(COMMANDS)
    assert {j: len(chaos.ledger.answers(j)) for j in accepted} == dict.fromkeys(accepted, 1)
    assert chaos.ledger.doubled() == []
    assert len(set(chaos.struck)) == len(chaos.kinds), (
        "ask for more checks: not all trouble was made"
    )
    after = await idle_footprints(chaos.lasting)
    print(  # noqa: T201
        f"{CHECKS} checks and {len(chaos.struck)} strikes in {answered:.0f} s, all clean after"
        f" {clean:.0f} s; idle before and after:"
        f" {', '.join(f'{a} → {b}' for a, b in zip(before, after, strict=True))}"
    )
    nothing_grew(before, after)


def nothing_grew(before: list[Footprint], after: list[Footprint]) -> None:
    """Back to the start, however many checks there were: a leak of each would be far more."""
    for was, now in zip(before, after, strict=True):
        assert now.files <= was.files + MORE_FILES, (str(was), str(now))
        assert now.megabytes <= was.megabytes + MORE_MEGABYTES, (str(was), str(now))


async def all_clean(chaos: Chaos) -> None:
    """Nothing open in the queue, no stray key, no SSH service left on, no capture alive."""
    host = chaos.lab.world.hosts[1]
    await chaos.lab.settled(lambda: not host.ssh_running, 60)

    async def nothing_open() -> bool:
        return not await chaos.jobs.open_jobs()

    await until(nothing_open, 30)
    assert await chaos.jobs.stray_keys() == ()
    assert chaos.overdue() == []
    # What a killed worker's captures are started with ends them.
    await chaos.lab.settled(lambda: not chaos.lab.captures_alive(), REMOTE_LIMIT_SECONDS + 5)
