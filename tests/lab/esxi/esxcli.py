"""``esxcli``, ``net-stats`` and ``vim-cmd`` to what they say about the host of the world.

Layouts from published transcripts of ESXi 6.7 to 8.0.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.lab.esxi import layout
from tests.lab.esxi.layout import Record
from tests.lab.esxi.machine import Machine
from tests.lab.esxi.shell import Run, command
from tests.lab.world import Nic, Pnic, VirtualMachine, VirtualSwitch

UPLINK_PORTS = 2_214_592_517
VMK_PORTS = 67_108_870


@dataclass(frozen=True)
class Asked:
    """An ``esxcli`` call: its namespaces and verb, its options by their first letter."""

    machine: Machine
    options: dict[str, str]


@dataclass(frozen=True)
class Told:
    """An answer: records with headlines; ``table`` is None where the answer is no table."""

    records: list[tuple[str, Record]]
    table: frozenset[str] | None = None
    kind: str = "structure"


class UnknownThing(Exception):
    """The call names something the host does not have; carries esxcli's sentence."""


ANSWERS: dict[str, Callable[[Asked], Told]] = {}


def answers(path: str) -> Callable[[Callable[[Asked], Told]], Callable[[Asked], Told]]:
    def register(function: Callable[[Asked], Told]) -> Callable[[Asked], Told]:
        ANSWERS[path] = function
        return function

    return register


@command("esxcli", "localcli")
async def esxcli(run: Run) -> int:
    path, options, words = [], {}, run.argv[1:]
    while words:
        word = words.pop(0)
        if word.startswith("--") and "=" in word:
            name, _, value = word[2:].partition("=")
            options[name] = value
        elif word.startswith("-"):
            options[word.lstrip("-")] = words.pop(0) if words else ""
        else:
            path.append(word)
    function = ANSWERS.get(" ".join(path))
    if function is None:
        run.out(f"Error: Unknown command or namespace {' '.join(path)}\n")
        return 1
    try:
        told = function(Asked(run.machine, options))
    except UnknownThing as error:
        run.out(f"{error}\n")
        return 1
    run.out(_cut(run, " ".join(path), _printed(told, options.get("formatter", ""))))
    return 0


def _printed(told: Told, style: str) -> str:
    if style:
        return layout.formatted([record for _, record in told.records], style, told.kind)
    if told.table is not None:
        return layout.table([record for _, record in told.records], right=told.table)
    return layout.tree(told.records)


