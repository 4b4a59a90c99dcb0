"""The practice lab's network run by hand, captured on two hosts: a two-ended case in no time."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

from tests.arp.captures import START, pcap_header, record
from tests.lab.network import Network, Seen
from tests.lab.world import Asking, EsxiHost, VirtualMachine, World, small_world
from workers.arp.decode import ArpReader
from workers.arp.model import (
    MILLISECOND,
    SECOND,
    Capture,
    CapturePoint,
    Case,
    ClockGap,
    FarEnd,
    Heard,
    Host,
    LocalVm,
    Neighbour,
    Role,
    Stimulus,
    Uplink,
    Vlan,
    Vm,
    Vnic,
)

NEAR, FAR, TARGET = "esx07.example.com", "esx08.example.com", "10.20.110.23"
AHEAD = 250 * MILLISECOND
T0 = START * SECOND
POINTS = {"tx": "UplinkSndKernel", "rx": "UplinkRcvKernel"}
PORTS = {"tx": "VnicTx", "rx": "VnicRx"}


@dataclass(frozen=True)
class Both:
    case: Case
    heard: tuple[Heard, ...]
    far_heard: tuple[Heard, ...]
    pcaps: dict[str, bytes]


def world() -> World:
    """app01 on esx07 asks for db03 on esx08 as well as for its gateway."""
    lab = small_world()
    lab.vm("app01").asks.append(Asking(TARGET, 1.0))
    return lab


def captured(lab: World, seconds: float = 16) -> Both:
    """Both hosts' captures of that many seconds; the far host's clock is a quarter second ahead."""
    net = Network(lab, clock=lambda: T0)
    near, far = _Ears(net, lab, NEAR, "app01", 0), _Ears(net, lab, FAR, "db03", AHEAD)
    net.advance(seconds)
    stop = T0 + int(seconds * SECOND)
    heard, far_heard = near.heard("pcap", stop), far.heard("far/pcap", stop + AHEAD)
    far_end = FarEnd(
        vm=_vm(lab, lab.vm("db03")),
        host=_host(lab, lab.host(FAR), "db03"),
        captures=tuple(each.capture for each in far_heard),
        clock=ClockGap(AHEAD + MILLISECOND, 4 * MILLISECOND),
    )
    case = Case(
        id="k3f9",
        made_at=stop,
        vm=_vm(lab, lab.vm("app01")),
        host=_host(lab, lab.host(NEAR), "app01"),
        stimulus=Stimulus(targets=(TARGET,)),
        captures=tuple(each.capture for each in heard),
        far_end=far_end,
    )
    return Both(case, heard, far_heard, near.pcaps("pcap") | far.pcaps("far/pcap"))


def with_far(both: Both, far_heard: tuple[Heard, ...], **facts: object) -> Both:
    """The same with other captures, or other facts, at the far end."""
    assert both.case.far_end is not None
    captures = tuple(each.capture for each in far_heard)
    far = replace(both.case.far_end, **({"captures": captures} | facts))  # type: ignore[arg-type]
    return replace(both, case=replace(both.case, far_end=far), far_heard=far_heard)


class _Ears:
    """Every point that a check captures on one host, as the files pktcap-uw writes."""

    def __init__(self, net: Network, lab: World, host: str, vm: str, ahead: int) -> None:
        self._files: dict[str, bytearray] = {}
        self._ahead = ahead
        for pnic in lab.host(host).pnics:
            for way, point in POINTS.items():
                self._open(net, host, pnic.device, point, f"{pnic.device}-{way}")
        port = str(lab.vm(vm).nics[0].switch_port)
        for way, point in PORTS.items():
            self._open(net, host, port, point, f"vnic0-{way}")

    def _open(self, net: Network, host: str, thing: str, point: str, name: str) -> None:
        file = self._files[name] = bytearray(pcap_header())

        def hear(seen: Seen) -> None:
            second, rest = divmod(seen.at + self._ahead, SECOND)
            file.extend(record(_tagged(seen), rest // 1_000, second=second))

        net.attach(host, thing, point, hear)

    def heard(self, folder: str, stop: int) -> tuple[Heard, ...]:
        heard = []
        for name, file in self._files.items():
            reader = ArpReader(CapturePoint.named(name))
            reader.feed(bytes(file))
            reader.finish()
            path, ready = f"{folder}/{name}.pcap", T0 + self._ahead
            heard.append(reader.heard(Capture(reader.point, path, ready, stop)))
        return tuple(heard)

    def pcaps(self, folder: str) -> dict[str, bytes]:
        return {f"{folder}/{name}.pcap": bytes(file) for name, file in self._files.items()}


def _tagged(seen: Seen) -> bytes:
    if seen.vlan is None:
        return seen.data
    return seen.data[:12] + struct.pack(">HH", 0x8100, seen.vlan) + seen.data[12:]


def _vm(lab: World, vm: VirtualMachine) -> Vm:
    groups = {group.name: group for group in lab.host(vm.host).portgroups}
    nics = tuple(
        Vnic(
            point=f"vnic{number}",
            label=nic.label,
            mac=nic.mac,
            ipv4=tuple(nic.ipv4),
            gateway=nic.gateway,
            portgroup=nic.portgroup,
            switch=groups[nic.portgroup].switch,
            switch_kind="vds",
            vlan=Vlan(groups[nic.portgroup].mode, groups[nic.portgroup].vlan),
            pinned_uplink=nic.uplink,
        )
        for number, nic in enumerate(vm.nics)
    )
    return Vm(vm.name, vm.moid, nics)


def _host(lab: World, host: EsxiHost, checked: str) -> Host:
    uplinks = tuple(
        Uplink(
            pnic.device,
            host.switches[0].name,
            Role.ACTIVE,
            link_up=True,
            neighbour=Neighbour("lldp", pnic.neighbour.switch, pnic.neighbour.port),
        )
        for pnic in host.pnics
    )
    groups = {group.name: group for group in host.portgroups}
    local = tuple(
        LocalVm(vm.name, nic.mac, tuple(nic.ipv4), groups[nic.portgroup].vlan)
        for vm in lab.vms
        for nic in vm.nics
        if vm.host == host.name and vm.name != checked
    )
    macs = (*host.vmk_macs, *(pnic.mac for pnic in host.pnics))
    return Host(host.name, host.version, host.build, "portid", uplinks, local, macs)
