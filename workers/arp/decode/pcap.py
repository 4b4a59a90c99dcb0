"""Walks the records of a classic pcap and picks out what looks like ARP.

Source: IETF draft-ietf-opsawg-pcap (file header, microsecond and nanosecond magics, both orders).
"""

from __future__ import annotations

import struct
from typing import Final

from workers.arp.decode.compiled import scan
from workers.arp.decode.walk import (
    BIG_ENDIAN_MARKS,
    LINKS,
    LITTLE_ENDIAN_MARKS,
    MOST_HITS,
    MOST_PACKET_BYTES,
    Bytes,
    Hit,
    Keep,
    LeftOut,
    glance,
    reach,
)

_KINDS: Final = {
    b"\xd4\xc3\xb2\xa1": ("<", 1_000),
    b"\xa1\xb2\xc3\xd4": (">", 1_000),
    b"\x4d\x3c\xb2\xa1": ("<", 1),
    b"\xa1\xb2\x3c\x4d": (">", 1),
}
_VERSION: Final = 2
_LINK_TYPE_BITS: Final = 0xFFFF
_RECORD_BYTES: Final = 16


def starts_pcap(head: bytes) -> bool:
    """Whether 24 bytes are a classic pcap's file header."""
    kind = _KINDS.get(head[:4])
    return kind is not None and struct.unpack_from(kind[0] + "H", head, 4)[0] == _VERSION


class PcapWalker:
    """The state of one walk; ``need`` is how many bytes the next step waits for."""

    def __init__(
        self, head: bytes, left_out: LeftOut, *, whole: bool = False, compiled: bool = True
    ) -> None:
        order, self._tick = _KINDS[head[:4]]
        link = struct.unpack_from(order + "I", head, 20)[0] & _LINK_TYPE_BITS
        self.packets = 0
        self.first_at: int | None = None
        self.last_at: int | None = None
        self.need = 0
        self.damage: str | None = None
        self.stopped = False
        self._left_out = left_out
        if link not in LINKS:
            self._give_up(f"its link type {link} is neither Ethernet nor Linux cooked")
            return
        self._link_type = link
        self._enough = left_out.of(link)
        self._link = LINKS[link]
        self._reach = reach(self._link, whole=whole)
        self._record = struct.Struct(order + "III")
        self._glance = glance(order, self._link, before="III")
        self._marks = LITTLE_ENDIAN_MARKS if order == "<" else BIG_ENDIAN_MARKS
        self._big_endian = order == ">"
        self._compiled = compiled and scan is not None

    def walk(self, data: Bytes, keep: Keep) -> int:
        """Walk all complete records of ``data``; gives how many bytes were used up."""
        position = 0
        stride = self._scanned if self._compiled else self._stride
        while True:
            hits: list[Hit] = []
            position = stride(data, position, hits)
            after = self._step(data, position, hits)
            if not keep(hits) or after == position:
                return after
            position = after

    def _stride(self, data: Bytes, position: int, hits: list[Hit]) -> int:
        """The fast walk; it ends where less than a glance is left or a record is not whole."""
        look, (marks, tags) = self._glance.unpack_from, self._marks
        packets, link, tick = self.packets, self._link_type, self._tick
        plain, tagged = self._reach
        found: list[Hit] = []
        first, last, size = position, -1, len(data)
        limit = size - self._glance.size
        while position <= limit:
            seconds, fraction, length, ethertype, inner = look(data, position)
            start = position + _RECORD_BYTES
            after = start + length
            if after > size or length > MOST_PACKET_BYTES:
                break
            packets += 1
            if ethertype in marks and (inner in marks or ethertype not in tags):
                end = start + (tagged if ethertype in tags else plain)
                raw = bytes(data[start : min(after, end)])
                found.append((packets, seconds * 1_000_000_000 + fraction * tick, link, raw, None))
                if len(found) == MOST_HITS:
                    limit = 0
            last = position
            position = after
        self._note_times(data, first, last)
        self.packets = packets
        hits += self._left_out.others(found)
        return position

    def _scanned(self, data: Bytes, position: int, hits: list[Hit]) -> int:
        """What ``_stride`` does, by the compiled walk."""
        after: int
        after, last, self.packets, left_out, found = scan.pcap(
            data,
            position,
            self.packets,
            self._big_endian,
            self._link.places,
            self._reach,
            self._enough,
            self._left_out.until,
            self._link_type,
            self._tick,
        )
        hits += found
        self._left_out.count += left_out
        self._note_times(data, position, last if after > position else -1)
        return after

    def _step(self, data: Bytes, position: int, hits: list[Hit]) -> int:
        """Take one record too short for a glance, or see why the walk cannot go on."""
        if position + _RECORD_BYTES > len(data):
            self.need = _RECORD_BYTES
            return position
        length = self._record.unpack_from(data, position)[2]
        if length > MOST_PACKET_BYTES:
            self._give_up(f"packet {self.packets + 1} claims to be {length} bytes long")
            return position
        after: int = position + _RECORD_BYTES + length
        if after > len(data):
            self.need = _RECORD_BYTES + length
            return position
        self.packets += 1
        self._note_time(data, position)
        raw = bytes(data[position + _RECORD_BYTES : after])
        hits.append((self.packets, self.last_at or 0, self._link_type, raw, None))
        return after

    def _note_times(self, data: Bytes, first: int, last: int) -> None:
        if last >= 0:
            self._note_time(data, first)
            self._note_time(data, last)

    def _note_time(self, data: Bytes, position: int) -> None:
        seconds, fraction, _ = self._record.unpack_from(data, position)
        self.last_at = seconds * 1_000_000_000 + fraction * self._tick
        if self.first_at is None:
            self.first_at = self.last_at

    def _give_up(self, why: str) -> None:
        self.damage = f"the capture cannot be read on: {why}"
        self.stopped = True
