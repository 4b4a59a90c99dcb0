"""vCenter's events around a capture turned into the few that can change a verdict.

Sources: vSphere API VmBeingHotMigratedEvent (host = where it leaves), VmMigratedEvent and
DrsVmMigratedEvent (sourceHost, host = where it arrived), VmReconfiguredEvent.configSpec; the ESXi event
ids esx.problem.net.* and esx.clear.net.* (vSphere Events reference).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from pyVmomi import vim

from workers.arp.model import SECOND, HostEvent, VmLocation
from workers.vcenter.connection import Connection
from workers.vcenter.properties import moid
from workers.vcenter.records import Card
from workers.vcenter.services import clock_ahead

LINK_EVENTS = {
    "esx.problem.net.vmnic.linkstate.down": "link_down",
    "esx.clear.net.vmnic.linkstate.up": "link_up",
    "esx.problem.net.connectivity.lost": "link_down",
    "esx.problem.net.dvport.connectivity.lost": "link_down",
    "esx.clear.net.connectivity.restored": "link_up",
    "esx.clear.net.dvport.connectivity.restored": "link_up",
    "esx.problem.net.redundancy.lost": "failover",
    "esx.problem.net.redundancy.degraded": "failover",
    "esx.problem.net.dvport.redundancy.lost": "failover",
    "esx.problem.net.dvport.redundancy.degraded": "failover",
    "esx.clear.net.redundancy.restored": "failover",
    "esx.clear.net.dvport.redundancy.restored": "failover",
}
POWER_EVENTS = (
    vim.event.VmPoweredOffEvent,
    vim.event.VmGuestShutdownEvent,
    vim.event.VmSuspendedEvent,
    vim.event.VmResettingEvent,
)


def read_events(
    connection: Connection, location: VmLocation, start: int, end: int
) -> tuple[HostEvent, ...]:
    """What happened from ``start`` to ``end`` by our clock, in order; times are ours too."""
    ahead = clock_ahead(connection)
    window = vim.event.EventFilterSpec.ByTime(
        beginTime=_stamp(start + ahead), endTime=_stamp(end + ahead)
    )
    about = [
        connection.reference(vim.VirtualMachine, location.vm.moid or ""),
        connection.reference(vim.HostSystem, location.host_moid),
    ]
    by_key: dict[int, Any] = {}
    for entity in about:
        spec = vim.event.EventFilterSpec(
            entity=vim.event.EventFilterSpec.ByEntity(entity=entity, recursion="self"), time=window
        )
        by_key.update({e.key: e for e in connection.content.eventManager.QueryEvents(spec) or ()})
    found = [
        HostEvent(_at(event) - ahead, name, event.fullFormattedMessage or "")
        for event in by_key.values()
        if start - SECOND <= _at(event) - ahead <= end + SECOND  # a server may ignore the window
        for name in _names(event, location)
    ]
    return tuple(sorted(found, key=lambda event: (event.at, event.event)))


def _stamp(at: int) -> datetime:
    return datetime.fromtimestamp(at / SECOND, tz=UTC)


def _at(event: Any) -> int:
    return int(event.createdTime.timestamp() * 1_000_000) * 1000


def _names(event: Any, location: VmLocation) -> Iterable[str]:
    """The contract's names for an event; most events have none."""
    if isinstance(event, vim.event.EventEx):
        if event.objectId in {None, location.host_moid} or event.host is not None:
            yield from filter(None, [LINK_EVENTS.get(event.eventTypeId)])
        return
    if event.vm is None or moid(event.vm.vm) != location.vm.moid:
        return
    if isinstance(event, POWER_EVENTS):
        yield "poweroff"
    elif isinstance(event, vim.event.VmBeingHotMigratedEvent):
        yield from _if_here("vmotion_out", event.host, location)
    elif isinstance(event, vim.event.VmMigratedEvent):
        yield from _if_here("vmotion_out", event.sourceHost, location)
        yield from _if_here("vmotion_in", event.host, location)
    elif isinstance(event, vim.event.VmReconfiguredEvent):
        yield from _reconfigured(event.configSpec, location)


def _if_here(name: str, host: Any, location: VmLocation) -> Iterable[str]:
    if host is not None and moid(host.host) == location.host_moid:
        yield name


def _reconfigured(spec: Any, location: VmLocation) -> Iterable[str]:
    """An adapter that was touched; with a MAC that was not there before it is a change of MAC."""
    known = {nic.mac for nic in location.vm.nics}
    changes = (spec.deviceChange if spec is not None else None) or ()
    macs = [(c.device.macAddress or "").lower() for c in changes if isinstance(c.device, Card)]
    if any(mac and mac not in known for mac in macs):
        yield "mac_change"
    elif macs:
        yield "reconnect"
