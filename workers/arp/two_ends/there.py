"""The way of the requests turned into findings: lost between the hosts, or on the far host."""

from __future__ import annotations

from workers.arp.model import Judgement
from workers.arp.two_ends.facts import (
    Found,
    count,
    far_mac,
    far_ports,
    far_vlan,
    foreign,
    heard_in_vlan,
    hears_vlan,
    hosts,
    is_open,
    listed,
    near_vlan,
    overlay,
    port_hears,
    same_vlan,
    used_uplink,
)
from workers.arp.two_ends.telling import switch_port
from workers.arp.two_ends.way import MOST_SHARE, Way
from workers.arp.verdict.drops import see_drops, settings_in


def lost_between(near: Judgement, way: Way) -> Found | None:
    """Handed to an uplink here, arrived on no uplink there."""
    if not is_open(near, way) or overlay(way) or same_vlan(way) is not True:
        return None
    if not way.none_seen(way.arrived) or way.delivered.sightings or way.left.sightings:
        return None
    if not hears_vlan(way):
        return None  # an ear that hears nothing of the VLAN does not show that it would
    if len(way.handed) < MOST_SHARE * len(way.counted):
        return None
    here, there = hosts(near, way)
    out = " and ".join(way.passages[0].where)
    ports = f"{switch_port(near.case.host, way.passages[0].where)} to {far_ports(way)}"
    return Found(
        "UPLINK_PATH_LOSS",
        f"{out} to {there}",
        f"{count(way, len(way.handed))} were handed to {out} of {here};"
        f" none arrived on {listed(way.uplinks)} of {there}.",
        f"Follow VLAN {far_vlan(way)} from {ports}: trunks, spanning tree, MAC tables.",
        (f"Which place between {out} and {there} loses them.", *_not_out(way, out)),
    )


def _not_out(way: Way, device: str) -> list[str]:
    """Without a reflection nothing shows that the frames passed NIC and cable."""
    if any(each.reflected_on for each in way.counted):
        return []
    return [f"That the frames left {device}: NIC, optic and cable stay open."]


def lost_at_far_uplink(near: Judgement, way: Way) -> Found | None:
    """Arrived on an uplink of the far host, but not on the one that the far VM uses."""
    used = used_uplink(way)
    if not is_open(near, way) or overlay(way) or same_vlan(way) is not True or used is None:
        return None
    if used in way.arrived.where or not way.all_seen(way.arrived) or way.arrived.why_blind:
        return None
    if way.delivered.sightings or way.answered.sightings or heard_in_vlan(way, used):
        return None
    there = hosts(near, way)[1]
    others = bool(foreign(way, used))
    on = switch_port(way.far.host, (used,))
    return Found(
        "UPLINK_VLAN_NOT_CARRIED" if others else "UPLINK_PATH_LOSS",
        f"{there} {used}/{far_vlan(way)}",
        f"{count(way, len(way.arrived.matched))} arrived at {there} on"
        f" {listed(way.arrived.where)}, none on {used}, which {way.far.vm.name} uses.",
        f"Check VLAN {far_vlan(way)} and the port state on {on}.",
        (f"That the switch does not take {used} and its siblings for one port-channel.",),
        controlled=False,
    )


def dropped_there(near: Judgement, way: Way) -> Found | None:
    """Arrived on the far VM's uplink, not delivered to its port."""
    used = used_uplink(way)
    if not is_open(near, way) or overlay(way) or not way.all_seen(way.arrived):
        return None
    if not way.none_seen(way.delivered) or way.answered.sightings or way.left.sightings:
        return None
    there, vm, same = hosts(near, way)[1], way.far.vm.name, same_vlan(way)
    arrived = f"{count(way, len(way.arrived.matched))} arrived on {listed(way.arrived.where)}"
    if same is False:
        return Found(
            "VLAN_SUBNET_MISMATCH",
            f"{near_vlan(way)}/{far_vlan(way)}",
            f"{arrived} of {there} in VLAN {near_vlan(way)}, but {vm}'s port group is in"
            f" VLAN {far_vlan(way)}.",
            f"Compare the port groups of {near.case.vm.name} and {vm} with their address plan.",
            ("Which of the two port groups is wrong.",),
            controlled=False,
        )
    if same is None or (used is not None and used not in way.arrived.where):
        return None
    if not port_hears(way) and not all(heard_in_vlan(way, uplink) for uplink in way.uplinks):
        return None  # two silences at once: the uplinks' files may bear each other's names
    return Found(
        "VSWITCH_DROP_RX",
        f"{there} {used or listed(way.arrived.where)}",
        f"{arrived} of {there}, none was delivered to {vm}'s port.",
        f"{see_drops(there, far_mac(way))} {settings_in(way.nic)}",
        ("Which filter or policy dropped them.",),
        controlled=port_hears(way),
    )
