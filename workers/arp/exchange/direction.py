"""Frames of files that hold both directions given one: by where their source lives, and who had it first.

On an uplink a foreign source came in, and a local one went out where its first copy is. At a VM's
port everything is delivered that the VM itself did not send.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from workers.arp.exchange.clock import Identity
from workers.arp.exchange.sighting import COPY_TIME, Copies, Sighting
from workers.arp.model import BOTH, RX, TX, UPLINK, VNIC, Direction


def directed(
    sightings: Sequence[Sighting], macs: Mapping[str, str], local: frozenset[str]
) -> tuple[list[Sighting], frozenset[str]]:
    """Every sighting with its direction, and the VM ports where some frame's could not be told.

    ``macs`` are the VM's own by the name of the port, ``local`` are all that live on this host.
    """
    merged = {each.kind for each in sightings if each.direction == BOTH}
    if not merged:
        return list(sightings), frozenset()
    uplinks = Copies([each for each in sightings if each.kind == UPLINK] if VNIC in merged else [])
    unsure = set()
    told = []
    first_out: dict[Identity, int] = {}
    for each in sightings:
        frame, at, thing, kind, side, key, _ = each
        way: Direction | None = side
        if side == BOTH and kind == VNIC:
            way = _of_the_vm(each, macs, local, uplinks)
            if way is None:
                unsure.add(thing)
        elif side == BOTH:
            late = at - first_out.get(key, -COPY_TIME - 1) <= COPY_TIME
            way = RX if late or frame.eth_src not in local else TX
        if way == TX and kind == UPLINK:
            first_out[key] = at
        if side == BOTH:
            way = way or RX
            told.append(Sighting(frame, at, thing, kind, way, key, inferred=True))
        else:
            told.append(each)
    return told, frozenset(unsure)


def _of_the_vm(
    seen: Sighting, macs: Mapping[str, str], local: frozenset[str], uplinks: Copies
) -> Direction | None:
    """Sent or delivered; None where a stranger's frame may be either.

    A stranger may be the VM under another MAC, or a neighbour that nobody told of: a neighbour's
    broadcast reaches the port before the uplink, as the VM's own does.
    """
    frame, own = seen.frame, macs.get(seen.object)
    if own in {frame.eth_src, frame.sender_mac}:
        return TX
    if frame.eth_src in local or frame.eth_dst == own:
        return RX
    before = uplinks.within(seen.key, seen.at - COPY_TIME, seen.at)
    return RX if before else None
