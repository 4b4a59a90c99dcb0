"""Turns a verdict into the commands that the network team would run next, with its values filled in.

They are suggestions, read-only but for what is marked; their syntax varies by release. Names that a
switch told over LLDP or CDP are untrusted and come down to the characters port names are made of.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Final

from workers.arp.bundle.vendors import ESXI, VENDORS, Vendor
from workers.arp.case.times import utc
from workers.arp.model import Judgement, Uplink, Vnic

_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9/._:-]+", re.ASCII)
_LONGEST_NAME: Final = 60
_PORT_NUMBER: Final = re.compile(r"(?:Ethernet|Eth|Et|ethernet|eth)\s*(\d[\d/.]*)", re.ASCII)

_SWITCHPORT: Final = re.compile(r"--switchport (\d{1,20})(?!\S)", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Place:
    """One switch port to look at, as far as it is known."""

    uplink: str
    switch: str
    port: str


def next_commands(judgement: Judgement) -> dict[str, bytes]:
    """The files of ``next_commands/`` by name."""
    files = {
        f"next_commands/{vendor.name}.txt": _switch_side(judgement, vendor) for vendor in VENDORS
    }
    files["next_commands/esxi.txt"] = _host_side(judgement)
    return files


def _switch_side(judgement: Judgement, vendor: Vendor) -> bytes:
    lines = _head(judgement, vendor.remark, f"Suggested next on {vendor.title}")
    lines += [
        f"{vendor.remark} First decisive test: while the VM asks (arping), does the port's received",
        f"{vendor.remark} broadcast counter rise, or a SPAN of what it receives show the VM's MAC?",
        f"{vendor.remark} It does: look in the fabric. It does not: NIC, optic, cable or port.",
    ]
    for place in _places(judgement):
        values = _values(judgement, place, vendor)
        lines += ["", f"{vendor.remark} {place.uplink} is on {place.switch} {place.port}"]
        lines += [line.format_map(values) for line in vendor.commands]
    return ("\n".join(lines) + "\n").encode()


def _host_side(judgement: Judgement) -> bytes:
    lines = _head(judgement, "#", "Suggested next on the ESXi host")
    port = _switchport(judgement)
    hint = (
        f"{port} was the VM's port in the check; its portset is" if port else "ID and portset are"
    )
    values = {"mac": _plain(_nic(judgement).mac), "port": port or "ID", "hint": hint}
    for place in _places(judgement):
        lines += ["", f"# {place.uplink}"]
        lines += [line.format(uplink=place.uplink, **values) for line in ESXI]
    return ("\n".join(lines) + "\n").encode()


def _switchport(judgement: Judgement) -> str:
    """The port number that the VM's captures named, empty where none did."""
    ports = (
        _SWITCHPORT.search(capture.command or "")
        for capture in judgement.case.captures
        if capture.point.object == judgement.nic
    )
    return next((port[1] for port in ports if port), "")


def _head(judgement: Judgement, remark: str, title: str) -> list[str]:
    case, nic = judgement.case, _nic(judgement)
    starts = [c.ready_at for c in case.captures if c.ready_at is not None]
    ends = [c.stopped_at for c in case.captures if c.stopped_at is not None]
    window = f"{utc(min(starts))} to {utc(max(ends))}" if starts and ends else "window unknown"
    target = _plain(judgement.target or "nobody")
    return [
        f"{remark} {title}. Read-only unless marked; syntax varies by release.",
        f"{remark} Case {_plain(case.id)}, {window}",
        f"{remark} VM {_plain(case.vm.name)}, MAC {_plain(nic.mac)}, asks for {target}, VLAN {_vlan(nic)}",
    ]


def _places(judgement: Judgement) -> list[_Place]:
    """The uplinks the verdict is about: its subject, else where requests left, else all."""
    uplinks = judgement.case.host.uplinks
    subject = (judgement.verdict.subject or "").partition("/")[0]
    left = Counter(name for exchange in judgement.exchanges for name in exchange.left_on)
    for wanted in ({subject}, set(left)):
        chosen = [uplink for uplink in uplinks if uplink.device in wanted]
        if chosen:
            return [_place(uplink) for uplink in chosen]
    return [_place(uplink) for uplink in uplinks] or [_Place("vmnicN", "SWITCH", "PORT")]


def _place(uplink: Uplink) -> _Place:
    device, neighbour = _plain(uplink.device), uplink.neighbour
    if neighbour is None:
        return _Place(device, "a switch that told no name", "PORT")
    return _Place(device, _plain(neighbour.switch), _plain(neighbour.port) or "PORT")


def _values(judgement: Judgement, place: _Place, vendor: Vendor) -> dict[str, str]:
    nic = _nic(judgement)
    mac = _plain(nic.mac)
    digits = mac.replace(":", "")
    number = _PORT_NUMBER.fullmatch(place.port)
    return {
        "mac": ".".join(digits[at : at + 4] for at in (0, 4, 8)) if vendor.dotted else mac,
        "colons": mac,
        "ip": _plain(judgement.target or "TARGET"),
        "vlan": _vlan(nic),
        "port": number[1] if number and vendor.bare_numbers else place.port,
    }


def _nic(judgement: Judgement) -> Vnic:
    nics = judgement.case.vm.nics
    unknown = Vnic(judgement.nic, judgement.nic, "00:00:00:00:00:00")
    return next((nic for nic in nics if nic.point == judgement.nic), unknown)


def _vlan(nic: Vnic) -> str:
    return "VLAN" if nic.vlan.id is None else str(nic.vlan.id)


def _plain(text: str) -> str:
    return _NOT_IN_NAMES.sub("_", text)[:_LONGEST_NAME]
