"""Turns the bytes of an untrusted ``case.json`` into a Case."""

from __future__ import annotations

import json
from typing import Final

from workers.arp.case.shape import CaseError, Shape, is_ipv4, mac_or_none, shown
from workers.arp.model import (
    Capture,
    CapturePoint,
    Case,
    ClockGap,
    Direction,
    FarEnd,
    Host,
    HostEvent,
    LocalVm,
    Neighbour,
    PointKind,
    Role,
    Stimulus,
    Uplink,
    Vlan,
    Vm,
    Vnic,
)

SCHEMA: Final = "arpcheck-case/1"
_FAMILY: Final = "arpcheck-case/"
_MOST_BYTES: Final = 16_777_216
_VLAN_MODES: Final = ("none", "access", "trunk", "pvlan")
_HIGHEST_VLAN: Final = 4_095
_MICROSECOND: Final = 1_000
_LONGEST_GAP: Final = 10**15
"""In microseconds: thirty years, a clock that starts in 1970 after a dead battery included."""


def read_case(document: bytes) -> Case:
    """Read ``case.json``.

    Raises:
        CaseError: it is no case, or one of a later format; the text is one sentence.
    """
    shape = Shape(_parse(document), "")
    _check_schema(shape)
    return Case(
        id=shape.maybe_text("id") or "unnamed",
        made_at=shape.maybe_time("made_at"),
        vm=_vm(shape.inside("vm")),
        host=_host(shape.inside("host")),
        stimulus=_stimulus(shape.maybe_inside("stimulus")),
        events=shape.shapes("events", _event),
        captures=_captures(shape),
        far_end=_far_end(shape.maybe_inside("far_end")),
        clock=_clock(shape.maybe_inside("clock")),
    )


def _far_end(shape: Shape | None) -> FarEnd | None:
    if shape is None:
        return None
    return FarEnd(
        vm=_vm(shape.inside("vm")),
        host=_host(shape.inside("host")),
        events=shape.shapes("events", _event),
        captures=_captures(shape),
        clock=_clock(shape.maybe_inside("clock")),
        failure=shape.maybe_text("failure"),
    )


def _clock(shape: Shape | None) -> ClockGap | None:
    if shape is None:
        return None
    ahead = shape.maybe_whole("ahead_us", _LONGEST_GAP)
    uncertainty = shape.maybe_count("uncertainty_us", _LONGEST_GAP)
    if ahead is None or uncertainty is None:
        return None
    return ClockGap(ahead * _MICROSECOND, uncertainty * _MICROSECOND)


