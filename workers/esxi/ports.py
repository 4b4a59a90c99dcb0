"""A VM turned into the numbers of its switch ports, and the uplink each is pinned to, as the host says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from workers.arp.model import Uplink, Vm
from workers.arp.pktcap import (
    ON_A_PORT,
    PortRow,
    TimeoutSyntax,
    VmPort,
    parse_net_stats,
    parse_vm_list,
    parse_vm_ports,
)
from workers.arp.pktcap.tables import HOST_TYPES, UPLINK_TYPE
from workers.errors import HostUnreachable
from workers.esxi.lines import Lines
from workers.esxi.probe import TRIES, ask_briefly
from workers.esxi.session import NO_STATUS
from workers.esxi.together import together

# Several VMs may carry the same name; each costs one question.
MOST_NAMESAKES = 8


@dataclass(frozen=True, slots=True)
class SwitchPort:
    """A vNIC's port on the virtual switch.

    ``number`` is what ``pktcap-uw --switchport`` takes. ``team_uplink`` None = none, or the host
    names no single NIC (IP hash, a LAG); ``team`` is what it printed, "" where it was not told.
    ``switch`` is the host's own name of it (``DvsPortset-0``), empty where it gives none.
    """

    number: int
    team_uplink: str | None
    mac: str
    client_name: str
    team: str = ""
    switch: str = ""


async def switch_ports(lines: Lines, vm: Vm, syntax: TimeoutSyntax) -> dict[str, SwitchPort]:
    """The ports of a VM by vNIC MAC; a vNIC the host does not list is not in it.

    Raises:
        HostUnreachable: the host does not list its ports.
    """
    macs = {nic.mac.lower() for nic in vm.nics if nic.connected and nic.backing in ON_A_PORT}
    listed, ports = await together(
        _net_stats(lines, macs, syntax), _vm_ports(lines, vm.name, macs, syntax)
    )
    if listed is None and not ports:
        raise _unlisted(lines)
    rows = [row for row in listed or () if row.type not in HOST_TYPES]
    details = {port.number: port for port in ports}
    switches = {row.number: row.switch for row in rows}
    found: dict[str, SwitchPort] = {}
    for mac in macs:
        number, client = _choose(mac, rows, details)
        if number is not None:
            detail = details.get(number)
            uplink, team = (detail.team_uplink, detail.team) if detail else (None, "")
            switch = switches.get(number, "")
            found[mac] = SwitchPort(number, uplink, mac, client, team, switch)
    return found


def _choose(mac: str, rows: list[PortRow], details: dict[int, VmPort]) -> tuple[int | None, str]:
    """The port with that MAC; where several carry it, or none, the one esxcli says is this VM's."""
    listed = [row for row in rows if row.mac == mac]
    own = [row for row in listed if row.number in details and details[row.number].mac == mac]
    if own:
        return own[0].number, own[0].client
    if len(listed) == 1:
        return listed[0].number, listed[0].client
    return next((number for number, port in details.items() if port.mac == mac), None), ""


async def uplinks(
    lines: Lines, links: Mapping[str, bool], syntax: TimeoutSyntax
) -> tuple[Uplink, ...]:
    """The NICs that a virtual switch of the host sends through, whatever their role.

    Raises:
        HostUnreachable: the host does not list its ports.
    """
    rows = await _net_stats(lines, set(), syntax)
    if rows is None:
        raise _unlisted(lines)
    return tuple(
        Uplink(row.client, row.switch, link_up=links[row.client])
        for row in sorted(rows, key=lambda row: row.client)
        if row.type == UPLINK_TYPE and row.client in links
    )


def _unlisted(lines: Lines) -> HostUnreachable:
    return HostUnreachable(
        f"{lines.host} did not list its switch ports.",
        next_step="Try net-stats -l on the host.",
        retry=True,
    )


async def _net_stats(lines: Lines, macs: set[str], syntax: TimeoutSyntax) -> list[PortRow] | None:
    """All ports, None where the host does not list them; asked again where one of ours is missing."""
    rows: list[PortRow] | None = None
    for _ in range(TRIES):
        answer = await ask_briefly(lines, ("net-stats", "-l"), syntax)
        try:
            rows = list(parse_net_stats(answer.out))
        except ValueError:
            if answer.status == NO_STATUS:
                break
            continue
        if macs <= {row.mac for row in rows if row.type not in HOST_TYPES}:
            break
    return rows


async def _vm_ports(
    lines: Lines, name: str, macs: set[str], syntax: TimeoutSyntax
) -> tuple[VmPort, ...]:
    """The cross-check; a host that does not give it costs the team uplink, not the check."""
    ports: tuple[VmPort, ...] = ()
    for attempt in range(1, TRIES + 1):
        answer = await ask_briefly(lines, ("esxcli", "network", "vm", "list"), syntax)
        try:
            rows = parse_vm_list(answer.out)
        except ValueError:
            if answer.status == NO_STATUS:
                break
            continue
        worlds = [row.world_id for row in rows if row.named(name)]
        if not worlds and attempt == TRIES:  # the name is printed otherwise than vCenter tells it
            worlds = [row.world_id for row in rows]
        ports = await _ports_of(lines, worlds[:MOST_NAMESAKES], syntax)
        if macs <= {port.mac for port in ports}:
            break
    return ports


async def _ports_of(lines: Lines, worlds: list[int], syntax: TimeoutSyntax) -> tuple[VmPort, ...]:
    ports: list[VmPort] = []
    for world in worlds:
        argv = ("esxcli", "network", "vm", "port", "list", "-w", str(world))
        answer = await ask_briefly(lines, argv, syntax)
        if answer.status == NO_STATUS:
            break
        ports += parse_vm_ports(answer.out)
    return tuple(ports)
