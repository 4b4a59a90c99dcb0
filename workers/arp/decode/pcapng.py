"""Walks the blocks of a pcapng file and picks out what looks like ARP.

Source: IETF draft-ietf-opsawg-pcapng. Every section has its own byte order and interfaces, every
interface its own link type and clock resolution. Packets of a simple packet block carry no time;
theirs is 0, which lies in no capture's window.
"""

from __future__ import annotations

import struct
from typing import Final

from workers.arp.decode.blocks import (
    DamagedError,
    Interface,
    direction_of,
    interface_of,
    order_of,
    starts_pcapng,
)
from workers.arp.decode.compiled import scan
from workers.arp.decode.walk import (
    BIG_ENDIAN_MARKS,
    LITTLE_ENDIAN_MARKS,
    MOST_HITS,
    TAGS,
    Bytes,
    Hit,
    Keep,
    LeftOut,
    Link,
    Reach,
    glance,
)
from workers.arp.model import Direction

__all__ = ["PcapngWalker", "starts_pcapng"]

_SECTION: Final = 0x0A0D0D0A
_INTERFACE: Final = 1
_OLD_PACKET: Final = 2
_SIMPLE_PACKET: Final = 3
_PACKET: Final = 6

_LEAST_BLOCK: Final = 12
_MOST_BLOCK: Final = 16_777_216
_MOST_INTERFACES: Final = 65_536
_PACKET_DATA: Final = 28
_SIMPLE_DATA: Final = 12
_LEAST_PACKET: Final = 32
_LEAST_SIMPLE: Final = 16
_LEAST_SECTION: Final = 28
_LATEST_TICKS: Final = (1 << 64) - 1


