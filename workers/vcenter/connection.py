"""Settings turned into a logged-in connection to vCenter, with TLS verified and every wait limited.

``SmartConnect`` is not used: its version probe ignores its own timeout and waits for ever on a silent
server, and it turns certificate checks off for local addresses. The probe here is one HTTP request
with a deadline; its answer decides the API version that is spoken.

A ``Call`` knows the sockets its thread uses, so that an abandoned call can be cut from outside: the
thread then ends at once instead of waiting for a server that never answers.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

from pyVmomi import vim, vmodl
from pyVmomi.SoapAdapter import SoapResponseDeserializer, SoapStubAdapter, StubAdapterBase

from workers.errors import VcenterUnreachable
from workers.settings import VcenterSettings
from workers.vcenter import versions
from workers.vcenter.faults import EXPECTED

HTTP_OK = 200
HTTP_FAULT = 500
_VERSIONS_PATH = "/sdk/vimServiceVersions.xml"
_VERSIONS_MAX_BYTES = 1_000_000


@dataclass(eq=False)
class Call:
    """One piece of blocking work and the sockets it uses; ``cut`` ends it from any thread."""

    connections: list[http.client.HTTPConnection] = field(default_factory=list)
    was_cut: bool = False

    def add(self, connection: http.client.HTTPConnection) -> None:
        """Note a connection; one that comes too late is cut at once."""
        self.connections.append(connection)
        if self.was_cut:
            _shut(connection)

    def cut(self) -> None:
        """Shut every socket of the call, from any thread."""
        self.was_cut = True
        for connection in list(self.connections):
            _shut(connection)


def _shut(connection: http.client.HTTPConnection) -> None:
    # The plain socket's shutdown on purpose: SSLSocket.shutdown would pull the TLS object away
    # from under the thread that reads from it.
    if connection.sock is not None:
        with contextlib.suppress(OSError, ValueError):
            socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)


_current = threading.local()


@contextlib.contextmanager
def working(call: Call) -> Any:
    """Note the sockets that this thread uses in the call, until the block ends."""
    _current.call = call
    try:
        yield
    finally:
        _current.call = None


class CuttableStub(SoapStubAdapter):
    """pyVmomi's SOAP adapter that tells the running call which sockets it uses.

    Once ``closed``, it closes what calls still under way give back.
    """

    closed = False

    def GetConnection(self) -> Any:  # noqa: N802 - pyVmomi's name
        """A pooled or fresh connection, noted in the thread's call."""
        connection = super().GetConnection()  # type: ignore[no-untyped-call]
        call: Call | None = getattr(_current, "call", None)
        if call is not None:
            call.add(connection)
        return connection

    def ReturnConnection(self, conn: Any) -> None:  # noqa: N802 - pyVmomi's name
        """Back to the pool: whoever cuts this call must no longer cut that socket."""
        call: Call | None = getattr(_current, "call", None)
        if call is not None and conn in call.connections:
            call.connections.remove(conn)
        if self.closed:
            conn.close()
            return
        super().ReturnConnection(conn)  # type: ignore[no-untyped-call]

    def post(self, mo: Any, info: Any, args: Any) -> tuple[int, bytes]:
        """Status and body of a call, as they came."""
        request = self.SerializeRequest(mo, info, args)  # type: ignore[no-untyped-call]
        connection = self.GetConnection()
        headers = {
            "Cookie": self.cookie,
            "SOAPAction": self.versionId,
            "Content-Type": "text/xml; charset=UTF-8",
        }
        try:
            connection.request("POST", self.path, request, headers)
            response = connection.getresponse()
            body: bytes = response.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            self.DropConnections()  # type: ignore[no-untyped-call]
            raise
        self.ReturnConnection(connection)
        return response.status, body


class VcenterStub(StubAdapterBase):
    """Every call through the cuttable adapter; an error that is no vSphere fault is HTTP trouble.

    pyVmomi itself raises a bare ``Exception`` for a web page that comes with status 500.
    """

    def __init__(self, soap: Any) -> None:
        super().__init__(soap.version)  # type: ignore[no-untyped-call]
        self._soap = soap

    def InvokeMethod(self, mo: Any, info: Any, args: Any) -> Any:  # noqa: N802 - pyVmomi's name
        """The result of a method, or its fault raised."""
        with _readable():
            status, answer = self._soap.InvokeMethod(mo, info, args, self)
        return answer if status == HTTP_OK else _raise(status, answer)

    def post(self, mo: Any, info: Any, args: Any) -> bytes:
        """The answer of a method as it came, or its fault raised."""
        status, body = self._soap.post(mo, info, args)
        if status == HTTP_OK:
            return bytes(body)
        answer = None
        if status == HTTP_FAULT:
            reader: Any = SoapResponseDeserializer(self)
            with _readable():
                answer = reader.Deserialize(body, object)
        return bytes(_raise(status, answer))

    def DropConnections(self) -> None:  # noqa: N802 - pyVmomi's name
        """Close the pooled connections; calls open new ones."""
        self._soap.DropConnections()

    def close(self) -> None:
        """Close the pooled connections, and those in use once they are given back."""
        self._soap.closed = True
        self._soap.DropConnections()


