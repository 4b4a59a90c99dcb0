"""What was heard: capture points, their runs, and the ARP frames read from them."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from functools import partial
from typing import Final, NamedTuple

from workers.arp.model.values import dataclass

_POINT_NAME = re.compile(r"^(?P<object>[A-Za-z][A-Za-z0-9_.:]*?)(?:-(?P<direction>tx|rx|both))?$")


class Direction(StrEnum):
    """Which way a frame passed a capture point; ``BOTH`` carries no direction per frame."""

    TX = "tx"
    RX = "rx"
    BOTH = "both"


class PointKind(StrEnum):
    """What a capture point listens on."""

    UPLINK = "uplink"
    VNIC = "vnic"


# By these names where there are many frames: in Python 3.11 to ask the class for one takes 70 times as long.
TX: Final = Direction.TX
RX: Final = Direction.RX
BOTH: Final = Direction.BOTH
UPLINK: Final = PointKind.UPLINK
VNIC: Final = PointKind.VNIC


@dataclass(frozen=True, slots=True)
class CapturePoint:
    """One place and direction where frames are heard; ``name`` is also its file's stem."""

    name: str
    object: str
    kind: PointKind
    direction: Direction

    def __str__(self) -> str:
        return self.name

    @classmethod
    def named(cls, name: str) -> CapturePoint:
        """Read ``vmnic0-rx``, ``vnic0-tx`` or a bare ``vmnic0`` (both directions in one file).

        Raises:
            ValueError: the name is none of these.
        """
        match = _POINT_NAME.match(name)
        if match is None:
            raise ValueError(f"{name!r} names no capture point such as vmnic0-rx or vnic0-tx")
        thing = match["object"]
        kind = PointKind.VNIC if re.match(r"vnic\d+$", thing) else PointKind.UPLINK
        return cls(name, thing, kind, Direction(match["direction"] or "both"))


@dataclass(frozen=True, slots=True)
class Capture:
    """What is known of one capture point's run; a failure is a value, its silence proves nothing.

    ``ready_at`` is when the ready line was read, ``stopped_at`` the last moment it surely listened;
    both None where it never did. ``file`` is the path inside the case. ``dropped`` None = unknown.
    """

    point: CapturePoint
    file: str | None = None
    ready_at: int | None = None
    stopped_at: int | None = None
    dropped: int | None = 0
    failure: str | None = None
    command: str | None = None


class ArpFrame(NamedTuple):
    """One ARP or RARP frame in RFC 826's words: a tuple, because there may be a million of them.

    ``number`` is the frame's number in its file as Wireshark shows it (from 1). ``op`` is 1 request,
    2 reply, 3 and 4 RARP (RFC 903). ``vlans`` are the tags found in the bytes, outermost first;
    empty does not prove that the frame was untagged on the wire. ``direction`` is the capture
    point's, or the one a pcapng file states per frame; BOTH = not stated.
    """

    point: CapturePoint
    number: int
    at: int
    op: int
    vlans: tuple[int, ...]
    eth_src: str
    eth_dst: str
    sender_mac: str
    sender_ip: str
    target_mac: str
    target_ip: str
    direction: Direction = Direction.BOTH


# Thrice as fast as to call the class, for there may be a million.
frame_of: Callable[[tuple[object, ...]], ArpFrame] = partial(tuple.__new__, ArpFrame)


@dataclass(frozen=True, slots=True)
class Heard:
    """A capture with the ARP frames read from it, in file order.

    ``left_out`` counts foreign frames that were not kept because very many had been: copies of those
    with these sender and target addresses (``thinned``), and from ``foreign_until`` on any. What names
    the VM is all there. ``packets`` counts every packet of the file, ``unreadable`` the ARP frames too
    short or malformed to read. ``interfaces`` is how many a pcapng file describes: more than one may be
    more than one point. ``damage`` is a sentence where the file is broken or cut (frames up to there
    are kept).
    """

    capture: Capture
    frames: tuple[ArpFrame, ...] = ()
    packets: int = 0
    unreadable: int = 0
    damage: str | None = None
    left_out: int = 0
    thinned: frozenset[tuple[str, str]] = frozenset()
    foreign_until: int | None = None
    interfaces: int = 1
