"""A number turned into the small world with that many more VMs on its two hosts, all of them asking."""

from __future__ import annotations

from tests.lab.world import Asking, Nic, VirtualMachine, World, small_world

FIRST = 200


def busy_world(vms: int) -> World:
    """``small_world`` and ``vm-001``, ``vm-002``, … in turn on both hosts, VLANs and uplinks."""
    world = small_world()
    world.vms += [_vm(number, world.hosts[number % 2].name) for number in range(1, vms + 1)]
    return world


def _vm(number: int, host: str) -> VirtualMachine:
    vlan = (110, 120)[number // 2 % 2]
    high, low = divmod(number, 200)
    return VirtualMachine(
        name=f"vm-{number:03d}",
        moid=f"vm-{FIRST + number}",
        host=host,
        uuid=f"4213b7a1-0000-4000-8001-{number:012d}",
        instance_uuid=f"5013b7a1-0000-4000-8001-{number:012d}",
        world_id=2_100_000 + number,
        nics=[
            Nic(
                mac=f"00:50:56:9b:{high:02x}:{low:02x}",
                portgroup=f"app-{vlan}",
                ipv4=[f"10.20.{vlan}.{100 + number % 100}/24"],
                gateway=f"10.20.{vlan}.1",
                switch_port=67_109_000 + number,
                port_key=str(FIRST + number),
                uplink=f"vmnic{number // 4 % 2}",
            )
        ],
        asks=[Asking(f"10.20.{vlan}.1", 1.0)],
    )
