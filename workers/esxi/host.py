"""One ESXi host, opened for a check and closed clean: the edge that the check's line speaks to."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

from workers.arp.model import Uplink, Vm, VmLocation
from workers.arp.pktcap import Planned
from workers.esxi.cleanup import clean_up
from workers.esxi.ear import Ear, Hear
from workers.esxi.keys import HostKeys
from workers.esxi.lines import Lines
from workers.esxi.listen import Listening
from workers.esxi.ports import SwitchPort, switch_ports, uplinks
from workers.esxi.probe import HostView, greet, look
from workers.esxi.snapshot import snapshot
from workers.esxi.ssh import Door
from workers.settings import EsxiSettings

_log = logging.getLogger(__name__)


@asynccontextmanager
async def open_host(
    location: VmLocation, settings: EsxiSettings, keys: HostKeys
) -> AsyncIterator[EsxiHost]:
    """Log in to the VM's host; at the end it is left clean and every connection is closed.

    A block that is cancelled or fails before it could ask ``clean_up`` is cleaned up after here.

    Raises:
        HostUnreachable: no answer, or it hangs after the login.
        HostRefused: the login, lockdown mode, a stopped SSH service, no shell access.
        HostKeyRefused: the host's key is unknown or changed.
    """
    lines = Lines(Door(location, settings, keys))
    host = EsxiHost(lines)
    try:
        await greet(lines)
        yield host
    finally:
        try:
            await host.clean_up_once()
        finally:
            await lines.close()


class EsxiHost:
    """A host that let us in. Every method may raise HostUnreachable when it goes away."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._view: HostView | None = None
        self._ports: dict[str, SwitchPort] = {}
        self._ears: list[Ear] = []
        self._asked = 0

    async def look(self) -> HostView:
        """What the host is and can do, asked once.

        Raises:
            CaptureImpossible: it cannot capture what a check needs.
        """
        if self._view is None:
            self._view = await look(self._lines)
        return self._view

    async def switch_ports(self, vm: Vm) -> dict[str, SwitchPort]:
        """The VM's switch ports by vNIC MAC, as they are now: ask before and after a capture."""
        view = await self.look()
        self._ports = await switch_ports(self._lines, vm, view.features.timeout)
        return dict(self._ports)

    @asynccontextmanager
    async def listen(
        self, planned: Sequence[Planned], *, seconds: int, heard: Hear
    ) -> AsyncIterator[Listening]:
        """Start captures; they end with the block, at the latest by themselves.

        ``heard`` gets each point's capture file as it comes, from its first magic on. It runs in the
        event loop: what it takes long for, the host waits for. ``seconds`` is the longest time that
        will be listened after all are ready.
        """
        view = await self.look()
        listening = Listening(self._lines, view.clock, view.features.timeout)
        try:
            listening.start(planned, seconds, heard)
            self._ears += listening.ears
            yield listening
        finally:
            await listening.stop()

    async def uplinks(self) -> tuple[Uplink, ...]:
        """The physical NICs that are uplinks of a virtual switch on this host, by device."""
        view = await self.look()
        return await uplinks(self._lines, view.features.links, view.features.timeout)

    @property
    def connections(self) -> tuple[int, int | None]:
        """How many connections are open, and how many sessions the host allows on each.

        None = it has refused none so far.
        """
        return self._lines.connections, self._lines.sessions_allowed

    async def snapshot(self, uplinks: Iterable[str]) -> dict[str, bytes]:
        """Version, NICs, counters of the uplinks and of the VM's ports: file name → text."""
        ports = [port.number for port in self._ports.values()]
        return await snapshot(self._lines, await self.look(), uplinks, ports)

    async def clean_up(self) -> tuple[str, ...]:
        """Ask the host whether a capture of ours is left and end it; () = proven clean."""
        self._asked = len(self._ears)
        if not self._ears:
            return ()
        view = await self.look()
        return await clean_up(self._lines, self._ears, view.features.timeout)

    async def clean_up_once(self) -> None:
        """Clean up where nobody did since the last capture; what stays unproven is logged."""
        if self._asked < len(self._ears):
            for sentence in await self.clean_up():
                _log.warning(sentence)
