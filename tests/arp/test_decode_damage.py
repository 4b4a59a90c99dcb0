"""Broken, cut and foreign captures: one sentence, and every frame before it."""

import pytest

from tests.arp.captures import (
    START,
    block,
    interface,
    packet,
    pcap,
    pcap_header,
    record,
    section,
    simple_packet,
)
from tests.arp.reading import BOTH, REPLY, REQUEST, read
from workers.arp.decode import ArpReader

WHOLE = pcap([REQUEST, REPLY])
NG = section() + interface() + packet(REQUEST, START * 10**6)
DAMAGE = {
    "empty": (b"", 0, "empty"),
    "no capture": (b"hello, world\n" * 10, 0, "no capture"),
    "gzip": (b"\x1f\x8b\x08" + bytes(100), 0, "compressed"),
    "a cut file header": (WHOLE[:20], 0, "file header"),
    "a cut record header": (WHOLE[:-70], 1, "cut"),
    "a cut packet": (WHOLE[:-1], 1, "cut"),
    "an absurd length": (WHOLE + record(b"")[:8] + b"\xff\xff\xff\x7f" + bytes(99), 2, "packet 3"),
    "a foreign link type": (pcap([REQUEST], link=105), 0, "105"),
    "pcapng cut in a packet": (NG + packet(REPLY, 1)[:-9], 1, "cut"),
    "pcapng cut in a block's head": (NG + b"\x06\x00\x00", 1, "cut"),
    "pcapng of version 2": (section(major=2), 0, "version 2"),
    "a block of no length": (NG + b"\x06\0\0\0" + bytes(40), 1, "0 bytes"),
    "a block of odd length": (NG + b"\x05\0\0\0\x0d\0\0\0" + bytes(40), 1, "13 bytes"),
    "an absurd block": (NG + b"\x05\0\0\0\xfc\xff\xff\xff" + bytes(40), 1, "4294967292"),
    "lengths that differ": (NG + block(5, bytes(8))[:-4] + bytes(8), 1, "two different"),
    "a broken block after a foreign link type": (
        section() + interface(link=127) + packet(REQUEST, 1) + block(5, bytes(8))[:-4] + bytes(8),
        0,
        "two different",
    ),
    "a cut after a foreign link type": (section() + interface(link=127) + b"\x06", 0, "cut"),
    "an unknown interface": (NG + packet(REPLY, 1, number=1), 1, "interface 1"),
    "a packet longer than its block": (
        NG + block(6, bytes(12) + b"\xff\0\0\0" * 2 + bytes(60)),
        1,
        "does not fit",
    ),
    "a packet before any interface": (section() + simple_packet(REQUEST), 0, "does not fit"),
}


@pytest.mark.parametrize(("data", "frames", "said"), DAMAGE.values(), ids=DAMAGE)
@pytest.mark.parametrize("chunk", [1, 1 << 20])
def test_damage_keeps_the_frames_before_it(data: bytes, frames: int, said: str, chunk: int) -> None:
    reader = read(data, chunk=chunk)
    assert len(reader.frames) == frames
    assert reader.damage is not None
    assert said in reader.damage
    assert "\n" not in reader.damage


def test_after_damage_nothing_more_is_taken() -> None:
    reader = read(pcap([REQUEST], link=105))
    assert reader.feed(pcap([REQUEST])) == ()
    assert reader.frames == []


@pytest.mark.parametrize("data", [pcap([REQUEST]), NG], ids=["pcap", "pcapng"])
@pytest.mark.parametrize("chunk", [1, 1 << 20])
@pytest.mark.parametrize(
    "noise",
    [b"Continue? (Y/N) ", b"\n\r\r\n", b"\xd4\xc3\xb2\xa1 is what a pcap starts with\n" * 9],
    ids=["prompt", "half a magic", "a magic that starts nothing"],
)
def test_noise_before_the_header_is_skipped(data: bytes, chunk: int, noise: bytes) -> None:
    reader = read(noise + data, chunk=chunk)
    assert (len(reader.frames), reader.damage) == (1, None)


def test_endless_noise_is_given_up() -> None:
    reader = ArpReader(BOTH)
    for _ in range(200):
        reader.feed(b"no capture " * 100)
    assert reader.damage is not None
    assert reader.feed(pcap([REQUEST])) == ()


def test_an_empty_capture_is_whole() -> None:
    reader = read(pcap_header())
    assert (reader.packets, reader.damage, reader.first_at) == (0, None, None)
