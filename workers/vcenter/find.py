"""What a person typed turned into the ids of the VMs it can mean: name, IP, MAC, moid or UUID.

Names: vCenter has no search by name, so one property sweep of ``name`` over a container view reads
all (one round trip and a third of a second for 10,000 VMs). Addresses and UUIDs: its SearchIndex.
MACs: no index at all; see ``Guests``.
"""

from __future__ import annotations

import ipaddress
import re
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from pyVmomi import vim, vmodl

from workers.arp.model import VmCandidate
from workers.vcenter.connection import Connection
from workers.vcenter.faults import UNOFFERED
from workers.vcenter.names import unescaped
from workers.vcenter.properties import Properties, moid, retrieve, start, step
from workers.vcenter.sweep import sweep, sweep_of

_MAC = re.compile(
    r"^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$|^[0-9a-f]{4}(\.[0-9a-f]{4}){2}$", re.IGNORECASE
)
_CHUNK = 1000
_GUEST_PAGE = 2000  # a page of guest.net stays within one wait for the network


@dataclass(frozen=True, slots=True)
class Query:
    """What was typed, and what else than a name it can be read as."""

    text: str
    address: str | None = None
    mac: str | None = None
    uuid: str | None = None

    @classmethod
    def of(cls, text: str) -> Query:
        """Read it; blanks around it do not count."""
        text = text.strip()
        return cls(text, _address(text), _mac(text), _uuid(text))


def _address(text: str) -> str | None:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None


def _mac(text: str) -> str | None:
    if not _MAC.match(text):
        return None
    digits = re.sub(r"[^0-9a-f]", "", text.lower())
    return ":".join(digits[i : i + 2] for i in range(0, 12, 2))


def _uuid(text: str) -> str | None:
    digits = text.lower().replace("-", "").replace(" ", "")
    return str(uuid.UUID(digits)) if re.fullmatch(r"[0-9a-f]{32}", digits) else None


def sweep_names(connection: Connection) -> tuple[tuple[str, str], ...]:
    """(moid, name as people type it) of every VM the account may see."""
    return tuple(
        (vm, unescaped(value.text or "") if value is not None else "")
        for vm, value in sweep(connection, "name")
    )


