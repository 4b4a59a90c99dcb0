"""A call of the vSphere API turned into its result: sessions, views, collectors, services, events."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from pyVmomi import vim, vmodl

from tests.lab.vcenter_host import network_hints
from tests.lab.vcenter_property_methods import PropertyMethods
from tests.lab.vcenter_soap import Call, Fault, result_xml
from tests.lab.vcenter_state import Session, gone, service_content, user_session
from tests.lab.world import EsxiHost


class Methods(PropertyMethods):
    """Every method the lab answers, by WSDL name; ``session`` is None before the login."""

    WITHOUT_SESSION: ClassVar[set[str]] = {"RetrieveServiceContent", "Login", "CurrentTime"}

    async def answer(self, call: Call, session: Session | None) -> tuple[str, Session | None]:
        """The answer's envelope and the session from now on.

        Raises:
            Fault: what the API says instead.
        """
        if call.method == "Login":
            session = self._login(call)
            return result_xml("Login", user_session(session, self.state.log.now())), session
        if session is None and call.method not in self.WITHOUT_SESSION:
            raise Fault(
                vim.fault.NotAuthenticated(
                    msg="The session is not authenticated.",
                    object=call.this,
                    privilegeId="System.View",
                )
            )
        handler: Callable[..., Awaitable[str]] | None = getattr(self, f"_do_{call.method}", None)
        if call.method in self.state.unoffered:
            raise Fault(vmodl.fault.MethodNotFound(receiver=call.this, method=call.method))
        if handler is None:
            raise Fault(vmodl.fault.NotSupported(msg=f"The lab has no {call.method}"))
        text = await handler(call, session)
        return text if self.state.cut is None else self.state.cut(text), session

    # --- sessions ---------------------------------------------------------------------------

    async def _do_RetrieveServiceContent(self, call: Call, _: Session | None) -> str:  # noqa: N802
        return result_xml(call.method, service_content(self.state.world.vcenter_uuid))

    async def _do_CurrentTime(self, call: Call, _: Session | None) -> str:  # noqa: N802
        return result_xml(call.method, self.state.log.now())

    def _login(self, call: Call) -> Session:
        good = (self.state.user, self.state.password)
        if (call.get("userName"), call.get("password")) != good:
            message = "Cannot complete login due to an incorrect user name or password."
            raise Fault(vim.fault.InvalidLogin(msg=message))
        session = Session(secrets.token_hex(20), self.state.user)
        self.state.sessions[session.key] = session
        return session

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

    # --- searching --------------------------------------------------------------------------

    async def _do_FindAllByIp(self, call: Call, _: Session) -> str:  # noqa: N802
        return result_xml(call.method, self.state.bent(call.this, call.method, self._by_ip(call)))

    async def _do_FindByIp(self, call: Call, _: Session) -> str:  # noqa: N802
        return result_xml(call.method, next(iter(self._by_ip(call)), None))

    def _by_ip(self, call: Call) -> list[Any]:
        wanted = call.get("ip")
        return [
            vim.VirtualMachine(vm.moid)
            for vm in self.state.inventory().vms.values()
            if vm.tools_running
            and vm.power == "poweredOn"
            and any(a.split("/")[0] == wanted for nic in vm.nics if nic.connected for a in nic.ipv4)
        ]

    async def _do_FindAllByUuid(self, call: Call, _: Session) -> str:  # noqa: N802
        return result_xml(call.method, self._by_uuid(call))

    async def _do_FindByUuid(self, call: Call, _: Session) -> str:  # noqa: N802
        return result_xml(call.method, next(iter(self._by_uuid(call)), None))

    def _by_uuid(self, call: Call) -> list[Any]:
        field_name = "instance_uuid" if call.get("instanceUuid") else "uuid"
        return [
            vim.VirtualMachine(vm.moid)
            for vm in self.state.inventory().vms.values()
            if getattr(vm, field_name) == call.get("uuid").lower()
        ]

    # --- hosts, switches, events --------------------------------------------------------------

    def _host(self, call: Call, prefix: str) -> EsxiHost:
        host = self.state.inventory().hosts.get(f"host-{call.this._moId.removeprefix(prefix)}")
        if host is None:
            raise gone(call.this)
        return host

    async def _do_QueryNetworkHint(self, call: Call, _: Session) -> str:  # noqa: N802
        host = self._host(call, "networkSystem-")
        if "no_hints" in host.behaviours:
            raise Fault(vim.fault.HostConfigFault(msg="Unable to get network hints"))
        hints = network_hints(host, call.get("device") or [])
        return result_xml(call.method, self.state.bent(call.this, call.method, hints))

    async def _do_FetchDVPorts(self, call: Call, _: Session) -> str:  # noqa: N802
        inventory = self.state.inventory()
        if call.this._moId not in inventory.switches:
            raise gone(call.this)
        criteria = call.get("criteria")
        keys = list(criteria.portKey) if criteria else []
        ports = inventory.ports(call.this._moId, keys)
        return result_xml(call.method, self.state.bent(call.this, call.method, ports))

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
            raise Fault(
                vim.fault.NotFound(msg="The object or item referred to could not be found.")
            )
        host.ssh_running = running
        return result_xml(call.method, None)

    async def _do_QueryEvents(self, call: Call, _: Session) -> str:  # noqa: N802
        events = self.state.log.query(call.get("filter"))
        return result_xml(call.method, self.state.bent(call.this, call.method, events))
