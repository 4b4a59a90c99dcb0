"""VMs and their switch ports: ``esxcli network vm``, ``network port``, ``vm process``, ``net-stats``."""

from __future__ import annotations

from collections.abc import Iterator

from tests.lab.esxi.esxcli import UPLINK_PORTS, VMK_PORTS, Asked, Told, UnknownThing, answers
from tests.lab.esxi.layout import Record
from tests.lab.esxi.machine import Machine
from tests.lab.esxi.registry import Run, command
from tests.lab.world import Nic, VirtualMachine, VirtualSwitch


def _vms(machine: Machine) -> Iterator[VirtualMachine]:
    for vm in machine.world.vms:
        if vm.host == machine.host.name and vm.power == "poweredOn":
            yield vm


def _team_uplink(machine: Machine, nic: Nic) -> tuple[str, int]:
    """The uplink and its port; a bundle has no single one (its wording differs between builds)."""
    switch = machine.network.vswitches.switch(machine.host, nic)
    device = machine.network.uplink_of(machine.host, nic)
    if "team_uplink_void" in machine.behaviours:
        return "void", 0
    if device is not None:
        devices = [pnic.device for pnic in machine.host.pnics]
        return device, UPLINK_PORTS + 2 * devices.index(device)
    usable = machine.network.vswitches.usable(machine.host, switch)
    if not usable:
        return "void", 0
    return (
        (usable[0].lag or "lag1", UPLINK_PORTS)
        if switch.teaming == "lacp"
        else (f"all({len(usable)})", 0)
    )


@answers("network vm list")
def vm_list(asked: Asked) -> Told:
    records: list[tuple[str, Record]] = []
    for vm in _vms(asked.machine):
        nics = [
            nic
            for nic in vm.nics
            if asked.machine.network.vswitches.plugged(asked.machine.host, nic)
        ]
        names = [nic.portgroup for nic in nics]
        records.append(
            (
                "",
                {
                    "World ID": vm.world_id,
                    "Name": vm.name,
                    "Num Ports": len(nics),
                    "Networks": names,
                },
            )
        )
    return Told(records, frozenset({"World ID", "Num Ports"}), "VM")


@answers("network vm port list")
def vm_port_list(asked: Asked) -> Told:
    world = asked.options.get("w") or asked.options.get("world-id") or ""
    machine = asked.machine
    for vm in _vms(machine):
        if str(vm.world_id) == world:
            return Told(
                [
                    ("", _port(machine, nic))
                    for nic in vm.nics
                    if machine.network.vswitches.plugged(machine.host, nic)
                ],
                kind="VMPort",
            )
    raise UnknownThing(f"Failed to get the port list for VM with World ID {world}: Not found")


def _port(machine: Machine, nic: Nic) -> Record:
    switch = machine.network.vswitches.switch(machine.host, nic)
    uplink, number = _team_uplink(machine, nic)
    return {
        "Port ID": nic.switch_port, "vSwitch": switch.name,
        "Portgroup": nic.portgroup if switch.kind == "vss" else "",
        "DVPort ID": "" if switch.kind == "vss" else nic.port_key, "MAC Address": nic.mac,
        "IP Address": "0.0.0.0", "Team Uplink": uplink, "Uplink Port ID": number, "Active Filters": "",
    }  # fmt: skip


@answers("network port stats get")
def port_stats(asked: Asked) -> Told:
    machine, wanted = asked.machine, asked.options.get("p") or asked.options.get("portid") or ""
    for vm in _vms(machine):
        for nic in vm.nics:
            if str(nic.switch_port) == wanted:
                counted = machine.network.counters[machine.host.name, wanted]
                received, sent = 51_200 + counted["tx"], 80_441 + counted["rx"]
                return Told([(f"Packet statistics for port {wanted}", _counters(received, sent))])
    raise UnknownThing(f"Unable to get statistics for port {wanted}: Not found")


def _counters(received: int, sent: int) -> Record:
    return {
        "Packets received": received, "Packets sent": sent, "Bytes received": received * 60,
        "Bytes sent": sent * 60, "Broadcast packets received": 900, "Broadcast packets sent": 4_002,
        "Multicast packets received": 3, "Multicast packets sent": 11,
        "Unicast packets received": received - 903, "Unicast packets sent": sent - 4_013,
        "Receive packets dropped": 0, "Transmit packets dropped": 0,
    }  # fmt: skip


@answers("vm process list")
def vm_process_list(asked: Asked) -> Told:
    return Told([(vm.name, _vm_process(vm)) for vm in _vms(asked.machine)], kind="VirtualMachine")


def _vm_process(vm: VirtualMachine) -> Record:
    return {
        "World ID": vm.world_id, "Process ID": 0, "VMX Cartel ID": vm.world_id - 1, "UUID": vm.uuid,
        "Display Name": vm.name,
        "Config File": f"/vmfs/volumes/datastore1/{vm.name}/{vm.name}.vmx",
    }  # fmt: skip


@command("net-stats")
async def net_stats(run: Run) -> int:
    """``-l``: type 4 is an uplink (a NIC without a switch has no port), 3 a VMkernel adapter, 5 a VM's."""
    if "-l" not in run.argv:
        return run.complain("net-stats: only -l is supported here")
    machine = run.machine
    rows = [(UPLINK_PORTS + 2 * number, 4, 0, _portset(machine, pnic.device), pnic.mac, pnic.device)
            for number, pnic in enumerate(machine.host.pnics) if _portset(machine, pnic.device)]  # fmt: skip
    rows += [(VMK_PORTS + number, 3, 0, "DvsPortset-0", mac, f"vmk{number}")
             for number, mac in enumerate(machine.host.vmk_macs)]  # fmt: skip
    for vm in _vms(machine):
        for number, nic in enumerate(vm.nics):
            if machine.network.vswitches.plugged(machine.host, nic):
                switch = machine.network.vswitches.switch(machine.host, nic)
                name = (
                    vm.name
                    if "bare_client_names" in machine.behaviours
                    else f"{vm.name}.eth{number}"
                )
                rows.append((nic.switch_port, 5, 9, _set_name(machine, switch), nic.mac, name))
    run.out(
        f"{'PortNum':<17}{'Type':<5}{'SubType':<8}{'SwitchName':<17}{'MACAddress':<19}{'ClientName'}\n"
    )
    for port, kind, sub, switch_name, mac, name in rows:
        run.out(f"{port:<16}{kind:>5} {sub:>7} {switch_name:<17}{mac:<19}{name}\n")
    return 0


def _portset(machine: Machine, device: str) -> str:
    switch = next((each for each in machine.host.switches if device in each.pnics), None)
    return _set_name(machine, switch) if switch else ""


def _set_name(machine: Machine, switch: VirtualSwitch) -> str:
    if switch.kind == "vss":
        return switch.name
    distributed = [each for each in machine.host.switches if each.kind != "vss"]
    return f"DvsPortset-{distributed.index(switch)}"
