"""Sixty jobs while workers are killed and frozen and Redis is restarted: nothing lost, nothing twice."""

import os
import random
import signal
from collections import Counter
from pathlib import Path

from tests.edges.jobs_lab import Workers, ask, until
from tests.lab.redis import RedisServer
from workers.jobs import Jobs

JOBS = 60
FAULTS = ("kill", "freeze", "kill", "redis", "freeze", "kill")


class Chaos:
    """One fault after the other, each as soon as a few more jobs have ended."""

    def __init__(self, dice: random.Random, workers: Workers, server: RedisServer) -> None:
        self._dice, self._workers, self._server = dice, workers, server
        self._started = 0
        for _ in range(3):
            self.hire()

    def hire(self) -> None:
        self._started += 1
        self._workers.start(f"w{self._started}", concurrency=4)

    async def strike(self, fault: str) -> None:
        victim = self._dice.choice(sorted(self._workers.running))
        if fault == "kill":
            self._workers.kill(victim)
            self.hire()
        elif fault == "redis":
            self._server.kill()
            self._server.start()
        else:
            held = self.held_by(victim)
            self._workers.send(victim, signal.SIGSTOP)
            await until(lambda: all(self.went_on(job_id, victim) for job_id in held), 30)
            self._workers.send(victim, signal.SIGCONT)

    def held_by(self, worker: str) -> list[str]:
        ended = {line[2] for line in self._workers.lines("finish")}
        starts = [line for line in self._workers.lines("start") if line[0] == worker]
        return [line[2] for line in starts if line[2] not in ended]

    def went_on(self, job_id: str, without: str) -> bool:
        """Another worker began it, or it had ended before the freeze."""
        begun = self._workers.lines("start", job_id)
        return begun[-1][0] != without or bool(self._workers.lines("answer", job_id))


async def test_nothing_is_lost_and_nothing_is_answered_twice(
    tmp_path: Path, own_redis: RedisServer
) -> None:
    seed = int(os.environ.get("ARPCHECK_CHAOS_SEED", "") or random.SystemRandom().randrange(10**6))
    print(f"seed {seed}: ARPCHECK_CHAOS_SEED={seed}")  # noqa: T201 - shown when it fails
    dice = random.Random(seed)
    workers = Workers(tmp_path / "journal", own_redis.url, tries=20)
    jobs = Jobs(own_redis.url, lease_seconds=1)
    try:
        chaos = Chaos(dice, workers, own_redis)
        ids = [await ask(jobs, f"sleep:{dice.uniform(0.02, 0.9)}#{n}") for n in range(JOBS)]
        for number, fault in enumerate(FAULTS):
            ended = (number + 1) * JOBS // (len(FAULTS) + 2)
            await until(lambda wanted=ended: len(workers.lines("finish")) >= wanted, 30)
            await chaos.strike(fault)

        async def all_done() -> bool:
            depth = await jobs.depth()
            return depth.waiting == depth.running == 0

        await until(all_done, 40)
        records = [await jobs.get(job_id) for job_id in ids]
        assert [record and record.outcome for record in records] == [{"outcome": "ok"}] * JOBS
        answers = Counter(line[2] for line in workers.lines("answer"))
        assert answers == dict.fromkeys(ids, 1)
        assert max(Counter(line[2] for line in workers.lines("finish")).values()) == 1
        assert await jobs.stray_keys() == ()
    finally:
        workers.close()
        await jobs.close()
