"""A scripted ESXi host behind a real SSH socket, with the answers that a check is known to need."""

from __future__ import annotations

import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab.scripted_host import Reply, ScriptedHost, Step
from workers.arp.decode import ArpReader
from workers.arp.model import Capture, CapturePoint, Host, Role, Uplink, Vm, VmLocation, Vnic
from workers.arp.pktcap import Planned, plan_captures
from workers.esxi import EsxiHost, HostView, MemoryHostKeys, open_host
from workers.settings import EsxiSettings

MAC = "00:50:56:9a:21:01"
READY = b"pktcap: Vsock connection from port 1096 cid 2.\n"
CLOSING = b"Dumped 2 packet to file -, dropped 3 packets.\nDestroying session 15.\nDone.\n"
REQUEST = bytes.fromhex(
    "ffffffffffff0050569a2101080600010800060400010050569a21010a146e150000000000000a146e01"
).ljust(60, b"\0")

NIC_LIST = """\
Name    PCI Device    Driver  Admin Status  Link Status  Speed  Duplex  MAC Address         MTU  Description
------  ------------  ------  ------------  -----------  -----  ------  -----------------  ----  -----------
vmnic0  0000:3b:00.0  ixgben  Up            Up           10000  Full    b0:7b:25:0e:07:00  1500  Intel X550
vmnic1  0000:3b:00.1  ixgben  Up            Down             0  Half    b0:7b:25:0e:07:01  1500  Intel X550
"""
NET_STATS = f"""\
PortNum          Type SubType SwitchName       MACAddress         ClientName
2214592518          4       0 DvsPortset-0     b0:7b:25:0e:07:00  vmnic0
67108881            5       9 DvsPortset-0     {MAC}  app (01) ü.eth0
"""
VM_LIST = """\
World ID  Name         Num Ports  Networks
--------  -----------  ---------  --------
 2270220  app (01) ü           1  app-110
"""
PORT_LIST = f"""\
   Port ID: 67108881
   vSwitch: dvs-prod
   MAC Address: {MAC}
   Team Uplink: vmnic0
   Uplink Port ID: 2214592518
"""
PORTS = "esxcli network vm port list -w 2270220"


def facts() -> dict[str, Reply]:
    """The commands that a check is known to need, and no other."""
    return {
        "echo ok": Reply("ok\n"),
        "vmware -vl": Reply("VMware ESXi 8.0.3 build-24674464\nVMware ESXi 8.0 Update 3\n"),
        "pktcap-uw -A": Reply("1 UplinkRcvKernel\n2 UplinkSndKernel\n3 VnicTx\n4 VnicRx\n"),
        "pktcap-uw -h": Reply(" --dir <0|1>  (for --switchport, --vmk, --uplink)\n"),
        "esxcli network nic list": Reply(NIC_LIST),
        "net-stats -l": Reply(NET_STATS),
        "esxcli network vm list": Reply(VM_LIST),
        PORTS: Reply(PORT_LIST),
    }


def pcap(order: str = "<", magic: int = 0xA1B2C3D4, frames: int = 1) -> bytes:
    """A capture of the VM's own requests, as its host would date them."""
    seconds, rest = divmod(time.time_ns(), 1_000_000_000)
    fraction = rest if magic == 0xA1B23C4D else rest // 1000
    record = struct.pack(order + "IIII", seconds, fraction, len(REQUEST), len(REQUEST)) + REQUEST
    return struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, 1) + record * frames


@dataclass
class Strange:
    host: ScriptedHost
    settings: EsxiSettings
    location: VmLocation
    readers: dict[str, ArpReader] = field(default_factory=dict)

    def hear(self, point: CapturePoint, data: bytes) -> None:
        self.readers.setdefault(point.name, ArpReader(point)).feed(data)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[EsxiHost]:
        async with open_host(self.location, self.settings, MemoryHostKeys()) as host:
            yield host

    async def plan(self, host: EsxiHost) -> tuple[Planned, ...]:
        ports = await host.switch_ports(self.location.vm)
        numbers = {mac: port.number for mac, port in ports.items()}
        return plan_captures(self.location, numbers, (await host.look()).features)

    async def run(self) -> tuple[HostView, dict[str, Capture], tuple[str, ...]]:
        """A whole run until every capture is ready or has failed, its facts and what is left."""
        async with self.open() as host:
            plan = await self.plan(host)
            async with host.listen(plan, seconds=20, heard=self.hear) as listening:
                await listening.ready()
                await host.snapshot(["vmnic0"])
                captures = await listening.stop()
            left = await host.clean_up()
            return await host.look(), {c.point.name: c for c in captures}, left


@asynccontextmanager
async def strange(
    folder: Path, answers: dict[str, Reply] | None = None, *steps: Step, **ways: object
) -> AsyncIterator[Strange]:
    """A host with the known answers, some replaced; at the end nothing of ours may be alive."""
    script = list(steps) or [Step(err=READY), Step(out=pcap())]
    host = ScriptedHost(facts() | (answers or {}), script, **ways)  # type: ignore[arg-type]
    await host.start()
    key = host.host_key.export_public_key().decode().strip()
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{host.port} {key}\n")
    host.client_key.write_private_key(folder / "key")
    settings = EsxiSettings(
        port=host.port, key_file=folder / "key", known_hosts=folder / "known_hosts"
    )
    uplinks = (Uplink("vmnic0", "dvs-prod", Role.ACTIVE, link_up=True),)
    vm = Vm("app (01) ü", nics=(Vnic("vnic0", "Network adapter 1", MAC, switch="dvs-prod"),))
    place = VmLocation(vm, Host("esx09.example.com", uplinks=uplinks), "host-9", "127.0.0.1")
    try:
        yield Strange(host, settings, place)
        assert host.alive == {}
    finally:
        await host.stop()


def check_heard(captures: dict[str, Capture]) -> None:
    for name in ("vnic0-tx", "vnic0-rx", "vmnic0-tx", "vmnic0-rx"):
        assert captures[name].failure is None, captures[name]
        assert captures[name].ready_at is not None
