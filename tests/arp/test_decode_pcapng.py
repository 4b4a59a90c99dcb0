"""pcapng → ARP frames: sections, interfaces, clocks, directions, other blocks."""

import pytest

from tests.arp.captures import (
    COOKED,
    START,
    arp,
    block,
    cooked,
    interface,
    option,
    packet,
    section,
    simple_packet,
)
from tests.arp.reading import BOTH, FIRST, IPV4, REPLY, REQUEST, only, read
from workers.arp.decode import ArpReader
from workers.arp.model import Direction


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("chunk", [1, 13, 1 << 20])
def test_pcapng(order: str, chunk: int) -> None:
    data = section(order) + interface(order)
    data += b"".join(
        packet(frame, START * 10**6 + n, order) for n, frame in enumerate([REQUEST, IPV4, REPLY])
    )
    reader = read(data, chunk=chunk)
    assert [(f.number, f.at, f.op) for f in reader.frames] == [
        (1, FIRST, 1),
        (3, FIRST + 2_000, 2),
    ]
    assert (reader.packets, reader.damage) == (3, None)
    assert (reader.first_at, reader.last_at) == (FIRST, FIRST + 2_000)


RESOLUTIONS = {
    "microseconds when unstated": (b"", START * 10**6 + 7, FIRST + 7_000),
    "nanoseconds": (option(9, b"\x09"), START * 10**9 + 7, FIRST + 7),
    "milliseconds": (option(9, b"\x03"), START * 10**3 + 7, FIRST + 7_000_000),
    "a power of two": (option(9, b"\x8a"), START * 1024 + 512, FIRST + 500_000_000),
    "seconds and an offset": (
        option(9, b"\x00") + option(14, (START - 5).to_bytes(8, "little")),
        5,
        FIRST,
    ),
    "after other options": (
        option(2, b"vmnic1") + option(9, b"\x09") + option(0, b""),
        START * 10**9,
        FIRST,
    ),
}


@pytest.mark.parametrize(("options", "ticks", "at"), RESOLUTIONS.values(), ids=RESOLUTIONS)
def test_clock_resolutions(options: bytes, ticks: int, at: int) -> None:
    assert only(section() + interface(options=options) + packet(REQUEST, ticks)).at == at


def test_every_interface_has_its_own_clock_and_link_type() -> None:
    data = section() + interface() + interface(link=COOKED, options=option(9, b"\x09"))
    data += packet(REQUEST, START * 10**6, number=0)
    data += packet(cooked(arp(), 4), START * 10**9 + 1, number=1)
    frames = read(data).frames
    assert [(f.at, f.direction) for f in frames] == [
        (FIRST, Direction.BOTH),
        (FIRST + 1, Direction.TX),
    ]


def test_a_new_section_resets_byte_order_and_interfaces() -> None:
    data = section() + interface(options=option(9, b"\x09")) + packet(REQUEST, START * 10**9)
    data += section(">") + interface(">") + packet(REPLY, START * 10**6 + 1, ">")
    reader = read(data)
    assert [(f.number, f.at) for f in reader.frames] == [(1, FIRST), (2, FIRST + 1_000)]


@pytest.mark.parametrize(
    ("flags", "direction"),
    [(0, Direction.BOTH), (1, Direction.RX), (2, Direction.TX), (0x101, Direction.RX)],
)
def test_direction_flags(flags: int, direction: Direction) -> None:
    options = option(1, b"a comment") + option(2, flags.to_bytes(4, "little"))
    data = section() + interface() + packet(REQUEST, START * 10**6, options=options)
    assert only(data).direction is direction


def test_blocks_of_other_kinds_are_passed_over() -> None:
    data = section() + block(0x0BAD, b"any kind") + interface() + block(5, bytes(40))
    data += packet(REQUEST, START * 10**6) + block(4, b"")
    assert len(read(data).frames) == 1


def test_a_simple_packet_has_no_time() -> None:
    frame = only(section() + interface(snap_length=64) + simple_packet(REQUEST))
    assert (frame.at, frame.number, frame.op) == (0, 1, 1)


def test_the_old_packet_block() -> None:
    body = packet(REQUEST, START * 10**6)[8:-4]
    assert only(section() + interface() + block(2, body)).at == FIRST


def test_packets_of_a_foreign_link_type_are_left_out_and_said_so() -> None:
    data = section() + interface(link=127) + interface()
    data += packet(bytes(60), 1, number=0) + packet(REQUEST, START * 10**6, number=1)
    reader = read(data)
    assert (len(reader.frames), reader.packets) == (1, 2)
    assert reader.damage is not None
    assert "127" in reader.damage


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("chunk", [1, 13, 1 << 20])
def test_a_packet_of_an_interface_that_is_not_described_ends_the_walk(
    chunk: int, *, compiled: bool
) -> None:
    data = section() + interface() + packet(REQUEST, START * 10**6)
    data += packet(IPV4, START * 10**6 + 1, number=1) + packet(REPLY, START * 10**6 + 2)
    reader = ArpReader(BOTH, compiled=compiled)
    for start in range(0, len(data), chunk):
        reader.feed(data[start : start + chunk])
    reader.finish()
    assert (len(reader.frames), reader.packets, reader.last_at) == (1, 1, FIRST)
    assert reader.damage is not None
    assert "interface 1, which is not described" in reader.damage
