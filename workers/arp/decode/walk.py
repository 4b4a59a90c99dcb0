"""Names what every walk over packet records shares: EtherTypes, limits, link layers and the hit.

Sources: IEEE 802.1Q and 802.1ad (tags 0x8100, 0x88a8; 0x9100 is the older QinQ), RFC 826 (0x0806),
RFC 903 (0x8035), tcpdump.org's LINKTYPE_LINUX_SLL and LINKTYPE_LINUX_SLL2.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

from workers.arp.model import Direction
from workers.arp.model.values import dataclass

ARP: Final = 0x0806
RARP: Final = 0x8035
TAGS: Final = frozenset({0x8100, 0x88A8, 0x9100})
MARKS: Final = TAGS | {ARP, RARP}

ARP_BYTES: Final = 28
MOST_TAGGED_BYTES: Final = 512
"""How much of a tagged frame is kept: room for more than a hundred tags before the ARP."""

_EVERYTHING: Final = 1 << 32

MOST_DISTINCT: Final = 16_384
"""So many different packets are remembered."""

MOST_PACKET_BYTES: Final = 262_144
"""Wireshark's own limit for a packet of an Ethernet capture (WTAP_MAX_PACKET_SIZE_STANDARD)."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link layer's header: its length and where its EtherType stands."""

    header: int
    ethertype: int

    @property
    def places(self) -> tuple[int, int]:
        """Where the EtherType stands, and the one behind a single tag."""
        return self.ethertype, self.header + 2


LINKS: Final = {1: Link(14, 12), 113: Link(16, 14), 276: Link(20, 0)}
"""Ethernet, Linux cooked v1, Linux cooked v2."""


Bytes: TypeAlias = bytes | bytearray | memoryview

MOST_HITS: Final = 8_192
"""So many hits are gathered before they are kept; their memory is all that a walk takes."""

Hit: TypeAlias = tuple[int, int, int, bytes, Direction | None]
"""A packet that looks like ARP: its number, its time, its link type, the bytes that matter, and the
direction the file itself states. A plain tuple: there may be a million of them."""

Keep: TypeAlias = Callable[[list[Hit]], bool]
"""Takes the hits so far, and says whether more are wanted."""


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

    ``before`` ends with the captured length, which the original length follows in every format.
    Most packets need no other look.
    """
    inner = link.header - link.ethertype
    return struct.Struct(f"{order}{before}{4 + link.ethertype}xH{inner}xH")


class Reach(NamedTuple):
    """How many bytes of a packet can matter to its ARP, without and with tags.

    Without trailing padding copies of one ARP frame are equal.
    """

    plain: int
    tagged: int


def reach(link: Link, *, whole: bool) -> Reach:
    """The reach on a link; a packet that is wanted whole has no limit."""
    if whole:
        return Reach(_EVERYTHING, _EVERYTHING)
    return Reach(link.header + ARP_BYTES, MOST_TAGGED_BYTES)


class LeftOut:
    """Packets of which no more are wanted before ``until``, told by the bytes that matter: only counted.

    ``pairs`` are the sender and target addresses of those of which not every copy was kept, ``all_from``
    is when the first one came of which none may have been kept, None where there is none.
    """

    def __init__(self) -> None:
        self.count = 0
        self.until = 0
        self.pairs: set[tuple[str, str]] = set()
        self.all_from: int | None = None
        self._known: dict[int, set[bytes]] = {link: set() for link in LINKS}

    def of(self, link: int) -> set[bytes]:
        """Those of one link type; always the same set."""
        return self._known[link]

    def begin(self, until: int) -> None:
        """All are wanted again, and from now on until then some may not be."""
        self.until = until
        for known in self._known.values():
            known.clear()

    def others(self, hits: list[Hit]) -> list[Hit]:
        """The hits that are still wanted; the rest is counted."""
        known, until = self._known, self.until
        wanted = [hit for hit in hits if hit[3] not in known[hit[2]] or hit[1] >= until]
        self.count += len(hits) - len(wanted)
        return wanted

    def altogether(self, at: int) -> None:
        """From this moment on some may be missed of which there is no copy."""
        self.all_from = at if self.all_from is None else min(at, self.all_from)

    def add(self, link: int, raw: bytes) -> None:
        """Leave these out from now on; where there are very many, the others may come once more."""
        known = self._known[link]
        if len(known) >= MOST_DISTINCT:
            known.clear()
        known.add(raw)
        self.count += 1
