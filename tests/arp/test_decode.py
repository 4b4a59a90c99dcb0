"""Bytes of a capture → ARP frames: every format, link type and kind of damage, in tables."""

import pytest

from tests.arp.captures import (
    COOKED,
    COOKED2,
    EVERYONE,
    GATEWAY,
    MAGICS,
    NOBODY,
    START,
    VM,
    arp,
    block,
    cooked,
    cooked2,
    ethernet,
    interface,
    option,
    packet,
    pcap,
    pcap_header,
    record,
    section,
    simple_packet,
)
from workers.arp.decode import ArpReader
from workers.arp.model import ArpFrame, Capture, CapturePoint, Direction

BOTH = CapturePoint.named("vmnic1")
REQUEST = ethernet(arp())
REPLY = ethernet(arp(2, (GATEWAY, "10.20.110.1"), (VM, "10.20.110.21")), src=GATEWAY, dst=VM)
IPV4 = ethernet(b"\x45" + bytes(60), ethertype=0x0800)
FIRST = START * 10**9


def read(data: bytes, *, point: CapturePoint = BOTH, chunk: int = 1 << 20) -> ArpReader:
    reader = ArpReader(point)
    for start in range(0, len(data), chunk):
        reader.feed(data[start : start + chunk])
    reader.finish()
    return reader


def only(data: bytes) -> ArpFrame:
    reader = read(data)
    assert reader.damage is None
    (frame,) = reader.frames
    return frame


@pytest.mark.parametrize(("order", "unit"), MAGICS)
@pytest.mark.parametrize("chunk", [1, 7, 61, 1 << 20])
def test_classic_pcap_in_every_byte_order_and_unit(order: str, unit: str, chunk: int) -> None:
    reader = read(pcap([REQUEST, IPV4, REPLY], order, unit), chunk=chunk)
    assert reader.frames == [
        ArpFrame(
            BOTH,
            1,
            FIRST + 1_000_000,
            1,
            (),
            VM,
            EVERYONE,
            VM,
            "10.20.110.21",
            NOBODY,
            "10.20.110.1",
        ),
        ArpFrame(
            BOTH,
            3,
            FIRST + 3_000_000,
            2,
            (),
            GATEWAY,
            VM,
            GATEWAY,
            "10.20.110.1",
            VM,
            "10.20.110.21",
        ),
    ]
    assert (reader.packets, reader.unreadable, reader.damage) == (3, 0, None)
    assert (reader.first_at, reader.last_at) == (FIRST + 1_000_000, FIRST + 3_000_000)


def test_nanoseconds_stay_exact() -> None:
    data = pcap_header("<", "ns") + record(REQUEST, 123_456_789)
    assert only(data).at == FIRST + 123_456_789


def test_feed_gives_the_frames_a_chunk_completes() -> None:
    data = pcap([REQUEST, REPLY])
    reader = ArpReader(BOTH)
    assert reader.feed(data[:-1]) == (reader.frames[0],)
    assert [frame.op for frame in reader.feed(data[-1:])] == [2]
    assert len(reader.frames) == 2


TAGS = {
    "no tag": ((), ()),
    "802.1Q": (((0x8100, 110),), (110,)),
    "priority bits are no part of the id": (((0x8100, 0xE06E),), (110,)),
    "priority tag": (((0x8100, 0),), (0,)),
    "802.1ad over 802.1Q": (((0x88A8, 2_000), (0x8100, 110)), (2_000, 110)),
    "old QinQ": (((0x9100, 2_000), (0x8100, 110)), (2_000, 110)),
    "three tags": (((0x88A8, 1), (0x88A8, 2), (0x8100, 4_094)), (1, 2, 4_094)),
    "forty tags": (((0x8100, 7),) * 40, (7,) * 40),
}


@pytest.mark.parametrize(("vlans", "ids"), TAGS.values(), ids=TAGS)
def test_vlan_tags(vlans: tuple[tuple[int, int], ...], ids: tuple[int, ...]) -> None:
    frame = only(pcap([ethernet(arp(), vlans=vlans)]))
    assert (frame.vlans, frame.target_ip) == (ids, "10.20.110.1")


def test_rarp() -> None:
    rarp = arp(3, (VM, "0.0.0.0"), (VM, "0.0.0.0"))
    frame = only(pcap([ethernet(rarp, ethertype=0x8035, vlans=((0x8100, 110),))]))
    assert (frame.op, frame.sender_mac, frame.vlans) == (3, VM, (110,))


