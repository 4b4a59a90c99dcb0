"""Turns a Case into the bytes of ``case.json``, the same bytes for the same case."""

from __future__ import annotations

import json
from typing import Any

from workers.arp.case.reading import SCHEMA
from workers.arp.case.times import utc
from workers.arp.model import (
    Capture,
    Case,
    ClockGap,
    FarEnd,
    Host,
    HostEvent,
    LocalVm,
    Role,
    Uplink,
    Vlan,
    Vm,
    Vnic,
)


def write_case(case: Case) -> bytes:
    """The document, indented for people; times are floored to microseconds."""
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "id": case.id,
        "made_at": _time(case.made_at),
        "vm": _vm(case.vm),
        "host": _host(case.host),
        "stimulus": {
            "confirmed": case.stimulus.confirmed,
            "targets": list(case.stimulus.targets),
            "start": _time(case.stimulus.start),
            "end": _time(case.stimulus.end),
        },
        "events": [_event(event) for event in case.events],
        "points": [_capture(capture) for capture in case.captures],
    }
    if case.clock is not None:
        document["clock"] = _clock(case.clock)
    if case.far_end is not None:
        document["far_end"] = _far_end(case.far_end)
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    return text.encode("utf-8", "replace")


def _far_end(far: FarEnd) -> dict[str, Any]:
    return {
        "vm": _vm(far.vm),
        "host": _host(far.host),
        "events": [_event(event) for event in far.events],
        "points": [_capture(capture) for capture in far.captures],
        "clock": far.clock and _clock(far.clock),
        "failure": far.failure,
    }


def _time(at: int | None) -> str | None:
    return None if at is None else utc(at)


def _vm(vm: Vm) -> dict[str, Any]:
    return {
        "name": vm.name,
        "moid": vm.moid,
        "uuid": vm.uuid,
        "nics": [_nic(nic) for nic in vm.nics],
    }


def _nic(nic: Vnic) -> dict[str, Any]:
    return {
        "point": nic.point,
        "label": nic.label,
        "mac": nic.mac,
        "connected": nic.connected,
        "ipv4": list(nic.ipv4),
        "gateway": nic.gateway,
        "portgroup": nic.portgroup,
        "switch": nic.switch,
        "switch_kind": nic.switch_kind,
        "vlan": _vlan(nic.vlan),
        "overlay": nic.overlay,
        "pinned_uplink": nic.pinned_uplink,
        "backing": nic.backing,
        "port_key": nic.port_key,
    }


def _vlan(vlan: Vlan) -> dict[str, Any] | None:
    if vlan.mode == "unknown":
        return None if vlan.id is None else {"mode": None, "id": vlan.id}
    written: dict[str, Any] = {"mode": vlan.mode, "id": vlan.id}
    if vlan.primary is not None:
        written["primary"] = vlan.primary
    if vlan.ranges:
        written["ranges"] = [list(ids) for ids in vlan.ranges]
    return written


def _host(host: Host) -> dict[str, Any]:
    return {
        "name": host.name,
        "version": host.version,
        "build": host.build,
        "teaming": host.teaming,
        "uplinks": [_uplink(uplink) for uplink in host.uplinks],
        "local_vms": [_local_vm(vm) for vm in host.local_vms],
        "local_macs": list(host.local_macs),
    }


def _uplink(uplink: Uplink) -> dict[str, Any]:
    neighbour = uplink.neighbour
    return {
        "device": uplink.device,
        "switch": uplink.switch,
        "role": None if uplink.role is Role.UNKNOWN else uplink.role.value,
        "link_up": uplink.link_up,
        "lag": uplink.lag,
        "neighbour": neighbour
        and {
            "protocol": neighbour.protocol,
            "switch": neighbour.switch,
            "port": neighbour.port,
            "vlan": neighbour.vlan,
            "management_address": neighbour.management_address,
        },
    }


def _local_vm(vm: LocalVm) -> dict[str, Any]:
    return {"name": vm.name, "mac": vm.mac, "ipv4": list(vm.ipv4), "vlan": vm.vlan}


def _clock(gap: ClockGap) -> dict[str, int]:
    return {"ahead_us": gap.ahead // 1_000, "uncertainty_us": -(-gap.uncertainty // 1_000)}


def _event(event: HostEvent) -> dict[str, Any]:
    written = {"at": utc(event.at), "event": event.event}
    told = {"text": event.text, "host": event.host}
    return written | {name: value for name, value in told.items() if value}


def _capture(capture: Capture) -> dict[str, Any]:
    return {
        "point": capture.point.name,
        "object": capture.point.object,
        "kind": capture.point.kind.value,
        "direction": capture.point.direction.value,
        "file": capture.file,
        "ready_at": _time(capture.ready_at),
        "stopped_at": _time(capture.stopped_at),
        "dropped": capture.dropped,
        "failure": capture.failure,
        "command": capture.command,
    }
