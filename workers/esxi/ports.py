"""A VM turned into the numbers of its switch ports, and the uplink each is pinned to, as the host says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workers.arp.model import Uplink, Vm
from workers.arp.pktcap import (
    NicRow,
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
from workers.esxi.probe import TRIES, ask
from workers.esxi.together import together

# Several VMs may carry the same name; each costs one question.
MOST_NAMESAKES = 8


@dataclass(frozen=True, slots=True)
class SwitchPort:
    """A vNIC's port on the virtual switch.

    ``number`` is what ``pktcap-uw --switchport`` takes. ``team_uplink`` None = none, or the host
    names no single NIC (IP hash, a LAG). ``switch`` is the host's own name of it (``DvsPortset-0``),
    empty where it gives none.
    """

    number: int
    team_uplink: str | None
    mac: str
    client_name: str
    switch: str = ""


async def switch_ports(lines: Lines, vm: Vm, syntax: TimeoutSyntax) -> dict[str, SwitchPort]:
    """The ports of a VM by vNIC MAC; a vNIC the host does not list is not in it.

    Raises:
        HostUnreachable: the host does not list its ports.
    """
    macs = {nic.mac.lower() for nic in vm.nics if nic.connected and nic.backing == "port"}
    listed, ports = await together(
        _net_stats(lines, macs, syntax), _vm_ports(lines, vm.name, macs, syntax)
    )
    rows = [row for row in listed if row.type not in HOST_TYPES]
    details = {port.number: port for port in ports}
    switches = {row.number: row.switch for row in rows}
    found: dict[str, SwitchPort] = {}
    for mac in macs:
        number, client = _choose(mac, rows, details)
        if number is not None:
            detail = details.get(number)
            team = detail.team_uplink if detail else None
            found[mac] = SwitchPort(number, team, mac, client, switches.get(number, ""))
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
    lines: Lines, nics: Sequence[NicRow], syntax: TimeoutSyntax
) -> tuple[Uplink, ...]:
    """The NICs that a virtual switch of the host sends through, whatever their role.

    Raises:
        HostUnreachable: the host does not list its ports.
    """
    links = {nic.device: nic.link_up for nic in nics}
    rows = await _net_stats(lines, set(), syntax)
    return tuple(
        Uplink(row.client, row.switch, link_up=links[row.client])
        for row in sorted(rows, key=lambda row: row.client)
        if row.type == UPLINK_TYPE and row.client in links
    )


async def _net_stats(lines: Lines, macs: set[str], syntax: TimeoutSyntax) -> list[PortRow]:
    """All ports; asked again where one of ours is missing."""
    rows: list[PortRow] | None = None
    for _ in range(TRIES):
        answer = await ask(lines, ("net-stats", "-l"), syntax)
        try:
            rows = list(parse_net_stats(answer.out))
        except ValueError:
            continue
        if macs <= {row.mac for row in rows if row.type not in HOST_TYPES}:
            break
    if rows is None:
        raise HostUnreachable(
            f"{lines.host} did not list its switch ports: {answer.why}.", retry=True
        )
    return rows


async def _vm_ports(
    lines: Lines, name: str, macs: set[str], syntax: TimeoutSyntax
) -> tuple[VmPort, ...]:
    """The cross-check; a host that does not give it costs the team uplink, not the check."""
    ports: tuple[VmPort, ...] = ()
    for _ in range(TRIES):
        answer = await ask(lines, ("esxcli", "network", "vm", "list"), syntax)
        try:
            worlds = [row.world_id for row in parse_vm_list(answer.out) if row.named(name)]
        except ValueError:
            continue
        ports = await _ports_of(lines, worlds[:MOST_NAMESAKES], syntax)
        if macs <= {port.mac for port in ports}:
            break
    return ports


async def _ports_of(lines: Lines, worlds: list[int], syntax: TimeoutSyntax) -> tuple[VmPort, ...]:
    ports: list[VmPort] = []
    for world in worlds:
        argv = ("esxcli", "network", "vm", "port", "list", "-w", str(world))
        ports += parse_vm_ports((await ask(lines, argv, syntax)).out)
    return tuple(ports)
