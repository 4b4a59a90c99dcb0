"""``arpcheck read``: turns captures taken by hand into a case, and that into its report.

What a person did not capture is not listed, so the judge treats it as never heard. When each capture
began and ended is not written in it. A file is known to have listened from its own first packet, of
any kind, to its own last, and no longer: captures may have been taken one after the other, and then
a quiet file says nothing about the minutes in which another was busy. A file without a packet
proves nothing at all. This may cost a request at either end; it never makes silence out of absence.

Files never tell which other uplinks the host has: without ``--uplinks`` silence on those that were
captured is not silence on all.
"""

from __future__ import annotations

import argparse
import gc
import os
import re
import stat
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from workers.arp.case.shape import is_ipv4, mac_or_none, shown
from workers.arp.decode import ArpReader
from workers.arp.model import (
    Capture,
    CapturePoint,
    Case,
    Direction,
    Heard,
    Host,
    PointKind,
    Uplink,
    Vlan,
    Vm,
    Vnic,
)
from workers.arp.model.values import dataclass
from workers.arp.verdict import judge
from workers.cli.chunks import STDIN, chunks_of
from workers.cli.telling import refuse, tell, unreadable
from workers.errors import CaseUnreadable

_NAME: Final = re.compile(r"(?:vmnic|vusb|vnic)\d{1,4}(?:-(?:tx|rx|both))?", re.ASCII)
_DEVICE: Final = re.compile(r"(?:vmnic|vusb)\d{1,4}", re.ASCII)
_NAMES: Final = "vmnic1-tx, vmnic1-rx, vnic0-tx, vnic0-rx or vmnic1 for both directions"
_HIGHEST_VLAN: Final = 4_094


@dataclass(frozen=True, slots=True)
class _Source:
    point: CapturePoint
    path: str


def run(arguments: argparse.Namespace) -> int:
    """Judge hand-made captures and print the report."""
    gc.disable()  # reference counts free all that is made here; looking for cycles takes a third
    try:
        nic, uplinks = _nic(arguments), _uplinks(arguments.uplinks)
        vm = Vm(name="VM", nics=(nic,))
        sources = _sources(arguments.files)
        _match_uplinks(uplinks, sources)
        heard = tuple(_hear(source, vm) for source in sources)
        _match(nic, heard)
    except CaseUnreadable as trouble:
        return refuse(trouble)
    return tell(judge(_case(nic, heard, uplinks), heard), json_wanted=arguments.json)


def _nic(arguments: argparse.Namespace) -> Vnic:
    mac = mac_or_none(arguments.vm_mac)
    if mac is None:
        raise CaseUnreadable(f"--vm-mac {shown(arguments.vm_mac)} is no MAC.")
    if int(mac[:2], 16) & 1:
        raise CaseUnreadable(f"--vm-mac {mac} is a group address, and no machine's own.")
    address, gateway = arguments.vm_ip, arguments.gateway
    if address is not None and not is_ipv4(address, prefix=True):
        raise CaseUnreadable(f"--vm-ip {shown(address)} is no address such as 10.0.0.5/24.")
    if gateway is not None and not is_ipv4(gateway):
        raise CaseUnreadable(f"--gateway {shown(gateway)} is no IPv4 address.")
    return Vnic(
        point="vnic0",
        label="network adapter",
        mac=mac,
        ipv4=(address,) if address else (),
        gateway=gateway,
        vlan=_vlan(arguments.vlan),
    )


def _match(nic: Vnic, heard: Sequence[Heard]) -> None:
    """Refuse a MAC that the VM's own port never shows, and a VLAN in which its frames never leave.

    What was typed may not blame a guest, nor stand in a sentence as what was captured.
    """
    mac = nic.mac
    sent = [
        frame
        for each in heard
        if each.capture.point.kind is PointKind.VNIC
        and each.capture.point.direction is Direction.TX
        for frame in each.frames
    ]
    if sent and not any(mac in {frame.eth_src, frame.sender_mac} for frame in sent):
        others = ", ".join(sorted({frame.eth_src for frame in sent})[:3])
        raise CaseUnreadable(
            f"The VM's port shows no frame from {mac}, but from {others}: --vm-mac is mistyped, or the "
            "guest sends with a foreign MAC."
        )
    tags = {
        frame.vlans[0]
        for each in heard
        if each.capture.point.kind is PointKind.UPLINK
        and each.capture.point.direction is Direction.TX
        for frame in each.frames
        if frame.eth_src == mac and any(frame.vlans[:1])
    }
    if tags and nic.vlan.mode != "unknown" and nic.vlan.id not in tags:
        raise CaseUnreadable(
            f"The uplinks show the VM's frames in VLAN {', '.join(map(str, sorted(tags)))}, and in no "
            f"other: --vlan {nic.vlan.id or 0} is mistyped."
        )


