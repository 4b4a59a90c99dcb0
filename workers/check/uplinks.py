"""An adapter whose uplinks vCenter does not show turned into one whose uplinks its host named.

The host lists the physical NICs of each of its switches beside the VM's ports; their roles stay unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from workers.arp.model import VmLocation, Vnic
from workers.errors import VmNotCheckable
from workers.esxi import EsxiHost, SwitchPort


async def uplinks_named(
    location: VmLocation, ports: Mapping[str, SwitchPort], host: EsxiHost
) -> VmLocation:
    """The location with uplinks for every adapter that has a port.

    Raises:
        VmNotCheckable: neither vCenter nor the host names one uplink.
    """
    known = {uplink.switch for uplink in location.host.uplinks}
    lacking = {
        nic.point for nic in location.vm.nics if nic.mac in ports and nic.switch not in known
    }
    if lacking:
        location = await _asked(location, lacking, ports, host)
    if not location.host.uplinks:
        raise VmNotCheckable(
            f"Neither vCenter nor {location.host.name} names an uplink for {location.vm.name}.",
            next_step="See in vCenter that its adapter is connected, and to a network with uplinks.",
        )
    return location


async def _asked(
    location: VmLocation, lacking: set[str], ports: Mapping[str, SwitchPort], host: EsxiHost
) -> VmLocation:
    told = await host.uplinks()
    uplinks = {uplink.device: uplink for uplink in location.host.uplinks}

    def named(nic: Vnic) -> Vnic:
        if nic.point not in lacking:
            return nic
        switch = ports[nic.mac].switch
        own = [uplink for uplink in told if switch and uplink.switch == switch]
        for uplink in own:
            uplinks.setdefault(uplink.device, replace(uplink, switch=nic.switch or switch))
        return replace(nic, switch=nic.switch or switch) if own else nic

    nics = tuple(named(nic) for nic in location.vm.nics)
    return replace(
        location,
        vm=replace(location.vm, nics=nics),
        host=replace(location.host, uplinks=tuple(uplinks.values())),
    )
