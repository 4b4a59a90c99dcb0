"""Files captured, or named, the wrong way round: found by frames that cannot have passed there.

The law: only what no virtual switch does counts. It hands a frame to one uplink, and never back to
where it came from; and it takes a tag off before it delivers.
"""

from __future__ import annotations

from collections.abc import Sequence

from workers.arp.exchange.hearing import EarKey
from workers.arp.exchange.sighting import COPY_TIME, Copies, Sighting
from workers.arp.model import BROADCAST, RX, TX, UPLINK, Vnic

_TWICE = 2


def misnamed(
    sightings: Sequence[Sighting], nics: Sequence[Vnic], local: frozenset[str]
) -> dict[EarKey, str]:
    """The points whose own frames cannot have passed there in that direction, and why.

    ``local`` are the MACs that vCenter told of this host.
    """
    by_key: dict[EarKey, list[Sighting]] = {}
    for each in sightings:
        if not each.inferred:
            by_key.setdefault((each.object, each.direction), []).append(each)
    at_port = {nic.point: nic for nic in nics}
    copies = Copies(sightings)
    sent = {s.frame.eth_src for nic in nics for s in by_key.get((nic.point, TX), ())}
    found = {}
    for (thing, way), group in by_key.items():
        nic = at_port.get(thing)
        if nic is None:
            came_in = [s for s in group if way == TX and _came_in(s, local | sent, copies)]
            strange = len(came_in)
        elif way == TX:
            strange = sum(_not_sent(each, nic, local, copies) for each in group)
        else:
            strange = sum(_not_delivered(each, nic, copies) for each in group)
            strange += _for_others(group, nic, local)
        if strange >= _TWICE:
            found[thing, way] = (
                f"{strange} of its {len(group)} frames cannot have passed there that way: "
                "its file, or one it was compared with, bears another point's name"
            )
    return found


def _not_sent(seen: Sighting, nic: Vnic, local: frozenset[str], copies: Copies) -> bool:
    """To the VM itself, from or for a neighbour, from outside, or tagged by the virtual switch."""
    frame, others = seen.frame, local - {nic.mac}
    if frame.eth_dst == nic.mac or frame.eth_src in others:
        return True
    near = copies.within(seen.key, seen.at - COPY_TIME, seen.at + COPY_TIME)
    if frame.eth_src == nic.mac:
        tagged = bool(frame.vlans) and nic.vlan.mode == "access"
        return tagged and any(_is_out(each) and not each.frame.vlans for each in near)
    came = any(_is_in(each) and each.at < seen.at for each in near)
    return frame.eth_dst in others or came


def _not_delivered(seen: Sighting, nic: Vnic, copies: Copies) -> bool:
    """The VM's own frame, which no uplink shows coming in: a virtual switch drops reflections."""
    if seen.frame.eth_src != nic.mac:
        return False
    before = copies.within(seen.key, seen.at - COPY_TIME, seen.at - 1)
    return not any(map(_is_in, before))


def _for_others(group: Sequence[Sighting], nic: Vnic, local: frozenset[str]) -> int:
    """Frames for neighbours and none for the VM: a promiscuous port shows both."""
    if any(seen.frame.eth_dst == nic.mac for seen in group):
        return 0
    return sum(seen.frame.eth_dst in local for seen in group)


def _came_in(seen: Sighting, local: frozenset[str], copies: Copies) -> bool:
    """A frame for this host, or one that another uplink had before, or has, too, as going out."""
    if seen.frame.eth_dst != BROADCAST:
        return seen.frame.eth_dst in local
    near = copies.within(seen.key, seen.at - COPY_TIME, seen.at + COPY_TIME)
    others = [each for each in near if each.object != seen.object]
    return any(_is_out(each) or (_is_in(each) and each.at < seen.at) for each in others)


def _is_in(seen: Sighting) -> bool:
    return seen.kind == UPLINK and seen.direction == RX


def _is_out(seen: Sighting) -> bool:
    return seen.kind == UPLINK and seen.direction == TX
