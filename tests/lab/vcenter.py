"""The lab's world turned into a vCenter Server on a TLS socket: SOAP in, SOAP out, faults by name.

Faults (``twin.faults``, a name with its argument):

=================  ================================================================================
down               every connection is cut without an answer
silent             calls are read and never answered
slow               every call takes that many milliseconds longer
wrong_login        every login is refused
session_expires    all sessions die before the next call (once)
fail_once          the next call fails with SystemError (once)
cut_once           the next call's connection is cut (once)
http_status        that HTTP status with a web page instead of SOAP
only               the fault above holds only for methods of this set of WSDL names
=================  ================================================================================

``hidden`` are moids the account may not see, ``privileges`` what it holds, ``page`` how many objects
a page of RetrievePropertiesEx holds (None = all). ``calls`` counts requests, ``methods`` names them.
"""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web
from pyVmomi import vim, vmodl

from tests.lab.vcenter_events import EventLog, host_argument
from tests.lab.vcenter_methods import Methods
from tests.lab.vcenter_soap import VERSION, Fault, fault_xml, read_call
from tests.lab.vcenter_state import Session, State
from tests.lab.vcenter_tls import LabCertificate, make_certificate
from tests.lab.world import VirtualMachine, World

COOKIE = "vmware_soap_session"
MAX_REQUEST = 16 * 1024 * 1024
VERSIONS = """<?xml version="1.0" encoding="UTF-8" ?>
<namespaces version="1.0"><namespace><name>urn:vim25</name><version>8.0.2.0</version>
<priorVersions><version>8.0.1.0</version><version>8.0.0.0</version><version>7.0.3.0</version>
<version>6.7</version><version>6.5</version><version>6.0</version><version>5.5</version>
</priorVersions></namespace><namespace><name>urn:vim2</name><version>2.0</version></namespace>
</namespaces>
"""
assert VERSION == "vim.version.v8_0_2_0"


