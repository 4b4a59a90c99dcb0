"""Servers that answer less than a vCenter, or otherwise: simulators, old releases, narrow accounts.

What is missing is unknown, never made up; what cannot be done without is one clear sentence.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyVmomi import vim, vmodl

from tests.edges.vcenter_lab import until, vcenter_lab
from tests.lab.vcenter_soap import Fault
from tests.lab.world import PortGroup, VirtualSwitch, small_world
from workers.arp.model import Placement, Role, Vlan
from workers.errors import CheckError, VcenterRefused, VcenterUnreachable, VmNotFound

BOTH = ["vmnic0", "vmnic1"]
BIOS_UUID = "4213b7a1-0000-4000-8000-000000000101"


def _untold(*paths: str) -> Callable[[Any, str, Any], Any]:
    return lambda reference, path, value: None if path in paths else value


# --- methods that are not there -----------------------------------------------------------------


async def test_a_uuid_is_found_without_the_index_of_all(tmp_path: Path) -> None:
    async with vcenter_lab(tmp_path) as lab:
        lab.twin.state.unoffered |= {"FindAllByUuid", "FindAllByIp"}
        assert (await lab.vcenter.find(BIOS_UUID)).vm.moid == "vm-101"
        assert (await lab.vcenter.find(BIOS_UUID.upper())).vm.moid == "vm-101"
        assert (await lab.vcenter.find("10.20.110.21")).vm.moid == "vm-101"
        instance = lab.world.vm("app01").instance_uuid
        assert (await lab.vcenter.find(instance)).vm.moid == "vm-101"


async def test_a_check_goes_on_without_what_is_good_to_have(tmp_path: Path) -> None:
    async with vcenter_lab(tmp_path) as lab:
        lab.twin.state.unoffered |= {"FetchDVPorts", "QueryNetworkHint"}
        location = await lab.vcenter.find("app01")
        assert location.vm.nics[0].vlan == Vlan("access", 110)
        assert [uplink.neighbour for uplink in location.host.uplinks] == [None, None]


async def test_privileges_that_are_not_told_are_unknown(tmp_path: Path) -> None:
    async with vcenter_lab(tmp_path) as lab:
        lab.twin.state.unoffered.add("HasPrivilegeOnEntities")
        assert {held for _, held in await lab.vcenter.privileges()} == {None}


async def test_services_that_cannot_be_switched_are_told_as_such(tmp_path: Path) -> None:
    async with vcenter_lab(tmp_path) as lab:
        lab.world.hosts[0].ssh_running = False
        lab.twin.state.unoffered.add("StartService")
        with pytest.raises(VcenterRefused, match=r"services of esx07\.example\.com"):
            await lab.vcenter.start_ssh("host-7")


async def test_a_method_that_is_needed_is_named(tmp_path: Path) -> None:
    async with vcenter_lab(tmp_path) as lab:
        lab.twin.state.unoffered.add("CreateContainerView")
        with pytest.raises(VcenterUnreachable, match="CreateContainerView"):
            await lab.vcenter.find("app01")


@pytest.mark.parametrize("method", ["CreatePropertyCollector", "CreateFilter", "WaitForUpdatesEx"])
async def test_a_move_is_noticed_without_updates(tmp_path: Path, method: str) -> None:
    async with vcenter_lab(tmp_path) as lab:
        lab.twin.state.unoffered.add(method)
        location, told = await lab.vcenter.find("app01"), list[Placement]()
        watching = asyncio.create_task(lab.vcenter.watch(location, told.append))
        await until(lambda: "RetrievePropertiesEx" in lab.twin.methods[-3:])
        lab.twin.move(lab.world.vm("app01"), "esx08.example.com")
        await until(lambda: any(p.elsewhere(location.host_moid) for p in told))
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def test_a_watch_that_is_never_answered_tells_of_no_end(tmp_path: Path) -> None:
    async with vcenter_lab(tmp_path) as lab:
        location, told = await lab.vcenter.find("app01"), list[Placement]()
        lab.twin.state.bend = _untold("WaitForUpdatesEx")
        watching = asyncio.create_task(lab.vcenter.watch(location, told.append))
        await until(lambda: lab.twin.methods.count("WaitForUpdatesEx") >= 2)
        assert [p for p in told if p.stopped or p.elsewhere(location.host_moid)] == []
        lab.twin.power_off(lab.world.vm("app01"))
        await until(lambda: any(p.stopped for p in told))
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def test_a_placement_that_is_not_told_is_neither_a_move_nor_a_stop(tmp_path: Path) -> None:
    async with vcenter_lab(tmp_path) as lab:
        lab.twin.state.bend = _untold("runtime.host", "runtime.powerState")
        placement = await lab.vcenter.placement("vm-101")
        assert not placement.elsewhere("host-7")
        assert not placement.stopped


async def test_events_outside_the_window_are_left_out_where_the_server_tells_all(
    tmp_path: Path,
) -> None:
    async with vcenter_lab(tmp_path) as lab:
        location = await lab.vcenter.find("app01")
        lab.twin.power_off(lab.world.vm("app01"))
        told = lab.twin.log.events
        lab.twin.state.bend = lambda _, name, value: told if name == "QueryEvents" else value
        now = time.time_ns()
        minute = 60_000_000_000
        assert await lab.vcenter.events(location, now + minute, now + 2 * minute) == ()
        assert await lab.vcenter.events(location, now - 2 * minute, now - minute) == ()
        assert len(await lab.vcenter.events(location, now - minute, now + minute)) == 1


@pytest.mark.parametrize("page", [1, 2, 1000])
async def test_pages_of_any_size(tmp_path: Path, page: int) -> None:
    async with vcenter_lab(tmp_path) as lab:
        lab.twin.paged(page)
        for typed in ("app01", "00:50:56:9a:21:01"):
            location = await lab.vcenter.find(typed)
            assert (location.vm.moid, len(location.host.local_vms)) == ("vm-101", 2)


async def test_a_server_that_does_not_report_missing_objects(tmp_path: Path) -> None:
    async with vcenter_lab(tmp_path) as lab:
        location = await lab.vcenter.find("app01")
        lab.twin.state.unoffered.add("reportMissingObjectsInResults")
        lab.world.vms.remove(lab.world.vm("app01"))
        assert (await lab.vcenter.placement("vm-101")).stopped
        with pytest.raises(VmNotFound):
            await lab.vcenter.locate(location.vm.moid or "")


async def test_properties_that_an_old_server_refuses_are_left_out(tmp_path: Path) -> None:
    refused = {"guest.ipStack", "config.network.opaqueSwitch", "config.lockdownMode"}

    def refuse(reference: Any, path: str, value: Any) -> Any:
        if path in refused:
            raise Fault(vmodl.query.InvalidProperty(name=path))
        return value

    async with vcenter_lab(tmp_path) as lab:
        lab.twin.state.bend = refuse
        location = await lab.vcenter.find("app01")
        assert (location.vm.nics[0].gateway, location.lockdown) == (None, None)
        assert len(location.host.uplinks) == 2


# --- versions -----------------------------------------------------------------------------------


@pytest.mark.parametrize("versions", ["", "<html>not found</html>"])
async def test_a_server_without_a_list_of_versions(tmp_path: Path, versions: str) -> None:
    async with vcenter_lab(tmp_path) as lab:
        lab.twin.versions = versions
        assert (await lab.vcenter.find("app01")).vm.moid == "vm-101"


async def test_a_list_of_versions_that_is_not_found(tmp_path: Path) -> None:
    async with vcenter_lab(tmp_path) as lab:
        lab.twin.faults |= {"http_status": 404, "only": {"vimServiceVersions.xml"}}
        assert (await lab.vcenter.find("app01")).vm.moid == "vm-101"


@pytest.mark.parametrize("version", ["6.0", "6.5", "6.7", "7.0", "7.0.3.0", "8.0", "8.0.3.0", "12"])
async def test_every_version_that_is_told_is_spoken(tmp_path: Path, version: str) -> None:
    async with vcenter_lab(tmp_path) as lab:
        space = "<namespace><name>urn:vim25</name><version>{}</version></namespace>"
        lab.twin.versions = f"<namespaces>{space.format(version)}</namespaces>"
        assert (await lab.vcenter.find("app01")).vm.moid == "vm-101"


# --- properties that are not told ---------------------------------------------------------------


async def test_uplinks_that_are_not_told_are_left_to_the_host(tmp_path: Path) -> None:
    async with vcenter_lab(tmp_path) as lab:
        lab.twin.state.bend = _untold("config.network.proxySwitch")
        location = await lab.vcenter.find("app01")
        nic = location.vm.nics[0]
        assert (nic.switch, nic.portgroup, nic.vlan) == ("dvs-prod", "app-110", Vlan("access", 110))
        assert location.host.uplinks == ()
        assert "does not show the uplinks of dvs-prod" in " ".join(location.notes)


async def test_a_network_that_is_not_told_has_an_unknown_vlan(tmp_path: Path) -> None:
    async with vcenter_lab(tmp_path) as lab:
        lab.twin.state.bend = _untold("config.network.proxySwitch", "network")
        nic = (await lab.vcenter.find("app01")).vm.nics[0]
        assert (nic.switch, nic.vlan.mode) == (None, "unknown")


async def test_a_proxy_switch_without_uuid_is_known_by_its_name(tmp_path: Path) -> None:
    def nameless(reference: Any, path: str, value: Any) -> Any:
        if path == "config.network.proxySwitch":
            for proxy in value:
                proxy.dvsUuid = ""
        return value

    async with vcenter_lab(tmp_path) as lab:
        lab.twin.state.bend = nameless
        assert len((await lab.vcenter.find("app01")).host.uplinks) == 2


@pytest.mark.parametrize("told", ["nothing", "port group", "switch"])
async def test_a_standard_port_group_without_a_computed_policy(tmp_path: Path, told: str) -> None:
    """AddPortGroup of some servers keeps the specification alone."""

    def bend(reference: Any, path: str, value: Any) -> Any:
        policy = vim.host.NetworkPolicy(
            nicTeaming=vim.host.NetworkPolicy.NicTeamingPolicy(
                policy="failover_explicit",
                nicOrder=vim.host.NetworkPolicy.NicOrderPolicy(activeNic=["vmnic1"]),
            )
        )
        for part in value if path == "config.network.portgroup" else ():
            part.computedPolicy = vim.host.NetworkPolicy()
            part.vswitch = None
            part.spec.policy = policy if told == "port group" else vim.host.NetworkPolicy()
        for part in value if path == "config.network.vswitch" else ():
            part.spec.policy = policy if told == "switch" else None
        return value

    world = small_world()
    switch = VirtualSwitch("vSwitch0", "vss", ["vmnic0", "vmnic1"], ["vmnic0"])
    world.hosts[0].switches = [switch]
    world.hosts[0].portgroups = [PortGroup("web", "vSwitch0", "access", 7)]
    world.vm("app01").nics[0].portgroup = "web"
    world.vms = [world.vm("app01")]
    async with vcenter_lab(tmp_path, world) as lab:
        lab.twin.state.bend = bend
        location = await lab.vcenter.find("app01")
    roles = [uplink.role for uplink in location.host.uplinks]
    if told == "nothing":
        assert (roles, location.host.teaming) == ([Role.UNKNOWN, Role.UNKNOWN], None)
    else:
        assert (roles, location.host.teaming) == ([Role.UNUSED, Role.ACTIVE], "failover")


async def test_an_adapter_never_tried_but_connected_by_the_guest_counts_as_connected(
    tmp_path: Path,
) -> None:
    def untried(reference: Any, path: str, value: Any) -> Any:
        if path == "config.hardware.device":
            for device in value:
                if device.connectable is not None:
                    device.connectable.connected = False
                    device.connectable.status = "untried"
        return value

    async with vcenter_lab(tmp_path) as lab:
        lab.twin.state.bend = untried
        assert (await lab.vcenter.find("app01")).vm.nics[0].connected
        lab.world.vm("app01").nics[0].connected = False
        with pytest.raises(CheckError, match="disconnected"):
            await lab.vcenter.find("app01")


async def test_ports_of_a_server_that_ignores_the_criteria(tmp_path: Path) -> None:
    """Such a server may number the ports of every group anew, with the settings of that group."""

    def every_group(reference: Any, name: str, value: Any) -> Any:
        if name != "FetchDVPorts":
            return value
        setting: Any = vim.dvs.VmwareDistributedVirtualSwitch.VmwarePortConfigPolicy(
            vlan=vim.dvs.VmwareDistributedVirtualSwitch.VlanIdSpec(inherited=False, vlanId=120)
        )
        virtual: Any = vim.dvs.DistributedVirtualPort
        other = virtual(
            key=value[0].key,
            conflict=False,
            config=virtual.ConfigInfo(configVersion="1", setting=setting),
        )
        return [*value, other]

    async with vcenter_lab(tmp_path) as lab:
        lab.twin.state.bend = every_group
        assert (await lab.vcenter.find("app01")).vm.nics[0].vlan == Vlan("access", 110)
        assert "FetchDVPorts" in lab.twin.methods
