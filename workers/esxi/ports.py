"""A VM turned into the numbers of its switch ports, and the uplink each is pinned to, as the host says."""

from __future__ import annotations

from dataclasses import dataclass

from workers.arp.model import Vm
from workers.arp.pktcap import (
    PortRow,
    TimeoutSyntax,
    VmPort,
    parse_net_stats,
    parse_vm_list,
    parse_vm_ports,
)
from workers.arp.pktcap.tables import VM_TYPE
from workers.errors import HostUnreachable
from workers.esxi.lines import Lines
from workers.esxi.probe import TRIES, ask

# Several VMs may carry the same name; each costs one question.
MOST_NAMESAKES = 8


@dataclass(frozen=True, slots=True)
class SwitchPort:
    """A vNIC's port on the virtual switch.

    ``number`` is what ``pktcap-uw --switchport`` takes. ``team_uplink`` None = none, or the host
    names no single NIC (IP hash, a LAG).
    """

    number: int
    team_uplink: str | None
    mac: str
    client_name: str


async def switch_ports(lines: Lines, vm: Vm, syntax: TimeoutSyntax) -> dict[str, SwitchPort]:
    """The ports of a VM by vNIC MAC; a vNIC the host does not list is not in it.

    Raises:
        HostUnreachable: the host does not list its ports.
    """
    rows = [row for row in await _net_stats(lines, syntax) if row.type == VM_TYPE]
    details = {port.number: port for port in await _vm_ports(lines, vm, syntax)}
    found: dict[str, SwitchPort] = {}
    for mac in {nic.mac.lower() for nic in vm.nics}:
        number, client = _choose(mac, rows, details)
        if number is not None:
            detail = details.get(number)
            found[mac] = SwitchPort(number, detail.team_uplink if detail else None, mac, client)
    return found


def _choose(mac: str, rows: list[PortRow], details: dict[int, VmPort]) -> tuple[int | None, str]:
    """The port with that MAC; where several carry it, the one that esxcli says is this VM's."""
    listed = [row for row in rows if row.mac == mac]
    own = [row for row in listed if row.number in details and details[row.number].mac == mac]
    if own:
        return own[0].number, own[0].client
    if len(listed) == 1:
        return listed[0].number, listed[0].client
    return None, ""


async def _net_stats(lines: Lines, syntax: TimeoutSyntax) -> tuple[PortRow, ...]:
    for _ in range(TRIES):
        answer = await ask(lines, ("net-stats", "-l"), syntax)
        try:
            return parse_net_stats(answer.out)
        except ValueError:
            continue
    raise HostUnreachable(f"{lines.host} did not list its switch ports: {answer.why}.", retry=True)


async def _vm_ports(lines: Lines, vm: Vm, syntax: TimeoutSyntax) -> tuple[VmPort, ...]:
    """The cross-check; a host that does not give it costs the team uplink, not the check."""
    worlds: list[int] = []
    for _ in range(TRIES):
        answer = await ask(lines, ("esxcli", "network", "vm", "list"), syntax)
        try:
            worlds = [row.world_id for row in parse_vm_list(answer.out) if row.named(vm.name)]
        except ValueError:
            continue
        if worlds:
            break
    ports: list[VmPort] = []
    for world in worlds[:MOST_NAMESAKES]:
        argv = ("esxcli", "network", "vm", "port", "list", "-w", str(world))
        ports += parse_vm_ports((await ask(lines, argv, syntax)).out)
    return tuple(ports)
