"""A seed turned into trouble: workers, Redis, SSH, vCenter and Slack fail in turn while checks run."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import time
from collections.abc import Awaitable, Callable

from tests.faults.ledger import Ledger, is_running
from tests.lab.lab import Lab, Program
from workers.jobs import Jobs

LEASE_SECONDS = 2
WORKER_JOBS = 6
CAPTURE_SECONDS = 3
REMOTE_LIMIT_SECONDS = 30 + CAPTURE_SECONDS + 20
"""When a capture ends by itself that nobody reads any more."""
SETTINGS = {
    "ARPCHECK_LEASE_SECONDS": str(LEASE_SECONDS),
    "CAPTURE_SECONDS": str(CAPTURE_SECONDS),
    "ARPCHECK_GRACE_SECONDS": "2",
    "HOST_JOBS": "6",
    "WORKER_JOBS": str(WORKER_JOBS),
    "ESXI_SSH_SERVICE": "start",
}
SLACK_KINDS = ("http500", "http503", "ratelimited", "slow", "reset", "lost_answer")
SLACK_METHODS = (
    *("chat.postMessage",) * 3,
    *("chat.update",) * 2,
    "files.getUploadURLExternal",
    "files.completeUploadExternal",
    "conversations.replies",
)
VCENTER_ONCE = ("session_expires", "fail_once", "cut_once")


class Chaos:
    """One run: commands typed by one hand, trouble made by the other, until every check has ended."""

    def __init__(self, lab: Lab, jobs: Jobs, dice: random.Random) -> None:
        self.lab, self.jobs, self._dice = lab, jobs, dice
        self.ledger = Ledger(lab)
        self.workers: list[Program] = []
        self.bots: list[Program] = []
        self.lasting: tuple[Program, ...] = ()
        self.struck: list[str] = []
        self._accepted: dict[str, str] = {}
        self._read: dict[int, int] = {}
        self._environment = lab.environment(**SETTINGS)
        self.kinds: tuple[Callable[[], Awaitable[None]], ...] = (
            *(self.kill, self.freeze, self.slack, self.restart, self.bot),
            *(self.redis, self.cut, self.stall, self.vcenter, self.move),
        )
        self._deck: list[Callable[[], Awaitable[None]]] = []

    async def begin(self) -> None:
        """Two bots and one worker; these, but for the second bot, are never killed."""
        self.lab.world.hosts[1].ssh_running = False
        for _ in range(2):
            self.bots.append(await self.lab.run("bot", self._environment))
        await self.hire()
        await self.lab.slack.connected(2, timeout=60)
        self.lasting = self.bots[0], self.workers[0]

    async def hire(self) -> None:
        self.workers.append(await self.lab.run("workers", self._environment))

    # --- the commands ---

    async def ask(self, commands: list[str]) -> None:
        """Type every command; one that the bot could not take is typed again."""
        for command in commands:
            while command not in self.accepted().values():
                if self._dice.random() < 0.1:
                    self.lab.slack.redeliver_next()
                await self.lab.slack.slash(command)
                for _ in range(20):
                    await asyncio.sleep(0.05)
                    if command in self.accepted().values():
                        break
                else:
                    await asyncio.sleep(4)  # the same words within 4 s count as a double click

    def accepted(self) -> dict[str, str]:
        """Every command that the bots took, by the job's id."""
        for bot in self.bots:
            fresh = bot.log.read_bytes()[self._read.get(bot.pid, 0) :]
            whole = fresh[: fresh.rfind(b"\n") + 1]
            self._read[bot.pid] = self._read.get(bot.pid, 0) + len(whole)
            for line in whole.splitlines():
                entry = json.loads(line).get("audit") if b'"asked"' in line else None
                if entry:
                    words = entry["vm"], entry.get("target", "")
                    self._accepted[entry["job"]] = " ".join(words).strip()
        return self._accepted

    def unanswered(self) -> list[str]:
        """Accepted jobs whose answer, or whose message's last state, is still to come."""
        roots, keys = self.ledger.roots(), self.ledger.keys()
        return [
            job_id
            for job_id in self.accepted()
            if job_id not in roots or is_running(roots[job_id]) or not keys[f"{job_id}:verdict"]
        ]

    # --- the trouble ---

    async def strike(self) -> None:
        """Do one harm, drawn by the seed: each kind once before any comes again."""
        if not self._deck:
            self._deck = self._dice.sample(self.kinds, len(self.kinds))
        harm = self._deck.pop()
        self.struck.append(harm.__name__)
        await harm()

    def _victim(self) -> Program:
        return self._dice.choice(self.workers[1:])

    async def kill(self) -> None:
        victim = self._victim()
        self.workers.remove(victim)
        victim.signal(signal.SIGKILL)
        await victim.process.wait()
        await self.hire()

    async def freeze(self) -> None:
        victim = self._dice.choice(self.workers)
        victim.signal(signal.SIGSTOP)
        await asyncio.sleep(LEASE_SECONDS + self._dice.uniform(0.5, 1.5))
        victim.signal(signal.SIGCONT)

    async def restart(self) -> None:
        victim = self._victim()
        self.workers.remove(victim)
        await self.hire()
        await victim.stop()

    async def bot(self) -> None:
        """A dead bot's log is still read: what it had accepted stays accepted."""
        victim = next(bot for bot in reversed(self.bots) if bot.running)
        victim.signal(signal.SIGKILL)
        await victim.process.wait()
        self.bots.append(await self.lab.run("bot", self._environment))

    async def redis(self) -> None:
        assert self.lab.redis is not None
        await asyncio.to_thread(self.lab.redis.kill)
        await asyncio.sleep(self._dice.uniform(0, 1))
        await asyncio.to_thread(self.lab.redis.start)

    async def cut(self) -> None:
        await self._dice.choice(list(self.lab.esxi.values())).cut()

    async def stall(self) -> None:
        host = self._dice.choice(self.lab.world.hosts)
        host.behaviours.add("stalled_channel")
        await asyncio.sleep(1)
        host.behaviours.discard("stalled_channel")

    async def vcenter(self) -> None:
        faults = self.lab.vcenter.faults
        if self._dice.random() < 0.5:
            faults[self._dice.choice(VCENTER_ONCE)] = True
            return
        faults["down"] = True
        await asyncio.sleep(1)
        del faults["down"]

    async def slack(self) -> None:
        for _ in range(4):
            method, kind = self._dice.choice(SLACK_METHODS), self._dice.choice(SLACK_KINDS)
            self.lab.slack.fail(method, kind=kind, retry_after=1, seconds=0.5)

    async def move(self) -> None:
        vm = self._dice.choice(self.lab.world.vms)
        others = [host.name for host in self.lab.world.hosts if host.name != vm.host]
        self.lab.network.move(vm, self._dice.choice(others))

    # --- the end ---

    def overdue(self) -> list[str]:
        """Captures that outlived the limit they were started with."""
        now = time.time()
        return [
            f"{name}: {' '.join(alive.argv)}"
            for name, twin in self.lab.esxi.items()
            for alive in twin.alive()
            if now - alive.since > REMOTE_LIMIT_SECONDS + 5
        ]

    def logs(self) -> str:
        roots = self.ledger.roots()
        shown = [roots[job_id].text for job_id in self.unanswered() if job_id in roots]
        logs = [f"--- {p.name} {p.pid}\n{p.output()[-2000:]}" for p in self.lab.programs]
        return "\n".join([*shown, *logs])