def _match_uplinks(uplinks: Sequence[Uplink], sources: Sequence[_Source]) -> None:
    """Refuse a list of all uplinks that leaves out one that was captured: nobody can tell which is true."""
    named = {uplink.device for uplink in uplinks}
    for source in sources:
        device = source.point.object
        if named and source.point.kind is PointKind.UPLINK and device not in named:
            raise CaseUnreadable(
                f"--uplinks does not name {device}, and its capture is given: name it too, or leave out "
                "its files where it is no uplink of the VM's switch."
            )


def _uplinks(text: str | None) -> tuple[Uplink, ...]:
    devices = () if text is None else tuple(dict.fromkeys(text.split(",")))
    for device in devices:
        if not _DEVICE.fullmatch(device):
            raise CaseUnreadable(f"--uplinks {shown(device)} is no uplink such as vmnic1.")
    return tuple(Uplink(device, "") for device in sorted(devices))


def _vlan(text: str | None) -> Vlan:
    if text is None:
        return Vlan(mode="unknown")
    if not (text.isascii() and text.isdigit() and int(text) <= _HIGHEST_VLAN):
        raise CaseUnreadable(f"--vlan {shown(text)} is no VLAN id from 0 to {_HIGHEST_VLAN}.")
    return Vlan("access", int(text)) if int(text) else Vlan("none")


def _sources(files: Sequence[str]) -> tuple[_Source, ...]:
    sources = tuple(_source(file) for file in files)
    seen: list[CapturePoint] = []
    for source in sources:
        for other in seen:
            if _overlap(source.point, other):
                raise CaseUnreadable(
                    f"{other.name} and {source.point.name} name the same capture point twice."
                )
        seen.append(source.point)
    if sum(source.path == STDIN for source in sources) > 1:
        raise CaseUnreadable("Only one capture can come from stdin.")
    return sources


def _source(file: str) -> _Source:
    """Read ``NAME=PATH``, or a path whose stem is a capture point's name."""
    name, equals, path = file.partition("=")
    if not equals or not (_NAME.fullmatch(name) or "/" not in name):
        name, path = _base(file).rpartition(".")[0] or _base(file), file
    if not _NAME.fullmatch(name):
        absent = _absent(path)
        also = f"{absent} It also" if absent else shown(file)
        bundle = path.endswith(".zip") and not absent
        hint = "arpcheck judge judges a bundle" if bundle else f"write NAME=PATH with {_NAMES}"
        raise CaseUnreadable(f"{also} names no capture point; {hint}.")
    if not path:
        raise CaseUnreadable(f"{shown(file)} names no file.")
    return _Source(CapturePoint.named(name), path)


def _absent(path: str) -> str:
    """Why there is no capture of that name, empty where there may be: a pattern may have fitted none."""
    if path == STDIN:
        return ""
    try:
        about = os.stat(path)  # noqa: PTH116  not pathlib's: to import it takes 3 ms
    except OSError as trouble:
        return unreadable(path, trouble).sentence
    return unreadable(path, IsADirectoryError()).sentence if stat.S_ISDIR(about.st_mode) else ""


def _base(path: str) -> str:
    return path.rpartition("/")[2]  # not pathlib's: to import it takes 3 ms


def _overlap(one: CapturePoint, other: CapturePoint) -> bool:
    directions = {one.direction, other.direction}
    return one.object == other.object and (len(directions) == 1 or Direction.BOTH in directions)


def _hear(source: _Source, vm: Vm) -> Heard:
    reader = ArpReader(source.point, vm=vm)
    try:
        for chunk in chunks_of(source.path):
            reader.feed(chunk)
            if reader.deaf:  # what is no capture may never end
                break
    except OSError as trouble:
        raise unreadable(source.path, trouble) from None
    reader.finish()
    if reader.packets == 0 and reader.damage:
        name = "stdin" if source.path == STDIN else source.path
        raise CaseUnreadable(f"{name}: {reader.damage}.")
    capture = Capture(
        source.point,
        file=_base(source.path),
        ready_at=reader.first_at,
        stopped_at=reader.last_at,
        dropped=None,
    )
    if reader.first_at is None:
        capture = replace(capture, failure="it holds no packet that tells when it listened")
    return reader.heard(capture)


def _case(nic: Vnic, heard: Sequence[Heard], uplinks: tuple[Uplink, ...]) -> Case:
    """The case these files make: only what was captured, only what the flags say."""
    points = [one.capture.point for one in heard]
    adapters = [point.object for point in points if point.kind is PointKind.VNIC]
    ends = [one.capture.stopped_at for one in heard if one.capture.stopped_at is not None]
    return Case(
        id="read",
        made_at=max(ends, default=None),
        vm=Vm(name="VM", nics=(replace(nic, point=adapters[0] if adapters else nic.point),)),
        host=Host("the ESXi host", uplinks=uplinks),
        captures=tuple(one.capture for one in heard),
    )
