"""Where a VM is, turned into capture points and the command line of each.

Law: one process per point and direction, with the point's name spelled out. A classic pcap carries
no direction, and the default point of a bare ``--uplink`` moved between releases.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from workers.arp.model import CapturePoint, Direction, PointKind, Role, Uplink, VmLocation

ARP = "0x0806"
RARP = "0x8035"

# A host in a broadcast storm must not fill a worker: 50,000 ARP frames are about 4 MB a point.
PACKET_LIMIT = 50_000

# 24 captures at a time are reported to run normally on ESXi 8.0.3; nobody has documented a maximum.
# ARP always gets its captures, RARP what is left.
MOST_CAPTURES = 24

# Adapters that hang on a virtual switch, be it one that only NSX knows: the host lists their ports.
ON_A_PORT = ("port", "opaque")

_RARP_PREFIX = "rarp."

# The first point a host knows is taken. UplinkRcv/UplinkSnd sit in the driver, miss traffic on the
# fast path (ENS) and are marked obsolete on 8.x; releases before 6.0 have nothing else.
_POINTS: Mapping[tuple[PointKind, Direction], tuple[str, ...]] = {
    (PointKind.UPLINK, Direction.RX): ("UplinkRcvKernel", "UplinkRcv"),
    (PointKind.UPLINK, Direction.TX): ("UplinkSndKernel", "UplinkSnd"),
    (PointKind.VNIC, Direction.TX): ("VnicTx", "Vmxnet3Tx", "PortInput"),
    (PointKind.VNIC, Direction.RX): ("VnicRx", "Vmxnet3Rx", "PortOutput"),
}

# On a switch port 0 is input to the switch, which is what the VM sends; on an uplink 0 is what the
# wire brings ("vSphere Networking", capture points). Stage 1 on the way out is the driver's side.
_DIRS: Mapping[tuple[PointKind, Direction], tuple[str, ...]] = {
    (PointKind.UPLINK, Direction.RX): ("--dir", "0"),
    (PointKind.UPLINK, Direction.TX): ("--dir", "1", "--stage", "1"),
    (PointKind.VNIC, Direction.TX): ("--dir", "0"),
    (PointKind.VNIC, Direction.RX): ("--dir", "1"),
}


class TimeoutSyntax(StrEnum):
    """How the host's busybox wants ``timeout`` written; up to 1.29 (ESXi 8.0) with ``-t``."""

    OPTION = "-t SECS"
    PLAIN = "SECS"


@dataclass(frozen=True, slots=True)
class Features:
    """What a host's ``pktcap-uw`` and shell can do, as probed on the host itself.

    ``points`` are the words ``pktcap-uw -A`` printed, ``dirs`` whether its help knows ``--dir``.
    ``links`` are the physical NICs the host lists, with their link state.
    """

    points: frozenset[str] = frozenset()
    dirs: bool = False
    timeout: TimeoutSyntax = TimeoutSyntax.OPTION
    links: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Planned:
    """One capture to run; ``argv`` is empty where it cannot run, and ``why_not`` says why.

    ``doubt`` says why the silence of one that does run proves nothing.
    """

    point: CapturePoint
    argv: tuple[str, ...] = ()
    why_not: str | None = None
    doubt: str | None = None

    @property
    def command(self) -> str | None:
        """The command as a person would type it; None where there is none."""
        return shlex.join(self.argv) or None


def plan_captures(
    location: VmLocation, ports: Mapping[str, int], features: Features
) -> tuple[Planned, ...]:
    """Every capture of a check: the VM's ports first, then its uplinks, then RARP on the uplinks.

    ``ports`` gives the switch port's number by vNIC MAC. Uplinks of every role are heard, because a
    frame on an unused one is a finding. RARP, by which a host announces a moved VM, needs a process
    of its own (``--ethtype`` takes one type) and gets one per uplink and direction while the total
    stays within ``MOST_CAPTURES``, active uplinks first.

    Raises:
        ValueError: an uplink's device name cannot name a file.
    """
    arp = [*_plan_vnics(location, ports, features), *_plan_uplinks(location, features)]
    rarp = [
        _planned(_RARP_PREFIX, uplink.device, direction, features)
        for uplink in sorted(location.host.uplinks, key=lambda u: u.role is not Role.ACTIVE)
        for direction in (Direction.TX, Direction.RX)
        if _why_deaf(uplink, features) is None
    ]
    running = sum(1 for planned in arp if planned.argv)
    room = max(0, MOST_CAPTURES - running)
    return (*arp, *(planned for planned in rarp[:room] if planned.argv))


def is_rarp(point: CapturePoint) -> bool:
    """Whether a point hears only RARP (0x8035): such a point says nothing about ARP."""
    return point.object.startswith(_RARP_PREFIX)


