"""What was heard in the VM's VLAN turned into whether the VM and its target belong there.

The law: where nobody told the guest's prefix, or nothing of its subnet was heard in the VLAN, a
silent target may be a wrong address or a wrong port group, and nobody is blamed for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network

from workers.arp.model import UPLINK
from workers.arp.verdict.evidence import Evidence

_USUAL = 24  # no wider subnet is supposed unless two machines of it were heard to talk


def one_subnet(e: Evidence) -> bool:
    """Whether the guest's address and the target are in one subnet, as told or as others show."""
    if e.networks:
        return True
    senders = {each.frame.sender_ip for each in e.lost}
    return all(_together(e, sender) for sender in senders)


def at_home(e: Evidence) -> bool:
    """Whether anything of the target's subnet was heard in the VM's VLAN, from another machine."""
    return one_subnet(e) and any(_near(e, address) for address in _heard(e))


def _near(e: Evidence, address: str) -> bool:
    if e.networks:
        return e.inside(address)
    return any(_holds(network, address, e.target) for network in (_around(e.target), *_shown(e)))


def _heard(e: Evidence) -> Iterator[str]:
    """Who spoke in the VLAN, or was answered there, but this VM and its target."""
    for ask in e.others:
        if ask.vlan == e.vlan and ask.answered_on:
            yield ask.target
            if not ask.mine:
                yield ask.requester
    for each in e.incoming:
        known = each.kind == UPLINK and e.tags_known(each.object, each.direction)
        if known and each.vlan in e.vlans and each.frame.eth_src not in e.talk.own_macs:
            yield each.frame.sender_ip


def _together(e: Evidence, sender: str) -> bool:
    return any(_holds(network, sender, e.target) for network in (_around(e.target), *_shown(e)))


def _shown(e: Evidence) -> Iterator[IPv4Network]:
    """The subnets that others' answered requests span."""
    pairs = {
        (ask.requester, ask.target)
        for ask in e.others
        if ask.vlan == e.vlan and ask.answered_on and not ask.mine
    }
    for one, other in sorted(pairs):
        with suppress(ValueError):
            apart = int(IPv4Address(one)) ^ int(IPv4Address(other))
            yield IPv4Network((one, min(_USUAL, 32 - apart.bit_length())), strict=False)


def _around(address: str) -> IPv4Network:
    return IPv4Network((address, _USUAL), strict=False)


def _holds(network: IPv4Network, *addresses: str) -> bool:
    return all(IPv4Address(address) in network for address in addresses)
