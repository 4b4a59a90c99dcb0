"""Both ends' frames and facts turned into what the rules of the table ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workers.arp.exchange.sighting import Sighting
from workers.arp.model import RX, UPLINK, VNIC, Judgement, Owner, Vlan
from workers.arp.two_ends.telling import switch_port
from workers.arp.two_ends.way import Way

_OPEN = {"UNANSWERED_NO_CONTROL", "TARGET_DOWN", "REPLY_LOST_VM_SPECIFIC", "VLAN_DEAD"}
_HASHED = {"iphash", "lacp"}
_RARP = {3, 4}


@dataclass(frozen=True, slots=True)
class Found:
    """What a rule found; ``owner`` only where it is not the code's usual one."""

    code: str
    subject: str | None
    headline: str
    next_step: str
    not_proven: tuple[str, ...] = ()
    owner: Owner | None = None
    controlled: bool = True


def is_open(near: Judgement, way: Way) -> bool:
    """Whether the near end's verdict leaves open where the request or its reply was lost."""
    verdict = near.verdict
    disproved = (
        verdict.code == "UPLINK_PATH_LOSS"
        and (verdict.subject or "").endswith("/tx")
        and way.all_seen(way.arrived)
    )
    return (verdict.code in _OPEN or disproved) and not way.done


def hosts(near: Judgement, way: Way) -> tuple[str, str]:
    """Both hosts' names, the near one first."""
    return near.case.host.name, way.far.host.name


def count(way: Way, number: int) -> str:
    """``9 of 10 ARP requests of app01 for 10.20.110.23``."""
    asker, target = way.near.case.vm.name, way.near.target
    return f"{number} of {len(way.counted)} ARP requests of {asker} for {target}"


def listed(names: Sequence[str]) -> str:
    """``vmnic0 or vmnic1``."""
    return " or ".join(names) or "any uplink"


def overlay(way: Way) -> bool:
    """ARP may be tunnelled on either host: then no uplink shows it."""
    nics = [nic for nic in (way.near_nic, way.nic) if nic is not None]
    return any(nic.overlay or nic.backing == "opaque" for nic in nics)


def same_vlan(way: Way) -> bool | None:
    """Whether both port groups write the same tag; None where that is not known."""
    if way.near_nic is None or way.nic is None:
        return None
    one, other = way.near_nic.vlan, way.nic.vlan
    if {one.mode, other.mode} <= {"none", "access"} and None not in {tag_of(one), tag_of(other)}:
        return tag_of(one) == tag_of(other)
    return None


def tag_of(vlan: Vlan) -> int | None:
    """The tag of a plain port group's frames, 0 without one."""
    return 0 if vlan.mode == "none" else vlan.id


def far_vlan(way: Way) -> str:
    """The far port group's tag, in words."""
    return _named(tag_of(way.nic.vlan) if way.nic else None)


def near_vlan(way: Way) -> str:
    """The near port group's tag, in words."""
    return _named(tag_of(way.near_nic.vlan) if way.near_nic else None)


def _named(tag: int | None) -> str:
    return str(tag) if tag else "untagged"


def used_uplink(way: Way) -> str | None:
    """The one uplink the far VM's port hangs on, None where any may carry its frames."""
    pinned = way.nic.pinned_uplink if way.nic else None
    lags = {uplink.device: uplink.lag for uplink in way.far.host.uplinks}
    if pinned is None or way.far.host.teaming in _HASHED or lags.get(pinned) is not None:
        return None
    return pinned


def foreign(way: Way, thing: str | None = None) -> list[Sighting]:
    """What came in on the far host's uplinks from elsewhere."""
    return [
        each
        for each in way.traffic.at(UPLINK, RX)
        if each.frame.eth_src not in way.traffic.local_macs
        and each.frame.op not in _RARP
        and thing in {None, each.object}
    ]


def heard_in_vlan(way: Way, thing: str) -> bool:
    """Whether this uplink hears the far VM's VLAN; without any tag that is not known."""
    tag = tag_of(way.nic.vlan) if way.nic else None
    seen = foreign(way, thing)
    untold = bool(tag) and not any(each.vlan for each in seen)
    return any(untold or each.vlan == tag for each in seen)


def hears_vlan(way: Way) -> bool:
    """Whether any far uplink hears the far VM's VLAN."""
    return any(heard_in_vlan(way, thing) for thing in way.uplinks)


def port_hears(way: Way) -> bool:
    """Whether anything at all was delivered to the far VM."""
    port = way.nic.point if way.nic else ""
    return any(each.object == port for each in way.traffic.at(VNIC, RX))


def far_mac(way: Way) -> str:
    """The MAC of the far adapter that was asked for."""
    return way.nic.mac if way.nic else "MAC"


def far_ports(way: Way) -> str:
    """The switch ports behind the uplinks that the far VM may use."""
    used = used_uplink(way)
    return switch_port(way.far.host, way.uplinks if used is None else (used,))


def near_ports(near: Judgement, way: Way) -> str:
    """The switch ports behind the uplinks that the requests left on."""
    return switch_port(near.case.host, way.passages[0].where)
