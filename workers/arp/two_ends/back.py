"""The way of the replies turned into findings: not sent, not handed out, or lost between the hosts."""

from __future__ import annotations

from workers.arp.model import RX, TX, UPLINK, Judgement, Owner
from workers.arp.two_ends.facts import (
    Found,
    count,
    far_mac,
    hosts,
    is_open,
    listed,
    near_ports,
    overlay,
)
from workers.arp.two_ends.telling import switch_port
from workers.arp.two_ends.way import MOST_SHARE, Way
from workers.arp.verdict.drops import see_drops, settings_out


def not_answered(near: Judgement, way: Way) -> Found | None:
    """Delivered to the far VM's port, and its guest sent no reply."""
    if not is_open(near, way) or not way.all_seen(way.delivered):
        return None
    if not way.none_seen(way.answered) or way.left.sightings or way.came_back:
        return None
    there, vm = hosts(near, way)[1], way.far.vm.name
    gateway = way.near_nic is not None and near.target == way.near_nic.gateway
    return Found(
        "TARGET_DOWN",
        near.target,
        f"{count(way, len(way.delivered.matched))} were delivered to {vm} on {there};"
        f" its guest sent 0 replies.",
        f"Ask the owner of {vm}: is {near.target} configured there, does a firewall or arp_ignore"
        " suppress its ARP?",
        (f"That {vm} is switched off: it may filter ARP.",),
        owner=Owner.NETWORK if gateway else None,
    )


def answered_in_part(near: Judgement, way: Way) -> Found | None:
    """A part of the requests was answered, and the part that was not had been delivered."""
    if near.verdict.code != "PARTIAL_LOSS" or not way.all_seen(way.delivered):
        return None
    sent = len(way.answered.matched)
    if way.answered.why_blind or sent > len(way.done) or sent > MOST_SHARE * len(way.counted):
        return None
    there, vm = hosts(near, way)[1], way.far.vm.name
    return Found(
        "PARTIAL_LOSS",
        near.target,
        f"{count(way, len(way.delivered.matched))} were delivered to {vm} on {there};"
        f" its guest answered {sent}, and all of these came back.",
        f"Ask the owner of {vm}: load, ARP filters, and who else answers for {near.target}.",
        ("Why the guest leaves the others unanswered.",),
        owner=Owner.TARGET,
        controlled=False,
    )


def reply_dropped_there(near: Judgement, way: Way) -> Found | None:
    """The far guest answered, and its replies were handed to no uplink."""
    if not is_open(near, way) or overlay(way) or not way.all_seen(way.answered):
        return None
    if not way.none_seen(way.left) or way.came_back:
        return None
    there, vm = hosts(near, way)[1], way.far.vm.name
    out = [
        each
        for each in way.traffic.at(UPLINK, TX)
        if each.frame.eth_src not in {nic.mac for nic in way.far.vm.nics}
    ]
    return Found(
        "VSWITCH_DROP_TX",
        f"{there} {vm}",
        f"{vm} sent {len(way.answered.matched)} replies; none was handed to"
        f" {listed(way.uplinks)} of {there}.",
        f"{see_drops(there, far_mac(way))} {settings_out(way.nic)}",
        ("Which filter or policy dropped them.",),
        controlled=bool(out),
    )


def reply_lost_between(near: Judgement, way: Way) -> Found | None:
    """The replies left the far host, and arrived on no uplink here."""
    if not is_open(near, way) or overlay(way) or not way.all_seen(way.left) or way.came_back:
        return None
    if not near.case.host.uplinks or any(e.reply_on for e in way.asked) or _not_seen_sent(way):
        return None
    asker = {each.request.sender_mac for each in way.counted}
    stale = sorted({each.frame.eth_dst for each in way.left.sightings} - asker)
    here, there = hosts(near, way)
    if stale:
        return Found(
            "REPLY_STALE_MAC",
            stale[0],
            f"{way.far.vm.name} addresses its replies to {stale[0]}, not to"
            f" {near.case.vm.name}'s {min(asker)}.",
            f"Clear the ARP entry for {near.case.vm.name} in {way.far.vm.name}.",
            ("Whose entry is old: a static ARP entry, a proxy or a suppression cache.",),
            owner=Owner.TARGET,
            controlled=False,
        )
    ports = f"{switch_port(way.far.host, way.left.where)} to {near_ports(near, way)}"
    return Found(
        "REPLY_LOST_VM_SPECIFIC",
        f"{there} to {here}",
        f"{way.far.vm.name} answered: {len(way.left.matched)} replies left {there} on"
        f" {listed(way.left.where)}; none arrived on an uplink of {here}.",
        f"Follow {near.case.vm.name}'s MAC {min(asker)} from {ports}: MAC tables, port"
        " security, ARP inspection.",
        (_not_out(way, there),),
        controlled=any(each.other_frames for each in near.points if each.point.endswith("-rx")),
    )


def _not_seen_sent(way: Way) -> bool:
    """Whether the far VM's port was captured well and shows none of the replies that left."""
    ports = {n.point for n in way.far.vm.nics}
    return not way.answered.sightings and any(
        each.failure is None and each.point.object in ports and each.point.direction != RX
        for each in way.far.captures
    )


def _not_out(way: Way, there: str) -> str:
    """A host hears no more than the hand-over to its NIC."""
    left = listed(way.left.where)
    return f"That the frames left {left} of {there}: NIC, optic or cable stay open."
