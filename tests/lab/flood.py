"""A flood fault to a stream of foreign broadcasts at an uplink, cheaply enough for 50,000 a second.

The frames are handed straight to whoever listens on the uplink and on the ports behind it: going
through the whole model frame by frame would make the lab the slow part.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.lab.frames import pack, request
from tests.lab.world import EsxiHost

if TYPE_CHECKING:
    from tests.lab.network import Network, Sink

SECOND = 1_000_000_000
STORM = request("00:00:5e:00:53:66", "10.20.110.200", "10.20.110.201")


class Flood:
    """Sends, tick by tick, as many frames as the rate asks for."""

    def __init__(self, network: Network) -> None:
        self._net = network
        self._owed: dict[int, float] = {}

    def tick(self, length: int) -> None:
        for number, (host, uplink, vlan, rate) in enumerate(self._storms()):
            owed = self._owed.get(number, 0.0) + rate * length / SECOND
            self._owed[number] = owed % 1
            if owed >= 1:
                self._burst(host, uplink, vlan, int(owed), length)

    def _storms(self) -> Iterator[tuple[EsxiHost, str, int, float]]:
        """Where frames pour in: from the fault, and from a host's behaviour ``flood:RATE``."""
        for host in self._net.world.hosts:
            for fault in self._net.faults.each("flood", host=host.name):
                yield host, fault.text("uplink"), int(fault.number("vlan")), fault.number("rate")
            for behaviour in host.behaviours:
                if behaviour.startswith("flood:"):
                    vlan = next((g.vlan for g in host.portgroups if g.vlan), 1)
                    for pnic in host.pnics:
                        yield host, pnic.device, vlan, float(behaviour[6:])

    def _burst(self, host: EsxiHost, uplink: str, vlan: int, count: int, length: int) -> None:
        from tests.lab.network import Seen  # noqa: PLC0415  (network builds its flood)

        data, start = pack(STORM, padded=True), self._net.now
        self._net.counters[host.name, uplink]["rx"] += count
        for sink, tag in self._listeners(host, uplink, vlan):
            for number in range(count):
                sink(Seen(start + number * length // count, data, tag))

    def _listeners(self, host: EsxiHost, uplink: str, vlan: int) -> list[tuple[Sink, int | None]]:
        found: list[tuple[Sink, int | None]] = []
        for point in ("UplinkRcv", "UplinkRcvKernel", "EtherswitchDispath"):
            found += [(sink, vlan) for sink in self._net.listening(host.name, uplink, point)]
        for _, nic in self._net.vswitches.ports(host):
            group = self._net.vswitches.portgroup(host, nic)
            if group.vlan == vlan and self._net.uplink_of(host, nic) == uplink:
                for point in ("VnicRx", "Vmxnet3Rx"):
                    port = str(nic.switch_port)
                    found += [(s, None) for s in self._net.listening(host.name, port, point)]
        return found
