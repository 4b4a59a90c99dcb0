"""Checks while everything fails: each command ends in exactly one answer, and nothing is left behind.

``ARPCHECK_CHAOS_CHECKS`` is how many (60), ``ARPCHECK_CHAOS_SEED`` repeats a run's trouble.
"""

import asyncio
import os
import random
import time
from pathlib import Path

import pytest

from tests.edges.jobs_lab import until
from tests.faults.chaos import WORKER_JOBS, Chaos, open_files, resident_megabytes
from tests.lab.busy_world import busy_world
from tests.lab.lab import Lab
from workers.jobs import Jobs

CHECKS = int(os.environ.get("ARPCHECK_CHAOS_CHECKS", "") or 60)
VMS = 12
COMMANDS = [f"vm-{n % VMS + 1:03d} 10.20.110.{n // VMS % 250 + 1}" for n in range(CHECKS)]
CHECKS_A_STRIKE = 3
KEPT_OPEN = 12
MEGABYTES = 450
END_SECONDS = 60 + 3 * CHECKS


@pytest.mark.timeout(END_SECONDS + 120)
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
            print(chaos.struck)  # noqa: T201
            await jobs.close()


async def run(chaos: Chaos) -> None:
    began = time.monotonic()
    await chaos.begin()
    survivor = chaos.workers[0]
    await chaos.lab.settled(lambda: "Ready" in survivor.output(), 60)
    files = open_files(survivor.pid)
    asking = asyncio.create_task(chaos.ask(COMMANDS))
    while not asking.done() or chaos.unanswered():
        ended = len(chaos.accepted()) - len(chaos.unanswered())
        if len(chaos.struck) * CHECKS_A_STRIKE <= ended < CHECKS - CHECKS_A_STRIKE:
            await chaos.strike()
        await asyncio.sleep(0.3)
        assert time.monotonic() - began < END_SECONDS, (chaos.unanswered(), chaos.logs())
    await asking
    answered = time.monotonic() - began
    await all_clean(chaos)

    accepted = chaos.accepted()
    assert sorted(accepted.values()) == sorted(COMMANDS)
    assert {j: len(chaos.ledger.answers(j)) for j in accepted} == dict.fromkeys(accepted, 1)
    assert chaos.ledger.doubled() == []
    # Connections are kept for reuse, so many for each check at a time, however many checks there were.
    assert open_files(survivor.pid) <= files + KEPT_OPEN * WORKER_JOBS
    assert resident_megabytes(survivor.pid) < MEGABYTES
    print(  # noqa: T201
        f"{CHECKS} checks and {len(chaos.struck)} strikes in {answered:.0f} s,"
        f" clean after {time.monotonic() - began:.0f} s; the survivor has"
        f" {open_files(survivor.pid)} files open ({files} at the start)"
        f" and {resident_megabytes(survivor.pid):.0f} MB"
    )


async def all_clean(chaos: Chaos) -> None:
    """Nothing open in the queue, no stray key, no SSH service left on, no capture past its limit."""
    host = chaos.lab.world.hosts[1]
    await chaos.lab.settled(lambda: not host.ssh_running, 60)

    async def nothing_open() -> bool:
        return not await chaos.jobs.open_jobs()

    await until(nothing_open, 30)
    assert await chaos.jobs.stray_keys() == ()
    assert chaos.overdue() == []
