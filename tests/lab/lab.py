"""The whole practice lab: one world, its network, and the twins of vCenter, ESXi, Slack and Redis.

The product runs against it as separate processes, with the environment an operator would set: there
is no demo mode anywhere in the product.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.lab.esxi import EsxiTwin
from tests.lab.faults import apply
from tests.lab.network import Network
from tests.lab.redis import RedisServer
from tests.lab.slack import NET_ONCALL, SlackTwin
from tests.lab.start import Process, start
from tests.lab.vcenter import VcenterTwin
from tests.lab.world import World, small_world

STOP_SECONDS = 40


class Program:
    """One process of the product; what it prints goes to a file."""

    def __init__(self, name: str, process: Process, log: Path) -> None:
        self.name = name
        self.process = process
        self.log = log

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def running(self) -> bool:
        return self.process.returncode is None

    def output(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def signal(self, number: int) -> None:
        if self.running:
            self.process.send_signal(number)

    async def stop(self) -> int:
        """SIGTERM, as a process manager does; SIGKILL where that does not help."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            return await asyncio.wait_for(self.process.wait(), STOP_SECONDS)
        except TimeoutError:
            self.process.kill()
            return await self.process.wait()


class Lab:
    """Everything on loopback; ``folder`` holds keys, logs and Redis's data.

    ``cold``: programs are started by ``python -m`` in the tests too.
    """

    def __init__(
        self,
        folder: Path,
        *,
        world: World | None = None,
        redis_url: str = "",
        page_port: int = 0,
        cold: bool = False,
    ) -> None:
        self.folder = folder
        self.cold = cold
        self.world = world or small_world()
        self.network = Network(self.world)
        self.slack = SlackTwin(port=page_port)
        self.vcenter = VcenterTwin(self.world)
        self.esxi = {h.name: EsxiTwin(self.world, self.network, h.name) for h in self.world.hosts}
        self.redis = None if redis_url else RedisServer(folder / "redis")
        self._redis_url = redis_url
        self.programs: list[Program] = []

    @property
    def redis_url(self) -> str:
        return self._redis_url if self.redis is None else self.redis.url

    async def __aenter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.redis is not None:
            await asyncio.to_thread(self.redis.start)
        await self.network.start()
        for twin in self.esxi.values():
            await twin.start()
        await self.vcenter.start()
        await self.slack.start()
        self._write_files()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.gather(*(program.stop() for program in self.programs))
        await self.slack.stop()
        await self.vcenter.stop()
        for twin in self.esxi.values():
            await twin.stop()
        await self.network.stop()
        if self.redis is not None:
            await asyncio.to_thread(self.redis.stop)

    def _write_files(self) -> None:
        (self.folder / "vcenter-ca.pem").write_text(self.vcenter.ca_pem)
        keys = [twin.host_key for twin in self.esxi.values()]
        (self.folder / "known_hosts").write_text("\n".join(keys) + "\n")
        lines = [f"{name} 127.0.0.1:{twin.port}" for name, twin in self.esxi.items()]
        (self.folder / "addresses").write_text("\n".join(lines) + "\n")

    def environment(self, **more: str) -> dict[str, str]:
        """What an operator would set, for bot and worker together."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        first = next(iter(self.esxi.values()))
        return {
            **kept,
            "PYTHONUNBUFFERED": "1",
            "REDIS_URL": self.redis_url,
            "SLACK_API_URL": self.slack.api_url,
            "SLACK_BOT_TOKEN": self.slack.bot_token,
            "SLACK_APP_TOKEN": self.slack.app_token,
            "ARPCHECK_CHANNELS": "*",
            "ARPCHECK_NETWORK_CHANNEL": NET_ONCALL,
            "VCENTER_HOST": "127.0.0.1",
            "VCENTER_PORT": str(self.vcenter.port),
            "VCENTER_USER": self.vcenter.user,
            "VCENTER_PASSWORD": self.vcenter.password,
            "VCENTER_CA_FILE": str(self.folder / "vcenter-ca.pem"),
            "ESXI_USER": first.user,
            "ESXI_SSH_PASSWORD": first.password,
            "ESXI_KNOWN_HOSTS": str(self.folder / "known_hosts"),
            "ESXI_ADDRESS_MAP": str(self.folder / "addresses"),
            "CAPTURE_SECONDS": "30",
            **more,
        }

    async def run(self, module: str, environment: Mapping[str, str] | None = None) -> Program:
        """Start ``python -m MODULE`` as an operator would."""
        number = sum(program.name == module for program in self.programs) + 1
        log = self.folder / f"{module}-{number}.log"
        with log.open("wb") as out:
            process = await start(
                module,
                environment=environment or self.environment(),
                output=(out.fileno(), out.fileno()),
                cold=self.cold,
            )
        program = Program(module, process, log)
        self.programs.append(program)
        return program

    def situation(self, name: str) -> str:
        """Put the network into a ready-made situation; what it is, in one line."""
        return apply(self.world, name)

    def captures_alive(self) -> list[str]:
        """Captures that still run on any host."""
        return [
            f"{name}: {' '.join(alive.argv)}"
            for name, twin in self.esxi.items()
            for alive in twin.alive()
        ]

    async def settled(self, condition: Callable[[], object], seconds: float = 30) -> None:
        """Wait until ``condition()`` is true."""
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110 - the twins tell no one of such changes
                await asyncio.sleep(0.05)


async def bot_and_worker(lab: Lab, **more: str) -> tuple[Program, Program]:
    """Both processes, the bot connected."""
    environment = lab.environment(**more)
    bot = await lab.run("bot", environment)
    worker = await lab.run("workers", environment)
    with contextlib.suppress(TimeoutError):
        await lab.slack.connected(1, timeout=30)
    return bot, worker
