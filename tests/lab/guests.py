"""Who asks, who answers: the guests of the VMs and the stations behind the switches.

A guest asks like ``arping -b`` or like a kernel (RFC 826, RFC 1122 section 2.3.2); it answers a
request for its own address. Stations ask now and then: the background that a real VLAN has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from tests.lab.frames import BROADCAST, NOBODY, REPLY, REQUEST, Arp, reply, request
from tests.lab.world import Asking, Nic, Station, VirtualMachine

if TYPE_CHECKING:
    from tests.lab.network import Network

SECOND = 1_000_000_000
CONTENT = 30 * SECOND  # Linux: base_reachable_time
ANNOUNCING = 3.0
LATE = {"arping": 0.0004, "kernel": 0.028}  # a kernel's timer of 1 s ends a tick or more too late


class Guests:
    """All askers and their clocks. ``pads``: whether guests fill short frames up themselves."""

    pads = False

    def __init__(self, network: Network) -> None:
        self._net = network
        self._due: dict[tuple[str, ...], int] = {}
        self._answered: dict[tuple[str, str], int] = {}

    def stations(self) -> Iterator[Station]:
        yield from self._net.world.stations
        for fault in self._net.faults.each("ip_conflict"):
            nic = self._net.world.vm(fault.text("vm")).nics[0]
            host = self._net.world.host(self._net.world.vm(fault.text("vm")).host)
            vlan = self._net.vswitches.portgroup(host, nic).vlan or 1
            ip = nic.ipv4[0].split("/")[0]
            yield Station(ip, fault.text("mac"), vlan, asks=[Asking(ip, ANNOUNCING)])

    def tick(self, length: int) -> None:
        """Schedule every question that falls due within the next ``length`` nanoseconds."""
        for key, asking, ask in tuple(self._askers()):
            first = self._net.now + int(self._net.random.random() * asking.interval * SECOND)
            due = self._due.setdefault(key, first)
            if due < self._net.now - SECOND:  # was silent for a while: begin afresh
                due = first
            if due < self._net.now + length:
                self._net.at(due, partial(ask, asking))
                jitter = self._net.random.uniform(0, LATE[asking.like])
                due += int((asking.interval + jitter) * SECOND)
            self._due[key] = due

    def _askers(self) -> Iterator[tuple[tuple[str, ...], Asking, Callable[[Asking], None]]]:
        """Whoever asks now, each with a name of its own for the question and how it is asked."""
        only = self._net.faults.first("no_control")
        for vm in self._net.world.vms:
            if vm.power == "poweredOn" and (only is None or only.text("vm") == vm.name):
                deaf = self._net.faults.any("guest_ignores_replies", vm=vm.name)
                for asking in (replace(a, like="kernel") if deaf else a for a in vm.asks):
                    yield ("vm", vm.moid, asking.target), asking, partial(self._ask, vm)
        for station in self.stations() if only is None else ():
            for asking in station.asks:
                ask = partial(self._station_asks, station)
                yield (station.mac, station.ip, asking.target), asking, ask

    # --- guests --------------------------------------------------------------------------------

    def _ask(self, vm: VirtualMachine, asking: Asking) -> None:
        faults = self._net.faults
        other = faults.first("wrong_target", vm=vm.name)
        target = other.text("ip") if other else asking.target
        nic = _nic_towards(vm, target)
        if nic is None or not nic.ipv4 or faults.any("guest_silent", vm=vm.name):
            return
        deaf = faults.any("guest_ignores_replies", vm=vm.name)
        if asking.like == "kernel" and not deaf and self._is_content(vm, target):
            return
        arp = self._question(vm, nic, target, asking.like)
        self._net.vswitches.from_guest(vm, nic, arp)

    def _is_content(self, vm: VirtualMachine, target: str) -> bool:
        answered = self._answered.get((vm.moid, target))
        return answered is not None and self._net.now - answered < CONTENT

    def _question(self, vm: VirtualMachine, nic: Nic, target: str, like: str) -> Arp:
        faults, own = self._net.faults, nic.ipv4[0].split("/")[0]
        blank = BROADCAST if like == "arping" else NOBODY
        arp = request(nic.mac, own, target, blank=blank)
        if faults.any("probes_only", vm=vm.name):
            arp = request(nic.mac, "0.0.0.0", own)
        forged = faults.first("forged_sender", vm=vm.name)
        if forged:
            arp = replace(arp, sender_mac=forged.text("mac"), eth_src=forged.text("mac"))
        return arp if nic.guest_vlan is None else replace(arp, tags=(nic.guest_vlan,))

    def hear(self, vm: VirtualMachine, nic: Nic, arp: Arp) -> None:
        """A frame reached the guest."""
        own = {address.split("/")[0] for address in nic.ipv4}
        if arp.op == REPLY and arp.target_ip in own:
            self._answered[vm.moid, arp.sender_ip] = self._net.now
        asked = arp.op == REQUEST and arp.target_ip in own and arp.sender_ip not in own
        if asked and self._speaks(vm, arp.target_ip):
            answer = reply(arp, nic.mac)
            if nic.guest_vlan is not None:
                answer = replace(answer, tags=(nic.guest_vlan,))
            self._net.after(40, 150, lambda: self._net.vswitches.from_guest(vm, nic, answer))

    def _speaks(self, vm: VirtualMachine, ip: str) -> bool:
        faults = self._net.faults
        mute = any(faults.any(k, vm=vm.name) for k in ("guest_silent", "guest_not_answering"))
        return vm.answers and not mute and not faults.any("target_down", ip=ip)

    # --- stations ------------------------------------------------------------------------------

    def _station_asks(self, station: Station, asking: Asking) -> None:
        if station.answers and not self._net.faults.any("target_down", ip=station.ip):
            self._net.fabric.from_station(station, request(station.mac, station.ip, asking.target))


def _nic_towards(vm: VirtualMachine, target: str) -> Nic | None:
    """The connected adapter whose subnet holds the target, else the first (it has the gateway)."""
    ready = [nic for nic in vm.nics if nic.connected]
    for nic in ready:
        for address in nic.ipv4:
            ip, _, prefix = address.partition("/")
            bits = 32 - int(prefix or 32)
            if _number(ip) >> bits == _number(target) >> bits:
                return nic
    return ready[0] if ready else None


def _number(ip: str) -> int:
    return int.from_bytes(bytes(int(part) for part in ip.split(".")), "big")
