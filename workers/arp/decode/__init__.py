"""Turns the bytes of a capture, in chunks as they come, into ARP frames.

Law: whatever the bytes are, nothing is raised. What is broken becomes ``damage``, one sentence, and
every frame before it is kept. Memory stays bounded: a record is held until it is complete, decoded
frames are the only thing that grows, and they have a limit too.

The record headers are walked by a small compiled part, or with ``struct`` where that was not built
(same frames, slower), and only what carries an ARP or RARP EtherType behind
any VLAN tags is decoded, each distinct frame once: most frames of a capture are copies of a few.
ARP inside a tunnel (Geneve, VXLAN) belongs to an overlay and is not taken for the VM's own.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from workers.arp.decode.frame import ArpFields, Nothing, read_arp
from workers.arp.decode.pcap import PcapWalker, starts_pcap
from workers.arp.decode.pcapng import PcapngWalker, starts_pcapng
from workers.arp.decode.walk import MOST_DISTINCT, Bytes, Hit, LeftOut
from workers.arp.model import (
    SECOND,
    ArpFrame,
    Capture,
    CapturePoint,
    Direction,
    Heard,
    PointKind,
    Vm,
    frame_of,
)

__all__ = ["ArpReader"]

_MAGICS: Final = (
    b"\xd4\xc3\xb2\xa1",
    b"\xa1\xb2\xc3\xd4",
    b"\x4d\x3c\xb2\xa1",
    b"\xa1\xb2\x3c\x4d",
    b"\x0a\x0d\x0d\x0a",
)
_HEADER_BYTES: Final = 24
_SEARCHED_BYTES: Final = 4_096
"""So much at a time is searched for the header, which is nearly always the first that comes."""
_MOST_NOISE: Final = 65_536
_MOST_FRAMES: Final = 2_000_000
_PLENTY: Final = 5_000
"""So many frames are kept whoever they are of; of others only some are, after that."""

_MOST_COPIES: Final = 12
_SLOT: Final = 10 * SECOND
"""So many copies of a foreign frame are kept in each such time: who asks once a second is heard out,
whatever storm goes on. The slots are the same for all points."""

_MOST_FOREIGN: Final = 20_000
_MOST_OWN: Final = 30_000
"""So many frames end a reading: more than all foreign ones, or others' storm would end the VM's own."""


class ArpReader:
    """Reads one capture point's stream: feed it chunks of any size, then ``finish``.

    ``frames`` are the ARP frames so far in file order, ``packets`` counts packets of every kind,
    ``unreadable`` the ARP frames too short or too odd to read, ``damage`` says in one sentence
    where the stream is broken. ``first_at`` and ``last_at`` are the times of the first and the last
    packet of any kind in file order, None without one that carries a time. With ``keep_bytes``
    ``originals`` holds each frame's link type and bytes, beside ``frames``. With ``compiled`` False
    the headers are walked in pure Python even where the compiled walk was built.

    With ``vm`` the memory stays small however much ARP there is: once there is plenty, a frame that
    does not name the VM is kept in so many copies only, and ``left_out`` counts the rest. What the
    VM's own port sends is all the VM's, whatever it names.
    """

    def __init__(
        self,
        point: CapturePoint,
        *,
        vm: Vm | None = None,
        keep_bytes: bool = False,
        compiled: bool = True,
    ) -> None:
        self.point = point
        self.frames: list[ArpFrame] = []
        self.originals: list[tuple[int, bytes]] = []
        self.unreadable = 0
        self.damage: str | None = None
        self._keep_bytes = keep_bytes
        self._compiled = compiled
        self._buffer = bytearray()
        self._need = _HEADER_BYTES
        self._noise = 0
        self._start = b""
        self._walker: PcapWalker | PcapngWalker | None = None
        self._left_out = LeftOut()
        sent = point.kind is PointKind.VNIC and point.direction is Direction.TX
        self._own = _names(vm) if vm is not None and not sent else None
        self._most = _MOST_OWN if vm is not None else _MOST_FRAMES
        self._copies: Counter[ArpFields] = Counter()
        self._deaf = False

    @property
    def packets(self) -> int:
        """How many packets of any kind have passed."""
        return self._walker.packets if self._walker else 0

    @property
    def deaf(self) -> bool:
        """Whether it takes nothing more: what comes is no capture, broken, or too much."""
        return self._deaf

    @property
    def left_out(self) -> int:
        """How many foreign ARP frames have passed that were not kept."""
        return self._left_out.count

    @property
    def first_at(self) -> int | None:
        """The first packet's time."""
        return self._walker.first_at if self._walker else None

    @property
    def last_at(self) -> int | None:
        """The last packet's time."""
        return self._walker.last_at if self._walker else None

    def feed(self, chunk: Bytes) -> tuple[ArpFrame, ...]:
        """Take the next bytes; the ARP frames they complete are returned and kept.

        The chunk is not held on to: its owner may fill it anew.
        """
        known = len(self.frames)
        with memoryview(chunk) as rest:
            used = 0
            while used < len(rest) and not self._deaf:
                used += self._take(rest[used:])
        return tuple(self.frames[known:])

    def _take(self, chunk: memoryview) -> int:
        """Walk the chunk where it lies; only what is cut at either end of it is copied."""
        if self._walker is not None and not self._buffer:
            used = self._walk(chunk, self._walker)
            if not self._deaf:
                self._buffer += chunk[used:]
            return len(chunk)
        wanted = _SEARCHED_BYTES if self._walker is None else self._need - len(self._buffer)
        self._buffer += chunk[:wanted]
        if len(self._buffer) >= self._need and (self._walker is not None or self._open()):
            self._walk_buffer()
        return min(wanted, len(chunk))

    def finish(self) -> None:
        """The stream has ended: a packet cut in two becomes damage."""
        if self._deaf:
            return
        if self._walker is None:
            self.damage = self._no_header()
        elif self._buffer:
            self.damage = f"the capture is cut in the middle of what follows packet {self.packets}"
        self._stop()

    def heard(self, capture: Capture) -> Heard:
        """What was heard so far, as the value the judge takes."""
        return Heard(
            capture,
            tuple(self.frames),
            self.packets,
            self.unreadable,
            self.damage,
            self.left_out,
            frozenset(self._left_out.pairs),
            self._left_out.all_from,
            self._walker.interfaces if isinstance(self._walker, PcapngWalker) else 1,
        )

    def _open(self) -> bool:
        """Find the capture's header; what stands before it is a host's prompt or message."""
        found = [at for at in map(self._buffer.find, _MAGICS) if at >= 0]
        while found:
            start = min(found)
            head = bytes(self._buffer[start : start + _HEADER_BYTES])
            if len(head) < _HEADER_BYTES:
                self._drop(start)
                return False
            if starts_pcap(head) or starts_pcapng(head):
                self._drop(start)
                self._begin(head)
                return not self._deaf
            found = [at for m in _MAGICS if (at := self._buffer.find(m, start + 1)) >= 0]
        self._drop(max(0, len(self._buffer) - 3))
        if self._noise > _MOST_NOISE:
            self.damage = self._no_header()
            self._stop()
        return False

    def _begin(self, head: bytes) -> None:
        if starts_pcapng(head):
            self._walker = PcapngWalker(
                self._left_out, whole=self._keep_bytes, compiled=self._compiled
            )
            return
        self._walker = PcapWalker(
            head, self._left_out, whole=self._keep_bytes, compiled=self._compiled
        )
        self._drop(_HEADER_BYTES)
        self.damage = self._walker.damage
        if self.damage:
            self._stop()

    def _drop(self, count: int) -> None:
        """Forget bytes before the header; the header itself counts as found, not as noise."""
        if self._walker is None:
            self._start = self._start or bytes(self._buffer[:2])
            self._noise += count
        del self._buffer[:count]
        self._need = _HEADER_BYTES if self._walker is None else 0

    def _no_header(self) -> str:
        if not self._noise and not self._buffer:
            return "the capture is empty: not even a file header was written"
        if self._buffer.startswith(_MAGICS):
            return "the capture is cut in the middle of its file header"
        if (self._start or bytes(self._buffer[:2])) in {b"\x1f\x8b", b"\x28\xb5", b"BZ", b"PK"}:
            return "the file is compressed; unpack it first"
        return "this is no capture: no pcap or pcapng header was found"

    def _walk_buffer(self) -> None:
        if self._walker is not None:
            used = self._walk(self._buffer, self._walker)
            del self._buffer[:used]

    def _walk(self, data: Bytes, walker: PcapWalker | PcapngWalker) -> int:
        """Keep the frames of all complete records; gives how many bytes were used up."""
        used = walker.walk(data, self._keep)
        self._need = walker.need
        self.damage = walker.damage
        if walker.stopped:
            self._stop()
        elif len(self.frames) >= self._most:
            self.damage = f"more than {self._most} ARP frames; the rest was not read"
            self._stop()
        return used

    def _keep(self, hits: list[Hit]) -> bool:
        """Decode what is wanted; whether more is."""
        point, frames = self.point, self.frames
        known = None if point.direction is Direction.BOTH else point.direction
        plenty = _PLENTY if self._own is not None else _MOST_FRAMES
        for number, at, link, raw, stated in hits:
            fields = read_arp(link, raw)
            if isinstance(fields, Nothing):
                self.unreadable += fields is Nothing.UNREADABLE
                continue
            if len(frames) >= plenty and self._is_too_many(fields, at):
                self._left_out.add(link, raw)
                continue
            if self._keep_bytes:
                self.originals.append((link, raw))
            way = known or stated or fields.direction
            frames.append(frame_of((point, number, at, *fields[:-1], way)))
        del frames[self._most :]  # the same in whatever chunks they come
        del self.originals[self._most :]
        return len(frames) < self._most

    def _is_too_many(self, fields: ArpFields, at: int) -> bool:
        """Whether there is enough of this frame already; of the VM's own there never is."""
        if self._own is None or not self._own.isdisjoint(fields[2:8]):
            return False
        if at >= self._left_out.until:
            self._left_out.begin((at // _SLOT + 1) * _SLOT)
            self._copies.clear()
        copies = self._copies[fields]
        if len(self.frames) >= _MOST_FOREIGN or (not copies and len(self._copies) >= MOST_DISTINCT):
            self._left_out.altogether(at)
            return True
        if copies == _MOST_COPIES:
            self._left_out.pairs.add((fields.sender_ip, fields.target_ip))
            return True
        self._copies[fields] = copies + 1
        return False

    def _stop(self) -> None:
        self._deaf = True
        self._buffer.clear()


def _names(vm: Vm) -> frozenset[str]:
    """Every MAC and address that is known to be the VM's."""
    addresses = (address.partition("/")[0] for nic in vm.nics for address in nic.ipv4)
    return frozenset([*(nic.mac for nic in vm.nics), *addresses])
