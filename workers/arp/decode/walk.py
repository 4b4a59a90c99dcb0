"""Names what every walk over packet records shares: EtherTypes, limits, link layers and the hit.

Sources: IEEE 802.1Q and 802.1ad (tags 0x8100, 0x88a8; 0x9100 is the older QinQ), RFC 826 (0x0806),
RFC 903 (0x8035), tcpdump.org's LINKTYPE_LINUX_SLL and LINKTYPE_LINUX_SLL2.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final, NamedTuple

from workers.arp.model import Direction

ARP: Final = 0x0806
RARP: Final = 0x8035
TAGS: Final = frozenset({0x8100, 0x88A8, 0x9100})
MARKS: Final = TAGS | {ARP, RARP}

ARP_BYTES: Final = 28
MOST_TAGGED_BYTES: Final = 512
"""How much of a tagged frame is kept: room for more than a hundred tags before the ARP."""

MOST_PACKET_BYTES: Final = 262_144
"""Wireshark's own limit for a packet of an Ethernet capture (WTAP_MAX_PACKET_SIZE_STANDARD)."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link layer's header: its length and where its EtherType stands."""

    header: int
    ethertype: int


LINKS: Final = {1: Link(14, 12), 113: Link(16, 14), 276: Link(20, 0)}
"""Ethernet, Linux cooked v1, Linux cooked v2."""


class Hit(NamedTuple):
    """A packet that looks like ARP: ``raw`` is its beginning, ``stated`` the file's own direction."""

    number: int
    at: int
    link: int
    raw: bytes
    stated: Direction | None = None


def swapped(ethertypes: frozenset[int]) -> frozenset[int]:
    """The same EtherTypes as a little-endian read of their bytes gives them."""
    return frozenset((e >> 8) | (e & 0xFF) << 8 for e in ethertypes)


class Marks(NamedTuple):
    """The EtherTypes to look for, in the byte order a file's headers are read in."""

    all: frozenset[int]
    tags: frozenset[int]


BIG_ENDIAN_MARKS: Final = Marks(MARKS, TAGS)
LITTLE_ENDIAN_MARKS: Final = Marks(swapped(MARKS), swapped(TAGS))


def glance(order: str, link: Link, before: str) -> struct.Struct:
    """One read of a record's start: what ``before`` asks for, the EtherType, the one behind a tag.

    ``before`` ends with the captured length; the original length follows it in pcap and pcapng.
    Most packets need no other look.
    """
    inner = link.header - link.ethertype
    return struct.Struct(f"{order}{before}{4 + link.ethertype}xH{inner}xH")


def packet_bytes(data: bytearray, start: int, end: int, link: Link, *, whole: bool) -> bytes:
    """The bytes of a packet that can matter to its ARP.

    Unless the packet is wanted whole, trailing padding is left out: copies of one ARP frame are
    equal then.
    """
    if whole:
        return bytes(data[start:end])
    mark = start + link.ethertype
    tagged = int.from_bytes(data[mark : mark + 2]) in TAGS
    most = MOST_TAGGED_BYTES if tagged else link.header + ARP_BYTES
    return bytes(data[start : min(end, start + most)])