def named_points(features: Features) -> tuple[str, ...]:
    """The capture points a check would name on this host; what it has no name for is left out."""
    found = (_where(kind, direction, features) for kind, direction in _POINTS)
    return tuple(where[1] for where in found if where[:1] == ("--capture",))


def usable(features: Features) -> bool:
    """Whether each of the four places can be heard in some way."""
    return all(_where(kind, direction, features) for kind, direction in _POINTS)


def caveats(features: Features) -> tuple[str, ...]:
    """Sentences on what the host's capture points leave open."""
    said = []
    towards_vm = _where(PointKind.VNIC, Direction.RX, features)
    if towards_vm in (("--capture", "PortOutput"), _DIRS[PointKind.VNIC, Direction.RX]):
        said.append(
            "This host only offers PortOutput towards the VM: it lies before the teaming filter, so"
            " a frame seen there may still not have reached the guest."
        )
    if not usable(Features(points=features.points)) and features.dirs:
        said.append(
            "This host does not name all its capture points; --dir was used for the others."
        )
    return tuple(said)


def bounded(argv: tuple[str, ...], seconds: int, syntax: TimeoutSyntax) -> tuple[str, ...]:
    """A command that ends by itself; INT lets ``pktcap-uw`` close its output properly."""
    option = ("-t", str(seconds)) if syntax is TimeoutSyntax.OPTION else ()
    plain = (str(seconds),) if syntax is TimeoutSyntax.PLAIN else ()
    return ("timeout", *option, "-s", "INT", *plain, *argv)


def capture_line(planned: Planned, seconds: int, syntax: TimeoutSyntax) -> str:
    """The shell line of a capture: it tells its process id on stderr, then becomes the capture."""
    return f'echo "PID $$" >&2; exec {shlex.join(bounded(planned.argv, seconds, syntax))}'


def _plan_vnics(
    location: VmLocation, ports: Mapping[str, int], features: Features
) -> Iterator[Planned]:
    for vnic in location.vm.nics:
        if not vnic.connected or vnic.backing not in ON_A_PORT:
            continue
        port = ports.get(vnic.mac.lower())
        for direction in (Direction.TX, Direction.RX):
            point = CapturePoint.named(f"{vnic.point}-{direction}")
            where = _where(PointKind.VNIC, direction, features)
            if port is None:
                yield Planned(point, why_not=f"the host lists no switch port with MAC {vnic.mac}")
            elif not where:
                yield Planned(point, why_not="the host offers no capture point for it")
            else:
                argv = _argv(("--switchport", str(int(port))), where, ARP)
                yield Planned(point, argv, doubt=_doubt(vnic.switch, location))


def _plan_uplinks(location: VmLocation, features: Features) -> Iterator[Planned]:
    for uplink in location.host.uplinks:
        for direction in (Direction.TX, Direction.RX):
            deaf = _why_deaf(uplink, features)
            if deaf is None:
                planned = _planned("", uplink.device, direction, features)
                yield replace(planned, doubt=_doubt(uplink.switch, location))
            else:
                yield Planned(CapturePoint.named(f"{uplink.device}-{direction}"), why_not=deaf)


def _doubt(switch: str | None, location: VmLocation) -> str | None:
    """Why a capture on a switch may miss what passes there."""
    if switch is None or switch not in location.offloaded:
        return None
    return f"{switch} runs on a DPU, so what passes there may not show on the host"


def _why_deaf(uplink: Uplink, features: Features) -> str | None:
    """Why nothing can be heard on an uplink; the host knows its links better than vCenter."""
    if uplink.device not in features.links:
        return f"the host does not list {uplink.device}"
    if not features.links[uplink.device]:
        return f"the link of {uplink.device} is down"
    return None


def _planned(prefix: str, device: str, direction: Direction, features: Features) -> Planned:
    point = CapturePoint.named(f"{prefix}{device}-{direction}")
    where = _where(PointKind.UPLINK, direction, features)
    if not where:
        return Planned(point, why_not="the host offers no capture point for it")
    return Planned(point, _argv(("--uplink", device), where, RARP if prefix else ARP))


def _where(kind: PointKind, direction: Direction, features: Features) -> tuple[str, ...]:
    for name in _POINTS[kind, direction]:
        if name in features.points:
            return ("--capture", name)
    return _DIRS[kind, direction] if features.dirs else ()


def _argv(thing: tuple[str, ...], where: tuple[str, ...], ethtype: str) -> tuple[str, ...]:
    limit = ("-c", str(PACKET_LIMIT))
    return ("pktcap-uw", *thing, *where, "--ethtype", ethtype, "-s", "0", *limit, "-o", "-")