def _cut(run: Run, path: str, text: str) -> str:
    """``truncated_vm_list[:TIMES]``: the first answers end in mid-line, as seen over SSH."""
    times = run.machine.behaviours.number("truncated_vm_list", 1)
    if path == "network vm list" and "truncated_vm_list" in run.machine.behaviours:
        run.machine.used["vm list"] += 1
        if run.machine.used["vm list"] <= times:
            return text[: len(text) - len(text.splitlines(keepends=True)[-1]) // 2 - 1]
    return text


# --- uplinks -----------------------------------------------------------------------------------


def _pnic(asked: Asked) -> Pnic:
    name = asked.options.get("n") or asked.options.get("nic-name") or ""
    for pnic in asked.machine.host.pnics:
        if pnic.device == name:
            return pnic
    raise UnknownThing(f"Unable to find NIC with name {name}")


def _up(machine: Machine, pnic: Pnic) -> bool:
    down = machine.network.faults.any("link_down", uplink=pnic.device, host=machine.host.name)
    return pnic.link_up and not down


@answers("network nic list")
def nic_list(asked: Asked) -> Told:
    records: list[tuple[str, Record]] = []
    for pnic in asked.machine.host.pnics:
        up = _up(asked.machine, pnic)
        mtu = next((s.mtu for s in asked.machine.host.switches if pnic.device in s.pnics), 1500)
        records.append(("", {
            "Name": pnic.device, "PCI Device": pnic.pci, "Driver": pnic.driver, "Admin Status": "Up",
            "Link Status": "Up" if up else "Down", "Speed": 10000 if up else 0,
            "Duplex": "Full" if up else "Half", "MAC Address": pnic.mac, "MTU": mtu,
            "Description": "Intel(R) Ethernet Controller X550",
        }))  # fmt: skip
    return Told(records, frozenset({"Speed", "MTU"}), "NetworkNic")


@answers("network nic get")
def nic_get(asked: Asked) -> Told:
    pnic = _pnic(asked)
    up = _up(asked.machine, pnic)
    return Told([("", {
        "Advertised Auto Negotiation": True, "Advertised Link Modes": "Auto, 10000BaseT/Full",
        "Auto Negotiation": True, "Cable Type": "Twisted Pair", "Current Message Level": 0,
        "Driver Info": {"Bus Info": pnic.pci.replace(".", ":"), "Driver": pnic.driver,
                        "Firmware Version": "0x80000f32", "Version": "1.14.1.0"},
        "Link Detected": up, "Link Status": "Up" if up else "Down", "Name": pnic.device, "PHYAddress": 0,
        "Pause Autonegotiate": True, "Pause RX": False, "Pause TX": False, "Supported Ports": "TP",
        "Supports Auto Negotiation": True, "Supports Pause": True, "Supports Wakeon": False,
        "Transceiver": "", "Virtual Address": f"00:50:56:5{pnic.mac[1:]}"[:17], "Wakeon": "None",
    })], kind="NIC")  # fmt: skip


@answers("network nic stats get")
def nic_stats(asked: Asked) -> Told:
    pnic = _pnic(asked)
    counted = asked.machine.network.counters[asked.machine.host.name, pnic.device]
    errors = int(asked.machine.behaviours.number("rx_errors", 0))
    received, sent = 4_166_239 + counted["rx"], 2_381_114 + counted["tx"]
    record: Record = {
        "Packets received": received, "Packets sent": sent, "Bytes received": received * 64,
        "Bytes sent": sent * 64, "Receive packets dropped": 0, "Transmit packets dropped": 0,
        "Multicast packets received": 8_210, "Broadcast packets received": 90_021 + counted["rx"],
        "Multicast packets sent": 12, "Broadcast packets sent": 30_711 + counted["tx"],
        "Total receive errors": errors, "Receive length errors": 0, "Receive over errors": 0,
        "Receive CRC errors": errors,
    }  # fmt: skip
    for name in ("Receive frame", "Receive FIFO", "Receive missed", "Total transmit", "Transmit aborted",
                 "Transmit carrier", "Transmit FIFO", "Transmit heartbeat", "Transmit window"):  # fmt: skip
        record[f"{name} errors"] = 0
    return Told([(f"NIC statistics for {pnic.device}", record)], kind="NICStats")


# --- VMs and ports -----------------------------------------------------------------------------


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
    return (usable[0].lag or "lag1", UPLINK_PORTS) if switch.teaming == "lacp" else (f"all({len(usable)})", 0)


@answers("network vm list")
def vm_list(asked: Asked) -> Told:
    records: list[tuple[str, Record]] = []
    for vm in _vms(asked.machine):
        nics = [nic for nic in vm.nics if nic.connected]
        names = [nic.portgroup for nic in nics]
        records.append(("", {"World ID": vm.world_id, "Name": vm.name, "Num Ports": len(nics), "Networks": names}))
    return Told(records, frozenset({"World ID", "Num Ports"}), "VM")


@answers("network vm port list")
def vm_port_list(asked: Asked) -> Told:
    world = asked.options.get("w") or asked.options.get("world-id") or ""
    machine = asked.machine
    for vm in _vms(machine):
        if str(vm.world_id) == world:
            return Told([("", _port(machine, nic)) for nic in vm.nics if nic.connected], kind="VMPort")
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
                return Told([(f"Packet statistics for port {wanted}", {
                    "Packets received": received, "Packets sent": sent, "Bytes received": received * 60,
                    "Bytes sent": sent * 60, "Broadcast packets received": 900, "Broadcast packets sent": 4_002,
                    "Multicast packets received": 3, "Multicast packets sent": 11,
                    "Unicast packets received": received - 903, "Unicast packets sent": sent - 4_013,
                    "Receive packets dropped": 0, "Transmit packets dropped": 0,
                })])  # fmt: skip
    raise UnknownThing(f"Unable to get statistics for port {wanted}: Not found")


@answers("vm process list")
def vm_process_list(asked: Asked) -> Told:
    records: list[tuple[str, Record]] = []
    for vm in _vms(asked.machine):
        records.append((vm.name, {
            "World ID": vm.world_id, "Process ID": 0, "VMX Cartel ID": vm.world_id - 1, "UUID": vm.uuid,
            "Display Name": vm.name, "Config File": f"/vmfs/volumes/datastore1/{vm.name}/{vm.name}.vmx",
        }))  # fmt: skip
    return Told(records, kind="VirtualMachine")


# --- switches and the host ---------------------------------------------------------------------


def _switches(asked: Asked, *kinds: str) -> Told:
    records: list[tuple[str, Record]] = []
    for switch in asked.machine.host.switches:
        if switch.kind in kinds:
            records.append((switch.name, _switch(asked.machine, switch)))
    return Told(records, kind="vSwitch")


def _switch(machine: Machine, switch: VirtualSwitch) -> Record:
    groups = [group.name for group in machine.host.portgroups if group.switch == switch.name]
    record: Record = {"Name": switch.name, "Class": "cswitch", "Num Ports": 2560, "Used Ports": 8}
    if switch.kind != "vss":
        record["VDS ID"] = switch.uuid
    record |= {"Configured Ports": 512, "MTU": switch.mtu, "CDP Status": "listen", "Uplinks": switch.pnics}
    return record if switch.kind != "vss" else {**record, "Portgroups": groups}


@answers("network vswitch standard list")
def standard_list(asked: Asked) -> Told:
    return _switches(asked, "vss")


@answers("network vswitch dvs vmware list")
def dvs_list(asked: Asked) -> Told:
    return _switches(asked, "vds", "nsx")


@answers("network vswitch standard portgroup list")
def portgroup_list(asked: Asked) -> Told:
    records: list[tuple[str, Record]] = [
        ("", {"Name": group.name, "Virtual Switch": group.switch, "Active Clients": 1, "VLAN ID": group.vlan or 0})
        for group in asked.machine.host.portgroups
    ]
    return Told(records, frozenset({"Active Clients", "VLAN ID"}), "PortGroup")


@answers("system version get")
def version_get(asked: Asked) -> Told:
    machine = asked.machine
    return Told([("", {"Product": "VMware ESXi", "Version": machine.version,
                       "Build": f"Releasebuild-{machine.host.build}", "Update": machine.version.split(".")[-1],
                       "Patch": 0})], kind="VersionGet")  # fmt: skip


@answers("system hostname get")
def hostname_get(asked: Asked) -> Told:
    name, _, domain = asked.machine.host.name.partition(".")
    return Told([("", {"Domain Name": domain, "Fully Qualified Domain Name": asked.machine.host.name, "Host Name": name})])


@answers("system time get")
def time_get(asked: Asked) -> Told:
    return Told([(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(asked.machine.now())), {})])


