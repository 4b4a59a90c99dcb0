"""Two numbers turned into a large world: for look-ups and benches at the size of a real site."""

from __future__ import annotations

from tests.lab.world import (
    EsxiHost,
    Nic,
    Pnic,
    PortGroup,
    SwitchPort,
    VirtualMachine,
    VirtualSwitch,
    World,
)

HOSTS_A_CLUSTER = 32
VLANS = range(100, 140)


def big_world(vms: int, hosts: int) -> World:
    """That many VMs spread over that many hosts, on one distributed switch with 40 VLANs."""
    switch = VirtualSwitch("dvs-prod", "vds", ["vmnic0", "vmnic1"], ["vmnic0", "vmnic1"])
    groups = [
        PortGroup(f"net-{vlan}", "dvs-prod", "access", vlan, key=f"dvportgroup-{vlan}")
        for vlan in VLANS
    ]
    made = [_host(number, switch, groups) for number in range(1, hosts + 1)]
    return World(hosts=made, vms=[_vm(n, made[n % hosts].name) for n in range(vms)], stations=[])


def _host(number: int, switch: VirtualSwitch, groups: list[PortGroup]) -> EsxiHost:
    high, low = divmod(number, 256)
    return EsxiHost(
        name=f"esx{number:04d}.example.com",
        moid=f"host-{number}",
        address=f"10.9.{high}.{low}",
        pnics=[
            Pnic(
                f"vmnic{place}",
                f"b0:7b:25:{place:02x}:{high:02x}:{low:02x}",
                SwitchPort(f"leaf-{number // 20}{'ab'[place]}", f"Ethernet1/{number % 48 + 1}"),
            )
            for place in range(2)
        ],
        switches=[switch],
        portgroups=groups,
        cluster=f"cluster-{number // HOSTS_A_CLUSTER}",
        vmk_macs=[f"b0:7b:25:00:{high:02x}:{low:02x}"],
    )


def _vm(number: int, host: str) -> VirtualMachine:
    vlan = VLANS[number % len(VLANS)]
    high, low = divmod(number // len(VLANS), 250)
    return VirtualMachine(
        name=f"vm-{number:05d}-{('app', 'web', 'db')[number % 3]}",
        moid=f"vm-{1000 + number}",
        host=host,
        uuid=f"4213b7a1-0000-4000-8000-{number:012d}",
        instance_uuid=f"5013b7a1-0000-4000-8000-{number:012d}",
        folder=f"vm/team-{number % 20}",
        world_id=3_000_000 + number,
        nics=[
            Nic(
                mac=f"00:50:56:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}",
                portgroup=f"net-{vlan}",
                ipv4=[f"10.{vlan}.{high}.{low + 2}/16"],
                gateway=f"10.{vlan}.0.1",
                switch_port=67_108_880 + number,
                port_key=str(number),
            )
        ],
    )
