"""What was typed as a target turned into the address to ask for, and where the VM behind it is."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from workers.arp.model import Job, VmLocation
from workers.check.desk import Desk
from workers.errors import CheckError, VmNotCheckable
from workers.vcenter import Vcenter


async def target_of(
    job: Job, near: VmLocation, vcenter: Vcenter, desk: Desk
) -> tuple[str | None, VmLocation | None]:
    """The target's address, and the far end where it is a VM on another host than the checked one.

    Raises:
        CheckError: a VM was named as target, and it cannot be found or has no address.
    """
    if job.target is None:
        return None, None
    try:
        address = str(ipaddress.IPv4Address(job.target))
    except ValueError:
        other = await vcenter.find(job.target)
        return _address(other, near), _elsewhere(other, near)
    return address, await _behind(address, near, vcenter, desk)


async def _behind(
    address: str, near: VmLocation, vcenter: Vcenter, desk: Desk
) -> VmLocation | None:
    """The VM on another host that has this address, as far as vCenter knows; never a reason to fail."""
    try:
        other = await vcenter.holder(address)
    except CheckError as trouble:
        desk.note(f"The VM behind {address} was not captured: {trouble.sentence}")
        return None
    return None if other is None else _elsewhere(other, near)


def _elsewhere(other: VmLocation, near: VmLocation) -> VmLocation | None:
    return None if other.host_moid == near.host_moid else other


def _address(other: VmLocation, near: VmLocation) -> str:
    """The target's address in one of the VM's own subnets, else its first."""
    networks = [
        ipaddress.IPv4Interface(address).network
        for nic in near.vm.nics
        for address in nic.ipv4
        if "/" in address
    ]
    addresses = list(_addresses(other))
    for address in addresses:
        if any(ipaddress.IPv4Address(address) in network for network in networks):
            return address
    if addresses:
        return addresses[0]
    raise VmNotCheckable(
        f"{other.vm.name} has no IPv4 address that vCenter knows of.",
        next_step="Name the target by its IPv4 address.",
    )


def _addresses(location: VmLocation) -> Iterator[str]:
    for nic in location.vm.nics:
        for address in nic.ipv4:
            yield address.partition("/")[0]
