"""An adapter's backing turned into its switch, VLAN, teaming and uplinks, for every kind of switch.

Sources: vSphere API types HostNetworkInfo, HostPortGroup.computedPolicy (switch and port group merged
by the host), HostProxySwitch, HostOpaqueSwitch.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workers.arp.model import Role, Uplink, Vlan

TEAMING = {
    "loadbalance_srcid": "portid",
    "loadbalance_srcmac": "srcmac",
    "loadbalance_ip": "iphash",
    "loadbalance_loadbased": "lbt",
    "failover_explicit": "failover",
}
TRUNK_VLAN = 4095  # the standard port group's way to let the guest tag
UNKNOWN_VLAN = Vlan("access", None)  # there is a VLAN setting, but vCenter does not show it
ALL_VLANS = ((0, 4094),)


@dataclass(frozen=True, slots=True)
class Attachment:
    """Where an adapter hangs: switch, port group, VLAN, teaming, uplinks with their roles."""

    switch: str
    kind: str
    portgroup: str
    vlan: Vlan
    uplinks: tuple[Uplink, ...] = ()
    teaming: str | None = None
    overlay: bool = False
    backing: str = "port"
    offloaded: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HostNetwork:
    """The parts of ``host.config.network`` that matter here, by their property names."""

    pnics: Sequence[Any]
    vswitches: Sequence[Any]
    portgroups: Sequence[Any]
    proxies: Sequence[Any]
    opaque_switches: Sequence[Any]
    opaque_networks: Sequence[Any]

    @classmethod
    def of(cls, host: Mapping[str, Any]) -> HostNetwork:
        """Read from the host's properties; what is hidden or unset is empty."""
        names = ("pnic", "vswitch", "portgroup", "proxySwitch", "opaqueSwitch", "opaqueNetwork")
        return cls(*(host.get(f"config.network.{name}") or () for name in names))

    def devices(self, keys: Collection[str]) -> list[str]:
        """Devices by their keys, which are matched whole."""
        return [pnic.device for pnic in self.pnics if pnic.key in keys]

    def dpu_ports(self) -> set[str]:
        """Devices that are ports of a DPU."""
        return {pnic.device for pnic in self.pnics if pnic.dpuId}

    def uplink(self, device: str, switch: str, role: Role, lag: str | None = None) -> Uplink:
        """An uplink with its link state: no speed means no link."""
        pnic = next((p for p in self.pnics if p.device == device), None)
        link_up = None if pnic is None else pnic.linkSpeed is not None
        return Uplink(device, switch, role, link_up, lag)


def role_of(name: str, active: Collection[str], standby: Collection[str]) -> Role:
    """An uplink that stands in neither list is unused."""
    if name in active:
        return Role.ACTIVE
    return Role.STANDBY if name in standby else Role.UNUSED


def standard(network: HostNetwork, portgroup_name: str) -> Attachment | None:
    """An adapter on a standard switch; None where the host shows no such port group."""
    group = next((g for g in network.portgroups if g.spec.name == portgroup_name), None)
    if group is None:
        return None
    switch = next((s for s in network.vswitches if s.key == group.vswitch), None)
    name = switch.name if switch is not None else group.spec.vswitchName
    teaming = group.computedPolicy.nicTeaming
    order = teaming.nicOrder if teaming is not None else None
    active = order.activeNic if order is not None else ()
    standby = order.standbyNic if order is not None else ()
    return Attachment(
        switch=name,
        kind="vss",
        portgroup=portgroup_name,
        vlan=_standard_vlan(group.spec.vlanId),
        teaming=TEAMING.get(teaming.policy or "") if teaming is not None else None,
        uplinks=tuple(
            network.uplink(device, name, role_of(device, active, standby))
            for device in network.devices(switch.pnic if switch is not None else ())
        ),
    )


def _standard_vlan(vlan_id: int) -> Vlan:
    if vlan_id == TRUNK_VLAN:
        return Vlan("trunk", ranges=ALL_VLANS)
    return Vlan("access", vlan_id) if vlan_id else Vlan("none")


def opaque(network: HostNetwork, network_id: str) -> Attachment | None:
    """An adapter on an opaque network: NSX keeps the teaming to itself, so no role is known."""
    told = next((n for n in network.opaque_networks if n.opaqueNetworkId == network_id), None)
    if told is None:
        return None
    zones = set(told.pnicZone)
    switch = next(
        (s for s in network.opaque_switches if zones & {zone.key for zone in s.pnicZone}), None
    )
    name = (switch.name or switch.key) if switch is not None else "an opaque switch"
    note = (
        f"{told.opaqueNetworkName} is an opaque network of NSX: its VLAN and teaming are NSX's"
        " own, and on an overlay the uplinks carry Geneve, not the VM's ARP."
    )
    return Attachment(
        switch=name,
        kind="nsx",
        portgroup=told.opaqueNetworkName,
        vlan=Vlan("none"),
        overlay=True,
        backing="opaque",
        uplinks=tuple(
            network.uplink(device, name, Role.UNKNOWN)
            for device in network.devices(switch.pnic if switch is not None else ())
        ),
        notes=(note,),
    )


def pinned_uplink(uplinks: Sequence[Uplink]) -> str | None:
    """The only uplink the adapter can be using, None where vCenter alone cannot tell."""
    for role in (Role.ACTIVE, Role.STANDBY):
        live = [u.device for u in uplinks if u.role is role and u.link_up is not False]
        if live:
            return live[0] if len(live) == 1 else None
    return None
