"""Turns all captured ARP frames into ``vm.pcapng``: one file in the order of time for Wireshark.

An interface stands for each capture point and carries its name; a comment on each of the VM's
frames says what it was; the direction flags say which way it passed.
Source: IETF draft-ietf-opsawg-pcapng.
"""

from __future__ import annotations

import struct
from typing import Final

from workers.arp.bundle.evidence import Evidence, Sighting
from workers.arp.model import CapturePoint, Direction, PointKind

_SECTION: Final = 0x0A0D0D0A
_INTERFACE: Final = 1
_PACKET: Final = 6
_BYTE_ORDER: Final = 0x1A2B3C4D
_ETHERNET: Final = 1
_COMMENT: Final = 1
_APPLICATION: Final = 4
_NAME: Final = 2
_DESCRIPTION: Final = 3
_RESOLUTION: Final = 9
_FLAGS: Final = 2
_NANOSECONDS: Final = b"\x09"
_INBOUND: Final = 1
_OUTBOUND: Final = 2
_DIRECTIONS: Final = {Direction.RX: _INBOUND, Direction.TX: _OUTBOUND}
_LONGEST_OPTION: Final = 1_000


def merged_pcapng(evidence: Evidence) -> bytes:
    """The file; with several link types a point has an interface for each."""
    options = _options((_APPLICATION, b"arpcheck"))
    blocks = [_block(_SECTION, struct.pack("<IHHq", _BYTE_ORDER, 1, 0, -1) + options)]
    numbers: dict[tuple[str, int], int] = {}
    for capture in evidence.captures:
        for link in evidence.links[capture.point.name] or (_ETHERNET,):
            numbers[capture.point.name, link] = len(numbers)
            blocks.append(_interface(capture.point, link))
    blocks += [_packet(s, numbers[s.frame.point.name, s.link]) for s in evidence.sightings]
    return b"".join(blocks)


def _interface(point: CapturePoint, link: int) -> bytes:
    options = _options(
        (_NAME, _text(point.name)),
        (_DESCRIPTION, _text(_description(point))),
        (_RESOLUTION, _NANOSECONDS),
    )
    return _block(_INTERFACE, struct.pack("<HHI", link, 0, 0) + options)


def _description(point: CapturePoint) -> str:
    """What was heard there; the far end's times are moved onto the near host's clock."""
    if point.object.startswith("far:"):
        there = f"far end, {point.name.removeprefix('far:')}"
        return f"{there}: times moved onto the near host's clock"
    wire, vm = "uplink " + point.object, f"the VM's port {point.object}"
    if point.kind is PointKind.UPLINK:
        return {
            Direction.TX: f"{wire}: host to wire",
            Direction.RX: f"{wire}: wire to host",
        }.get(point.direction, f"{wire}: both directions")
    return {
        Direction.TX: f"{vm}: what the VM sends",
        Direction.RX: f"{vm}: what is delivered to the VM",
    }.get(point.direction, f"{vm}: both directions")


def _packet(sighting: Sighting, interface: int) -> bytes:
    at, raw = sighting.frame.at, sighting.raw
    options: list[tuple[int, bytes]] = []
    if sighting.role:
        source = f"frame {sighting.frame.number} of {sighting.capture.file}"
        options.append((_COMMENT, _text(f"{sighting.role} ({source})")))
    flags = _DIRECTIONS.get(sighting.frame.direction)
    if flags:
        options.append((_FLAGS, struct.pack("<I", flags)))
    high, low = (at >> 32) & 0xFFFFFFFF, at & 0xFFFFFFFF
    head = struct.pack("<IIIII", interface, high, low, len(raw), len(raw))
    return _block(_PACKET, head + _padded(raw) + _options(*options))


def _options(*options: tuple[int, bytes]) -> bytes:
    if not options:
        return b""
    written = b""
    for code, value in options:
        written += struct.pack("<HH", code, len(value)) + _padded(value)
    return written + bytes(4)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _block(kind: int, body: bytes) -> bytes:
    total = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + total + body + total


def _text(value: str) -> bytes:
    """A text option, short enough for its length field and never cut inside a character."""
    return value.encode("utf-8", "replace")[:_LONGEST_OPTION].decode("utf-8", "ignore").encode()
