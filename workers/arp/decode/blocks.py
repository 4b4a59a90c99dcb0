"""What the blocks of a pcapng file say of themselves: byte order, interfaces, options.

Source: IETF draft-ietf-opsawg-pcapng.
"""

from __future__ import annotations

import struct
from typing import Final

from workers.arp.decode.walk import LINKS, Bytes, Link, Reach, reach
from workers.arp.model import Direction
from workers.arp.model.values import dataclass

_ORDERS: Final = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}

_OPTION_END: Final = 0
_OPTION_FLAGS: Final = 2
_OPTION_RESOLUTION: Final = 9
_OPTION_OFFSET: Final = 14
_DIRECTIONS: Final = {1: Direction.RX, 2: Direction.TX}

_LATEST: Final = 253_402_300_799_999_999_999
"""The last nanosecond of the year 9999."""

_LEAST_INTERFACE: Final = 20


class DamagedError(Exception):
    """The walk cannot go on; the text says why."""


@dataclass(frozen=True, slots=True)
class Interface:
    """One interface of a section; ``link`` is None where its packets are left out."""

    link_type: int
    snap_length: int
    units: int
    """Clock ticks a second."""
    offset: int
    """Seconds to add to every time."""
    link: Link | None
    reach: Reach

    def time(self, high: int, low: int) -> int:
        """Nanoseconds since 1970; a garbled time is brought back into the calendar."""
        ticks = (high << 32) | low
        at = ticks * 1_000_000_000 // self.units + self.offset * 1_000_000_000
        return max(0, min(at, _LATEST))


def starts_pcapng(head: bytes) -> bool:
    """Whether bytes begin with a section header block."""
    return head[:4] == b"\x0a\x0d\x0d\x0a" and head[8:12] in _ORDERS


def order_of(section: bytes) -> str:
    """The byte order that a section header's first 12 bytes state, as ``struct`` writes it.

    Raises:
        DamagedError: they state none.
    """
    order = _ORDERS.get(section[8:12])
    if order is None:
        raise DamagedError("a section header states no byte order")
    return order


def interface_of(block: bytes, order: str, *, whole: bool) -> Interface:
    """Read an interface description block.

    Raises:
        DamagedError: it is too short.
    """
    if len(block) < _LEAST_INTERFACE:
        raise DamagedError("an interface description is too short")
    link_type, _, snap_length = struct.unpack_from(order + "HHI", block, 8)
    units, offset = 1_000_000, 0
    for code, value in _options(block[16:-4], order):
        if code == _OPTION_RESOLUTION and len(value) == 1:
            exponent = value[0] & 0x7F
            units = 2**exponent if value[0] & 0x80 else 10**exponent
        elif code == _OPTION_OFFSET and len(value) == 8:  # noqa: PLR2004
            offset = struct.unpack(order + "q", value)[0]
    link = LINKS.get(link_type)
    far = reach(link, whole=whole) if link else Reach(0, 0)
    return Interface(link_type, snap_length, units, offset, link, far)


def direction_of(options: Bytes, order: str) -> Direction | None:
    """The direction that a packet's own options state."""
    for code, value in _options(bytes(options), order):
        if code == _OPTION_FLAGS and len(value) == 4:  # noqa: PLR2004
            return _DIRECTIONS.get(struct.unpack(order + "I", value)[0] & 3)
    return None


def _options(raw: bytes, order: str) -> list[tuple[int, bytes]]:
    """The options of a block; what does not fit is left out."""
    found: list[tuple[int, bytes]] = []
    position = 0
    while position + 4 <= len(raw):
        code, length = struct.unpack_from(order + "HH", raw, position)
        if code == _OPTION_END or position + 4 + length > len(raw):
            break
        found.append((code, raw[position + 4 : position + 4 + length]))
        position += 4 + length + (-length) % 4
    return found
