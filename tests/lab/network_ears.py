"""Every capture point of a host to the ARP frames heard there, read with a few lines of struct."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

from tests.lab import faults
from tests.lab.network import Network, Seen
from tests.lab.world import World, small_world

HOST, OTHER = "esx07.example.com", "esx08.example.com"
APP, WEB, LOG = "00:50:56:9a:21:01", "00:50:56:9a:22:02", "00:50:56:9a:31:04"
GATEWAY, GATEWAY_MAC = "10.20.110.1", "00:00:0c:07:ac:6e"
MILLISECOND = 1_000_000


@dataclass(frozen=True)
class Frame:
    at: int
    op: int
    source: str
    destination: str
    sender: str
    sender_ip: str
    target: str
    target_ip: str
    vlan: int | None
    size: int
    ethertype: int


def read(seen: Seen) -> Frame:
    def mac(start: int) -> str:
        return seen.data[start : start + 6].hex(":")

    skip = 4 if seen.data[12:14] == b"\x81\x00" else 0
    (ethertype,) = struct.unpack_from("!H", seen.data, 12 + skip)
    hardware, protocol, lengths, op = struct.unpack_from("!HHHH", seen.data, 14 + skip)
    assert (hardware, protocol, lengths) == (1, 0x0800, 0x0604)
    ips = [socket.inet_ntoa(seen.data[i + skip : i + skip + 4]) for i in (28, 38)]
    vlan = struct.unpack_from("!H", seen.data, 14)[0] if skip else seen.vlan
    return Frame(seen.at, op, mac(6), mac(0), mac(22 + skip), ips[0], mac(32 + skip), ips[1], vlan,
                 len(seen.data), ethertype)  # fmt: skip


class Ears:
    """Every point of a host, open from the beginning."""

    def __init__(self, world: World, situation: str = "healthy", host: str = HOST) -> None:
        faults.apply(world, situation)
        self.world = world
        self.net = Network(world, clock=lambda: 1_767_225_600_000_000_000)
        self.heard: dict[str, list[Frame]] = {}
        for pnic in world.host(host).pnics:
            self.open(host, pnic.device, "UplinkSndKernel", f"{pnic.device}-tx")
            self.open(host, pnic.device, "UplinkRcvKernel", f"{pnic.device}-rx")
        for vm in world.vms:
            if vm.host == host:
                for nic in vm.nics:
                    self.open(host, str(nic.switch_port), "VnicTx", f"{vm.name}-tx")
                    self.open(host, str(nic.switch_port), "VnicRx", f"{vm.name}-rx")

    def open(self, host: str, thing: str, point: str, name: str) -> None:
        frames = self.heard.setdefault(name, [])
        self.net.attach(host, thing, point, lambda seen: frames.append(read(seen)))

    def requests(self, point: str, mac: str = APP) -> list[Frame]:
        return [f for f in self.heard[point] if f.op == 1 and f.source == mac]

    def replies(self, point: str, ip: str = "10.20.110.21") -> list[Frame]:
        return [f for f in self.heard[point] if f.op == 2 and f.target_ip == ip]

    def foreign(self, point: str, vlan: int) -> list[Frame]:
        local = {nic.mac for vm in self.world.vms if vm.host == HOST for nic in vm.nics}
        return [f for f in self.heard[point] if f.source not in local and f.vlan == vlan]


def listen(situation: str, seconds: float = 20.0, world: World | None = None) -> Ears:
    ears = Ears(world or small_world(), situation)
    ears.net.advance(seconds)
    return ears