@answers("hardware clock get")
def clock_get(asked: Asked) -> Told:
    return time_get(asked)


# --- beside esxcli -----------------------------------------------------------------------------


@command("net-stats")
async def net_stats(run: Run) -> int:
    """``-l``: type 4 is an uplink, 3 a VMkernel adapter, 5 a VM's adapter."""
    if "-l" not in run.argv:
        return run.complain("net-stats: only -l is supported here")
    machine = run.machine
    rows = [(UPLINK_PORTS + 2 * number, 4, 0, _portset(machine, pnic.device), pnic.mac, pnic.device)
            for number, pnic in enumerate(machine.host.pnics)]  # fmt: skip
    rows += [(VMK_PORTS + number, 3, 0, "DvsPortset-0", mac, f"vmk{number}")
             for number, mac in enumerate(machine.host.vmk_macs)]  # fmt: skip
    for vm in _vms(machine):
        for number, nic in enumerate(vm.nics):
            if nic.connected and nic.backing == "port":
                switch = machine.network.vswitches.switch(machine.host, nic)
                name = vm.name if "bare_client_names" in machine.behaviours else f"{vm.name}.eth{number}"
                rows.append((nic.switch_port, 5, 9, _set_name(machine, switch), nic.mac, name))
    run.out(f"{'PortNum':<17}{'Type':<5}{'SubType':<8}{'SwitchName':<17}{'MACAddress':<19}{'ClientName'}\n")
    for port, kind, sub, switch_name, mac, name in rows:
        run.out(f"{port:<16}{kind:>5} {sub:>7} {switch_name:<17}{mac:<19}{name}\n")
    return 0


def _portset(machine: Machine, device: str) -> str:
    switch = next((each for each in machine.host.switches if device in each.pnics), None)
    return _set_name(machine, switch) if switch else "-"


def _set_name(machine: Machine, switch: VirtualSwitch) -> str:
    if switch.kind == "vss":
        return switch.name
    distributed = [each for each in machine.host.switches if each.kind != "vss"]
    return f"DvsPortset-{distributed.index(switch)}"


@command("vim-cmd")
async def vim_cmd(run: Run) -> int:
    verb = run.argv[1] if len(run.argv) > 1 else ""
    if verb in ("hostsvc/start_ssh", "hostsvc/enable_ssh"):
        return 0
    if not verb.startswith("hostsvc/net/query_networkhint"):
        return run.complain(f"Invalid command '{verb}'.")
    names = [w.partition("=")[2] for w in run.argv[2:] if w.startswith("--pnic-name=")]
    names += [run.argv[i + 1] for i, word in enumerate(run.argv[:-1]) if word == "--pnic-name"]
    hints = [_hint(run.machine, pnic) for pnic in run.machine.host.pnics if pnic.device in names or not names]
    run.out("(vim.host.PhysicalNic.NetworkHint) [\n" + ",\n".join(hints) + "\n]\n")
    return 0


def _hint(machine: Machine, pnic: Pnic) -> str:
    port = pnic.neighbour
    cdp = lldp = "<unset>"
    if port.protocol == "cdp":
        cdp = (f'(vim.host.PhysicalNic.CdpInfo) {{\n         devId = "{port.switch}",\n         portId = "{port.port}",\n'
               f"         vlan = {port.native_vlan or 1}\n      }}")  # fmt: skip
    if port.protocol == "lldp":
        lldp = (f'(vim.host.PhysicalNic.LldpInfo) {{\n         chassisId = "00:1c:73:00:00:01",\n'
                f'         portId = "{port.port}",\n         timeToLive = 112,\n'
                f'         parameter = (vim.KeyAnyValue) [\n            (vim.KeyAnyValue) {{\n'
                f'               key = "System Name",\n               value = "{port.switch}"\n            }}\n'
                f"         ]\n      }}")  # fmt: skip
    return (f'   (vim.host.PhysicalNic.NetworkHint) {{\n      device = "{pnic.device}",\n      network = <unset>,\n'
            f"      connectedSwitchPort = {cdp},\n      lldpInfo = {lldp}\n   }}")  # fmt: skip
