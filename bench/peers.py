"""What people would use instead, each as one command: counts the ARP frames of a capture."""

from __future__ import annotations

import struct
import sys


def is_arp(packet: bytes) -> bool:
    """The check that makes the loops quick: the EtherType behind at most one tag."""
    at = 16 if packet[12:14] == b"\x81\x00" else 12
    return packet[at : at + 2] == b"\x08\x06"


def dpkt_loop(path: str) -> int:
    import dpkt

    with open(path, "rb") as file:  # noqa: PTH123
        magic = file.read(4)
        file.seek(0)
        reader = (
            dpkt.pcapng.Reader(file) if magic == b"\x0a\x0d\x0d\x0a" else dpkt.pcap.Reader(file)
        )
        return sum(_parsed(dpkt, packet) for _, packet in reader if is_arp(packet))


def _parsed(dpkt: object, packet: bytes) -> bool:
    frame = dpkt.ethernet.Ethernet(packet)  # type: ignore[attr-defined]
    return type(frame.data).__name__ == "ARP"


def scapy_loop(path: str) -> int:
    from scapy.layers.l2 import ARP, Ether
    from scapy.utils import RawPcapReader

    with RawPcapReader(path) as reader:
        return sum(ARP in Ether(packet) for packet, _ in reader if is_arp(packet))


def struct_loop(path: str) -> int:
    """A loop over a classic pcap as one would write it in an hour."""
    found = 0
    with open(path, "rb") as file:  # noqa: PTH123
        file.read(24)
        while head := file.read(16):
            packet = file.read(struct.unpack("<IIII", head)[2])
            found += is_arp(packet)
    return found


if __name__ == "__main__":
    print({"dpkt": dpkt_loop, "scapy": scapy_loop, "struct": struct_loop}[sys.argv[1]](sys.argv[2]))
