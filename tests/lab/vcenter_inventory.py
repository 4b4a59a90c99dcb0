"""The lab's world turned into vSphere's tree of managed objects, property by property.

An ``Inventory`` is made afresh for every call, so it always shows the world of that moment. Names
are escaped as vCenter escapes them: ``%``, ``/`` and ``\\`` as ``%25``, ``%2f`` and ``%5c``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from pyVmomi import vim, vmodl

from tests.lab.vcenter_dvs import (
    DVS,
    Plugged,
    group_config,
    port,
    switch_config,
    uplink_group_config,
    uplink_group_key,
)
from tests.lab.vcenter_host import host_config, host_summary
from tests.lab.vcenter_soap import Fault
from tests.lab.vcenter_vm import (
    is_opaque,
    opaque_id,
    port_key,
    portgroup_key,
    switch_of,
    vm_config,
    vm_guest,
)
from tests.lab.world import EsxiHost, PortGroup, VirtualMachine, VirtualSwitch, World

ROOT, DATACENTER = "group-d1", "datacenter-2"
VM_FOLDER, HOST_FOLDER, NETWORK_FOLDER = "group-v3", "group-h4", "group-n6"

Properties = dict[str, Callable[[], Any]]


def escaped(name: str) -> str:
    return name.replace("%", "%25").replace("/", "%2f").replace("\\", "%5c")


class Inventory:
    """All managed objects of a world; ``hidden`` are moids the account may not see."""

    def __init__(self, world: World, hidden: frozenset[str] = frozenset()) -> None:
        self.world = world
        self.hidden = hidden
        self.vms = {vm.moid: vm for vm in world.vms if vm.moid not in hidden}
        self.hosts = {host.moid: host for host in world.hosts if host.moid not in hidden}
        self._host_by_name = {host.name: host for host in world.hosts}

    def host_of(self, vm: VirtualMachine) -> EsxiHost | None:
        return self._host_by_name.get(vm.host)

    @cached_property
    def _groups(self) -> dict[str, tuple[EsxiHost, VirtualSwitch, PortGroup]]:
        found: dict[str, tuple[EsxiHost, VirtualSwitch, PortGroup]] = {}
        for host in self.world.hosts:
            switches = {switch.name: switch for switch in host.switches}
            for group in host.portgroups:
                switch = switches[group.switch]
                found.setdefault(self._network_moid(group, switch), (host, switch, group))
        return {moid: entry for moid, entry in found.items() if moid not in self.hidden}

    @cached_property
    def switches(self) -> dict[str, tuple[EsxiHost, VirtualSwitch]]:
        """Distributed switches by moid, with the first host that has each."""
        found: dict[str, tuple[EsxiHost, VirtualSwitch]] = {}
        for host in self.world.hosts:
            for switch in host.switches:
                if switch.kind != "vss" and not switch.opaque:
                    found.setdefault(switch.moid, (host, switch))
        return {moid: entry for moid, entry in found.items() if moid not in self.hidden}

    @cached_property
    def folders(self) -> dict[str, str]:
        """Path below the VM folder → moid; the VM folder itself is ``vm``."""
        paths = {"vm": VM_FOLDER}
        for vm in self.world.vms:
            words = vm.folder.split("/")
            for depth in range(1, len(words) + 1):
                path = "/".join(words[:depth])
                paths.setdefault(path, f"group-v{100 + len(paths)}")
        return paths

    @cached_property
    def _clusters(self) -> dict[str, str]:
        names = dict.fromkeys(host.cluster for host in self.world.hosts)
        return {name: f"domain-c{8 + place}" for place, name in enumerate(names)}

    @staticmethod
    def _network_moid(group: PortGroup, switch: VirtualSwitch) -> str:
        if switch.kind == "vss":
            return f"network-{group.name}"
        return f"network-o{opaque_id(group)}" if switch.opaque else portgroup_key(group)

    def network_reference(self, moid: str) -> Any:
        switch = self._groups[moid][1]
        if switch.kind == "vss":
            return vim.Network(moid)
        return (
            vim.OpaqueNetwork(moid) if switch.opaque else vim.dvs.DistributedVirtualPortgroup(moid)
        )

    def every(self, kind: Any) -> list[Any]:
        """References of all objects of a type, as a container view of the root folder lists them."""
        listed: list[tuple[Any, Callable[[], list[Any]]]] = [
            (vim.VirtualMachine, lambda: [vim.VirtualMachine(moid) for moid in self.vms]),
            (vim.HostSystem, lambda: [vim.HostSystem(moid) for moid in self.hosts]),
            (vim.Network, lambda: [self.network_reference(moid) for moid in self._groups]),
            (vim.DistributedVirtualSwitch, lambda: [DVS(moid) for moid in self.switches]),
            (vim.Datacenter, lambda: [vim.Datacenter(DATACENTER)]),
            (
                vim.ComputeResource,
                lambda: [vim.ClusterComputeResource(moid) for moid in self._clusters.values()],
            ),
        ]
        return [
            reference
            for base, references in listed
            if issubclass(base, kind) or issubclass(kind, base)
            for reference in references()
            if isinstance(reference, kind)
        ]

    # --- properties -------------------------------------------------------------------------

    def properties(self, reference: Any) -> Properties:
        """The properties the lab models, by name, each as a function that makes it.

        Raises:
            Fault: ManagedObjectNotFound.
        """
        moid = reference._moId
        for find in (self._vm, self._host, self._network, self._switch, self._container):
            found = find(moid)
            if found is not None:
                return found
        raise Fault(
            vmodl.fault.ManagedObjectNotFound(
                obj=reference,
                msg=f"The object '{reference}' has already been deleted or has not been completely created",
            )
        )

    def _vm(self, moid: str) -> Properties | None:
        vm = self.vms.get(moid)
        if vm is None:
            return None
        host = self.host_of(vm)
        visible = host is not None and host.moid not in self.hidden and vm.connection != "orphaned"
        return {
            "name": lambda: escaped(vm.name),
            "parent": lambda: vim.Folder(self.folders[vm.folder]),
            "config": lambda: vm_config(vm, host),
            "guest": lambda: vm_guest(vm),
            "network": lambda: self._networks_of(vm),
            "runtime": lambda: vim.vm.RuntimeInfo(
                host=vim.HostSystem(host.moid) if host and visible else None,
                powerState=vm.power,
                connectionState=vm.connection,
            ),
        }

    def _networks_of(self, vm: VirtualMachine) -> list[Any]:
        moids = dict.fromkeys(
            self._network_moid(*found)
            for nic in vm.nics
            if (found := switch_of(self.host_of(vm), nic)) is not None
        )
        return [self.network_reference(moid) for moid in moids if moid in self._groups]

    def _host(self, moid: str) -> Properties | None:
        host = self.hosts.get(moid)
        if host is None:
            return None
        number = moid.removeprefix("host-")
        return {
            "name": lambda: host.name,
            "parent": lambda: vim.ClusterComputeResource(self._clusters[host.cluster]),
            "config": lambda: host_config(host),
            "summary": lambda: host_summary(host),
            "runtime": lambda: vim.host.RuntimeInfo(
                connectionState="connected", powerState="poweredOn", inMaintenanceMode=False
            ),
            "configManager": lambda: vim.host.ConfigManager(
                networkSystem=vim.host.NetworkSystem(f"networkSystem-{number}"),
                serviceSystem=vim.host.ServiceSystem(f"serviceSystem-{number}"),
            ),
            "vm": lambda: [
                vim.VirtualMachine(vm.moid) for vm in self.vms.values() if vm.host == host.name
            ],
            "network": lambda: [
                self.network_reference(key)
                for group in host.portgroups
                for switch in host.switches
                if switch.name == group.switch
                and (key := self._network_moid(group, switch)) in self._groups
            ],
        }

    def _network(self, moid: str) -> Properties | None:
        entry = self._groups.get(moid)
        if entry is None:
            return self._uplink_group(moid)
        host, switch, group = entry
        common: Properties = {
            "name": lambda: escaped(group.name),
            "parent": lambda: vim.Folder(NETWORK_FOLDER),
        }
        if switch.kind == "vss":
            return common
        if switch.opaque:
            summary = vim.OpaqueNetwork.Summary(
                name=group.name,
                accessible=True,
                opaqueNetworkId=opaque_id(group),
                opaqueNetworkType="nsx.LogicalSwitch",
            )
            return common | {"summary": lambda: summary}
        return common | {
            "key": lambda: portgroup_key(group),
            "config": lambda: group_config(host, switch, group),
        }

    def _uplink_group(self, moid: str) -> Properties | None:
        found = (s for _, s in self.switches.values() if uplink_group_key(s) == moid)
        switch = next(found, None)
        if switch is None:
            return None
        return {
            "name": lambda: f"{switch.name}-DVUplinks",
            "key": lambda: uplink_group_key(switch),
            "config": lambda: uplink_group_config(switch),
            "parent": lambda: vim.Folder(NETWORK_FOLDER),
        }

    def _switch(self, moid: str) -> Properties | None:
        entry = self.switches.get(moid)
        if entry is None:
            return None
        host, switch = entry
        groups = [g for _, s, g in self._groups.values() if s.moid == moid]
        return {
            "name": lambda: escaped(switch.name),
            "uuid": lambda: switch.uuid,
            "parent": lambda: vim.Folder(NETWORK_FOLDER),
            "config": lambda: switch_config(host, switch, groups),
            "portgroup": lambda: [
                vim.dvs.DistributedVirtualPortgroup(portgroup_key(group)) for group in groups
            ],
        }

    def _container(self, moid: str) -> Properties | None:
        """Folders, the datacenter and the clusters."""
        fixed = {
            ROOT: ("Datacenters", None),
            DATACENTER: ("dc", vim.Folder(ROOT)),
            HOST_FOLDER: ("host", vim.Datacenter(DATACENTER)),
            NETWORK_FOLDER: ("network", vim.Datacenter(DATACENTER)),
            VM_FOLDER: ("vm", vim.Datacenter(DATACENTER)),
        }
        for path, folder in self.folders.items():
            above, _, name = path.rpartition("/")
            if above:
                fixed[folder] = (name, vim.Folder(self.folders[above]))
        for name, cluster in self._clusters.items():
            fixed[cluster] = (name, vim.Folder(HOST_FOLDER))
        if moid not in fixed or moid in self.hidden:
            return None
        name, parent = fixed[moid]
        return {"name": lambda: escaped(name), "parent": lambda: parent}

    # --- ports ------------------------------------------------------------------------------

    def ports(self, switch_moid: str, keys: list[str]) -> list[Any]:
        """The plugged distributed ports of a switch, all where no keys are given."""
        return [port(plugged) for plugged in self._plugged(switch_moid, keys)]

    def _plugged(self, switch_moid: str, keys: list[str]) -> list[Plugged]:
        found: list[Plugged] = []
        for vm in self.world.vms:
            host = self.host_of(vm)
            for index, nic in enumerate(vm.nics):
                if keys and port_key(vm, index) not in keys:
                    continue
                entry = switch_of(host, nic)
                if host is None or entry is None or nic.backing != "port":
                    continue
                if entry[1].moid == switch_moid and not is_opaque(nic, entry[1]):
                    found.append(Plugged(vm, index, host.moid, *entry))
        return found
