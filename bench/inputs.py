"""Turns a seed and sizes into capture files under ``bench/data``: the same bytes on every machine.

``python -m bench.inputs PATH PACKETS SHARE`` makes one, in a process of its own: what a bench has
ever held in memory would count for the programs that it starts.
"""

from __future__ import annotations

import random
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

DATA: Final = Path(__file__).parent / "data"

START: Final = 1_767_225_600  # 2026-01-01T00:00:00Z
VM: Final = "00:50:56:9a:21:01"
SEED: Final = 826

_LINK = 1
_SIZES: Final = (60, 60, 90, 130, 250, 1024, 1514, 1514)
_VLAN: Final = struct.pack(">HH", 0x8100, 110)
_IPV4: Final = struct.Struct(">BBHHHBBH8s")
_UDP: Final = struct.Struct(">HHHH")
_HEADERS: Final = 14 + _IPV4.size + _UDP.size + len(_VLAN)
_GATHERED: Final = 4 << 20


def mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def arp(op: int, sender: tuple[bytes, bytes], target: tuple[bytes, bytes]) -> bytes:
    head = struct.pack(">HHBBH", 1, 0x0800, 6, 4, op)
    return head + b"".join(sender) + b"".join(target)


def frame(destination: bytes, source: bytes, ethertype: int, payload: bytes, *, tag: bool) -> bytes:
    head = destination + source + (_VLAN if tag else b"") + struct.pack(">H", ethertype)
    return (head + payload).ljust(60, b"\0")


def arp_frames(dice: random.Random, stations: int) -> list[bytes]:
    """Requests and replies among so many stations, half of them tagged; the VM asks and is answered."""
    ends = [(mac(VM), bytes((10, 20, 110, 21)))]
    ends += [
        (bytes((0, 0x50, 0x56, 0x9A, n >> 8, n & 255)), bytes((10, 20, 112 + (n >> 8), n & 255)))
        for n in range(stations)
    ]
    gateway = (mac("00:00:5e:00:01:6e"), bytes((10, 20, 110, 1)))
    made = []
    for end in ends:
        for tag in (False, True):
            ask = arp(1, end, (bytes(6), gateway[1]))
            made.append(frame(b"\xff" * 6, end[0], 0x0806, ask, tag=tag))
            made.append(frame(end[0], gateway[0], 0x0806, arp(2, gateway, end), tag=tag))
    dice.shuffle(made)
    return made


class Conversation:
    """UDP between two stations: packets that make sense to who follows them."""

    def __init__(self, dice: random.Random, number: int) -> None:
        macs = [bytes((0, 0x50, 0x56, *dice.randbytes(3))) for _ in range(2)]
        tag = _VLAN if number & 1 else b""
        self._ethernet = macs[0] + macs[1] + tag + b"\x08\x00"
        self._addresses = bytes((10, 20, *dice.randbytes(2), 10, 30, *dice.randbytes(2)))
        self._ports = dice.randrange(32_768, 61_000), 20_000 + number

    def packet(self, data: bytes) -> bytes:
        """The next packet."""
        length = _UDP.size + len(data)
        ip = _IPV4.pack(0x45, 0, _IPV4.size + length, 0, 0x4000, 64, 17, 0, self._addresses)
        return (self._ethernet + ip + _UDP.pack(*self._ports, length, 0) + data).ljust(60, b"\0")


def others(dice: random.Random) -> Iterator[bytes]:
    """Traffic of mixed sizes without end, half of it tagged; some of its data looks like ARP."""
    noise = dice.randbytes(1 << 16)
    decoy = struct.pack(">HHHBBH", 0x0806, 1, 0x0800, 6, 4, 1)
    talks = [Conversation(dice, number) for number in range(400)]
    chance, choose = dice.random, dice.choice
    while True:
        size = choose(_SIZES) - _HEADERS
        start = int(chance() * (len(noise) - size))
        data = noise[start : start + size]
        yield choose(talks).packet(data if start % 50 else decoy + data[len(decoy) :])


def packets(count: int, *, arp_share: float, stations: int = 50) -> Iterator[bytes]:
    """So many frames, of which about ``arp_share`` are ARP."""
    dice = random.Random(SEED)
    asks, rest = arp_frames(dice, stations), others(dice)
    chance, choose = dice.random, dice.choice
    for _ in range(count):
        yield choose(asks) if chance() < arp_share else next(rest)


def write_pcap(path: Path, frames: Iterator[bytes]) -> None:
    pack = struct.Struct("<IIII").pack
    header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, _LINK)
    _write(
        path,
        header,
        (
            pack(START + n // 50_000, n % 50_000 * 20, len(f), len(f)) + f
            for n, f in enumerate(frames)
        ),
    )


def write_pcapng(path: Path, frames: Iterator[bytes]) -> None:
    section = _block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    interface = _block(1, struct.pack("<HHI", _LINK, 0, 262_144))
    _write(path, section + interface, (_packet(n, f) for n, f in enumerate(frames)))


def _packet(number: int, data: bytes) -> bytes:
    micros = START * 1_000_000 + number * 20
    head = struct.pack("<IIIII", 0, micros >> 32, micros & 0xFFFFFFFF, len(data), len(data))
    return _block(6, head + data + b"\0" * (-len(data) % 4))


def _block(kind: int, body: bytes) -> bytes:
    total = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + total + body + total


def _write(path: Path, header: bytes, records: Iterator[bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb") as file:
        gathered, size = [header], 0
        for record in records:
            gathered.append(record)
            size += len(record)
            if size > _GATHERED:
                file.write(b"".join(gathered))
                gathered, size = [], 0
        file.write(b"".join(gathered))
    unfinished.rename(path)


def main() -> None:
    path = Path(sys.argv[1])
    write = write_pcapng if path.suffix == ".pcapng" else write_pcap
    write(path, packets(int(sys.argv[2]), arp_share=float(sys.argv[3])))


if __name__ == "__main__":
    main()
