"""A frame from a guest or from a wire to where an ESXi host's virtual switch sends it.

Order of the capture points: VMware KB 2051814 and the published traces of ``pktcap-uw``. Teaming and
the reverse filter: vSphere API ``HostNicTeamingPolicy`` (``policy``, ``reversePolicy``).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.lab.frames import REQUEST, Arp, mac_bytes, reply, untagged
from tests.lab.world import EsxiHost, Nic, Pnic, PortGroup, VirtualMachine, VirtualSwitch

if TYPE_CHECKING:
    from tests.lab.network import Network

HASHED = ("iphash", "lacp")


class VSwitches:
    """All virtual switches of all hosts."""

    def __init__(self, network: Network) -> None:
        self._net = network

    # --- where things hang ---------------------------------------------------------------------

    @staticmethod
    def portgroup(host: EsxiHost, nic: Nic) -> PortGroup:
        return next(group for group in host.portgroups if group.name == nic.portgroup)

    def switch(self, host: EsxiHost, nic: Nic) -> VirtualSwitch:
        name = self.portgroup(host, nic).switch
        return next(switch for switch in host.switches if switch.name == name)

    def ports(self, host: EsxiHost) -> Iterator[tuple[VirtualMachine, Nic]]:
        """The connected adapters of the VMs that run on the host."""
        for vm in self._net.world.vms:
            if vm.host == host.name and vm.power == "poweredOn":
                for nic in vm.nics:
                    if self.plugged(host, nic):
                        yield vm, nic

    @staticmethod
    def plugged(host: EsxiHost, nic: Nic) -> bool:
        """Whether the adapter hangs on a virtual switch of the host; SR-IOV and passthrough don't."""
        known = any(group.name == nic.portgroup for group in host.portgroups)
        return nic.connected and nic.backing in ("port", "opaque") and known

    def usable(self, host: EsxiHost, switch: VirtualSwitch) -> list[Pnic]:
        """The uplinks that may carry frames now: the active ones with a link, else a standby."""
        for names in (switch.active, switch.standby):
            up = [
                pnic
                for pnic in host.pnics
                if pnic.device in switch.pnics
                and (pnic.device in names or pnic.lag in names)
                and self._link(host, pnic)
            ]
            if up:
                return up if names is switch.active else up[:1]
        return []

    def pinned(self, host: EsxiHost, nic: Nic) -> str | None:
        switch = self.switch(host, nic)
        usable = [pnic.device for pnic in self.usable(host, switch)]
        if switch.teaming in HASHED or not usable:
            return None
        if nic.uplink in usable:
            return nic.uplink
        first = 0 if switch.teaming == "failover" else nic.switch_port % len(usable)
        return usable[first]

    def _link(self, host: EsxiHost, pnic: Pnic) -> bool:
        down = self._net.faults.any("link_down", uplink=pnic.device, host=host.name)
        return pnic.link_up and not down

    # --- from the guest ------------------------------------------------------------------------

    def from_guest(self, vm: VirtualMachine, nic: Nic, arp: Arp) -> None:
        host, port = self._net.world.host(vm.host), str(nic.switch_port)
        if not self.plugged(host, nic):
            return
        for point in ("VnicTx", "Vmxnet3Tx"):
            self._net.emit(host.name, port, point, arp, padded=False)
        self._net.counters[host.name, port]["tx"] += 1

        def enter() -> None:
            for point in ("PortInput", "IOChain"):
                self._net.emit(host.name, port, point, arp, padded=False)
            self._switch(host, vm, nic, arp)

        self._net.after(1, 3, enter)

    def from_host(self, vm: VirtualMachine, nic: Nic, arp: Arp) -> None:
        """A frame the host itself sends for a VM (RARP): it leaves, but not through the VM's port."""
        host = self._net.world.host(vm.host)
        self._to_uplink(host, nic, arp, self._tag(host, nic, arp))

    def _switch(self, host: EsxiHost, vm: VirtualMachine, nic: Nic, arp: Arp) -> None:
        faults, group = self._net.faults, self.portgroup(host, nic)
        forged = faults.first("forged_sender", vm=vm.name)
        tag = self._tag(host, nic, arp)
        if arp.tags and not _trunks(group, arp.tags[0]):
            self._net.drop(host.name, arp, tag, "VLAN Mismatch")
        elif faults.any("vswitch_drop_tx", vm=vm.name):
            self._net.drop(host.name, arp, tag, "Port blocked")
        elif forged and arp.eth_src != nic.mac and not forged.flag("accepted", default=False):
            self._net.drop(host.name, arp, tag, "Forged transmit")
        else:
            local = self._to_local(host, nic, untagged(arp), tag)
            if group.overlay or faults.any("overlay_suppression", vm=vm.name):
                self._answer_here(host, vm, nic, arp)
            elif arp.broadcast or not local:
                self._to_uplink(host, nic, arp, tag)

    def _tag(self, host: EsxiHost, nic: Nic, arp: Arp) -> int | None:
        group = self.portgroup(host, nic)
        if group.mode == "trunk":
            return arp.tags[0] if arp.tags else None
        return group.vlan if group.mode != "none" else None

    def _to_local(self, host: EsxiHost, sender: Nic, arp: Arp, tag: int | None) -> bool:
        switch, found = self.switch(host, sender), False
        for vm, nic in self.ports(host):
            if nic is sender or self.switch(host, nic) is not switch:
                continue
            if _admits(self.portgroup(host, nic), tag) and (
                arp.broadcast or arp.eth_dst == nic.mac
            ):
                found = True
                self._deliver(host, vm, nic, arp, tag)
        return found

    def _answer_here(self, host: EsxiHost, vm: VirtualMachine, nic: Nic, arp: Arp) -> None:
        known = {station.ip: station.mac for station in self._net.world.stations}
        if arp.op == REQUEST and arp.target_ip in known:
            answer = reply(arp, known[arp.target_ip])
            self._net.after(20, 200, lambda: self._deliver(host, vm, nic, answer, None))

    def _to_uplink(self, host: EsxiHost, nic: Nic, arp: Arp, tag: int | None) -> None:
        pnic = self._uplink_for(host, nic, arp)
        arp = untagged(arp)
        if pnic is None:
            self._net.drop(host.name, arp, tag, "No active uplink")
            return
        short = not self._net.guests.pads

        def leave() -> None:
            for point in ("PortOutput", "UplinkSndKernel"):
                self._net.emit(host.name, pnic.device, point, arp, tag, padded=not short)
            self._net.after(1, 3, hand_over)

        def hand_over() -> None:
            self._net.emit(host.name, pnic.device, "UplinkSnd", arp, tag, padded=not short)
            self._net.counters[host.name, pnic.device]["tx"] += 1
            self._net.after(4, 12, lambda: self._net.fabric.from_host(host, pnic, arp, tag))

        self._net.after(6, 25, leave)

    def _uplink_for(self, host: EsxiHost, nic: Nic, arp: Arp) -> Pnic | None:
        switch = self.switch(host, nic)
        usable = self.usable(host, switch)
        if switch.teaming in HASHED and usable:
            # "Two 32-bit values from where the IP address would be": vSphere Networking, IP hash.
            ends = f"{arp.sender_ip} {arp.target_ip}" if switch.teaming == "iphash" else arp.eth_src
            return usable[zlib.crc32(ends.encode()) % len(usable)]
        pinned = self.pinned(host, nic)
        return next((pnic for pnic in usable if pnic.device == pinned), None)

    # --- from the wire -------------------------------------------------------------------------

    def from_wire(self, host: EsxiHost, pnic: Pnic, arp: Arp, tag: int | None) -> None:
        self._net.counters[host.name, pnic.device]["rx"] += 1
        self._net.emit(host.name, pnic.device, "UplinkRcv", arp, tag)

        def enter() -> None:
            for point in ("UplinkRcvKernel", "PortInput", "EtherswitchDispath"):
                self._net.emit(host.name, pnic.device, point, arp, tag)
            self._receive(host, pnic, arp, tag)

        self._net.after(1, 3, enter)

    def _receive(self, host: EsxiHost, pnic: Pnic, arp: Arp, tag: int | None) -> None:
        switch = next((each for each in host.switches if pnic.device in each.pnics), None)
        mine = [(vm, nic) for vm, nic in self.ports(host) if self.switch(host, nic) is switch]
        if any(arp.eth_src == nic.mac for _, nic in mine):
            self._net.drop(host.name, arp, tag, "Reflection")
            return
        for vm, nic in mine:
            if arp.broadcast or arp.eth_dst == nic.mac:
                if _admits(self.portgroup(host, nic), tag):
                    self._deliver(host, vm, nic, arp, tag, pnic)
                elif not arp.broadcast:
                    self._net.drop(host.name, arp, tag, "VLAN Mismatch")

    def _deliver(
        self, host: EsxiHost, vm: VirtualMachine, nic: Nic, arp: Arp, tag: int | None,
        pnic: Pnic | None = None,
    ) -> None:  # fmt: skip
        """To a VM's port; ``pnic`` is the uplink it came in on, None = from this very host."""
        port = str(nic.switch_port)

        def out() -> None:
            if self._net.faults.any("vswitch_drop_rx", vm=vm.name, broadcast=arp.broadcast):
                self._net.drop(host.name, arp, tag, "Port filter")
                return
            self._net.emit(host.name, port, "PortOutput", arp, tag)
            if pnic is not None and self._reversed(host, nic, pnic):
                self._net.drop(host.name, arp, tag, "Reverse teaming")
                return
            self._net.after(2, 6, arrive)

        def arrive() -> None:
            tags = (tag,) if tag is not None and self.portgroup(host, nic).mode == "trunk" else ()
            inside = replace(arp, tags=tags)
            for point in ("VnicRx", "Vmxnet3Rx"):
                self._net.emit(host.name, port, point, inside)
            self._net.counters[host.name, port]["rx"] += 1
            self._net.guests.hear(vm, nic, arp)

        self._net.after(8, 30, out)

    def _reversed(self, host: EsxiHost, nic: Nic, pnic: Pnic) -> bool:
        pinned = self.pinned(host, nic)
        return pinned is not None and pinned != pnic.device


def _trunks(group: PortGroup, tag: int) -> bool:
    return group.mode == "trunk" and any(low <= tag <= high for low, high in group.trunk)


def _admits(group: PortGroup, tag: int | None) -> bool:
    """Whether a port of the group gets frames with this tag."""
    if group.mode == "trunk":
        return tag is None or _trunks(group, tag)
    if group.mode == "pvlan":
        return tag is not None and tag in (group.primary, group.vlan)
    return tag == (group.vlan if group.mode == "access" else None)


def spread(arp: Arp, choices: int) -> int:
    """Which member of a bundle a physical switch picks: by the two addresses of the frame."""
    return zlib.crc32(mac_bytes(arp.eth_src) + mac_bytes(arp.eth_dst)) % choices
