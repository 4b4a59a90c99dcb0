"""Capture files built byte by byte from their specifications, knowing nothing of the reader.

pcap: draft-ietf-opsawg-pcap. pcapng: draft-ietf-opsawg-pcapng. ARP: RFC 826. Tags: IEEE 802.1Q.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

START = 1_767_225_600  # 2026-01-01T00:00:00Z

VM = "00:50:56:9a:21:01"
GATEWAY = "00:00:5e:00:01:6e"
EVERYONE = "ff:ff:ff:ff:ff:ff"
NOBODY = "00:00:00:00:00:00"

ETHERNET, COOKED, COOKED2 = 1, 113, 276
MAGICS = {
    ("<", "us"): b"\xd4\xc3\xb2\xa1",
    (">", "us"): b"\xa1\xb2\xc3\xd4",
    ("<", "ns"): b"\x4d\x3c\xb2\xa1",
    (">", "ns"): b"\xa1\xb2\x3c\x4d",
}


def mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def ip(text: str) -> bytes:
    return bytes(map(int, text.split(".")))


def arp(
    op: int = 1,
    sender: tuple[str, str] = (VM, "10.20.110.21"),
    target: tuple[str, str] = (NOBODY, "10.20.110.1"),
    *,
    head: bytes = bytes.fromhex("0001080006 04".replace(" ", "")),
) -> bytes:
    """An ARP message; ``head`` is hardware type, protocol type and the two address lengths."""
    ends = mac(sender[0]) + ip(sender[1]) + mac(target[0]) + ip(target[1])
    return head + struct.pack(">H", op) + ends


def tags(*vlans: tuple[int, int]) -> bytes:
    """(EtherType, tag control information) pairs, outermost first."""
    return b"".join(struct.pack(">HH", kind, control) for kind, control in vlans)


def ethernet(
    payload: bytes,
    *,
    src: str = VM,
    dst: str = EVERYONE,
    vlans: Sequence[tuple[int, int]] = (),
    ethertype: int = 0x0806,
) -> bytes:
    """A frame padded to the least an Ethernet allows, without its check sum."""
    frame = mac(dst) + mac(src) + tags(*vlans) + struct.pack(">H", ethertype) + payload
    return frame.ljust(60, b"\0")


def cooked(payload: bytes, packet_type: int, *, src: str = VM, protocol: int = 0x0806) -> bytes:
    head = struct.pack(">HHH6s2xH", packet_type, 1, 6, mac(src), protocol)
    return head + payload


def cooked2(payload: bytes, packet_type: int, *, src: str = VM, protocol: int = 0x0806) -> bytes:
    head = struct.pack(">HHIHBB6s2x", protocol, 0, 2, 1, packet_type, 6, mac(src))
    return head + payload


def pcap_header(order: str = "<", unit: str = "us", *, link: int = ETHERNET) -> bytes:
    return MAGICS[order, unit] + struct.pack(order + "HHiIII", 2, 4, 0, 0, 262_144, link)


def record(frame: bytes, fraction: int = 0, *, order: str = "<", second: int = START) -> bytes:
    return struct.pack(order + "IIII", second, fraction, len(frame), len(frame)) + frame


def pcap(
    frames: Sequence[bytes], order: str = "<", unit: str = "us", *, link: int = ETHERNET
) -> bytes:
    """Frames a millisecond apart."""
    step = 1_000 if unit == "us" else 1_000_000
    records = [record(f, (n + 1) * step, order=order) for n, f in enumerate(frames)]
    return pcap_header(order, unit, link=link) + b"".join(records)


def option(code: int, value: bytes, order: str = "<") -> bytes:
    return struct.pack(order + "HH", code, len(value)) + value + b"\0" * (-len(value) % 4)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    total = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + total + body + total


def section(order: str = "<", major: int = 1) -> bytes:
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, major, 0, -1), order)


def interface(
    order: str = "<", *, link: int = ETHERNET, options: bytes = b"", snap_length: int = 0
) -> bytes:
    return block(1, struct.pack(order + "HHI", link, 0, snap_length) + options, order)


def packet(
    frame: bytes, ticks: int, order: str = "<", *, number: int = 0, options: bytes = b""
) -> bytes:
    """An enhanced packet block of interface ``number``."""
    head = struct.pack(
        order + "IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), len(frame)
    )
    return block(6, head + frame + b"\0" * (-len(frame) % 4) + options, order)


def simple_packet(frame: bytes, order: str = "<") -> bytes:
    body = struct.pack(order + "I", len(frame)) + frame + b"\0" * (-len(frame) % 4)
    return block(3, body, order)