class PcapngWalker:
    """The state of one walk; ``need`` is how many bytes the next step waits for."""

    def __init__(self, left_out: LeftOut, *, whole: bool = False, compiled: bool = True) -> None:
        self.packets = 0
        self.interfaces = 0
        self.first_at: int | None = None
        self.last_at: int | None = None
        self.need = _LEAST_SECTION
        self.damage: str | None = None
        self.stopped = False
        self._left_out = left_out
        self._whole = whole
        self._compiled = compiled and scan is not None
        self._order = "<"
        self._interfaces: list[Interface] = []
        self._link: Link | None = None
        self._glance = struct.Struct("<I")
        self._places = (0, 0)
        self._reach = Reach(0, 0)
        self._enough: set[bytes] = set()

    def walk(self, data: Bytes, keep: Keep) -> int:
        """Walk all complete blocks of ``data``; gives how many bytes were used up."""
        position = 0
        hits: list[Hit] = []
        stride = self._scanned if self._compiled else self._stride
        try:
            while True:
                if self._link is not None:
                    position = stride(data, position, hits)
                after = self._step(data, position, hits)
                if after == position:
                    break
                position = after
                if len(hits) >= MOST_HITS:
                    if not keep(hits):
                        return position
                    hits.clear()
        except DamagedError as trouble:
            self.damage = f"the capture cannot be read on: {trouble}"
            self.stopped = True
        keep(hits)
        return position

    def _stride(self, data: Bytes, position: int, hits: list[Hit]) -> int:
        """The fast walk over packets, possible while all interfaces share one link type."""
        look, (marks, tags) = self._glance.unpack_from, self._marks
        size, packets, interfaces = len(data), self.packets, len(self._interfaces)
        first, last = position, -1
        limit = size - self._glance.size
        while position <= limit:
            kind, total, number, length, ethertype, inner = look(data, position)
            after = position + total
            if kind != _PACKET or after > size or total - length < _LEAST_PACKET or total & 3:
                break
            if number >= interfaces:
                break
            packets += 1
            if ethertype in marks and (inner in marks or ethertype not in tags):
                self.packets = packets
                self._look(data, position, hits)
                if len(hits) >= MOST_HITS:
                    limit = 0
            last = position
            position = after
        self.packets = packets
        if last >= 0:
            self._note_time(data, first)
            self._note_time(data, last)
        return position

    def _scanned(self, data: Bytes, position: int, hits: list[Hit]) -> int:
        """What ``_stride`` does, by the compiled walk."""
        big_endian, places = self._order == ">", self._places
        after: int
        after, last, packets, left_out, found = scan.pcapng(
            data,
            position,
            self.packets,
            big_endian,
            len(self._interfaces),
            places,
            self._reach,
            self._enough,
            self._ticks(self._left_out.until),
        )
        self._left_out.count += left_out
        for number, place in found:
            self.packets = number
            self._look(data, place, hits)
        self.packets = packets
        if after > position:
            self._note_time(data, position)
            self._note_time(data, last)
        return after

    def _step(self, data: Bytes, position: int, hits: list[Hit]) -> int:
        """Take one block of any kind, or stand still until more bytes have come."""
        if position + _LEAST_BLOCK > len(data):
            self.need = _LEAST_BLOCK
            return position
        kind = int.from_bytes(data[position : position + 4])
        if kind == _SECTION:
            self._order = order_of(bytes(data[position : position + _LEAST_BLOCK]))
        kind, total = struct.unpack_from(self._order + "II", data, position)
        if total < _LEAST_BLOCK or total % 4 or total > _MOST_BLOCK:
            raise DamagedError(
                f"a block after packet {self.packets} claims to be {total} bytes long"
            )
        after: int = position + total
        if after > len(data):
            self.need = total
            return position
        if struct.unpack_from(self._order + "I", data, after - 4)[0] != total:
            raise DamagedError(f"a block after packet {self.packets} states two different lengths")
        self._take(data, position, kind, total, hits)
        return after

    def _take(self, data: Bytes, position: int, kind: int, total: int, hits: list[Hit]) -> None:
        if kind == _SECTION:
            self._open_section(data, position, total)
        elif kind == _INTERFACE:
            self._add_interface(bytes(data[position : position + total]))
        elif kind in {_PACKET, _OLD_PACKET}:
            self._take_packet(data, position, total, hits)
        elif kind == _SIMPLE_PACKET:
            self._take_simple(data, position, total, hits)

    def _open_section(self, data: Bytes, position: int, total: int) -> None:
        if total < _LEAST_SECTION:
            raise DamagedError("its section header is too short")
        version = struct.unpack_from(self._order + "H", data, position + 12)[0]
        if version != 1:
            raise DamagedError(f"it is written in pcapng version {version}, not 1")
        self._marks = LITTLE_ENDIAN_MARKS if self._order == "<" else BIG_ENDIAN_MARKS
        self._interfaces.clear()
        self._link = None

    def _add_interface(self, block: bytes) -> None:
        if len(self._interfaces) >= _MOST_INTERFACES:
            raise DamagedError("it describes an interface too many")
        added = interface_of(block, self._order, whole=self._whole)
        self._interfaces.append(added)
        self.interfaces = max(self.interfaces, len(self._interfaces))
        if added.link is None:
            self.damage = (
                f"packets of link type {added.link_type} were left out: "
                "it is neither Ethernet nor Linux cooked"
            )
        alike = self._interfaces[0].link_type == added.link_type
        if len(self._interfaces) > 1 and (self._link is None or not alike):
            self._link = None
        elif added.link is not None:
            self._link = added.link
            self._places = added.link.places
            self._reach = added.reach
            self._enough = self._left_out.of(added.link_type)
            self._glance = glance(self._order, added.link, before="III8xI")

    def _take_packet(self, data: Bytes, position: int, total: int, hits: list[Hit]) -> None:
        length = 0
        if total >= _LEAST_PACKET:
            length = struct.unpack_from(self._order + "I", data, position + 20)[0]
        if length > total - _LEAST_PACKET:
            raise DamagedError(f"packet {self.packets + 1} does not fit its block")
        self._interface(data, position)
        self.packets += 1
        self._note_time(data, position)
        self._look(data, position, hits)

    def _take_simple(self, data: Bytes, position: int, total: int, hits: list[Hit]) -> None:
        if total < _LEAST_SIMPLE or not self._interfaces:
            raise DamagedError(f"packet {self.packets + 1} does not fit its block")
        self.packets += 1
        interface = self._interfaces[0]
        original = struct.unpack_from(self._order + "I", data, position + 8)[0]
        length = min(original, total - _LEAST_SIMPLE, interface.snap_length or original)
        start = position + _SIMPLE_DATA
        self._hit(data, start, start + length, interface, (self.packets, 0, None), hits)

    def _look(self, data: Bytes, position: int, hits: list[Hit]) -> None:
        """See whether the packet block at ``position`` holds ARP."""
        interface = self._interface(data, position)
        total, high, low, length = struct.unpack_from(self._order + "4xI4xIII", data, position)
        start = position + _PACKET_DATA
        options, end = start + length + (-length) % 4, position + total - 4
        stated = direction_of(data[options:end], self._order) if options < end else None
        facts = (self.packets, interface.time(high, low), stated)
        self._hit(data, start, start + length, interface, facts, hits)

    def _hit(
        self,
        data: Bytes,
        start: int,
        end: int,
        interface: Interface,
        facts: tuple[int, int, Direction | None],
        hits: list[Hit],
    ) -> None:
        if interface.link is None:
            return
        mark = start + interface.link.ethertype
        tagged = int.from_bytes(data[mark : mark + 2]) in TAGS
        most = interface.reach.tagged if tagged else interface.reach.plain
        raw = bytes(data[start : min(end, start + most)])
        number, at, stated = facts
        hits += self._left_out.others([(number, at, interface.link_type, raw, stated)])

    def _ticks(self, at: int) -> int:
        """The same moment by the clock of all interfaces, 0 where they have several."""
        clocks = {(each.units, each.offset) for each in self._interfaces}
        (units, offset), *others = clocks
        ticks = -((offset * 1_000_000_000 - at) * units // 1_000_000_000)
        return 0 if others else max(0, min(ticks, _LATEST_TICKS))

    def _interface(self, data: Bytes, position: int) -> Interface:
        kind, _, number = struct.unpack_from(self._order + "III", data, position)
        if kind == _OLD_PACKET:
            number = struct.unpack_from(self._order + "H", data, position + 8)[0]
        if number >= len(self._interfaces):
            raise DamagedError(f"a packet is of interface {number}, which is not described")
        interface: Interface = self._interfaces[number]
        return interface

    def _note_time(self, data: Bytes, position: int) -> None:
        high, low = struct.unpack_from(self._order + "II", data, position + 12)
        self.last_at = self._interface(data, position).time(high, low)
        if self.first_at is None:
            self.first_at = self.last_at
