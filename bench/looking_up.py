"""VMs looked up in a large vCenter: times and round trips, alone and side by side.

The vCenter twin runs as a process of its own; a relay makes every call take 5 ms more.
"""

from __future__ import annotations

import asyncio
import json
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bench.results import Section
from tests.lab.big_world import big_world
from tests.lab.esxi.rtt import Distance
from tests.lab.vcenter import VcenterTwin
from workers.settings import VcenterSettings
from workers.vcenter import Vcenter

CALL_SECONDS = 0.005
TOGETHER = 8


async def serve(vms: int, hosts: int) -> None:
    """The twin's process: where it listens, then its count of calls for every line it is sent."""
    twin, relay = VcenterTwin(big_world(vms, hosts)), Distance(CALL_SECONDS)
    await twin.start()
    door = socket.create_server(("127.0.0.1", 0))
    await relay.open(door, twin.port)
    told = {"port": door.getsockname()[1], "user": twin.user, "password": twin.password}
    print(json.dumps(told | {"ca": twin.ca_pem}), flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        print(twin.calls, flush=True)
    await relay.close()
    await twin.stop()


@asynccontextmanager
async def far_vcenter(vms: int, hosts: int) -> AsyncIterator[tuple[Vcenter, Counted]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.looking_up",
        f"{vms}",
        f"{hosts}",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 20,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    told: dict[str, Any] = json.loads(await process.stdout.readline())
    with tempfile.TemporaryDirectory() as folder:
        ca = Path(folder) / "ca.pem"
        ca.write_text(told["ca"], encoding="utf-8")
        vcenter = Vcenter(
            VcenterSettings("127.0.0.1", told["user"], told["password"], told["port"], ca)
        )
        try:
            yield vcenter, Counted(process)
        finally:
            await vcenter.close()
            process.stdin.close()
            await process.wait()


class Counted:
    """Asks the twin's process how many calls it has answered."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def calls(self) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"\n")
        return int(await self._process.stdout.readline())


async def _timed(
    counted: Counted, look: Callable[[], Awaitable[object]], times: int
) -> tuple[float, int]:
    """The median time and the most round trips of several look-ups."""
    took, trips = [], 0
    for _ in range(times):
        before, started = await counted.calls(), time.perf_counter()
        await look()
        took.append(time.perf_counter() - started)
        trips = max(trips, await counted.calls() - before)
    return statistics.median(took), trips


async def measured(vms: int, hosts: int) -> Section:
    middle = vms // 2
    world = big_world(vms, hosts)
    asked, last = world.vms[middle], world.vms[-1]
    ip = asked.nics[0].ipv4[0].partition("/")[0]
    others = [world.vms[vms // (TOGETHER + 1) * (n + 1)] for n in range(TOGETHER)]
    async with far_vcenter(vms, hosts) as (vcenter, counted):
        kinds: list[tuple[str, Callable[[], Awaitable[object]]]] = [
            ("first of all: logging in, then by name", lambda: vcenter.find(asked.name)),
            ("name", lambda: vcenter.find(last.name)),
            ("IP address", lambda: vcenter.find(ip)),
            ("UUID", lambda: vcenter.find(asked.uuid)),
            ("managed object id", lambda: vcenter.find(asked.moid)),
            ("MAC", lambda: vcenter.find(asked.nics[0].mac)),
            (
                f"{TOGETHER} names side by side",
                lambda: asyncio.gather(*(vcenter.find(vm.name) for vm in others)),
            ),
            (
                f"{TOGETHER} MACs side by side",
                lambda: asyncio.gather(*(vcenter.find(vm.nics[0].mac) for vm in others)),
            ),
        ]
        rows = []
        for name, look in kinds:
            times = 1 if name.startswith("first") else 5
            took, trips = await _timed(counted, look, times)
            rows.append((name, f"{took:.3f}", f"{trips}", f"{times}"))
    title = f"vCenter: a look-up among {vms:,} VMs on {hosts} hosts, 5 ms a call"
    return Section(title, ("asked by", "s", "round trips", "runs"), tuple(rows))


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))
