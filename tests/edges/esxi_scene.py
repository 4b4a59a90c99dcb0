"""A lab host behind a real SSH socket, with what the ESXi edge needs to be let in."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.lab.esxi import EsxiTwin
from tests.lab.network import Network
from tests.lab.world import Pnic, SwitchPort, World, small_world
from workers.arp.model import CapturePoint, Host, Role, Uplink, Vm, VmLocation, Vnic
from workers.arp.pktcap import Planned, plan_captures
from workers.esxi import EsxiHost, MemoryHostKeys, open_host
from workers.settings import EsxiSettings

HOST = "esx07.example.com"
PASSWORD = "VMware1!"


@dataclass
class Scene:
    """One check's surroundings. ``heard`` collects each point's bytes."""

    world: World
    network: Network
    twin: EsxiTwin
    settings: EsxiSettings
    keys: MemoryHostKeys = field(default_factory=MemoryHostKeys)
    heard: defaultdict[str, bytearray] = field(default_factory=lambda: defaultdict(bytearray))

    def location(self, name: str = "vm-101") -> VmLocation:
        """The VM's place as vCenter would tell it."""
        vm = next(vm for vm in self.world.vms if name in (vm.name, vm.moid))
        host = self.world.host(HOST)
        nics = tuple(
            Vnic(f"vnic{n}", nic.label, nic.mac, nic.connected) for n, nic in enumerate(vm.nics)
        )
        switch = host.switches[0]
        uplinks = tuple(
            Uplink(device, switch.name, Role.ACTIVE, link_up=True) for device in switch.pnics
        )
        return VmLocation(
            Vm(vm.name, vm.moid, nics),
            Host(host.name, uplinks=uplinks),
            host.moid,
            "127.0.0.1",
            ssh_running=host.ssh_running,
            lockdown=host.lockdown,
        )

    def hear(self, point: CapturePoint, data: bytes) -> None:
        self.heard[point.name] += data

    def behave(self, *names: str) -> None:
        self.world.host(HOST).behaviours.update(names)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[EsxiHost]:
        async with open_host(self.location(), self.settings, self.keys) as host:
            yield host

    async def plan(self, host: EsxiHost) -> tuple[Planned, ...]:
        location = self.location()
        ports = await host.switch_ports(location.vm)
        numbers = {mac: port.number for mac, port in ports.items()}
        return plan_captures(location, numbers, (await host.look()).features)


@asynccontextmanager
async def lab(
    folder: Path, *behaviours: str, uplinks: int = 2, rtt_seconds: float = 0.0
) -> AsyncIterator[Scene]:
    """Start the network and the host; at the end no capture of ours may be alive."""
    world = small_world()
    world.host(HOST).behaviours.update(behaviours)
    _add_uplinks(world, uplinks)
    network = Network(world)
    twin = EsxiTwin(world, network, HOST, password=PASSWORD, rtt_seconds=rtt_seconds)
    await network.start()
    await twin.start()
    try:
        yield Scene(world, network, twin, _settings(folder, twin))
        await until(lambda: not twin.alive())
    finally:
        await twin.stop()
        await network.stop()


def _add_uplinks(world: World, uplinks: int) -> None:
    host = world.host(HOST)
    for number in range(2, uplinks):
        port = SwitchPort("sw-a" if number % 2 else "sw-b", f"Ethernet1/{7 + number}")
        host.pnics.append(Pnic(f"vmnic{number}", f"b0:7b:25:0e:07:{number:02x}", port))
        host.switches[0].pnics.append(f"vmnic{number}")
        host.switches[0].active.append(f"vmnic{number}")


def _settings(folder: Path, twin: EsxiTwin) -> EsxiSettings:
    (folder / "key").write_text(twin.client_key)
    (folder / "known_hosts").write_text(twin.host_key + "\n")
    return EsxiSettings(
        key_file=folder / "key",
        known_hosts=folder / "known_hosts",
        addresses={HOST: ("127.0.0.1", twin.port)},
    )


def with_password(settings: EsxiSettings, password: str = PASSWORD) -> EsxiSettings:
    """The same settings with a password in place of the key."""
    return replace(settings, key_file=None, password=password)


async def until(holds: Callable[[], bool], seconds: float = 15) -> None:
    """Wait until something observable holds."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - what arrives over a socket sets no event here
            await asyncio.sleep(0.02)
