"""A lab's distributed switch and port groups turned into vSphere's own objects and ports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pyVmomi import vim

from tests.lab.vcenter_host import POLICIES, uplink_names
from tests.lab.vcenter_vm import FIRST_NIC_KEY, port_key, portgroup_key
from tests.lab.world import EsxiHost, PortGroup, VirtualMachine, VirtualSwitch

DVS = vim.dvs.VmwareDistributedVirtualSwitch


def uplink_group_key(switch: VirtualSwitch) -> str:
    return f"dvportgroup-uplinks-{switch.moid}"


def switch_config(host: EsxiHost, switch: VirtualSwitch, groups: list[PortGroup]) -> Any:
    """VMwareDVSConfigInfo; the private VLANs are those its port groups use."""
    lags: dict[str, int] = {}
    for pnic in host.pnics:
        if pnic.lag and pnic.device in switch.pnics:
            lags[pnic.lag] = lags.get(pnic.lag, 0) + 1
    pvlans = sorted(
        {(g.primary, g.vlan) for g in groups if g.mode == "pvlan" and g.primary and g.vlan}
    )
    return DVS.ConfigInfo(
        uuid=switch.uuid,
        name=switch.name,
        maxMtu=switch.mtu,
        uplinkPortgroup=[
            vim.dvs.DistributedVirtualPortgroup(uplink_group_key(switch)),
        ],
        uplinkPortPolicy=vim.DistributedVirtualSwitch.NameArrayUplinkPortPolicy(
            uplinkPortName=sorted(uplink_names(host, switch).values()) or ["Uplink 1"]
        ),
        defaultPortConfig=DVS.VmwarePortConfigPolicy(
            vlan=DVS.VlanIdSpec(inherited=False, vlanId=0),
            uplinkTeamingPolicy=_teaming(host, switch, inherited=False),
        ),
        pvlanConfig=[
            DVS.PvlanMapEntry(primaryVlanId=p, secondaryVlanId=s, pvlanType="community")
            for p, s in pvlans
        ],
        networkOffloadSpecId=switch.offload_spec,
        lacpApiVersion="singleLag" if switch.single_lag else "multipleLag",
        lacpGroupConfig=[
            DVS.LacpGroupConfig(
                key=lag,
                name=lag,
                mode="active",
                uplinkNum=count,
                uplinkName=[f"{lag}-{n}" for n in range(count)],
            )
            for lag, count in ({} if switch.single_lag else lags).items()
        ],
    )


def _teaming(host: EsxiHost, switch: VirtualSwitch, *, inherited: bool) -> Any:
    names = uplink_names(host, switch)
    return DVS.UplinkPortTeamingPolicy(
        inherited=inherited,
        policy=vim.StringPolicy(inherited=inherited, value=POLICIES[switch.teaming]),
        uplinkPortOrder=DVS.UplinkPortOrderPolicy(
            inherited=inherited,
            activeUplinkPort=[names.get(name, name) for name in switch.active],
            standbyUplinkPort=[names.get(name, name) for name in switch.standby],
        ),
    )


def group_config(host: EsxiHost, switch: VirtualSwitch, group: PortGroup) -> Any:
    """DVPortgroupConfigInfo; teaming is left to the switch, as a new port group does."""
    config: Any = vim.dvs.DistributedVirtualPortgroup.ConfigInfo(
        key=portgroup_key(group),
        name=group.name,
        numPorts=8,
        type="earlyBinding",
        policy=vim.dvs.DistributedVirtualPortgroup.PortgroupPolicy(),
        distributedVirtualSwitch=DVS(switch.moid),
        backingType="nsx" if switch.kind == "nsx" else "standard",
        defaultPortConfig=DVS.VmwarePortConfigPolicy(
            vlan=_vlan(group), uplinkTeamingPolicy=_teaming(host, switch, inherited=True)
        ),
    )
    if switch.kind == "nsx":
        config.segmentId = f"/infra/segments/{group.name}"
        config.logicalSwitchUuid = "0ba9e000-0000-4000-8000-000000000001"
        if group.overlay:
            config.defaultPortConfig.VNI = vim.IntPolicy(inherited=False, value=71_680)
    return config


def uplink_group_config(switch: VirtualSwitch) -> Any:
    """The port group of the uplinks; it carries the LACP switch of the time before LAG objects."""
    return vim.dvs.DistributedVirtualPortgroup.ConfigInfo(
        key=uplink_group_key(switch),
        name=f"{switch.name}-DVUplinks",
        type="earlyBinding",
        uplink=True,
        policy=vim.dvs.DistributedVirtualPortgroup.PortgroupPolicy(),
        distributedVirtualSwitch=DVS(switch.moid),
        defaultPortConfig=DVS.VmwarePortConfigPolicy(
            vlan=DVS.TrunkVlanSpec(inherited=False, vlanId=[vim.NumericRange(start=0, end=4094)]),
            lacpPolicy=DVS.UplinkLacpPolicy(
                inherited=False, enable=vim.BoolPolicy(inherited=False, value=switch.single_lag)
            ),
        ),
    )


def _vlan(group: PortGroup) -> Any:
    if group.mode == "trunk":
        ranges = [vim.NumericRange(start=a, end=b) for a, b in group.trunk or [(0, 4094)]]
        return DVS.TrunkVlanSpec(inherited=False, vlanId=ranges)
    if group.mode == "pvlan":
        return DVS.PvlanSpec(inherited=False, pvlanId=group.vlan or 0)
    return DVS.VlanIdSpec(inherited=False, vlanId=group.vlan or 0)


@dataclass(frozen=True)
class Plugged:
    """A VM's adapter in its distributed port."""

    vm: VirtualMachine
    index: int
    host_moid: str
    group: PortGroup
    switch: VirtualSwitch


def port(plugged: Plugged) -> Any:
    """DistributedVirtualPort: the setting that was overridden on it, and its run-time state."""
    virtual: Any = vim.dvs.DistributedVirtualPort
    nic, group = plugged.vm.nics[plugged.index], plugged.group
    key = port_key(plugged.vm, plugged.index)
    setting: Any = DVS.VmwarePortConfigPolicy(
        blocked=vim.BoolPolicy(inherited=not nic.blocked, value=nic.blocked), vlan=_vlan(group)
    )
    setting.vlan.inherited = True
    vlan = nic.port_vlan or group.vlan or 0
    if nic.port_vlan is not None:
        setting.vlan = DVS.VlanIdSpec(inherited=False, vlanId=nic.port_vlan)
    return virtual(
        key=key,
        dvsUuid=plugged.switch.uuid,
        portgroupKey=portgroup_key(group),
        proxyHost=vim.HostSystem(plugged.host_moid),
        conflict=False,
        config=virtual.ConfigInfo(configVersion="1", setting=setting),
        connectee=vim.dvs.PortConnectee(
            connectedEntity=vim.VirtualMachine(plugged.vm.moid),
            nicKey=str(FIRST_NIC_KEY + plugged.index),
            type="vmVnic",
        ),
        state=virtual.State(
            runtimeInfo=virtual.RuntimeInfo(
                linkUp=nic.connected and not nic.blocked,
                blocked=nic.blocked,
                vlanIds=[vim.NumericRange(start=vlan, end=vlan)],
                trunkingMode=group.mode == "trunk",
                macAddress=nic.mac,
            )
        ),
    )
