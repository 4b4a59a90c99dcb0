"""A question about a VM or a host turned into vCenter's answer: the edge that the worker calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from workers.arp.model import HostEvent, Placement, VmLocation
from workers.errors import VmAmbiguous, VmNotCheckable, VmNotFound
from workers.settings import VcenterSettings
from workers.vcenter import services
from workers.vcenter.events import read_events
from workers.vcenter.find import (
    Guests,
    Query,
    by_index,
    by_name,
    candidates,
    sweep_devices,
    sweep_guests,
    sweep_names,
)
from workers.vcenter.location import locate
from workers.vcenter.names import closest
from workers.vcenter.session import Session
from workers.vcenter.shared import Shared
from workers.vcenter.watch import Watcher, read_placement

Names = tuple[tuple[str, str], ...]

HIDDEN = "Check the spelling; it may also exist and be hidden from the bot's vCenter account."


class Vcenter:
    """vCenter, connected on first use; safe for many checks at a time on one event loop.

    ``wait_seconds`` limits every wait for the network, ``call_seconds`` every call of this class.
    """

    def __init__(
        self, settings: VcenterSettings, *, wait_seconds: float = 10.0, call_seconds: float = 30.0
    ) -> None:
        self.settings = settings
        self._session = Session(settings, wait_seconds=wait_seconds, call_seconds=call_seconds)
        self._watcher = Watcher(self._session)
        self._names = Shared[Names](self._session, call_seconds)
        self._guests = Shared[Guests](self._session, 4 * call_seconds)
        self._devices = Shared[dict[str, list[str]]](self._session, 4 * call_seconds)

    # --- where is it ------------------------------------------------------------------------

    async def find(self, query: str) -> VmLocation:
        """The VM of that name, IP address, MAC, moid or UUID.

        Raises:
            VmNotFound, VmAmbiguous, VmNotCheckable, VcenterUnreachable, VcenterRefused
        """
        asked = Query.of(query)
        if not asked.text:
            raise VmNotFound("No VM was named.", next_step="Name a VM, its IP address or its MAC.")
        moids = await self._moids(asked)
        if len(moids) == 1:
            return await self.locate(moids[0])
        told = await self._session.run(lambda c: candidates(c, moids))
        if len(told) == 1:
            return await self.locate(told[0].moid)
        if not told:
            raise VmNotCheckable(f"{asked.text} is the name of templates only: they never run.")
        raise VmAmbiguous(
            f"{len(told)} VMs answer to {asked.text}.",
            candidates=told,
            next_step="Choose one of them, or ask by its id (vm-…).",
        )

    async def holder(self, address: str) -> VmLocation | None:
        """The one VM that VMware Tools tell this IP address of; None = no VM, or several.

        Raises:
            VmNotCheckable, VcenterUnreachable, VcenterRefused
        """
        moids = await self._session.run(lambda c: by_index(c, Query(address, address)))
        return await self.locate(moids[0]) if len(moids) == 1 else None

    async def _moids(self, asked: Query) -> tuple[str, ...]:
        found: Sequence[str] = ()
        if asked.address or asked.uuid:
            found = await self._session.run(lambda c: by_index(c, asked))
        if not found and (asked.address or asked.mac):
            found = await self._by_guest(asked)
        return tuple(dict.fromkeys(found)) or await self._by_name(asked)

    async def _by_guest(self, asked: Query) -> Sequence[str]:
        def pick(guests: Guests) -> Sequence[str]:
            if asked.address:
                return guests.by_address.get(asked.address, ())
            return guests.by_mac.get(asked.mac or "", ())

        found, guests = await self._guests.find(sweep_guests, pick)
        if found or not asked.mac or not guests.silent:
            return found
        mac, silent = asked.mac, guests.silent
        found, _ = await self._devices.find(
            lambda c: sweep_devices(c, silent), lambda devices: devices.get(mac, ())
        )
        return found

    async def _by_name(self, asked: Query) -> tuple[str, ...]:
        found, names = await self._names.find(sweep_names, lambda names: by_name(asked, names))
        if found:
            return tuple(found)
        near = await asyncio.to_thread(closest, asked.text, [name for _, name in names])
        raise VmNotFound(_not_found(asked), closest=near, next_step=HIDDEN)

    async def locate(self, moid: str) -> VmLocation:
        """Everything a check needs to know of the VM with this managed object id.

        Raises:
            VmNotFound, VmNotCheckable, VcenterUnreachable, VcenterRefused
        """
        return await self._session.run(lambda c: locate(c, moid))

    async def placement(self, moid: str) -> Placement:
        """Host and power of the VM at this moment; a VM that is gone has no host."""
        return await self._session.run(lambda c: read_placement(c, moid))

    async def host_name(self, host_moid: str) -> str:
        """The name of the host with this managed object id.

        Raises:
            VcenterUnreachable, VcenterRefused
        """
        return await self._session.run(lambda c: services.host_name(c, host_moid))

    # --- what happens to it -------------------------------------------------------------------

    async def events(self, location: VmLocation, start: int, end: int) -> tuple[HostEvent, ...]:
        """What happened to the VM or its host's links from ``start`` to ``end`` (our clock)."""
        return await self._session.run(lambda c: read_events(c, location, start, end))

    async def watch(self, location: VmLocation, changed: Callable[[Placement], None]) -> None:
        """Call ``changed`` whenever host, power or connection differ from before; until cancelled."""
        moid = location.vm.moid
        if moid is None:
            raise VmNotFound(f"{location.vm.name} has no id in vCenter.")
        await self._watcher.watch(moid, Placement(location.host_moid, "poweredOn"), changed)

    # --- the host's SSH service, and what doctor asks -------------------------------------------

    async def ssh_running(self, host_moid: str) -> bool:
        """Whether the host's SSH service (TSM-SSH) runs."""
        return await self._session.run(lambda c: services.ssh_running(c, host_moid))

    async def start_ssh(self, host_moid: str) -> None:
        """Start the host's SSH service; VcenterRefused without Host.Config.NetService."""
        await self._session.run(lambda c: services.start_ssh(c, host_moid))

    async def stop_ssh(self, host_moid: str) -> None:
        """Stop the host's SSH service."""
        await self._session.run(lambda c: services.stop_ssh(c, host_moid))

    async def privileges(self) -> tuple[tuple[str, bool | None], ...]:
        """Each privilege that arpcheck can use, and whether the account holds it at the root.

        None = the server does not tell.
        """
        return await self._session.run(services.privileges)

    async def about(self) -> services.VcenterAbout:
        """Version, instance id and clock of this vCenter."""
        return await self._session.run(services.about)

    async def hosts(self) -> tuple[services.HostPlace, ...]:
        """Every ESXi host the account may see."""
        return await self._session.run(services.hosts)

    async def close(self) -> None:
        """Log out and end all threads."""
        for sweep in (self._names, self._guests, self._devices):
            sweep.cancel()
        await self._watcher.close()
        await self._session.close()


def _not_found(asked: Query) -> str:
    if asked.address:
        return f"No VM has the address {asked.text} (as VMware Tools tell it), nor that name."
    if asked.mac:
        return f"No VM has an adapter with the MAC {asked.text}."
    if asked.uuid:
        return f"No VM has the UUID {asked.text}."
    return f"vCenter shows no VM named {asked.text}."