@contextlib.contextmanager
def _readable() -> Iterator[None]:
    """What pyVmomi raises for types it does not know, or none at all, turned into HTTP trouble."""
    try:
        yield
    except OSError:  # a certificate's trouble is a ValueError too
        raise
    except (AssertionError, AttributeError, LookupError, TypeError, ValueError) as trouble:
        said = f"an answer that is none of the vSphere API's: {trouble!r}"
        raise http.client.HTTPException(said) from trouble


def _raise(status: int, answer: Any) -> NoReturn:
    if isinstance(answer, vmodl.MethodFault):
        raise answer
    raise http.client.HTTPException(f"HTTP {status} without a fault")


@dataclass(eq=False)
class Connection:
    """A logged-in session: the stub, the service content, the id of this vCenter."""

    stub: Any
    content: Any
    session_key: str
    view: Any = None  # all VMs; made by the first sweep, ends with the session

    @property
    def vcenter_id(self) -> str | None:
        """The instance UUID; managed object ids mean something only together with it."""
        told: str | None = self.content.about.instanceUuid
        return told

    def speaks(self, version: str) -> bool:
        """Whether both sides know what came with an API version."""
        return versions.includes(self.stub.version, version)

    def reference(self, kind: Any, moid: str) -> Any:
        """A managed object by its id."""
        return kind(moid, self.stub)


def tls_context(settings: VcenterSettings) -> ssl.SSLContext:
    """Verification against the CA file or the system's store, or none where it was turned off.

    Raises:
        VcenterUnreachable: the CA file holds no certificate.
    """
    try:
        context = ssl.create_default_context(
            cafile=str(settings.ca_file) if settings.ca_file else None
        )
    except (OSError, ssl.SSLError) as trouble:
        raise VcenterUnreachable(
            f"The CA file {settings.ca_file} cannot be read as PEM certificates.",
            next_step="Point VCENTER_CA_FILE to the CA certificate of vCenter in PEM form.",
        ) from trouble
    if settings.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def connect(settings: VcenterSettings, call: Call, timeout_seconds: float) -> Connection:
    """Ask which API version to speak, log in, read the service content.

    ``timeout_seconds`` limits every single wait for the network. Raises what ``faults.py`` explains.
    """
    context = tls_context(settings)

    def speak(version: str) -> VcenterStub:
        soap: Any = CuttableStub(  # type: ignore[no-untyped-call]
            host=settings.host,
            port=settings.port,
            version=version,
            sslContext=context,
            httpConnectionTimeout=timeout_seconds,
            poolSize=8,
        )
        return VcenterStub(soap)

    offered = _offered(settings, context, call, timeout_seconds)
    stub = speak(offered or versions.OLDEST)
    try:
        content = _content(stub)
        if offered is None:  # no list of versions; what the server says of itself names one
            stub.close()
            stub = speak(versions.nearest(content.about.apiVersion))
            content = _content(stub)
        session_key = _log_in(content, settings)
    except BaseException:
        stub.close()
        raise
    return Connection(stub, content, session_key)


def _log_in(content: Any, settings: VcenterSettings) -> str:
    session = content.sessionManager.Login(settings.user, settings.password, None)
    if session is None:
        raise http.client.HTTPException("a login without a session")
    return str(session.key)


def _content(stub: VcenterStub) -> Any:
    content: Any = vim.ServiceInstance("ServiceInstance", stub).RetrieveContent()
    if content is None:
        raise http.client.HTTPException("a service without content")
    return content


def disconnect(connection: Connection) -> None:
    """Log out and close every socket; trouble on the way out is of no interest."""
    try:
        with contextlib.suppress(*EXPECTED):
            connection.content.sessionManager.Logout()
    finally:
        connection.stub.close()


def _offered(
    settings: VcenterSettings, context: ssl.SSLContext, call: Call, timeout_seconds: float
) -> str | None:
    """The API version to speak by the server's ``vimServiceVersions.xml``; None = it has none."""
    probe = http.client.HTTPSConnection(
        settings.host, settings.port, timeout=timeout_seconds, context=context
    )
    try:
        probe.connect()
        call.add(probe)
        probe.request("GET", _VERSIONS_PATH)
        response = probe.getresponse()
        document = response.read(_VERSIONS_MAX_BYTES).decode("utf-8", "replace")
    finally:
        probe.close()
    if response.status >= HTTP_FAULT:
        raise http.client.HTTPException(f"HTTP {response.status}, no vSphere API")
    return versions.offered(document) if response.status == HTTP_OK else None