class VcenterTwin:
    """A vCenter Server for the lab; answers from the world as it is at each call."""

    def __init__(
        self, world: World, *, host: str = "127.0.0.1", certificate: LabCertificate | None = None
    ) -> None:
        self.world = world
        self.host = host
        self.port = 0
        self.user = "arpcheck@vsphere.local"
        self.password = "lab-vcenter-password"
        self.certificate = certificate or make_certificate("localhost", "127.0.0.1", "127.0.0.2")
        self.ca_pem = self.certificate.ca_pem
        self.log = EventLog(world)
        self.state = State(world, self.log, self.user, self.password)
        self.faults: dict[str, Any] = {}
        self.calls = 0
        self.methods: list[str] = []
        self.versions = VERSIONS
        self._methods = Methods(self.state)
        self._runner: web.AppRunner | None = None
        self._stopping = asyncio.Event()

    # --- what tests and the lab look at -----------------------------------------------------

    @property
    def sessions(self) -> int:
        """Open sessions."""
        return len(self.state.sessions)

    @property
    def objects(self) -> dict[str, int]:
        """Open views, collectors and filters of all sessions: what a client must not leak."""
        sessions = self.state.sessions.values()
        return {
            "views": sum(len(s.views) for s in sessions),
            "collectors": sum(len(s.collectors) for s in sessions),
            "filters": sum(len(f) for s in sessions for f in s.collectors.values()),
        }

    @property
    def hidden(self) -> set[str]:
        return self.state.hidden

    @property
    def privileges(self) -> set[str]:
        return self.state.privileges

    @property
    def events(self) -> list[Any]:
        return self.log.events

    def paged(self, objects: int | None) -> None:
        """Answer RetrievePropertiesEx in pages of that many objects."""
        self.state.page = objects

    def clock_offset(self, seconds: float) -> None:
        """Set the server's clock that much ahead."""
        self.log.seconds_ahead = seconds

    # --- what happens -----------------------------------------------------------------------

    def move(self, vm: VirtualMachine, host_name: str) -> None:
        """vMotion: the VM runs on the other host from now on, and the events say so."""
        source, target = self.world.host(vm.host), self.world.host(host_name)
        self.log.vm_event(
            vim.event.VmBeingHotMigratedEvent,
            vm,
            f"Migrating {vm.name} from {source.name} to {target.name}",
            destHost=host_argument(target),
        )
        vm.host = target.name
        self.log.vm_event(
            vim.event.VmMigratedEvent,
            vm,
            f"Migrated {vm.name} from {source.name} to {target.name}",
            sourceHost=host_argument(source),
        )

    def power_off(self, vm: VirtualMachine) -> None:
        vm.power = "poweredOff"
        self.log.vm_event(vim.event.VmPoweredOffEvent, vm, f"{vm.name} is powered off")

    def reconnect(self, vm: VirtualMachine, index: int = 0, *, mac: str | None = None) -> None:
        """Take an adapter off and on, with another MAC where one is given."""
        vm.nics[index].mac = mac or vm.nics[index].mac
        card = vim.vm.device.VirtualVmxnet3(
            key=4000 + index,
            macAddress=vm.nics[index].mac,
            connectable=vim.vm.device.VirtualDevice.ConnectInfo(
                connected=True, startConnected=True, allowGuestControl=True
            ),
        )
        change = vim.vm.device.VirtualDeviceSpec(operation="edit", device=card)
        self.log.vm_event(
            vim.event.VmReconfiguredEvent,
            vm,
            f"Reconfigured {vm.name}",
            configSpec=vim.vm.ConfigSpec(deviceChange=[change]),
        )

    def link(self, host_name: str, device: str, *, up: bool) -> None:
        """Take an uplink's link down or up."""
        host = self.world.host(host_name)
        next(pnic for pnic in host.pnics if pnic.device == device).link_up = up
        kind = "esx.clear.net.vmnic.linkstate.up" if up else "esx.problem.net.vmnic.linkstate.down"
        text = f"Physical NIC {device} linkstate is {'up' if up else 'down'}."
        self.log.host_problem(host, kind, text, vmnic=device)

    # --- serving ----------------------------------------------------------------------------

    async def start(self) -> None:
        """Listen; a port chosen once is kept over a restart."""
        app = web.Application(client_max_size=MAX_REQUEST)
        app.router.add_post("/sdk", self._sdk)
        app.router.add_post("/sdk/", self._sdk)
        app.router.add_get("/sdk/vimServiceVersions.xml", self._versions)
        self._stopping.clear()
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(
            self._runner,
            self.host,
            self.port,
            ssl_context=self.certificate.server_context(),
            reuse_address=True,
        )
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        self._stopping.set()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _versions(self, request: web.Request) -> web.StreamResponse:
        self._count("vimServiceVersions.xml")
        spoiled = await self._spoil(request, "vimServiceVersions.xml")
        return spoiled or web.Response(text=self.versions, content_type="text/xml")

    def _count(self, method: str) -> None:
        self.calls += 1
        self.methods.append(method)

    async def _sdk(self, request: web.Request) -> web.StreamResponse:
        document = await request.read()
        cookie = request.cookies.get(COOKIE, "").strip('"')
        try:
            call = read_call(document)
            self._count(call.method)
            spoiled = await self._spoil(request, call.method)
            if spoiled is not None:
                return spoiled
            self._fail(call.method)
            before = self.state.sessions.get(cookie)
            text, session = await self._methods.answer(call, before)
        except Fault as fault:
            return web.Response(status=500, text=fault_xml(fault.fault), content_type="text/xml")
        response = web.Response(text=text, content_type="text/xml")
        if session is not before and session is not None:
            response.headers["Set-Cookie"] = _cookie(session)
        return response

    def _holds(self, fault: str, method: str) -> bool:
        return fault in self.faults and method in self.faults.get("only", {method})

    def _fail(self, method: str) -> None:
        """Faults of the API itself."""
        if self._holds("session_expires", method):
            del self.faults["session_expires"]
            self.state.sessions.clear()
        if method == "Login" and "wrong_login" in self.faults:
            raise Fault(vim.fault.InvalidLogin(msg="Cannot complete login."))
        if self._holds("fail_once", method):
            del self.faults["fail_once"]
            raise Fault(
                vmodl.fault.SystemError(msg="A general system error occurred", reason="lab")
            )

    async def _spoil(self, request: web.Request, method: str) -> web.StreamResponse | None:
        """Faults below the API: silence, slowness, cut connections, web pages."""
        if self._holds("slow", method):
            await asyncio.sleep(self.faults["slow"] / 1000)
        if self._holds("silent", method):
            await self._stopping.wait()
            return web.Response(status=503)
        if self._holds("cut_once", method) or self._holds("down", method):
            self.faults.pop("cut_once", None)
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=503)
        if self._holds("http_status", method):
            page = self.faults.get("page", "<html>no healthy upstream</html>")
            return web.Response(status=self.faults["http_status"], text=page)
        return None


def _cookie(session: Session) -> str:
    return f'{COOKIE}="{session.key}"; Path=/; HttpOnly; Secure'
