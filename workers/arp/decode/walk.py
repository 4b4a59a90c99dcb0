"""Names what every walk over packet records shares: EtherTypes, limits, link layers and the hit.

Sources: IEEE 802.1Q and 802.1ad (tags 0x8100, 0x88a8; 0x9100 is the older QinQ), RFC 826 (0x0806),
RFC 903 (0x8035), tcpdump.org's LINKTYPE_LINUX_SLL and LINKTYPE_LINUX_SLL2.
"""

from __future__ import annotations

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


def packet_bytes(data: bytearray, start: int, end: int, link: Link, *, whole: bool) -> bytes | None:
    """The bytes of a packet that can matter, None where an inner EtherType rules out ARP.

    Unless the packet is wanted whole, trailing padding is left out: copies of one ARP frame are
    equal then.
    """
    mark = start + link.ethertype
    behind = start + link.header
    if whole:
        return bytes(data[start:end])
    if int.from_bytes(data[mark : mark + 2]) not in TAGS:
        return bytes(data[start : min(end, behind + ARP_BYTES)])
    if behind + 4 <= end and int.from_bytes(data[behind + 2 : behind + 4]) not in MARKS:
        return None
    return bytes(data[start : min(end, start + MOST_TAGGED_BYTES)])