def _parse(document: bytes) -> object:
    if len(document) > _MOST_BYTES:
        raise CaseError(f"case.json is larger than {_MOST_BYTES >> 20} MiB")
    try:
        return json.loads(document.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise CaseError("case.json is not UTF-8 text") from None
    except json.JSONDecodeError as trouble:
        where = f"line {trouble.lineno}, column {trouble.colno}"
        raise CaseError(f"case.json is not JSON: {trouble.msg} at {where}") from None
    except ValueError:
        raise CaseError("case.json holds a number that is too long") from None
    except RecursionError:
        raise CaseError("case.json is nested too deeply") from None


def _check_schema(shape: Shape) -> None:
    schema = shape.get("schema")
    if schema == SCHEMA:
        return
    if isinstance(schema, str) and schema.startswith(_FAMILY):
        newer = "use a newer arpcheck" if _is_later(schema) else "no arpcheck ever wrote that"
        raise CaseError(
            f"case.json is written as {shown(schema)}; this program reads {SCHEMA}: {newer}"
        )
    raise shape.wrong("schema", f"'{SCHEMA}'")


def _is_later(schema: str) -> bool:
    """Whether the version may come after ours; ours is the first."""
    return schema.removeprefix(_FAMILY) not in {"", "0"}


def _vm(shape: Shape) -> Vm:
    return Vm(
        name=shape.maybe_text("name") or "unnamed VM",
        moid=shape.maybe_text("moid"),
        nics=shape.shapes("nics", _nic),
        uuid=shape.maybe_text("uuid"),
    )


def _nic(shape: Shape) -> Vnic:
    point = shape.text("point")
    return Vnic(
        point=point,
        label=shape.maybe_text("label") or point,
        mac=shape.mac("mac"),
        connected=shape.maybe_flag("connected") is not False,
        ipv4=shape.texts("ipv4", _with_prefix, "an IPv4 address such as 10.20.110.21/24"),
        gateway=shape.maybe_ipv4("gateway"),
        portgroup=shape.maybe_text("portgroup"),
        switch=shape.maybe_text("switch"),
        switch_kind=shape.maybe_text("switch_kind"),
        vlan=_vlan(shape.maybe_inside("vlan")),
        overlay=shape.maybe_flag("overlay") is True,
        pinned_uplink=shape.maybe_text("pinned_uplink"),
        backing=shape.maybe_text("backing") or "port",
        port_key=shape.maybe_text("port_key"),
    )


def _vlan(shape: Shape | None) -> Vlan:
    """The port group's VLAN; null is unknown, which is not the same as none."""
    if shape is None or shape.get("mode") is None:
        return Vlan(mode="unknown", id=shape.maybe_vlan("id") if shape else None)
    mode = shape.text("mode")
    if mode not in _VLAN_MODES:
        raise shape.wrong("mode", "one of " + ", ".join(_VLAN_MODES))
    ranges = tuple(_range(shape, n, item) for n, item in enumerate(shape.items("ranges")))
    return Vlan(mode, shape.maybe_vlan("id"), shape.maybe_vlan("primary"), ranges)


def _range(shape: Shape, number: int, item: object) -> tuple[int, int]:
    match item:
        case [int(low), int(high)] if 0 <= low <= high <= _HIGHEST_VLAN:
            return (low, high)
        case _:
            where = f"{shape.place('ranges')}[{number}]"
            raise CaseError(
                f"case.json: {where} should be two VLAN ids such as [100, 120], not {shown(item)}"
            )


def _host(shape: Shape) -> Host:
    return Host(
        name=shape.maybe_text("name") or "unnamed host",
        version=shape.maybe_text("version"),
        build=shape.maybe_text("build"),
        teaming=shape.maybe_text("teaming"),
        uplinks=shape.shapes("uplinks", _uplink),
        local_vms=shape.shapes("local_vms", _local_vm),
        local_macs=shape.texts("local_macs", mac_or_none, "a MAC such as b0:7b:25:0e:70:00"),
    )


def _uplink(shape: Shape) -> Uplink:
    return Uplink(
        device=shape.text("device"),
        switch=shape.maybe_text("switch") or "",
        role=shape.choice("role", Role, otherwise=Role.UNKNOWN),
        link_up=shape.maybe_flag("link_up"),
        lag=shape.maybe_text("lag"),
        neighbour=_neighbour(shape.maybe_inside("neighbour")),
    )


def _neighbour(shape: Shape | None) -> Neighbour | None:
    if shape is None:
        return None
    return Neighbour(
        protocol=shape.maybe_text("protocol") or "",
        switch=shape.maybe_text("switch") or "",
        port=shape.maybe_text("port") or "",
        vlan=shape.maybe_vlan("vlan"),
        management_address=shape.maybe_text("management_address"),
    )


def _local_vm(shape: Shape) -> LocalVm:
    return LocalVm(
        name=shape.maybe_text("name") or "unnamed VM",
        mac=shape.mac("mac"),
        ipv4=shape.texts("ipv4", _with_prefix, "an IPv4 address such as 10.20.110.22"),
        vlan=shape.maybe_vlan("vlan"),
    )


def _stimulus(shape: Shape | None) -> Stimulus:
    if shape is None:
        return Stimulus()
    return Stimulus(
        confirmed=shape.maybe_flag("confirmed") is True,
        targets=shape.texts("targets", _plain, "an IPv4 address such as 10.20.110.1"),
        start=shape.maybe_time("start"),
        end=shape.maybe_time("end"),
    )


def _event(shape: Shape) -> HostEvent:
    text, host = (shape.maybe_text(name) or "" for name in ("text", "host"))
    return HostEvent(shape.time("at"), shape.text("event"), text, host)


def _captures(shape: Shape) -> tuple[Capture, ...]:
    captures = shape.shapes("points", _capture)
    names: set[str] = set()
    for number, capture in enumerate(captures):
        if capture.point.name in names:
            name = shown(capture.point.name)
            where = shape.place(f"points[{number}].point")
            raise CaseError(f"case.json: {where} is {name} a second time")
        names.add(capture.point.name)
    return captures


def _capture(shape: Shape) -> Capture:
    return Capture(
        point=_point(shape),
        file=shape.maybe_text("file"),
        ready_at=shape.maybe_time("ready_at"),
        stopped_at=shape.maybe_time("stopped_at"),
        dropped=shape.maybe_count("dropped"),
        failure=shape.maybe_text("failure"),
        command=shape.maybe_text("command"),
    )


def _point(shape: Shape) -> CapturePoint:
    """The capture point; what is not stated is read from its name."""
    name = shape.text("point")
    try:
        named = CapturePoint.named(name)
    except ValueError:
        stated = (shape.choice("kind", PointKind), shape.choice("direction", Direction))
        return CapturePoint(name, shape.text("object"), *stated)
    has_kind, has_direction = shape.get("kind") is not None, shape.get("direction") is not None
    return CapturePoint(
        name=name,
        object=shape.maybe_text("object") or named.object,
        kind=shape.choice("kind", PointKind) if has_kind else named.kind,
        direction=shape.choice("direction", Direction) if has_direction else named.direction,
    )


def _with_prefix(text: str) -> str | None:
    return text if is_ipv4(text, prefix=True) else None


def _plain(text: str) -> str | None:
    return text if is_ipv4(text) else None
