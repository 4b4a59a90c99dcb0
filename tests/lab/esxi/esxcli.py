"""``esxcli``, ``net-stats`` and ``vim-cmd`` to what they say about the host of the world.

Layouts from published transcripts of ESXi 6.7 to 8.0.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.lab.esxi import layout
from tests.lab.esxi.layout import Record
from tests.lab.esxi.machine import Machine
from tests.lab.esxi.registry import Run, command
from tests.lab.world import Pnic, VirtualSwitch

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


# --- switches and the host ---------------------------------------------------------------------


def _switches(asked: Asked, *kinds: str) -> Told:
    records: list[tuple[str, Record]] = [
        (switch.name, _switch(asked.machine, switch))
        for switch in asked.machine.host.switches
        if switch.kind in kinds
    ]
    return Told(records, kind="vSwitch")


def _switch(machine: Machine, switch: VirtualSwitch) -> Record:
    groups = [group.name for group in machine.host.portgroups if group.switch == switch.name]
    record: Record = {"Name": switch.name, "Class": "cswitch", "Num Ports": 2560, "Used Ports": 8}
    if switch.kind != "vss":
        record["VDS ID"] = switch.uuid
    record |= {
        "Configured Ports": 512,
        "MTU": switch.mtu,
        "CDP Status": "listen",
        "Uplinks": switch.pnics,
    }
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
        (
            "",
            {
                "Name": group.name,
                "Virtual Switch": group.switch,
                "Active Clients": 1,
                "VLAN ID": group.vlan or 0,
            },
        )
        for group in asked.machine.host.portgroups
    ]
    return Told(records, frozenset({"Active Clients", "VLAN ID"}), "PortGroup")


@answers("system version get")
def version_get(asked: Asked) -> Told:
    version, build = asked.machine.version, asked.machine.host.build
    record: Record = {
        "Product": "VMware ESXi", "Version": version, "Build": f"Releasebuild-{build}",
        "Update": version.split(".")[-1], "Patch": 0,
    }  # fmt: skip
    return Told([("", record)], kind="VersionGet")


@answers("system hostname get")
def hostname_get(asked: Asked) -> Told:
    name, _, domain = asked.machine.host.name.partition(".")
    return Told(
        [
            (
                "",
                {
                    "Domain Name": domain,
                    "Fully Qualified Domain Name": asked.machine.host.name,
                    "Host Name": name,
                },
            )
        ]
    )


@answers("system time get")
def time_get(asked: Asked) -> Told:
    return Told([(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(asked.machine.now())), {})])


@answers("hardware clock get")
def clock_get(asked: Asked) -> Told:
    return time_get(asked)
