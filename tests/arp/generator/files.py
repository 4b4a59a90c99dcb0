"""A world turned into a case folder: case.json, one classic pcap a point, expected.json."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

from tests.arp.generator.world import Frame, Station, World

_DAY = 1_767_225_600  # 2026-01-01T00:00:00Z


def stamp(seconds: float) -> str:
    whole, micro = divmod(round(seconds * 1_000_000), 1_000_000)
    return f"2026-01-01T00:{whole // 60:02d}:{whole % 60:02d}.{micro:06d}Z"


def pcap(frames: list[tuple[float, tuple[int, ...], Frame]]) -> bytes:
    """Classic pcap, microseconds, little endian."""
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)]
    for at, tags, frame in sorted(frames, key=lambda each: each[0]):
        data = wire(tags, frame)
        micro = round(at * 1_000_000)
        seconds, rest = divmod(micro, 1_000_000)
        out.append(struct.pack("<IIII", _DAY + seconds, rest, len(data), len(data)) + data)
    return b"".join(out)


def wire(tags: tuple[int, ...], frame: Frame) -> bytes:
    """Ethernet and ARP (or RARP) bytes."""
    ether = _mac(frame.dst) + _mac(frame.src)
    for index, tag in enumerate(tags):
        outer = len(tags) > 1 and index == 0
        ether += (b"\x88\xa8" if outer else b"\x81\x00") + struct.pack(">H", tag)
    ether += b"\x80\x35" if frame.op > 2 else b"\x08\x06"
    head = struct.pack(">HHBBH", 1, 0x0800, 6, 4, frame.op)
    return ether + head + _mac(frame.sha) + _ip(frame.spa) + _mac(frame.tha) + _ip(frame.tpa)


def _mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def _ip(text: str) -> bytes:
    return bytes(int(part) for part in text.split("."))


def case_json(name: str, world: World, facts: dict[str, Any]) -> dict[str, Any]:
    """What vCenter and the host would have said; ``facts`` overrides single answers."""
    points = facts.get("points", _point_names(world))
    vm = world.vm
    nic = {
        "point": "vnic0",
        "label": "Network adapter 1",
        "mac": vm.mac,
        "connected": True,
        "ipv4": ["10.20.110.21/24"],
        "gateway": "10.20.110.1",
        "portgroup": "app-110",
        "switch": "dvs-prod",
        "switch_kind": "vds",
        "vlan": {"mode": "access", "id": 110},
        "overlay": False,
        "pinned_uplink": vm.uplink,
    } | facts.get("nic", {})
    return {
        "schema": "arpcheck-case/1",
        "id": name[:12],
        "made_at": stamp(40),
        "vm": {"name": vm.name, "moid": "vm-101", "nics": [nic, *facts.get("more_nics", [])]},
        "host": {
            "name": "esx07.example.com",
            "version": "8.0.3",
            "build": "24674464",
            "teaming": facts.get("teaming", "portid"),
            "uplinks": [_uplink(each, index, facts) for index, each in enumerate(world.uplinks)],
            "local_vms": [
                _local(world, each) for each in world.stations if each.uplink and each is not vm
            ],
            "local_macs": ["b0:7b:25:0e:70:00", "b0:7b:25:0e:70:01"],
        },
        "stimulus": facts.get(
            "stimulus",
            {
                "confirmed": True,
                "targets": facts.get("targets", ["10.20.110.1"]),
                "start": stamp(1),
                "end": stamp(28),
            },
        ),
        "events": facts.get("events", []),
        "points": [_point(each, facts.get("windows", {}).get(each, {})) for each in points],
    }


def _point_names(world: World) -> list[str]:
    return [f"{each}-{way}" for each in ("vnic0", *world.uplinks) for way in ("tx", "rx")]


def _uplink(device: str, index: int, facts: dict[str, Any]) -> dict[str, Any]:
    port: dict[str, Any] = {
        "protocol": "lldp",
        "switch": f"sw-{'ba'[index % 2]}",
        "port": "Ethernet1/10",
    }
    told: dict[str, Any] = {
        "device": device,
        "switch": "dvs-prod",
        "role": "active",
        "link_up": True,
        "lag": facts.get("lag"),
        "neighbour": port | {"vlan": None},
    }
    told.update(facts.get("uplinks", {}).get(device, {}))
    return told


def _local(world: World, vm: Station) -> dict[str, Any]:
    return {
        "name": vm.name,
        "mac": vm.mac,
        "ipv4": [vm.ip],
        "vlan": world.wire_vlan.get(vm.vlan, vm.vlan),
    }


def _point(name: str, facts: dict[str, Any]) -> dict[str, Any]:
    thing, _, way = name.partition("-")
    return {
        "point": name,
        "object": thing,
        "kind": "vnic" if thing.startswith("vnic") else "uplink",
        "direction": way or "both",
        "file": f"pcap/{name}.pcap",
        "ready_at": stamp(0),
        "stopped_at": stamp(30),
        "dropped": 0,
        "failure": None,
        "command": f"pktcap-uw {name}",
    } | facts


def write(folder: Path, name: str, world: World, facts: dict[str, Any], wanted: list[Any]) -> None:
    """Write one case; the same world gives the same bytes."""
    case = case_json(name, world, facts)
    code, owner, subject, confidence = wanted
    (folder / "pcap").mkdir(parents=True, exist_ok=True)
    for point in case["points"]:
        if point["file"] is not None:
            frames = _captured(world, point["point"], point)
            off = facts.get("skew", {}).get(point["point"], 0.0)
            data = pcap([(at + off, *rest) for at, *rest in frames])
            whole = facts.get("broken", {}).get(point["point"])
            (folder / point["file"]).write_bytes(data if whole is None else _broken(data, whole))
    (folder / "case.json").write_text(json.dumps(case, indent=1) + "\n")
    blame = {"guest", "virtualization", "network", "target"} - {owner}
    expected = {
        "schema": "arpcheck-expected/1",
        "id": name,
        "name": facts["why"],
        "verdict": code,
        "owner": owner,
        "sub": subject,
        "confidence": confidence,
        "must_not_blame": sorted(blame),
        "side_findings": facts.get("side_findings", []),
    }
    (folder / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


def _broken(data: bytes, share: float) -> bytes:
    """So much of the file, then bytes that are no capture."""
    return data[: round(len(data) * share)] + bytes(range(255, 0, -1)) * 3


def _captured(
    world: World, name: str, point: dict[str, Any]
) -> list[tuple[float, tuple[int, ...], Frame]]:
    """What the point's file holds: only what passed while it listened."""
    names = [name] if "-" in name else [f"{name}-tx", f"{name}-rx"]
    frames = [each for one in names for each in world.frames.get(one, [])]
    start = _seconds(point["ready_at"]) if point["ready_at"] else 99.0
    end = _seconds(point["stopped_at"]) if point["stopped_at"] else 0.0
    return [each for each in frames if start <= each[0] <= end]


def _seconds(text: str) -> float:
    return int(text[14:16]) * 60 + float(text[17:26])
