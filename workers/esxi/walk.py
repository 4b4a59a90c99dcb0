"""A capture's bytes walked record by record, without decoding: how many, and the time of the last.

Works on a live stream: what is cut at the end of a chunk is kept for the next one. Source of the
layout: the libpcap file format (draft-ietf-opsawg-pcap).
"""

from __future__ import annotations

import re
import struct

_FILE_HEADER = 24
_RECORD_HEADER = 16
_LONGEST_RECORD = 262_144

# Magic → byte order, nanoseconds per unit of the fraction. The host's endianness is not documented.
_MAGICS = {
    b"\xd4\xc3\xb2\xa1": ("<", 1000),
    b"\xa1\xb2\xc3\xd4": (">", 1000),
    b"\x4d\x3c\xb2\xa1": ("<", 1),
    b"\xa1\xb2\x3c\x4d": (">", 1),
}
MAGIC_LENGTH = 4

# A pcapng begins with what may as well be line ends, so its byte order mark is asked for too.
_NEXT_GENERATION = re.compile(
    rb"\x0a\x0d\x0d\x0a.{4}(?:\x4d\x3c\x2b\x1a|\x1a\x2b\x3c\x4d)", re.DOTALL
)
LONGEST_START = 12


def find_magic(noise: bytes) -> int:
    """Where a capture begins in what came first; -1 = not yet."""
    starts = [at for magic in _MAGICS if (at := noise.find(magic)) >= 0]
    if found := _NEXT_GENERATION.search(noise):
        starts.append(found.start())
    return min(starts, default=-1)


class PcapWalk:
    """Counts the records of one classic pcap; ``last_at`` is the last one's time (nanoseconds).

    ``loose`` are the last bytes of what came where they are no record yet: less than a record's
    header. After a record that cannot be, ``lost`` is True, ``loose`` begins with it, and nothing is
    counted any more; the same holds for a pcapng, which ``pktcap-uw`` only writes when asked to.
    """

    def __init__(self) -> None:
        self.records = 0
        self.loose = b""
        self.last_at: int | None = None
        self.lost = False
        self._rest = b""
        self._skip = 0
        self._format: tuple[struct.Struct, int] | None = None

    @property
    def header_seen(self) -> bool:
        """Whether the file's own header came in full."""
        return self._format is not None

    def feed(self, chunk: bytes) -> None:
        """Walk over the next bytes of the stream, which begins with a magic."""
        if self.lost:
            self.loose = b""
            return
        data = self._rest + chunk if self._rest else chunk
        position = 0
        if self._format is None:
            if len(data) < _FILE_HEADER:
                self._rest = data
                return
            known = _MAGICS.get(data[:MAGIC_LENGTH])
            if known is None:
                self.lost = True
                return
            self._format = (struct.Struct(known[0] + "IIII"), known[1])
            position = _FILE_HEADER
        self._rest = self._walk(data, position, *self._format)
        if not self.lost:
            self.loose = b"" if self._skip else self._rest

    def _walk(self, data: bytes, position: int, record: struct.Struct, unit: int) -> bytes:
        position += self._skip
        while position + _RECORD_HEADER <= len(data):
            seconds, fraction, length, _ = record.unpack_from(data, position)
            if length > _LONGEST_RECORD:
                self.lost = True
                self.loose = data[position:]
                return b""
            self.records += 1
            self.last_at = seconds * 1_000_000_000 + fraction * unit
            position += _RECORD_HEADER + length
        self._skip = max(0, position - len(data))
        return data[position:]
