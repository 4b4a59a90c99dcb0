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
    """Where an adapter hangs: switch, port group, VLAN, teaming, uplinks with their roles.

    ``uplinks`` None = vCenter does not say which they are; empty = the switch has none.
    """

    switch: str
    kind: str
    portgroup: str
    vlan: Vlan
    uplinks: tuple[Uplink, ...] | None = ()
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

        def told(name: str, needed: str | None = None) -> list[Any]:
            values = host.get(f"config.network.{name}") or ()
            return [v for v in values if needed is None or getattr(v, needed)]

        return cls(
            pnics=told("pnic", "device"),
            vswitches=told("vswitch"),
            portgroups=told("portgroup", "spec"),
            proxies=told("proxySwitch"),
            opaque_switches=told("opaqueSwitch"),
            opaque_networks=told("opaqueNetwork"),
        )

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


def role_of(name: str | None, active: Collection[str], standby: Collection[str]) -> Role:
    """An uplink that stands in neither list is unused; two empty lists say nothing."""
    if not name or not (active or standby):
        return Role.UNKNOWN
    if name in active:
        return Role.ACTIVE
    return Role.STANDBY if name in standby else Role.UNUSED


def standard(network: HostNetwork, portgroup_name: str) -> Attachment | None:
    """An adapter on a standard switch; None where the host shows no such port group."""
    group = next((g for g in network.portgroups if g.spec.name == portgroup_name), None)
    if group is None:
        return None
    switch = _switch_of(group, network)
    name = switch.name if switch is not None else group.spec.vswitchName
    uplinks = None
    if switch is not None:
        order = _first(_teaming(group, switch), "nicOrder")
        uplinks = tuple(
            network.uplink(device, name, _role(device, order))
            for device in _devices(switch, network)
        )
    return Attachment(
        switch=name,
        kind="vss",
        portgroup=portgroup_name,
        vlan=_standard_vlan(group.spec.vlanId),
        teaming=TEAMING.get(_first(_teaming(group, switch), "policy") or ""),
        uplinks=uplinks,
    )


def _switch_of(group: Any, network: HostNetwork) -> Any:
    """By its key; by its name where the port group carries no key."""
    switches = network.vswitches
    if group.vswitch:
        return next((s for s in switches if s.key == group.vswitch), None)
    return next((s for s in switches if s.name == group.spec.vswitchName), None)


def _devices(switch: Any, network: HostNetwork) -> list[str]:
    """The physical NICs bound to the switch; its own specification names them where keys do not."""
    bridge = switch.spec.bridge if switch.spec is not None else None
    return network.devices(switch.pnic or ()) or list(getattr(bridge, "nicDevice", None) or ())


def _teaming(group: Any, switch: Any) -> list[Any]:
    """The policies told: as the host merged them, else the port group's own, then the switch's."""
    spec = switch.spec if switch is not None else None
    policies = [group.computedPolicy, group.spec.policy, spec.policy if spec is not None else None]
    return [p.nicTeaming for p in policies if p is not None and p.nicTeaming is not None]


def _first(policies: Sequence[Any], name: str) -> Any:
    told = (getattr(policy, name) for policy in policies)
    return next((value for value in told if value is not None), None)


def _role(device: str, order: Any) -> Role:
    if order is None:
        return Role.UNKNOWN
    return role_of(device, order.activeNic or (), order.standbyNic or ())


def _standard_vlan(vlan_id: int | None) -> Vlan:
    if vlan_id is None:
        return UNKNOWN_VLAN
    if vlan_id == TRUNK_VLAN:
        return Vlan("trunk", ranges=ALL_VLANS)
    return Vlan("access", vlan_id) if vlan_id else Vlan("none")


def opaque(network: HostNetwork, network_id: str) -> Attachment | None:
    """An adapter on an opaque network: NSX keeps the teaming to itself, so no role is known."""
    told = next((n for n in network.opaque_networks if n.opaqueNetworkId == network_id), None)
    if told is None:
        return None
    zones = set(told.pnicZone or ())
    switch = next(
        (s for s in network.opaque_switches if zones & {z.key for z in s.pnicZone or ()}), None
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
        uplinks=None
        if switch is None
        else tuple(
            network.uplink(device, name, Role.UNKNOWN)
            for device in network.devices(switch.pnic or ())
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
