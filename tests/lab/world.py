"""What exists in the practice lab: plain values that the twins of vCenter and ESXi both answer from.

A ``World`` is a small data centre: hosts with uplinks, virtual switches with port groups, VMs with
adapters, and the physical network behind it (switch ports with their trunks, gateways, servers).
Nothing here sends a frame; ``network.py`` does. A test may change any value while the lab runs
(move a VM, take a link down), and the twins answer from the new state at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class SwitchPort:
    """The physical switch port an uplink is plugged into; ``vlans`` None = every VLAN."""

    switch: str
    port: str
    vlans: set[int] | None = None
    native_vlan: int | None = None
    protocol: str = "lldp"


@dataclass
class Pnic:
    """A physical NIC of a host.

    ``lag`` is the link aggregation group it belongs to, ``dpu`` the card it is a port of.
    """

    device: str
    mac: str
    neighbour: SwitchPort
    link_up: bool = True
    lag: str | None = None
    driver: str = "ixgben"
    pci: str = "0000:3b:00.0"
    dpu: str | None = None


@dataclass
class VirtualSwitch:
    """A virtual switch as one host sees it; ``kind`` is vss, vds or nsx.

    ``opaque`` makes an nsx switch an N-VDS, which vCenter knows as an opaque switch only; ``ens``
    puts it on the fast path; ``single_lag`` is a vds with the LACP of before 5.5. ``offloaded`` says
    whether the host runs it on a DPU (None = it does not say), ``offload_spec`` what the vds is set to.

    ``active`` and ``standby`` are devices (or a LAG's name); what is in ``pnics`` and in neither is
    unused. ``teaming`` is portid, srcmac, iphash, lbt, failover or lacp.
    """

    name: str
    kind: str
    pnics: list[str]
    active: list[str]
    standby: list[str] = field(default_factory=list)
    teaming: str = "portid"
    uuid: str = "50 13 a2 f0 11 22 33 44-55 66 77 88 99 aa bb cc"
    moid: str = "dvs-21"
    mtu: int = 1500
    opaque: bool = False
    ens: bool = False
    single_lag: bool = False
    offloaded: bool | None = None
    offload_spec: str | None = None


@dataclass
class PortGroup:
    """A port group; ``mode`` is none, access, trunk or pvlan (then ``vlan`` is the secondary)."""

    name: str
    switch: str
    mode: str = "access"
    vlan: int | None = None
    primary: int | None = None
    trunk: list[tuple[int, int]] = field(default_factory=list)
    key: str = ""
    overlay: bool = False


@dataclass
class Nic:
    """A VM's adapter. ``switch_port`` is the number pktcap-uw takes; ``uplink`` where it is pinned.

    ``guest_vlan`` is the tag that the guest itself writes (a trunk port group lets it pass).
    ``backing`` is port, opaque, sriov or passthrough; ``port_vlan`` a VLAN that is set on the very
    distributed port, against its port group's; ``blocked`` the port's own administrative block.
    """

    mac: str
    portgroup: str
    ipv4: list[str] = field(default_factory=list)
    gateway: str | None = None
    connected: bool = True
    label: str = "Network adapter 1"
    switch_port: int = 0
    port_key: str = ""
    uplink: str | None = None
    backing: str = "port"
    guest_vlan: int | None = None
    port_vlan: int | None = None
    blocked: bool = False


@dataclass
class Asking:
    """A guest that asks for ``target`` every ``interval`` seconds, by broadcast ARP.

    ``like`` is ``arping`` (asks on whatever comes back, as ``arping -b``) or ``kernel`` (is content
    with an answer for half a minute).
    """

    target: str
    interval: float = 1.0
    like: str = "arping"


@dataclass
class VirtualMachine:
    """A VM. ``asks`` is what its guest is busy asking for; ``answers`` whether it answers ARP.

    ``folder`` is the path below the datacenter, ``connection`` vCenter's word for whether it still
    hears of the VM, ``guest_bridges`` are ``address/prefix`` of interfaces that only the guest knows.
    """

    name: str
    moid: str
    host: str
    nics: list[Nic]
    uuid: str = ""
    instance_uuid: str = ""
    power: str = "poweredOn"
    template: bool = False
    folder: str = "vm"
    tools_running: bool = True
    asks: list[Asking] = field(default_factory=list)
    answers: bool = True
    world_id: int = 0
    connection: str = "connected"
    guest_bridges: list[str] = field(default_factory=list)


@dataclass
class EsxiHost:
    """An ESXi host; ``behaviours`` are named oddities that the SSH twin shows (see ``esxi.py``)."""

    name: str
    moid: str
    address: str
    pnics: list[Pnic]
    switches: list[VirtualSwitch]
    portgroups: list[PortGroup]
    version: str = "8.0.3"
    build: str = "24674464"
    cluster: str = "prod-a"
    vmk_macs: list[str] = field(default_factory=list)
    ssh_running: bool = True
    lockdown: str = "lockdownDisabled"
    behaviours: set[str] = field(default_factory=set)


@dataclass
class Station:
    """Something behind the physical network that speaks ARP: a gateway or a server.

    ``interval`` > 0 = it also broadcasts requests of its own every that many seconds (background).
    """

    ip: str
    mac: str
    vlan: int
    answers: bool = True
    delay: float = 0.0006
    asks: list[Asking] = field(default_factory=list)


@dataclass
class World:
    """The whole lab. ``faults`` are names with their arguments, read by ``network.py`` per frame.

    ``undo`` takes back what faults have changed of the world itself, such as a VM's host.
    """

    hosts: list[EsxiHost]
    vms: list[VirtualMachine]
    stations: list[Station]
    faults: dict[str, dict[str, object]] = field(default_factory=dict)
    undo: list[Callable[[], None]] = field(default_factory=list)
    vcenter_uuid: str = "b3f0a1e2-0000-4000-8000-0000000c0ffe"

    def vm(self, name: str) -> VirtualMachine:
        """The VM of that name (the first, where there are several)."""
        return next(vm for vm in self.vms if vm.name == name)

    def host(self, name: str) -> EsxiHost:
        """The host of that name or moid."""
        return next(host for host in self.hosts if name in (host.name, host.moid))


def small_world() -> World:
    """Two hosts, two uplinks each, VLANs 110 and 120, the VMs of the report this tool began with.

    ``app01`` (pinned to vmnic1) asks for its gateway once a second; ``web02`` (on vmnic0) and
    ``log04`` (VLAN 120, on vmnic1) ask for theirs now and then and are the control group.
    """
    hosts = [_host(number) for number in (7, 8)]
    return World(
        hosts=hosts,
        vms=[
            _vm("app01", 101, "esx07.example.com", 21, 110, "vmnic1", [Asking("10.20.110.1", 1.0)]),
            _vm("web02", 102, "esx07.example.com", 22, 110, "vmnic0", [Asking("10.20.110.1", 2.0)]),
            _vm("log04", 104, "esx07.example.com", 31, 120, "vmnic1", [Asking("10.20.120.1", 2.5)]),
            _vm("db03", 103, "esx08.example.com", 23, 110, "vmnic0", []),
        ],
        stations=[
            Station("10.20.110.1", "00:00:0c:07:ac:6e", 110, asks=[Asking("10.20.110.77", 2.2)]),
            Station("10.20.120.1", "00:00:0c:07:ac:78", 120, asks=[Asking("10.20.120.77", 1.7)]),
            Station("10.20.110.50", "00:50:56:9a:50:50", 110),
        ],
    )


def _host(number: int) -> EsxiHost:
    name = f"esx{number:02d}.example.com"
    ports = [("vmnic0", "sw-b"), ("vmnic1", "sw-a")]
    return EsxiHost(
        name=name,
        moid=f"host-{number}",
        address="127.0.0.1",
        pnics=[
            Pnic(
                device,
                f"b0:7b:25:0e:{number:02x}:{i:02x}",
                SwitchPort(switch, f"Ethernet1/{number}"),
            )
            for i, (device, switch) in enumerate(ports)
        ],
        switches=[VirtualSwitch("dvs-prod", "vds", ["vmnic0", "vmnic1"], ["vmnic0", "vmnic1"])],
        portgroups=[
            PortGroup(f"app-{vlan}", "dvs-prod", "access", vlan, key=f"dvportgroup-{vlan}")
            for vlan in (110, 120)
        ],
        vmk_macs=[f"b0:7b:25:0e:{number:02x}:00"],
    )


def _vm(
    name: str, number: int, host: str, last: int, vlan: int, uplink: str, asks: list[Asking]
) -> VirtualMachine:
    subnet = f"10.20.{vlan}"
    return VirtualMachine(
        name=name,
        moid=f"vm-{number}",
        host=host,
        uuid=f"4213b7a1-0000-4000-8000-{number:012d}",
        instance_uuid=f"5013b7a1-0000-4000-8000-{number:012d}",
        world_id=2_000_000 + number,
        nics=[
            Nic(
                mac=f"00:50:56:9a:{last:02d}:{number % 100:02d}",
                portgroup=f"app-{vlan}",
                ipv4=[f"{subnet}.{last}/24"],
                gateway=f"{subnet}.1",
                switch_port=67_108_780 + number,
                port_key=str(number),
                uplink=uplink,
            )
        ],
        asks=asks,
    )
