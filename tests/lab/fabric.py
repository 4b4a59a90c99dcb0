"""A frame on a wire to every place the physical switches carry it: one layer-2 network.

IEEE 802.1Q: a switch learns the source per VLAN, sends a known unicast out of one port and floods
the rest out of every other port that carries the VLAN, once per link aggregation group (802.1AX).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.lab.frames import REPLY, REQUEST, Arp, reply
from tests.lab.vswitch import spread
from tests.lab.world import EsxiHost, Pnic, Station

if TYPE_CHECKING:
    from tests.lab.network import Network

Bundle = tuple[str, str]
DEFAULT_NATIVE_VLAN = 1


class Fabric:
    """The switches, the stations behind them and what they have learned."""

    def __init__(self, network: Network) -> None:
        self._net = network
        self._learned: dict[tuple[int, str], Bundle] = {}
        self._told = False

    # --- ports ---------------------------------------------------------------------------------

    def bundle(self, host: EsxiHost, pnic: Pnic) -> Bundle:
        """The switch's own view of what belongs together, right or wrong."""
        if self._net.faults.any("teaming_mismatch", host=host.name):
            return host.name, "port-channel"
        if pnic.lag is None or self._net.faults.any("no_port_channel", host=host.name):
            return host.name, pnic.device
        return host.name, pnic.lag

    def _passes(self, host: EsxiHost, pnic: Pnic, vlan: int, half: str) -> bool:
        """Whether the port lets this VLAN pass; ``half`` is ingress (from the host) or egress."""
        faults, where = self._net.faults, {"uplink": pnic.device, "host": host.name}
        allowed = pnic.neighbour.vlans
        one_way = "one_way_tx" if half == "ingress" else "one_way_rx"
        return not (
            not pnic.link_up
            or (allowed is not None and vlan not in allowed and vlan != _native(pnic))
            or any(
                faults.any(kind, **where)
                for kind in ("link_down", "port_dead", "recovered_after", one_way)
            )
            or faults.any("vlan_not_carried", **where, vlan=vlan)
            or faults.any("vlan_half", **where, vlan=vlan, half=half)
        )

    def _ports(self) -> Iterator[tuple[EsxiHost, Pnic]]:
        for host in self._net.world.hosts:
            for pnic in host.pnics:
                yield host, pnic

    # --- in ------------------------------------------------------------------------------------

    def from_host(self, host: EsxiHost, pnic: Pnic, arp: Arp, tag: int | None) -> None:
        vlan = _native(pnic) if tag is None else tag
        if not self._passes(host, pnic, vlan, "ingress"):
            return
        if self._refused(arp):
            return
        self._learned[vlan, arp.eth_src] = self.bundle(host, pnic)
        if arp.broadcast:
            self._flood(arp, vlan, host, pnic)
        else:
            self._unicast(arp, vlan, tag=vlan, source=self.bundle(host, pnic))

    def from_station(self, station: Station, arp: Arp, tag: int | None = None) -> None:
        """``tag`` is the VLAN the frame wrongly ends up in, None = the station's own."""
        if self._pruned(station.vlan):
            return
        if arp.broadcast:
            self._flood(arp, station.vlan, None, None, sender=station)
        else:
            self._unicast(arp, station.vlan, tag=station.vlan if tag is None else tag, source=None)

    def _pruned(self, vlan: int) -> bool:
        return self._net.faults.any("vlan_dead", vlan=vlan)

    def _refused(self, arp: Arp) -> bool:
        """Port security: the switch takes no frame of this MAC."""
        return any(
            fault.arguments.get("reflected", True) is False
            and self._is_vm(fault.text("vm"), arp.eth_src)
            for fault in self._net.faults.each("reply_lost")
        )

    def _is_vm(self, name: str, mac: str) -> bool:
        return any(nic.mac == mac for nic in self._net.world.vm(name).nics)

    # --- out -----------------------------------------------------------------------------------

    def _flood(
        self, arp: Arp, vlan: int, host: EsxiHost | None, pnic: Pnic | None,
        sender: Station | None = None,
    ) -> None:  # fmt: skip
        source = self.bundle(host, pnic) if host and pnic else None
        self._to_hosts(arp, vlan, host, source)
        if host and pnic and self._net.faults.any("loop", uplink=pnic.device, host=host.name):
            self._net.after(60, 200, lambda: self._out(arp, vlan, vlan, host, pnic))
        if not self._pruned(vlan):
            for station in self._net.guests.stations():
                if station is not sender and station.vlan in self._same_domain(vlan):
                    self._net.after(15, 60, lambda s=station: self._hear(s, arp))  # type: ignore[misc]

    def _same_domain(self, vlan: int) -> set[int]:
        """The VLAN and, where it is a secondary one of a private VLAN, its primary one."""
        groups = (group for host in self._net.world.hosts for group in host.portgroups)
        return {vlan} | {g.primary for g in groups if g.vlan == vlan and g.primary is not None}

    def _to_hosts(self, arp: Arp, vlan: int, host: EsxiHost | None, source: Bundle | None) -> None:
        bundles: dict[Bundle, list[tuple[EsxiHost, Pnic]]] = {}
        for other, pnic in self._ports():
            if self._floods_to(arp, vlan, host, other) and pnic.link_up:
                bundles.setdefault(self.bundle(other, pnic), []).append((other, pnic))
        for bundle, members in bundles.items():
            if bundle != source:
                other, pnic = members[spread(arp, len(members))]
                self._net.after(
                    25, 120, lambda o=other, p=pnic: self._out(arp, vlan, vlan, o, p)  # type: ignore[misc]
                )  # fmt: skip

    def _floods_to(self, arp: Arp, vlan: int, host: EsxiHost | None, other: EsxiHost) -> bool:
        faults = self._net.faults
        if faults.any("no_flooding"):
            return any(
                _has_address(nic.ipv4, arp.target_ip) for _, nic in self._net.vswitches.ports(other)
            )
        if host is None:
            return True
        if host is other:
            dead = faults.first("vlan_dead", vlan=vlan)
            return dead is None or dead.flag("reflected", default=True)
        apart = {(host.name, other.name), (other.name, host.name)}
        return not self._pruned(vlan) and not any(
            (fault.text("a"), fault.text("b")) in apart for fault in faults.each("hosts_apart")
        )

    def _out(self, arp: Arp, vlan: int, tag: int, host: EsxiHost, pnic: Pnic) -> None:
        """Out of a port towards a host: ``vlan`` decides whether it passes, ``tag`` is written."""
        if self._passes(host, pnic, vlan, "egress"):
            written = None if tag == _native(pnic) else tag
            self._net.vswitches.from_wire(host, pnic, arp, written)

    def _unicast(self, arp: Arp, vlan: int, tag: int, source: Bundle | None) -> None:
        if any(self._is_vm(f.text("vm"), arp.eth_dst) for f in self._net.faults.each("reply_lost")):
            return
        for station in self._net.guests.stations():
            if station.mac == arp.eth_dst and station.vlan in self._same_domain(vlan):
                if not self._pruned(vlan):
                    self._net.after(15, 60, lambda s=station: self._hear(s, arp))  # type: ignore[misc]
                return
        self._tell_once()
        known = next(
            (self._learned[v, arp.eth_dst] for v in self._reaching(vlan)
             if (v, arp.eth_dst) in self._learned), None,
        )  # fmt: skip
        members = [
            (host, pnic)
            for host, pnic in self._ports()
            if self.bundle(host, pnic) == known and self._forwards(host, pnic, vlan, known)
        ]
        if known == source and known is not None:
            return
        if not members:
            host = self._net.world.host(source[0]) if source else None
            self._to_hosts(arp, vlan, host, source)
            return
        host, pnic = self._member(arp, members)
        self._net.after(25, 120, lambda: self._out(arp, vlan, tag, host, pnic))

    def _forwards(self, host: EsxiHost, pnic: Pnic, vlan: int, bundle: Bundle) -> bool:
        """Whether the entry still stands: the port has its link and is in the VLAN."""
        faults, where = self._net.faults, {"uplink": pnic.device, "host": host.name}
        allowed = pnic.neighbour.vlans
        return (
            pnic.link_up
            and not faults.any("link_down", **where)
            and not faults.any("port_dead", **where)
            and not faults.any("recovered_after", **where)
            and not faults.any("vlan_not_carried", **where, vlan=vlan)
            and (allowed is None or vlan in allowed or vlan == _native(pnic))
        )

    def _reaching(self, vlan: int) -> list[int]:
        """VLANs whose learned addresses serve this one: itself and its secondary ones."""
        groups = (group for host in self._net.world.hosts for group in host.portgroups)
        return [vlan, *{g.vlan for g in groups if g.primary == vlan and g.vlan is not None}]

    def _member(self, arp: Arp, members: list[tuple[EsxiHost, Pnic]]) -> tuple[EsxiHost, Pnic]:
        for fault in self._net.faults.each("teaming_mismatch"):
            name = str(fault.arguments.get("unlucky", ""))
            if name and self._is_vm(name, arp.eth_dst):
                pinned = self._net.world.vm(name).nics[0].uplink
                return next(each for each in members if each[1].device != pinned)
        return members[spread(arp, len(members))]

    def _tell_once(self) -> None:
        """Before anything is heard, the switches know every VM: its power-on was announced."""
        if self._told:
            return
        self._told = True
        for host in self._net.world.hosts:
            for _, nic in self._net.vswitches.ports(host):
                device = self._net.uplink_of(host, nic)
                group = self._net.vswitches.portgroup(host, nic)
                for pnic in host.pnics:
                    if pnic.device == device:
                        vlan = _native(pnic) if group.vlan is None else group.vlan
                        self._learned.setdefault((vlan, nic.mac), self.bundle(host, pnic))

    # --- stations ------------------------------------------------------------------------------

    def _hear(self, station: Station, arp: Arp) -> None:
        faults = self._net.faults
        asked = arp.op == REQUEST and arp.target_ip == station.ip != arp.sender_ip
        if not asked or not station.answers or faults.any("target_down", ip=station.ip):
            return
        loss = faults.first("partial_loss", ip=station.ip)
        if loss and self._net.random.random() < loss.number("rate"):
            return
        late = faults.first("late_replies", ip=station.ip)
        delay = (late.number("delay") if late else station.delay) * 1e6
        twin = faults.first("duplicate_responder", ip=station.ip)
        for mac in [station.mac, *([twin.text("mac")] if twin else [])]:
            answer = self._bent(replace(reply(arp, mac), op=REPLY))
            tag = self._wrong_tag(arp.sender_mac)
            self._net.after(
                delay * 0.7, delay * 1.3,
                lambda a=answer, t=tag: self.from_station(station, a, t),  # type: ignore[misc]
            )  # fmt: skip

    def _bent(self, answer: Arp) -> Arp:
        for fault in self._net.faults.each("stale_mac"):
            if self._is_vm(fault.text("vm"), answer.target_mac):
                return replace(answer, eth_dst=fault.text("mac"), target_mac=fault.text("mac"))
        return answer

    def _wrong_tag(self, asker: str) -> int | None:
        for fault in self._net.faults.each("reply_wrong_vlan"):
            if self._is_vm(fault.text("vm"), asker):
                return int(fault.number("vlan"))
        return None


def _native(pnic: Pnic) -> int:
    return pnic.neighbour.native_vlan or DEFAULT_NATIVE_VLAN


def _has_address(addresses: list[str], ip: str) -> bool:
    return any(address.split("/")[0] == ip for address in addresses)
