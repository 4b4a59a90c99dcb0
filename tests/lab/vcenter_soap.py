"""Bytes of a SOAP request turned into a call of the vSphere API, and a result or fault into an answer.

The types' metadata and the serializer are pyVmomi's; which elements stand where in an envelope follows
the vim25 WSDL.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from xml.parsers.expat import ExpatError, ParserCreate
from xml.sax.saxutils import escape

from pyVmomi import SoapAdapter, vmodl
from pyVmomi import VmomiSupport as Support

VIM = "urn:vim25"
VERSION: str = "vim.version.v8_0_2_0"
_ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
    ' xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>{}'
    "</soapenv:Body></soapenv:Envelope>"
)
_DEPTH_OF_METHOD = 2


class Fault(Exception):
    """A call ends with this vSphere fault."""

    def __init__(self, fault: Any) -> None:
        super().__init__(type(fault).__name__)
        self.fault = fault


@dataclass
class Call:
    """A method by its WSDL name, the object it is called on, its arguments by name."""

    method: str
    this: Any
    arguments: dict[str, Any] = field(default_factory=dict)

    def get(self, name: str) -> Any:
        return self.arguments.get(name)


class _Reader:
    """Walks an envelope and hands every parameter element to pyVmomi's deserializer."""

    def __init__(self) -> None:
        self.call: Call | None = None
        self._path: list[str] = []
        self._names: dict[str | None, list[str]] = {}
        self._parameters: dict[str, Any] = {}
        self._pending: list[tuple[str, Any, bool]] = []
        self._parser: Any = ParserCreate(namespace_separator=SoapAdapter.NS_SEP)
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = lambda _data: None
        self._parser.StartNamespaceDeclHandler = self._declare
        self._parser.EndNamespaceDeclHandler = lambda prefix: self._names[prefix].pop()

    def read(self, document: bytes) -> Call:
        self._parser.Parse(document, True)  # noqa: FBT003 - expat's signature
        if self.call is None:
            raise ValueError("no method in the body")
        for name, deserializer, is_list in self._pending:
            value = deserializer.GetResult()
            if name == "_this":
                self.call.this = value
            elif is_list:
                self.call.arguments.setdefault(name, []).append(value)
            else:
                self.call.arguments[name] = value
        return self.call

    def _declare(self, prefix: str | None, uri: str) -> None:
        self._names.setdefault(prefix, []).append(uri)

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rsplit(SoapAdapter.NS_SEP, 1)[-1]
        in_body = len(self._path) >= _DEPTH_OF_METHOD and self._path[1] == "Body"
        if in_body and len(self._path) == _DEPTH_OF_METHOD:
            self.call = Call(name, None)
            self._parameters = _parameters(name)
        elif in_body:
            self._parameter(name, tag, attributes)
            return
        self._path.append(name)

    def _parameter(self, name: str, tag: str, attributes: dict[str, str]) -> None:
        if name not in self._parameters:
            raise ValueError(f"unexpected element {name}")
        kind = self._parameters[name]
        is_list = issubclass(kind, list)
        deserializer = SoapAdapter.SoapDeserializer()
        deserializer.Deserialize(self._parser, kind.Item if is_list else kind, nsMap=self._names)
        deserializer.StartElementHandler(tag, attributes)
        self._pending.append((name, deserializer, is_list))

    def _end(self, _tag: str) -> None:
        self._path.pop()


def _parameters(method: str) -> dict[str, Any]:
    this = {"_this": Support.GetVmodlType("vmodl.ManagedObject")}
    if method == "Fetch":  # how a single property is read; not among the WSDL's operations
        return this | {"prop": str}
    try:
        info = Support.GetWsdlMethod(VIM, method).info
    except KeyError:
        raise ValueError(f"no such method: {method}") from None
    return this | {parameter.name: parameter.type for parameter in info.params}


def read_call(document: bytes) -> Call:
    """The call in an envelope.

    Raises:
        Fault: the envelope is broken or names what the API does not have.
    """
    try:
        return _Reader().read(document)
    except (ValueError, TypeError, KeyError, AttributeError, ExpatError) as trouble:
        raise Fault(vmodl.fault.InvalidRequest(msg=f"Unable to parse: {trouble}")) from trouble


def result_xml(method: str, result: Any, kind: Any = None) -> str:
    """The envelope of a result; ``kind`` is the result's type for a property read."""
    if kind is None:
        info = Support.GetWsdlMethod(VIM, method).info
        kind, flags = info.result, info.resultFlags
    else:
        flags = Support.F_OPTIONAL
    if type(result) is list:
        result = kind(result)
    nothing = (
        result is None or kind is Support.NoneType or (isinstance(result, list) and not result)
    )
    body = "" if nothing else _element("returnval", result, kind, flags)
    return wrap(method, body)


def wrap(method: str, body: str) -> str:
    """The envelope around a result that is serialized already."""
    return _ENVELOPE.format(f'<{method}Response xmlns="{VIM}">{body}</{method}Response>')


class ReadyXml(str):
    """A value that is serialized already, as an element named ``val``."""

    __slots__ = ()


def value_xml(name: str, value: Any) -> str:
    """A value of any type as the element of that name, with its type written on it."""
    if isinstance(value, ReadyXml):
        return value
    if type(value) is str:
        return f'<{name} xsi:type="xsd:string">{escape(value)}</{name}>'
    return _element(name, complete(value), object, 0)


def _element(name: str, value: Any, kind: Any, flags: int) -> str:
    names = SoapAdapter.SOAP_NSMAP.copy()
    names[VIM] = ""
    info = Support.Object(name=name, type=kind, version=VERSION, flags=flags)
    return str(SoapAdapter.SerializeToStr(complete(value), info, VERSION, names))


def fault_xml(fault: Any) -> str:
    """The envelope of a fault; it is sent with HTTP status 500."""
    name = Support.GetWsdlName(type(fault))
    names = SoapAdapter.SOAP_NSMAP.copy()
    names[VIM] = ""
    info = Support.Object(name=f"{name}Fault", type=object, version=VERSION, flags=0)
    message = fault.msg or name
    bare = complete(fault)
    bare.msg = None
    detail = SoapAdapter.SerializeFaultDetail(bare, info, VERSION, names)
    return _ENVELOPE.format(
        "<soapenv:Fault><faultcode>ServerFaultCode</faultcode>"
        f"<faultstring>{escape(message)}</faultstring><detail>{detail}</detail></soapenv:Fault>"
    )


def complete(value: Any) -> Any:
    """Give every required field of a data object a plain value, as a server always sends one."""
    if isinstance(value, list):
        for item in value:
            complete(item)
    elif isinstance(value, Support.DataObject):
        for info in value._GetPropertyList():
            inner = getattr(value, info.name)
            if inner is None and not info.flags & Support.F_OPTIONAL:
                inner = _plain(info.type)
                setattr(value, info.name, inner)
            complete(inner)
    return value


def _plain(kind: Any) -> Any:
    if issubclass(kind, Support.Enum):
        return kind.values[0]
    if issubclass(kind, Support.ManagedObject):
        return kind("not-modelled")
    if kind is datetime:
        return datetime.fromtimestamp(0, tz=UTC)
    return kind()
