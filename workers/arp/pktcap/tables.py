"""The tables that ESXi's own tools print, turned into rows.

The layouts are those of public transcripts of ESXi 6.0 to 8.0. Names of VMs may hold spaces,
parentheses and any letters, so a row is read from its regular end and VMs are told apart by MAC.
A line may be megabytes of blanks: no pattern here may try a run of them in more than one way.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from workers.arp.pktcap.status import printable

_MAC = r"(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}"
_SECOND = 1_000_000_000

# Ports that are the host's own: VMkernel adapters and uplinks. They may carry a VM's MAC as well.
HOST_TYPES = (3, 4)
UPLINK_TYPE = 4


@dataclass(frozen=True, slots=True)
class PortRow:
    """A row of ``net-stats -l``; ``type`` 4 = uplink, 3 = VMkernel adapter, 5 = a VM's vNIC."""

    number: int
    type: int
    switch: str
    mac: str
    client: str


@dataclass(frozen=True, slots=True)
class VmRow:
    """A row of ``esxcli network vm list``; ``rest`` is all behind the id: name, count, networks."""

    world_id: int
    rest: str

    def named(self, name: str) -> bool:
        """Whether the row's name is ``name``; the count behind it ends the name."""
        if not self.rest.startswith(name):
            return False
        return re.match(r"\s+\d+(?:\s|$)", self.rest[len(name) :]) is not None


@dataclass(frozen=True, slots=True)
class VmPort:
    """A block of ``esxcli network vm port list``; ``team_uplink`` None = ``void`` or not a NIC.

    ``team`` is what was printed there: what it says of a LAG or of IP hash is documented nowhere.
    """

    number: int
    mac: str
    team_uplink: str | None
    team: str = ""
    switch: str = ""
    portgroup: str = ""


@dataclass(frozen=True, slots=True)
class NicRow:
    """A row of ``esxcli network nic list``."""

    device: str
    pci: str
    driver: str
    link_up: bool
    mac: str
    mtu: int | None = None


@dataclass(frozen=True, slots=True)
class Process:
    """A line of ``ps -c``, one per thread; ``cartel`` is the id that takes signals."""

    world: int
    cartel: int
    command: str


def parse_net_stats(text: str) -> tuple[PortRow, ...]:
    """Read ``net-stats -l``.

    Raises:
        ValueError: there is neither its heading nor a row, so this is another output or a broken one.
    """
    found = tuple(row for line in text.splitlines() if (row := _port_row(line)) is not None)
    if not found and "PortNum" not in text:
        raise ValueError("net-stats -l printed no table of ports")
    return found


def _port_row(line: str) -> PortRow | None:
    """Number and type, perhaps a subtype, the switch, the MAC; all behind it is the client."""
    mac = re.search(_MAC, line)
    words = line[: mac.start()].split() if mac else []
    if mac is None or not re.fullmatch(r"\d{1,10} \d{1,3}", " ".join(words[:2])):
        return None
    number, kind, *switch = words
    if switch and re.fullmatch(r"[\d-]+", switch[0]):
        del switch[0]
    client = line[mac.end() :].strip()
    return PortRow(int(number), int(kind), " ".join(switch), mac[0].lower(), client)


_VM_ROW = re.compile(r"^\s*(\d{1,10})\s+(\S.*)$")


def parse_vm_list(text: str) -> tuple[VmRow, ...]:
    """Read ``esxcli network vm list``; over SSH it is sometimes cut short.

    Raises:
        ValueError: the heading and its rule are missing.
    """
    lines = text.splitlines()
    rule = next((n for n, line in enumerate(lines) if re.match(r"^-{3,}\s+-{3,}", line)), None)
    if rule is None:
        raise ValueError("esxcli network vm list printed no table")
    rows = (_VM_ROW.match(line) for line in lines[rule + 1 :])
    return tuple(VmRow(int(row[1]), row[2].rstrip()) for row in rows if row)


