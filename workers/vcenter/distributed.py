"""A distributed port turned into its switch, VLAN, teaming and uplinks: port, port group, then switch.

Sources: vSphere API types DVPortSetting and its ``inherited`` marks, UplinkPortTeamingPolicy (an active
"uplink" may be the name of a LAG), HostProxySwitch.hostLag, VMwareDVSPvlanMapEntry; what runs on a DPU,
HostProxySwitch.networkOffloadingEnabled and VMwareDVSConfigInfo.networkOffloadSpecId (vSphere 8).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from pyVmomi import vim

from workers.arp.model import Role, Uplink, Vlan
from workers.vcenter.names import unescaped
from workers.vcenter.switches import TEAMING, UNKNOWN_VLAN, Attachment, HostNetwork, role_of

DVS = vim.dvs.VmwareDistributedVirtualSwitch
NO_OFFLOAD = "none"


@dataclass(frozen=True, slots=True)
class DistributedPort:
    """All that vCenter knows of the port; None and empty where it is hidden or not there."""

    backing: Any
    group: Any = None
    switch_setting: Any = None
    switch_name: str | None = None
    pvlans: Sequence[Any] = ()
    port: Any = None
    single_lag: bool = False
    offload_spec: str | None = None

    def setting(self, name: str, part: str | None = None) -> Any:
        """A setting, or a part of it, from the first of port, port group and switch that has its own.

        What is inherited everywhere is as the most specific tells it: vCenter fills it in. Where the
        port group's is not told, the switch's proves nothing.
        """
        port = self.port.config.setting if self.port is not None and self.port.config else None
        group = self.group.defaultPortConfig if self.group is not None else None
        told = [_told(port, name, part), _told(group, name, part)]
        if told[1] is not None:
            told.append(_told(self.switch_setting, name, part))
        values = [value for value in told if value is not None]
        own = (value for value in values if not value.inherited)
        return next(own, values[0] if values else None)


def _told(layer: Any, name: str, part: str | None) -> Any:
    value = getattr(layer, name, None)
    return value if part is None else getattr(value, part, None)


def distributed(network: HostNetwork, told: DistributedPort) -> Attachment | None:
    """An adapter on a distributed switch; without its part on this host, no uplink of it is known."""
    group = told.group
    name = (group.name if group is not None else None) or told.backing.port.portgroupKey
    name = unescaped(name or "unknown")
    proxy = _proxy(network, told)
    if proxy is None:
        return None if group is None else _unplugged(told, name)
    is_nsx = group is not None and group.backingType == "nsx"
    notes = [*_port_notes(told, name)]
    if group is None:
        notes.append(
            f"vCenter shows no settings of port group {name}: it may be hidden from this account"
            " (System.Read on the network folder), so VLAN and uplink roles are unknown."
        )
    if proxy.ensEnabled:
        notes.append(
            f"{proxy.dvsName} runs on the fast path (ENS): capture points differ there and may"
            " stay silent."
        )
    offloaded = _offloaded(proxy, told.offload_spec)
    if offloaded:
        notes.append(
            f"{proxy.dvsName} runs on a DPU (Distributed Services Engine): what passes there may not"
            " show on the host, so silence there proves nothing. Capture on the DPU itself, in the"
            " guest, and on the physical switch port."
        )
    if is_nsx:
        return replace(_nsx(network, told, proxy, tuple(notes)), offloaded=offloaded)
    teaming, uplinks = _team(network, told, proxy)
    return Attachment(
        switch=proxy.dvsName,
        kind="vds",
        portgroup=name,
        vlan=_vlan(told),
        teaming=teaming,
        uplinks=uplinks,
        offloaded=offloaded,
        notes=tuple(notes),
    )


def _offloaded(proxy: Any, spec_id: str | None) -> bool:
    """Whether the switch runs on a DPU: the host's own word counts before the switch's setting."""
    if proxy.networkOffloadingEnabled is not None:
        return bool(proxy.networkOffloadingEnabled)
    return (spec_id or NO_OFFLOAD).lower() != NO_OFFLOAD


def _proxy(network: HostNetwork, told: DistributedPort) -> Any:
    """The host's part of the switch: by UUID however it is spelled; by name where it has none."""
    uuid = _plain(told.backing.port.switchUuid)
    same = (p for p in network.proxies if p.dvsUuid and _plain(p.dvsUuid) == uuid)
    nameless = (p for p in network.proxies if not p.dvsUuid and p.dvsName == told.switch_name)
    return next(same, None) or (next(nameless, None) if told.switch_name else None)


def _plain(uuid: str | None) -> str:
    return (uuid or "").replace("-", "").replace(" ", "").lower()