def by_name(query: Query, names: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """VMs of exactly that name or moid; else those that differ in upper and lower case only."""
    spellings = {query.text, unquote(query.text)}
    exact = []
    folded = []
    wanted = query.text.casefold()
    for vm, name in names:
        if name in spellings or vm == query.text:
            exact.append(vm)
        elif name.casefold() == wanted:
            folded.append(vm)
    return tuple(exact or folded)


def by_index(connection: Connection, query: Query) -> tuple[str, ...]:
    """VMs that vCenter's own index knows under this IP address (told by VMware Tools) or UUID."""
    index = connection.content.searchIndex
    found: list[Any] = []
    if query.address:
        of_vms = (None, query.address, True)
        found += _all(lambda: index.FindAllByIp(*of_vms), lambda: index.FindByIp(*of_vms))
    if query.uuid:
        for kind in (True, False):  # the instance's UUID, the BIOS's
            by_uuid = (None, query.uuid, True, kind)
            found += _all(
                partial(index.FindAllByUuid, *by_uuid), partial(index.FindByUuid, *by_uuid)
            )
    return tuple(dict.fromkeys(moid(vm) for vm in found))


def _all(ask_for_all: Callable[[], Any], ask_for_one: Callable[[], Any]) -> list[Any]:
    """What the index knows; a server that cannot tell all of a kind may still tell one."""
    try:
        return list(ask_for_all() or ())
    except UNOFFERED:
        one = ask_for_one()
        return [] if one is None else [one]


@dataclass(slots=True)
class Guests:
    """Which VMs have a MAC or an address by what VMware Tools tell; ``silent`` have told nothing.

    vCenter has no index of MACs, and its index of addresses may know each VM's first one only.
    ``guest.net`` of all VMs is the cheapest property that holds both (a tenth of the device lists' size).
    """

    by_mac: dict[str, list[str]] = field(default_factory=dict)
    by_address: dict[str, list[str]] = field(default_factory=dict)
    silent: list[str] = field(default_factory=list)


def sweep_guests(connection: Connection) -> Guests:
    """What the guests of all VMs tell."""
    guests = Guests()
    for vm, nics in sweep(connection, "guest.net", page=_GUEST_PAGE):
        if nics is None or not len(nics):
            guests.silent.append(vm)
        for nic in nics if nics is not None else ():
            _note(guests, vm, nic)
    return guests


def _note(guests: Guests, vm: str, nic: Element) -> None:
    """Interfaces that only the guest knows (key -1) may carry any MAC and any address."""
    key, mac, addresses = "-1", "", set[str]()
    for part in nic:
        name = part.tag.rpartition("}")[2]
        if name == "macAddress":
            mac = (part.text or "").lower()
        elif name == "deviceConfigId":
            key = part.text or key
        elif name == "ipAddress":
            addresses.add((part.text or "").strip())
    if not key.startswith("-"):
        guests.by_mac.setdefault(mac, []).append(vm)
        for address in addresses:
            guests.by_address.setdefault(address, []).append(vm)


def sweep_devices(connection: Connection, moids: Sequence[str]) -> dict[str, list[str]]:
    """VMs by the MACs of their adapters; in chunks, so that memory stays flat."""
    found: dict[str, list[str]] = {}
    for place in range(0, len(moids), _CHUNK):
        chunk = moids[place : place + _CHUNK]
        for vm, devices in sweep_of(connection, chunk, "config.hardware.device"):
            for device in devices if devices is not None else ():
                mac = (device.findtext("{*}macAddress") or "").lower()
                if mac:
                    found.setdefault(mac, []).append(vm)
    return found


def candidates(connection: Connection, moids: Sequence[str]) -> tuple[VmCandidate, ...]:
    """What tells these VMs apart, templates left out; two round trips."""
    vm, entity = vim.VirtualMachine, vim.ManagedEntity
    again = vmodl.query.PropertyCollector.SelectionSpec(name="up")
    up = step(entity, "parent", again, name="up")
    names = ("name", "parent")
    own = (*names, "config.template", "runtime.powerState", "runtime.host")
    starts = [start(connection.reference(vm, m), up) for m in moids]
    found = retrieve(connection, starts, {vm: own, entity: names})
    hosts = {
        moid(values["runtime.host"]): values["runtime.host"]
        for values in found.values()
        if values.get("runtime.host") is not None
    }
    if hosts:
        above = [start(host, up) for host in hosts.values()]
        found |= retrieve(connection, above, {entity: names})
    return tuple(
        _candidate(m, found) for m in moids if m in found and not found[m].get("config.template")
    )


def _candidate(vm: str, found: dict[str, Properties]) -> VmCandidate:
    values = found[vm]
    above = _ancestors(vm, found)
    host = values.get("runtime.host")
    cluster = _ancestors(moid(host), found)[:1] if host is not None else []
    return VmCandidate(
        moid=vm,
        name=unescaped(values.get("name", "")),
        folder="/".join(reversed(above[:-1])),
        cluster=cluster[0] if cluster else "",
        power=str(values.get("runtime.powerState", "")),
    )


def _ancestors(below: str, found: dict[str, Properties]) -> list[str]:
    """Names of what stands above an object, the nearest first; the last is the root folder."""
    names: list[str] = []
    seen = {below}
    parent = found.get(below, {}).get("parent")
    while parent is not None and moid(parent) not in seen:
        seen.add(moid(parent))
        values = found.get(moid(parent), {})
        names.append(unescaped(values.get("name", "?")))
        parent = values.get("parent")
    return names