def parse_vm_ports(text: str) -> tuple[VmPort, ...]:
    """Read the blocks of ``esxcli network vm port list``; a block cut short is left out."""
    ports = []
    for block in re.split(r"\n\s*\n", text):
        fields = _fields(block)
        number, mac = fields.get("Port ID", ""), fields.get("MAC Address", "").lower()
        if not re.fullmatch(r"\d{1,10}", number) or not re.fullmatch(_MAC, mac):
            continue
        team = printable(fields.get("Team Uplink", ""))
        ports.append(
            VmPort(
                int(number),
                mac,
                team if re.fullmatch(r"vmnic\d+", team) else None,
                team,
                fields.get("vSwitch", ""),
                fields.get("Portgroup", ""),
            )
        )
    return tuple(ports)


# Releases before 6.0 have one column for the link where later ones have the administrator's wish too.
_NIC_ROW = re.compile(
    rf"^\s*(\S+)\s+(\S+)\s+(\S+)\s+(?:\S+\s+)?(Up|Down)\s+\d+\s+\S+\s+({_MAC})(?:\s+(\d{{1,6}}))?",
    re.IGNORECASE,
)


def parse_nic_list(text: str) -> tuple[NicRow, ...]:
    """Read ``esxcli network nic list``.

    Raises:
        ValueError: it lists no NIC at all.
    """
    rows = tuple(
        NicRow(
            row[1],
            row[2],
            row[3],
            row[4].lower() == "up",
            row[5].lower(),
            int(row[6]) if row[6] else None,
        )
        for row in (_NIC_ROW.match(line) for line in text.splitlines())
        if row
    )
    if not rows:
        raise ValueError("esxcli network nic list printed no NIC")
    return rows


def parse_nic_stats(text: str) -> dict[str, int]:
    """Read ``esxcli network nic stats get``: counters by their printed names."""
    return {
        name: int(value)
        for name, value in _fields(text).items()
        if re.fullmatch(r"\d{1,20}", value)
    }


def risen(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """By how much counters of errors and drops rose; one that fell was reset and is left out."""
    bad = re.compile(r"error|drop|missed|collision", re.IGNORECASE)
    return {
        name: after[name] - count
        for name, count in before.items()
        if bad.search(name) and after.get(name, 0) > count
    }


_PROCESS = re.compile(r"^\s*(\d{1,10})\s+(?:(\d{1,10})\s+)?(\S.*)$")


def parse_processes(text: str) -> tuple[Process, ...]:
    """Read ``ps -c``: world id, cartel id (a kernel world has none), then names and command line.

    Raises:
        ValueError: there is no line of a process, not even of ``ps`` itself.
    """
    rows = tuple(
        Process(int(row[1]), int(row[2] or row[1]), row[3])
        for row in (_PROCESS.match(line) for line in text.splitlines())
        if row
    )
    if not rows:
        raise ValueError("ps -c printed no process")
    return rows


def parse_version(text: str) -> tuple[str | None, str | None]:
    """Version and build from ``vmware -vl`` (``VMware ESXi 8.0.3 build-24674464``)."""
    match = re.search(r"ESXi (\d+(?:\.\d+){1,3}) build-(\d{1,12})", text)
    return (match[1], match[2]) if match else (None, None)


def parse_clock(text: str) -> tuple[int, int]:
    """The host's time and its grain, both in nanoseconds.

    The last line that is one counts, a shell may greet first: ``date -u '+%s %N'`` (a busybox without
    nanoseconds leaves ``%N`` or nothing) or a plain ``date -u`` in the C locale.

    Raises:
        ValueError: it is none of these.
    """
    for line in reversed(text.splitlines()):
        told = _clock_of(line.strip())
        if told is not None:
            return told
    raise ValueError("date -u printed no time")


def _clock_of(line: str) -> tuple[int, int] | None:
    if match := re.match(r"^(\d{9,11})\s+(\d{9})$", line):
        return int(match[1]) * _SECOND + int(match[2]), 1
    if match := re.match(r"^(\d{9,11})(?:\s|$)", line):
        return int(match[1]) * _SECOND, _SECOND
    for layout in ("%a %b %d %H:%M:%S UTC %Y", "%Y-%m-%dT%H:%M:%SZ"):
        with suppress(ValueError):
            moment = datetime.strptime(line, layout).replace(tzinfo=UTC)
            return int(moment.timestamp()) * _SECOND, _SECOND
    return None


def _fields(block: str) -> dict[str, str]:
    pairs = (line.partition(":") for line in block.splitlines())
    return {name.strip(): value.strip() for name, colon, value in pairs if colon}
