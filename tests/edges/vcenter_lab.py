"""A world turned into a running vCenter twin and a client of it, both gone when the block ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.lab.vcenter import VcenterTwin
from tests.lab.world import Nic, PortGroup, VirtualMachine, VirtualSwitch, World, small_world
from workers.settings import VcenterSettings
from workers.vcenter import Vcenter

WAIT_SECONDS = 10.0


@dataclass
class Lab:
    """The world, its vCenter, and the edge that talks to it."""

    world: World
    twin: VcenterTwin
    vcenter: Vcenter


def settings_for(twin: VcenterTwin, folder: Path, **changes: Any) -> VcenterSettings:
    ca_file = folder / "lab-ca.pem"
    ca_file.write_text(twin.ca_pem)
    told: dict[str, Any] = {
        "host": twin.host,
        "user": twin.user,
        "password": twin.password,
        "port": twin.port,
        "ca_file": ca_file,
    }
    return VcenterSettings(**(told | changes))


@asynccontextmanager
async def vcenter_lab(
    folder: Path, world: World | None = None, *, host: str = "127.0.0.1", **changes: Any
) -> AsyncIterator[Lab]:
    """A lab whose end shows that the client left no session behind."""
    world = world or small_world()
    twin = VcenterTwin(world, host=host)
    await twin.start()
    limits = {k: changes.pop(k) for k in ("wait_seconds", "call_seconds") if k in changes}
    vcenter = Vcenter(settings_for(twin, folder, **changes), **limits)
    try:
        yield Lab(world, twin, vcenter)
        await vcenter.close()
        assert twin.sessions == 0
    finally:
        await vcenter.close()
        await twin.stop()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition; the test fails where it does not come true in time."""
    async with asyncio.timeout(WAIT_SECONDS):
        while not condition():  # noqa: ASYNC110 - most conditions are the twin's, without an event
            await asyncio.sleep(0.01)


def rewire(world: World, switch: VirtualSwitch, *groups: PortGroup) -> VirtualMachine:
    """Put app01's host on another switch with these port groups, and app01 on the first of them."""
    host = world.hosts[0]
    host.switches = [switch]
    host.portgroups = list(groups)
    vm = world.vm("app01")
    vm.nics[0].portgroup = groups[0].name
    world.vms = [vm]
    return vm


def second_nic(portgroup: str, **changes: Any) -> Nic:
    return Nic(mac="00:50:56:9a:99:02", portgroup=portgroup, port_key="902", **changes)
