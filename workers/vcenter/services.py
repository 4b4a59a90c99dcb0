"""A host's SSH service switched, and the account's own standing read, for checks and for ``doctor``."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pyVmomi import vim, vmodl

from workers.errors import VcenterRefused
from workers.vcenter.connection import Connection
from workers.vcenter.faults import UNOFFERED
from workers.vcenter.properties import Properties, retrieve, start, step

SSH_SERVICE = "TSM-SSH"
PRIVILEGES = ("System.View", "System.Read", "Host.Config.NetService")
NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class VcenterAbout:
    """vCenter about itself; ``clock_ahead`` is how far its clock is ahead of ours, in nanoseconds."""

    version: str
    build: str
    instance_uuid: str | None
    clock_ahead: int


@dataclass(frozen=True, slots=True)
class HostPlace:
    """An ESXi host as vCenter knows it; ``ssh_running`` and ``lockdown`` None = not told."""

    name: str
    moid: str
    address: str
    version: str | None = None
    ssh_running: bool | None = None
    lockdown: str | None = None


_PLACE_PATHS = (
    "name",
    "config.service",
    "config.lockdownMode",
    "config.virtualNicManagerInfo",
    "summary.config.product",
)


def hosts(connection: Connection) -> tuple[HostPlace, ...]:
    """Every ESXi host the account may see, by name."""
    content, kind = connection.content, vim.HostSystem
    view = content.viewManager.CreateContainerView(content.rootFolder, [kind], True)  # noqa: FBT003
    try:
        members = start(view, step(vim.view.ContainerView, "view"), skip=True)
        found = retrieve(connection, [members], {kind: _PLACE_PATHS})
    finally:
        view.Destroy()
    places = (_place(moid, values) for moid, values in found.items())
    return tuple(sorted(places, key=lambda place: place.name))


def _place(host_moid: str, values: Properties) -> HostPlace:
    product = values.get("summary.config.product")
    lockdown = values.get("config.lockdownMode")
    return HostPlace(
        name=str(values.get("name", host_moid)),
        moid=host_moid,
        address=management_address(values),
        version=product.version if product else None,
        ssh_running=service_state(values),
        lockdown=None if lockdown is None else str(lockdown),
    )


def service_state(host: Properties) -> bool | None:
    """Whether TSM-SSH runs, by ``config.service``; None = not told."""
    told = host.get("config.service")
    services = told.service if told is not None else ()
    return next((bool(s.running) for s in services if s.key == SSH_SERVICE), None)


def management_address(host: Properties) -> str:
    """The address of the VMkernel adapter selected for management, else the host's name."""
    told = host.get("config.virtualNicManagerInfo")
    for config in told.netConfig if told is not None else ():
        if config.nicType != "management":
            continue
        for vnic in config.candidateVnic or ():
            keys = {vnic.key, f"management.{vnic.key}"}
            ip = vnic.spec.ip if vnic.spec else None
            if keys & set(config.selectedVnic or ()) and ip and ip.ipAddress:
                return str(ip.ipAddress)
    return str(host.get("name", ""))


def _host(connection: Connection, host_moid: str) -> Properties:
    reference = connection.reference(vim.HostSystem, host_moid)
    paths = ("name", "config.service", "configManager.serviceSystem")
    values = retrieve(connection, [reference], {vim.HostSystem: paths}).get(host_moid)
    if not values:
        raise VcenterRefused(f"vCenter shows no host {host_moid} to this account.")
    return values


def host_name(connection: Connection, host_moid: str) -> str:
    """The host's name; VcenterRefused where the account may not see it."""
    return str(_host(connection, host_moid).get("name") or host_moid)


def ssh_running(connection: Connection, host_moid: str) -> bool:
    """Whether TSM-SSH runs."""
    return bool(service_state(_host(connection, host_moid)))


def start_ssh(connection: Connection, host_moid: str) -> None:
    """Start TSM-SSH; a service that runs already is no trouble."""
    if not ssh_running(connection, host_moid):
        _switch(connection, host_moid, lambda system: system.StartService(SSH_SERVICE))


def stop_ssh(connection: Connection, host_moid: str) -> None:
    """Stop TSM-SSH; a service that is stopped already is no trouble."""
    if ssh_running(connection, host_moid):
        _switch(connection, host_moid, lambda system: system.StopService(SSH_SERVICE))


def _switch(connection: Connection, host_moid: str, switch: Callable[[Any], None]) -> None:
    values = _host(connection, host_moid)
    system = values.get("configManager.serviceSystem")
    try:
        if system is not None:
            switch(system)
            return
    except (vmodl.fault.ManagedObjectNotFound, *UNOFFERED) as trouble:
        raise _services_not_shown(values) from trouble
    raise _services_not_shown(values)


def _services_not_shown(host: Properties) -> VcenterRefused:
    return VcenterRefused(
        f"vCenter does not let the services of {host.get('name', 'the host')} be switched.",
        next_step="Start or stop SSH on the host by hand, and leave ESXI_SSH_SERVICE unset.",
    )


def privileges(connection: Connection) -> tuple[tuple[str, bool | None], ...]:
    """What the account may do at the root folder; the role should be propagated from there.

    None = the server does not tell.
    """
    content = connection.content
    ask = content.authorizationManager.HasPrivilegeOnEntities
    try:
        told = ask([content.rootFolder], connection.session_key, list(PRIVILEGES)) or ()
    except UNOFFERED:
        return tuple((name, None) for name in PRIVILEGES)
    held = {p.privId: bool(p.isGranted) for entity in told for p in entity.privAvailability}
    return tuple((name, held.get(name, False)) for name in PRIVILEGES)


def about(connection: Connection) -> VcenterAbout:
    """Version, id and clock."""
    told = connection.content.about
    return VcenterAbout(told.version, told.build, told.instanceUuid, clock_ahead(connection))


def clock_ahead(connection: Connection) -> int:
    """How far vCenter's clock is ahead of ours, to half the round trip, in nanoseconds."""
    before = time.time_ns()
    now = vim.ServiceInstance("ServiceInstance", connection.stub).CurrentTime()
    after = time.time_ns()
    return int(now.timestamp() * NANOSECONDS) - (before + after) // 2
