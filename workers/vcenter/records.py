"""A VM's id turned into the raw records of everything around it, in at most six round trips.

1 the VM · 2 its host, the host's other VMs and the port groups they use · 3 the distributed switches ·
(the uplink port groups, only with the LACP of before 5.5) · 4 the VM's distributed ports, a call per
switch · 5 the physical neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from pyVmomi import vim

from workers.errors import VmNotFound
from workers.vcenter.connection import Connection
from workers.vcenter.properties import Properties, moid, optional, retrieve, start, step

Card = vim.vm.device.VirtualEthernetCard
PortBacking = Card.DistributedVirtualPortBackingInfo
Portgroup = vim.dvs.DistributedVirtualPortgroup

VM_PATHS = (
    "name",
    "config.template",
    "config.uuid",
    "config.hardware.device",
    "guest.net",
    "guest.ipStack",
    "guest.toolsRunningStatus",
    "runtime.host",
    "runtime.powerState",
    "runtime.connectionState",
)
LOCAL_PATHS = ("name", "runtime.powerState", "config.hardware.device", "guest.net")
HOST_PATHS = (
    "name",
    "summary.config.product",
    "config.network.pnic",
    "config.network.vswitch",
    "config.network.portgroup",
    "config.network.proxySwitch",
    "config.network.opaqueSwitch",
    "config.network.opaqueNetwork",
    "config.network.vnic",
    "config.virtualNicManagerInfo",
    "config.service",
    "config.lockdownMode",
    "configManager.networkSystem",
)
SWITCH_PARTS = ("defaultPortConfig", "name", "pvlanConfig", "lacpApiVersion", "uplinkPortgroup")
SWITCH_PARTS_8 = (*SWITCH_PARTS, "networkOffloadSpecId")


@dataclass(slots=True)
class Records:
    """What vCenter said, by property path; empty where it said nothing."""

    vm: Properties
    host: Properties = field(default_factory=dict)
    host_moid: str = ""
    local_vms: dict[str, Properties] = field(default_factory=dict)
    groups: dict[str, Any] = field(default_factory=dict)
    switches: dict[str, Properties] = field(default_factory=dict)
    uplink_groups: dict[str, list[Any]] = field(default_factory=dict)
    ports: dict[tuple[str, str], Any] = field(default_factory=dict)
    hints: Sequence[Any] = ()

    @property
    def cards(self) -> list[Any]:
        """The VM's Ethernet cards in the order vCenter lists them."""
        return cards(self.vm)


def cards(vm: Properties) -> list[Any]:
    """The Ethernet cards among a VM's devices."""
    return [d for d in vm.get("config.hardware.device") or () if isinstance(d, Card)]


def read_vm(connection: Connection, vm_moid: str) -> Records:
    """Round trip 1.

    Raises:
        VmNotFound: there is no such VM, or it may not be seen.
    """
    reference = connection.reference(vim.VirtualMachine, vm_moid)
    vm = retrieve(connection, [reference], {vim.VirtualMachine: VM_PATHS}).get(vm_moid)
    if not vm or "name" not in vm:
        raise VmNotFound(
            f"vCenter has no VM {vm_moid}, or its account may not see it.",
            next_step="The VM may have been deleted; look it up by name again.",
        )
    return Records(vm)


def read_surroundings(connection: Connection, records: Records) -> None:
    """Round trips 2 to 5; ``records.vm`` must name a host."""
    reference = records.vm["runtime.host"]
    records.host_moid = moid(reference)
    _read_host(connection, records, reference)
    _read_switches(connection, records)
    _read_ports(records)
    system = records.host.get("configManager.networkSystem")
    if system is not None:
        records.hints = optional(lambda: system.QueryNetworkHint(None), ())


def _read_host(connection: Connection, records: Records, reference: Any) -> None:
    networks = step(vim.VirtualMachine, "network")
    own = start(records.vm["@"], networks, skip=True)
    found = retrieve(
        connection,
        [start(reference, step(vim.HostSystem, "vm", networks)), own],
        {
            vim.HostSystem: HOST_PATHS,
            vim.VirtualMachine: LOCAL_PATHS,
            Portgroup: ("config",),
        },
    )
    for object_moid, values in found.items():
        if isinstance(values["@"], vim.HostSystem):
            records.host = values
        elif isinstance(values["@"], vim.VirtualMachine):
            records.local_vms[object_moid] = values
        elif values.get("config") is not None:
            records.groups[values["config"].key or object_moid] = values["config"]
    records.local_vms.pop(moid(records.vm["@"]), None)


def _read_switches(connection: Connection, records: Records) -> None:
    wanted = {}
    for backing in _port_backings(records):
        group = records.groups.get(backing.port.portgroupKey or "")
        if group is not None and group.distributedVirtualSwitch is not None:
            switch = group.distributedVirtualSwitch
            wanted[moid(switch)] = (switch, backing.port.switchUuid)
    if not wanted:
        return
    references = [switch for switch, _ in wanted.values()]
    kinds = {type(switch) for switch in references}
    parts = SWITCH_PARTS_8 if connection.speaks("vim.version.v8_0_0_1") else SWITCH_PARTS
    paths = [f"config.{part}" for part in parts]
    found = retrieve(connection, references, dict.fromkeys(kinds, paths))
    if any(values.get(paths[0]) is None for values in found.values()):
        # The parts belong to VMware's own subtype of the declared type; a server that checks paths
        # against the declared type does not know them, and then the whole config is read.
        for switch, values in retrieve(
            connection, references, dict.fromkeys(kinds, ("config",))
        ).items():
            told = {f"config.{p}": getattr(values.get("config"), p, None) for p in parts}
            found.setdefault(switch, values).update(told)
    for switch, values in found.items():
        records.switches[wanted[switch][1]] = values
    _read_uplink_groups(connection, records)


def _read_uplink_groups(connection: Connection, records: Records) -> None:
    """Only for switches with a single, unnamed LAG: its switch stands on the uplink port group."""
    for uuid, values in records.switches.items():
        references = values.get("config.uplinkPortgroup") or ()
        if values.get("config.lacpApiVersion") == "singleLag" and references:
            found = retrieve(connection, list(references), {Portgroup: ("config",)})
            records.uplink_groups[uuid] = [g["config"] for g in found.values() if g.get("config")]


def _read_ports(records: Records) -> None:
    keys: dict[str, list[str]] = {}
    for backing in _port_backings(records):
        if backing.port.portKey:
            keys.setdefault(backing.port.switchUuid, []).append(backing.port.portKey)
    for uuid, port_keys in keys.items():
        switch = records.switches.get(uuid)
        if switch is None:
            continue
        criteria: Any = vim.dvs.PortCriteria(portKey=port_keys)
        fetch = partial(switch["@"].FetchDVPorts, criteria)
        groups = {b.port.portKey: b.port.portgroupKey for b in _port_backings(records)}
        told = [p for p in optional(fetch, ()) if p.key in port_keys]
        for port in told:
            # A server that ignores the criteria tells of every port, one that numbers them anew in
            # every group of several with this key: only a single one can be the adapter's.
            same = [p for p in told if p.key == port.key]
            if len(same) == 1 and port.portgroupKey in {None, "", groups[port.key]}:
                records.ports[uuid, port.key] = port


def _port_backings(records: Records) -> list[Any]:
    backings = (card.backing for card in records.cards)
    return [b for b in backings if isinstance(b, PortBacking) and b.port is not None]