@pytest.mark.parametrize("kind", [COOKED, COOKED2])
@pytest.mark.parametrize(
    ("packet_type", "target", "direction", "destination"),
    [
        (1, NOBODY, Direction.RX, EVERYONE),
        (0, VM, Direction.RX, VM),
        (3, VM, Direction.RX, VM),
        (4, NOBODY, Direction.TX, EVERYONE),
        (4, GATEWAY, Direction.TX, GATEWAY),
    ],
)
def test_linux_cooked_captures(
    kind: int, packet_type: int, target: str, direction: Direction, destination: str
) -> None:
    build = cooked if kind == COOKED else cooked2
    frame = only(pcap([build(arp(target=(target, "10.20.110.1")), packet_type)], link=kind))
    assert (frame.direction, frame.eth_src, frame.eth_dst) == (direction, VM, destination)


def test_linux_cooked_with_a_tag() -> None:
    tagged = bytes.fromhex("006e0806") + arp()
    assert only(pcap([cooked(tagged, 4, protocol=0x8100)], link=COOKED)).vlans == (110,)
    assert only(pcap([cooked2(tagged, 4, protocol=0x8100)], link=COOKED2)).vlans == (110,)


def test_the_points_direction_is_every_frames_direction() -> None:
    reader = read(pcap([REQUEST]), point=CapturePoint.named("vmnic1-tx"))
    assert reader.frames[0].direction is Direction.TX
    assert only(pcap([REQUEST])).direction is Direction.BOTH


UNREADABLE = {
    "cut inside the message": REQUEST[: 14 + 20],
    "nothing behind the EtherType": REQUEST[:14],
    "not Ethernet hardware": ethernet(arp(head=bytes.fromhex("000608000604"))),
    "not IPv4": ethernet(arp(head=bytes.fromhex("000186dd0610"))),
    "odd address lengths": ethernet(arp(head=bytes.fromhex("000108000804"))),
    "unknown operation": ethernet(arp(op=9)),
    "reverse operation under ARP": ethernet(arp(op=3)),
    "tagged and cut": ethernet(arp(), vlans=((0x8100, 1),))[:40],
}


@pytest.mark.parametrize("frame", UNREADABLE.values(), ids=UNREADABLE)
def test_arp_that_cannot_be_read_is_counted(frame: bytes) -> None:
    reader = read(pcap([frame, REQUEST]))
    assert (reader.unreadable, reader.packets, reader.damage) == (1, 2, None)
    assert [frame.number for frame in reader.frames] == [2]


NO_ARP = {
    "IPv4": IPV4,
    "tagged IPv4": ethernet(bytes(60), vlans=((0x8100, 110),), ethertype=0x0800),
    "empty": b"",
    "a few bytes": b"\x08\x06",
    "addresses only": REQUEST[:12],
    "a tag cut in two": ethernet(arp(), vlans=((0x8100, 1),))[:15],
    "ARP inside VXLAN": ethernet(b"\x45" + bytes(35) + REQUEST, ethertype=0x0800),
}


@pytest.mark.parametrize("frame", NO_ARP.values(), ids=NO_ARP)
def test_what_is_no_arp_is_only_counted_as_a_packet(frame: bytes) -> None:
    reader = read(pcap([frame, frame, REQUEST, frame]))
    assert (len(reader.frames), reader.unreadable, reader.packets) == (1, 0, 4)
    assert reader.damage is None


def test_the_ethertype_of_the_next_packet_is_not_read_into_a_short_one() -> None:
    """A short packet's missing EtherType would be found inside the next record."""
    short = record(b"", 0x0806) + record(b"\0" * 2, 0x0608) + record(REQUEST, 5)
    reader = read(pcap_header() + short)
    assert (len(reader.frames), reader.packets, reader.unreadable) == (1, 3, 0)


# --- pcapng --------------------------------------------------------------------------------------


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


# --- damage --------------------------------------------------------------------------------------

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


def test_heard_carries_everything_the_judge_takes() -> None:
    reader = read(pcap([REQUEST, UNREADABLE["unknown operation"], IPV4])[:-1])
    heard = reader.heard(Capture(BOTH))
    assert heard.capture == Capture(BOTH)
    assert heard.frames == tuple(reader.frames)
    assert (heard.packets, heard.unreadable) == (2, 1)
    assert heard.damage == reader.damage