def _unplugged(told: DistributedPort, group: str) -> Attachment:
    return Attachment(
        switch=told.switch_name or "a distributed switch",
        kind="nsx" if told.group.backingType == "nsx" else "vds",
        portgroup=group,
        vlan=_vlan(told),
        uplinks=None,
        notes=tuple(_port_notes(told, group)),
    )


def _port_notes(told: DistributedPort, group: str) -> list[str]:
    state = told.port.state if told.port is not None else None
    if state is None or state.runtimeInfo is None:
        return []
    if state.runtimeInfo.blocked:
        return [f"Port {told.port.key} of {group} is administratively blocked."]
    return []


def _nsx(
    network: HostNetwork, told: DistributedPort, proxy: Any, notes: tuple[str, ...]
) -> Attachment:
    """A segment of NSX: the uplink profile is NSX's own, so every role is unknown."""
    vni = getattr(told.group.defaultPortConfig, "VNI", None)
    vlan = _vlan(told)
    overlay = bool(vni.value) if vni is not None else vlan.mode == "none"
    used = set(proxy.nsxUsedUplinkPort or ())
    uplinks = tuple(
        network.uplink(device, proxy.dvsName, Role.UNKNOWN)
        for device, port_key in _pnic_ports(network, proxy)
        if not used or port_key in used
    )
    if overlay:
        told_overlay = (
            f"{told.group.name} is an NSX overlay segment: the uplinks carry Geneve, not the VM's"
            " ARP, and the host may answer ARP itself."
        )
        notes = (*notes, told_overlay)
    return Attachment(
        switch=proxy.dvsName,
        kind="nsx",
        portgroup=told.group.name,
        vlan=Vlan("none") if overlay else vlan,
        uplinks=uplinks,
        overlay=overlay,
        notes=(*notes, f"Teaming on {proxy.dvsName} is set in NSX; uplink roles are unknown."),
    )


def _pnic_ports(network: HostNetwork, proxy: Any) -> list[tuple[str, str | None]]:
    """Devices of a proxy switch with the key of the uplink port each is plugged into."""
    backing = proxy.spec.backing if proxy.spec is not None else None
    specs = getattr(backing, "pnicSpec", None) or ()
    if specs and all(spec.pnicDevice for spec in specs):
        return [(spec.pnicDevice, spec.uplinkPortKey) for spec in specs]
    return [(device, None) for device in network.devices(proxy.pnic or ())]


def _team(
    network: HostNetwork, told: DistributedPort, proxy: Any
) -> tuple[str | None, tuple[Uplink, ...]]:
    order = told.setting("uplinkTeamingPolicy", "uplinkPortOrder")
    policy = told.setting("uplinkTeamingPolicy", "policy")
    names = {entry.key: entry.value for entry in proxy.uplinkPort or ()}
    lags = {e.key: lag.lagName for lag in proxy.hostLag or () for e in lag.uplinkPort or ()}
    uplinks = []
    for device, port_key in _pnic_ports(network, proxy):
        lag = lags.get(port_key) if port_key else None
        role = Role.UNKNOWN
        if order is not None and port_key is not None:
            place = lag or names.get(port_key)
            role = role_of(place, order.activeUplinkPort or (), order.standbyUplinkPort or ())
        if told.single_lag:
            lag = "lag"
        uplinks.append(network.uplink(device, proxy.dvsName, role, lag))
    in_use = {u.lag for u in uplinks if u.role is Role.ACTIVE}
    if in_use and None not in in_use:
        return "lacp", tuple(uplinks)
    return TEAMING.get(policy.value or "") if policy is not None else None, tuple(uplinks)


def _vlan(told: DistributedPort) -> Vlan:
    spec = told.setting("vlan")
    if spec is None:
        return UNKNOWN_VLAN
    if isinstance(spec, DVS.TrunkVlanSpec):
        return Vlan("trunk", ranges=tuple((r.start, r.end) for r in spec.vlanId))
    if isinstance(spec, DVS.PvlanSpec):
        secondary = spec.pvlanId
        primary = next(
            (e.primaryVlanId for e in told.pvlans if e.secondaryVlanId == secondary), None
        )
        return Vlan("pvlan", secondary, primary)
    if isinstance(spec, DVS.VlanIdSpec) and spec.vlanId:
        return Vlan("access", spec.vlanId)
    return Vlan("none")


def is_single_lag(switch: Any, uplink_groups: Sequence[Any]) -> bool:
    """Whether the LACP of before vSphere 5.5 is on: then all uplinks are one LAG."""
    if switch.get("config.lacpApiVersion") != "singleLag":
        return False
    policies = [getattr(g.defaultPortConfig, "lacpPolicy", None) for g in uplink_groups]
    return any(p is not None and p.enable is not None and p.enable.value for p in policies)
