"""What the lab's vCenter knows beyond the world: sessions, what they made, privileges, its own content."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pyVmomi import vim, vmodl

from tests.lab.vcenter_collector import Content, Filter
from tests.lab.vcenter_events import EventLog
from tests.lab.vcenter_inventory import ROOT, Inventory
from tests.lab.vcenter_soap import Call, Fault
from tests.lab.world import World

Bend = Callable[[Any, str, Any], Any]
"""(object, property path or method, value) → what is told in its place; None = not set."""

PRIVILEGES = frozenset({"System.Anonymous", "System.View", "System.Read", "Host.Config.NetService"})


@dataclass
class Session:
    """A logged-in client, and what it made on the server."""

    key: str
    user: str
    views: dict[str, list[Any]] = field(default_factory=dict)
    collectors: dict[str, dict[str, Filter]] = field(default_factory=dict)
    pages: dict[str, list[Content]] = field(default_factory=dict)


@dataclass
class State:
    """What the server knows beyond the world."""

    world: World
    log: EventLog
    user: str
    password: str
    sessions: dict[str, Session] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    privileges: set[str] = field(default_factory=lambda: set(PRIVILEGES))
    page: int | None = None
    unoffered: set[str] = field(default_factory=set)
    bend: Bend | None = None
    cut: Callable[[str], str] | None = None
    serial: int = 0

    def number(self) -> int:
        self.serial += 1
        return self.serial

    def bent(self, reference: Any, name: str, value: Any) -> Any:
        """What is told in place of a value."""
        return value if self.bend is None else self.bend(reference, name, value)

    def inventory(self) -> Inventory:
        return Inventory(self.world, frozenset(self.hidden))


def user_session(session: Session, now: Any) -> Any:
    """UserSession: the session as its own client sees it."""
    return vim.UserSession(
        key=session.key,
        userName=session.user,
        fullName=session.user,
        loginTime=now,
        lastActiveTime=now,
        locale="en",
        messageLocale="en",
    )


def gone(reference: Any) -> Fault:
    return Fault(vmodl.fault.ManagedObjectNotFound(obj=reference, msg="already been deleted"))


def take(held: dict[str, Any], call: Call) -> None:
    if held.pop(call.this._moId, None) is None:
        raise gone(call.this)


def service_content(uuid: str) -> Any:
    """ServiceContent: where a client finds everything else."""
    return vim.ServiceInstanceContent(
        rootFolder=vim.Folder(ROOT),
        propertyCollector=vmodl.query.PropertyCollector("propertyCollector"),
        viewManager=vim.view.ViewManager("ViewManager"),
        about=vim.AboutInfo(
            name="VMware vCenter Server",
            fullName="VMware vCenter Server 8.0.3 build-24022515",
            vendor="VMware, Inc.",
            version="8.0.3",
            build="24022515",
            osType="linux-x64",
            productLineId="vpx",
            apiType="VirtualCenter",
            apiVersion="8.0.3.0",
            instanceUuid=uuid,
        ),
        sessionManager=vim.SessionManager("SessionManager"),
        authorizationManager=vim.AuthorizationManager("AuthorizationManager"),
        eventManager=vim.event.EventManager("EventManager"),
        searchIndex=vim.SearchIndex("SearchIndex"),
        dvSwitchManager=vim.dvs.DistributedVirtualSwitchManager("DVSManager"),
    )
