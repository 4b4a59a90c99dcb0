"""A call of the vSphere API turned into its result: sessions, views, collectors, services, events."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from pyVmomi import vim, vmodl

from tests.lab.vcenter_collector import Content, Filter, Read, collect, property_reader
from tests.lab.vcenter_events import EventLog, now
from tests.lab.vcenter_host import network_hints
from tests.lab.vcenter_inventory import ROOT, Inventory
from tests.lab.vcenter_soap import Call, Fault, result_xml, wrap
from tests.lab.world import EsxiHost, World

POLL_SECONDS = 0.05
PRIVILEGES = frozenset(
    {"System.Anonymous", "System.View", "System.Read", "Host.Config.NetService"}
)


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
    serial: int = 0
    clock_offset: float = 0.0

    def number(self) -> int:
        self.serial += 1
        return self.serial

    def inventory(self) -> Inventory:
        return Inventory(self.world, frozenset(self.hidden))


class Methods:
    """Every method the lab answers, by WSDL name; ``session`` is None before the login."""

    WITHOUT_SESSION: ClassVar[set[str]] = {"RetrieveServiceContent", "Login", "CurrentTime"}

    def __init__(self, state: State) -> None:
        self.state = state

    async def answer(self, call: Call, session: Session | None) -> tuple[str, Session | None]:
        """The answer's envelope and the session from now on.

        Raises:
            Fault: what the API says instead.
        """
        if call.method == "Login":
            session = self._login(call)
            return result_xml("Login", self._user_session(session)), session
        if session is None and call.method not in self.WITHOUT_SESSION:
            raise Fault(vim.fault.NotAuthenticated(msg="The session is not authenticated.",
                                                   object=call.this, privilegeId="System.View"))
        handler: Callable[..., Awaitable[str]] | None = getattr(self, f"_do_{call.method}", None)
        if handler is None:
            raise Fault(vmodl.fault.NotSupported(msg=f"The lab has no {call.method}"))
        return await handler(call, session), session

    # --- sessions ---------------------------------------------------------------------------

    async def _do_RetrieveServiceContent(self, call: Call, _: Session | None) -> str:  # noqa: N802
        return result_xml(call.method, service_content(self.state.world.vcenter_uuid))

    async def _do_CurrentTime(self, call: Call, _: Session | None) -> str:  # noqa: N802
        return result_xml(call.method, self._now())

    def _now(self) -> Any:
        import datetime  # noqa: PLC0415

        return now() + datetime.timedelta(seconds=self.state.clock_offset)

    def _login(self, call: Call) -> Session:
        good = (self.state.user, self.state.password)
        if (call.get("userName"), call.get("password")) != good:
            message = "Cannot complete login due to an incorrect user name or password."
            raise Fault(vim.fault.InvalidLogin(msg=message))
        session = Session(secrets.token_hex(20), self.state.user)
        self.state.sessions[session.key] = session
        return session

    @staticmethod
    def _user_session(session: Session) -> Any:
        return vim.UserSession(
            key=session.key,
            userName=session.user,
            fullName=session.user,
            loginTime=now(),
            lastActiveTime=now(),
            locale="en",
            messageLocale="en",
        )

    async def _do_Logout(self, call: Call, session: Session) -> str:  # noqa: N802
        self.state.sessions.pop(session.key, None)
        return result_xml(call.method, None)

    async def _do_HasPrivilegeOnEntities(self, call: Call, session: Session) -> str:  # noqa: N802
        if call.get("sessionId") != session.key:
            raise Fault(vmodl.fault.InvalidArgument(invalidProperty="sessionId"))
        kind = vim.AuthorizationManager
        told = [
            kind.EntityPrivilege(
                entity=entity,
                privAvailability=[
                    kind.PrivilegeAvailability(privId=p, isGranted=p in self.state.privileges)
                    for p in call.get("privId")
                ],
            )
            for entity in call.get("entity")
        ]
        return result_xml(call.method, told)

    # --- views and properties ---------------------------------------------------------------

    def _read(self, session: Session) -> Read:
        inventory = self.state.inventory()

        def view(moid: str) -> list[Any] | None:
            kinds = session.views.get(moid)
            if kinds is None:
                return None
            return [reference for kind in kinds for reference in inventory.every(kind)]

        return property_reader(inventory, view)

    async def _do_CreateContainerView(self, call: Call, session: Session) -> str:  # noqa: N802
        moid = f"session[{session.key[:8]}]view-{self.state.number()}"
        session.views[moid] = list(call.get("type") or [vim.ManagedEntity])
        return result_xml(call.method, vim.view.ContainerView(moid))

    async def _do_DestroyView(self, call: Call, session: Session) -> str:  # noqa: N802
        _take(session.views, call)
        return result_xml(call.method, None)

    async def _do_Fetch(self, call: Call, session: Session) -> str:  # noqa: N802
        if call.get("prop") == "currentSession":
            return result_xml("Fetch", self._user_session(session), vim.UserSession)
        value = self._read(session)(call.this, call.get("prop"))
        return result_xml("Fetch", value, object)

    async def _do_RetrievePropertiesEx(self, call: Call, session: Session) -> str:  # noqa: N802
        read = self._read(session)
        contents = [content for spec in call.get("specSet") for content in collect(spec, read)]
        options = call.get("options")
        limits = [n for n in (self.state.page, options and options.maxObjects) if n]
        return self._page(call.method, contents, min(limits, default=None), session)

    async def _do_ContinueRetrievePropertiesEx(self, call: Call, session: Session) -> str:  # noqa: N802
        contents = session.pages.pop(call.get("token"), None)
        if contents is None:
            raise Fault(vmodl.fault.InvalidArgument(invalidProperty="token"))
        return self._page(call.method, contents, self.state.page, session)

    async def _do_CancelRetrievePropertiesEx(self, call: Call, session: Session) -> str:  # noqa: N802
        session.pages.pop(call.get("token"), None)
        return result_xml(call.method, None)

    def _page(
        self, method: str, contents: list[Content], limit: int | None, session: Session
    ) -> str:
        if not contents:
            return wrap(method, "")
        token = ""
        if limit and len(contents) > limit:
            key = str(self.state.number())
            session.pages[key] = contents[limit:]
            token = f"<token>{key}</token>"
        objects = "".join(content.xml() for content in contents[:limit])
        return wrap(method, f"<returnval>{token}{objects}</returnval>")

    # --- updates ----------------------------------------------------------------------------

    async def _do_CreatePropertyCollector(self, call: Call, session: Session) -> str:  # noqa: N802
        moid = f"session[{session.key[:8]}]collector-{self.state.number()}"
        session.collectors[moid] = {}
        return result_xml(call.method, vmodl.query.PropertyCollector(moid))

    async def _do_DestroyPropertyCollector(self, call: Call, session: Session) -> str:  # noqa: N802
        _take(session.collectors, call)
        return result_xml(call.method, None)

    async def _do_CreateFilter(self, call: Call, session: Session) -> str:  # noqa: N802
        filters = session.collectors.setdefault(call.this._moId, {})
        made = Filter(f"session[{session.key[:8]}]filter-{self.state.number()}", call.get("spec"))
        for start in made.spec.objectSet:
            self._read(session)(start.obj, "name")
        filters[made.moid] = made
        return result_xml(call.method, vmodl.query.PropertyCollector.Filter(made.moid))

    async def _do_DestroyPropertyFilter(self, call: Call, session: Session) -> str:  # noqa: N802
        for filters in session.collectors.values():
            if filters.pop(call.this._moId, None):
                return result_xml(call.method, None)
        raise _gone(call.this)

    async def _do_WaitForUpdatesEx(self, call: Call, session: Session) -> str:  # noqa: N802
        options = call.get("options")
        limit = options.maxWaitSeconds if options and options.maxWaitSeconds is not None else 1800
        end = time.monotonic() + limit
        while True:
            if session.key not in self.state.sessions:
                raise Fault(vim.fault.NotAuthenticated(object=call.this, privilegeId="System.View"))
            filters = session.collectors.get(call.this._moId)
            if filters is None:
                raise _gone(call.this)
            read = self._read(session)
            updates = [u for f in list(filters.values()) if (u := f.changes(read)) is not None]
            if updates:
                version = str(self.state.number())
                found = vmodl.query.PropertyCollector.UpdateSet(version=version, filterSet=updates)
                return result_xml(call.method, found)
            if time.monotonic() >= end:
                return wrap(call.method, "")
            await asyncio.sleep(POLL_SECONDS)

    # --- searching --------------------------------------------------------------------------

    async def _do_FindAllByIp(self, call: Call, _: Session) -> str:  # noqa: N802
        wanted = call.get("ip")
        found = [
            vim.VirtualMachine(vm.moid)
            for vm in self.state.inventory().vms.values()
            if vm.tools_running
            and vm.power == "poweredOn"
            and any(a.split("/")[0] == wanted for nic in vm.nics if nic.connected for a in nic.ipv4)
        ]
        return result_xml(call.method, found)

    async def _do_FindAllByUuid(self, call: Call, _: Session) -> str:  # noqa: N802
        field_name = "instance_uuid" if call.get("instanceUuid") else "uuid"
        found = [
            vim.VirtualMachine(vm.moid)
            for vm in self.state.inventory().vms.values()
            if getattr(vm, field_name) == call.get("uuid").lower()
        ]
        return result_xml(call.method, found)

    # --- hosts, switches, events --------------------------------------------------------------

    def _host(self, call: Call, prefix: str) -> EsxiHost:
        host = self.state.inventory().hosts.get(f"host-{call.this._moId.removeprefix(prefix)}")
        if host is None:
            raise _gone(call.this)
        return host

    async def _do_QueryNetworkHint(self, call: Call, _: Session) -> str:  # noqa: N802
        host = self._host(call, "networkSystem-")
        if "no_hints" in host.behaviours:
            raise Fault(vim.fault.HostConfigFault(msg="Unable to get network hints"))
        return result_xml(call.method, network_hints(host, call.get("device") or []))

    async def _do_FetchDVPorts(self, call: Call, _: Session) -> str:  # noqa: N802
        inventory = self.state.inventory()
        if call.this._moId not in inventory.switches:
            raise _gone(call.this)
        criteria = call.get("criteria")
        keys = list(criteria.portKey) if criteria else []
        return result_xml(call.method, inventory.ports(call.this._moId, keys))

    async def _do_StartService(self, call: Call, _: Session) -> str:  # noqa: N802
        return self._switch_service(call, running=True)

    async def _do_StopService(self, call: Call, _: Session) -> str:  # noqa: N802
        return self._switch_service(call, running=False)

    def _switch_service(self, call: Call, *, running: bool) -> str:
        needed = "Host.Config.NetService"
        host = self._host(call, "serviceSystem-")
        if needed not in self.state.privileges:
            reference = vim.HostSystem(host.moid)
            raise Fault(
                vim.fault.NoPermission(
                    msg="Permission to perform this operation was denied.",
                    object=reference,
                    privilegeId=needed,
                )
            )
        if call.get("id") != "TSM-SSH":
            raise Fault(vim.fault.NotFound(msg="The object or item referred to could not be found."))
        host.ssh_running = running
        return result_xml(call.method, None)

    async def _do_QueryEvents(self, call: Call, _: Session) -> str:  # noqa: N802
        return result_xml(call.method, self.state.log.query(call.get("filter")))


def _gone(reference: Any) -> Fault:
    return Fault(vmodl.fault.ManagedObjectNotFound(obj=reference, msg="already been deleted"))


def _take(held: dict[str, Any], call: Call) -> None:
    if held.pop(call.this._moId, None) is None:
        raise _gone(call.this)


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
