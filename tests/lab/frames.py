"""ARP and RARP words to Ethernet bytes, and packets to a classic pcap stream.

Written from RFC 826, RFC 903, IEEE 802.1Q and the libpcap file format; it shares nothing with the
product, so that one misreading can't hide in both.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass, replace

BROADCAST = "ff:ff:ff:ff:ff:ff"
NOBODY = "00:00:00:00:00:00"
REQUEST, REPLY, RARP_REQUEST = 1, 2, 3
LEAST_ON_THE_WIRE = 60  # 64 octets of IEEE 802.3 less the check sequence, which no capture shows


@dataclass(frozen=True, slots=True)
class Arp:
    """One ARP frame; ``tags`` are VLAN tags that the guest itself wrote into the bytes."""

    op: int
    sender_mac: str
    sender_ip: str
    target_mac: str
    target_ip: str
    eth_src: str
    eth_dst: str
    tags: tuple[int, ...] = ()

    @property
    def broadcast(self) -> bool:
        return self.eth_dst == BROADCAST

    @property
    def ethertype(self) -> int:
        return 0x8035 if self.op >= RARP_REQUEST else 0x0806


def request(mac: str, ip: str, target: str, *, blank: str = NOBODY) -> Arp:
    """A broadcast question; ``blank`` fills the unknown target MAC (zeros, or ones as arping does)."""
    return Arp(REQUEST, mac, ip, blank, target, mac, BROADCAST)


def reply(asked: Arp, mac: str) -> Arp:
    """The unicast answer to a question, from ``mac``."""
    return Arp(
        REPLY, mac, asked.target_ip, asked.sender_mac, asked.sender_ip, mac, asked.sender_mac
    )


def notify(mac: str) -> Arp:
    """The RARP a host broadcasts for a VM that has just arrived ("notify switches")."""
    return Arp(RARP_REQUEST, mac, "0.0.0.0", mac, "0.0.0.0", mac, BROADCAST)


def untagged(arp: Arp) -> Arp:
    return replace(arp, tags=())


def mac_bytes(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))


def pack(arp: Arp, *, padded: bool) -> bytes:
    """The frame's bytes without check sequence; a guest hands over short frames, a wire never does."""
    tags = b"".join(struct.pack("!HH", 0x8100, tag) for tag in arp.tags)
    body = struct.pack(
        "!HHHBBH6s4s6s4s",
        arp.ethertype,
        1,
        0x0800,
        6,
        4,
        arp.op,
        mac_bytes(arp.sender_mac),
        socket.inet_aton(arp.sender_ip),
        mac_bytes(arp.target_mac),
        socket.inet_aton(arp.target_ip),
    )
    data = mac_bytes(arp.eth_dst) + mac_bytes(arp.eth_src) + tags + body
    return data.ljust(LEAST_ON_THE_WIRE, b"\0") if padded else data


def with_tag(data: bytes, vlan: int | None) -> bytes:
    """The same frame with an 802.1Q header put in behind the addresses; None leaves it as it is."""
    return data if vlan is None else data[:12] + struct.pack("!HH", 0x8100, vlan) + data[12:]


def pcap_header(snaplen: int) -> bytes:
    return struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, snaplen, 1)


def pcap_record(at: int, data: bytes, snaplen: int) -> bytes:
    """One packet; ``at`` in nanoseconds since 1970, cut to the microseconds the format holds."""
    seconds, rest = divmod(at, 1_000_000_000)
    kept = data[:snaplen]
    return struct.pack("<IIII", seconds, rest // 1000, len(kept), len(data)) + kept
