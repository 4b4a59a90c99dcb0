"""Classic pcap → ARP frames: byte orders, link types, tags, and what cannot be read."""

from collections import Counter
from collections.abc import Callable, Iterable

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
)
from tests.arp.reading import BOTH, FIRST, IPV4, REPLY, REQUEST, only, read
from workers.arp import decode
from workers.arp.decode import ArpReader
from workers.arp.model import SECOND, ArpFrame, Capture, CapturePoint, Direction, Vm, Vnic


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


def test_heard_carries_everything_the_judge_takes() -> None:
    reader = read(pcap([REQUEST, UNREADABLE["unknown operation"], IPV4])[:-1])
    heard = reader.heard(Capture(BOTH))
    assert heard.capture == Capture(BOTH)
    assert heard.frames == tuple(reader.frames)
    assert (heard.packets, heard.unreadable) == (2, 1)
    assert heard.damage == reader.damage


@pytest.mark.parametrize("name", ["vmnic1", "vmnic1-rx", "vnic0", "vnic0-rx"])
def test_of_very_many_frames_the_vms_own_are_kept_and_others_are_counted(name: str) -> None:
    vm = Vm("app01", nics=(Vnic("vnic0", "Network adapter 1", VM),))
    other = ethernet(arp(sender=(GATEWAY, "10.20.110.1")), src=GATEWAY)
    point = CapturePoint.named(name)
    reader = ArpReader(point, vm=vm)
    reader.feed(pcap([other] * 5_100))
    reader.feed(record(REQUEST) * 30)
    reader.finish()
    heard = reader.heard(Capture(point))
    assert [frame.eth_src for frame in heard.frames].count(VM) == 30
    assert (len(heard.frames) + heard.left_out, heard.damage) == (5_130, None)
    assert heard.left_out == 88


def classic_storm(times: Iterable[tuple[int, bytes]]) -> bytes:
    records = [record(frame, us % 1_000_000, second=us // 1_000_000) for us, frame in times]
    return pcap_header() + b"".join(records)


def next_generation_storm(times: Iterable[tuple[int, bytes]]) -> bytes:
    """By a clock of milliseconds."""
    clock = interface(options=option(9, b"\x03"))
    return section() + clock + b"".join(packet(frame, us // 1_000) for us, frame in times)


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("make", [classic_storm, next_generation_storm])
def test_who_asks_once_a_second_is_heard_out_in_a_storm(
    make: Callable[[Iterable[tuple[int, bytes]]], bytes], *, compiled: bool
) -> None:
    """400 copies a second of one frame, and one of another."""
    storm = ethernet(arp(sender=(GATEWAY, "10.20.110.1")), src=GATEWAY)
    times = [
        (START * 1_000_000 + n * 2_500, REQUEST if n % 400 == 0 else storm) for n in range(24_000)
    ]
    vm = Vm("app01", nics=(Vnic("vnic0", "adapter", "00:50:56:9a:99:99"),))
    reader = ArpReader(CapturePoint.named("vmnic1-rx"), vm=vm, compiled=compiled)
    reader.feed(make(times))
    reader.finish()
    heard = reader.heard(Capture(reader.point))
    asked = [frame.at // SECOND for frame in heard.frames if frame.eth_src == VM]
    assert asked == list(range(START, START + 60))
    kept = Counter(frame.at // SECOND // 10 for frame in heard.frames if frame.eth_src != VM)
    assert [kept[START // 10 + n] for n in (2, 3, 4, 5)] == [12, 12, 12, 12]
    assert heard.thinned == {("10.20.110.1", "10.20.110.1")}
    assert heard.foreign_until is None


def test_foreign_frames_that_never_repeat_take_no_more_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(decode, "_PLENTY", 10)
    monkeypatch.setattr(decode, "MOST_DISTINCT", 50)
    monkeypatch.setattr(decode, "_MOST_FOREIGN", 30)
    vm = Vm("app01", nics=(Vnic("vnic0", "adapter", "00:50:56:9a:99:99"),))
    reader = ArpReader(CapturePoint.named("vmnic1-rx"), vm=vm)
    reader.feed(
        pcap([ethernet(arp(1, (GATEWAY, f"10.20.{n >> 8}.{n & 255}"))) for n in range(900)])
    )
    reader.finish()
    heard = reader.heard(Capture(reader.point))
    assert heard.foreign_until == reader.frames[29].at + 1_000_000
    assert len(reader.frames) + reader.left_out == 900
    assert len(reader._copies) <= 50


def test_at_the_vms_own_port_every_frame_is_its_own() -> None:
    forged = ethernet(arp(sender=(GATEWAY, "10.20.110.1")), src=GATEWAY)
    reader = ArpReader(CapturePoint.named("vnic0-tx"), vm=Vm("app01"))
    reader.feed(pcap([forged] * 20_100))
    assert (len(reader.frames), reader.left_out) == (20_100, 0)


STRANGER = Vm("app01", nics=(Vnic("vnic0", "adapter", "00:50:56:9a:99:99"),))


def test_a_storm_of_others_does_not_end_the_reading_of_the_vms_own() -> None:
    """1,500 new addresses are asked for every second."""
    reader = ArpReader(
        CapturePoint.named("vmnic1-rx"),
        vm=Vm("app01", nics=(Vnic("vnic0", "adapter", VM),)),
    )
    storm = [
        (START * 1_000_000 + n * 666, ethernet(arp(1, (GATEWAY, _address(n))), src=GATEWAY))
        for n in range(45_000)
    ]
    asked = [(START * 1_000_000 + n * 1_000_000, REQUEST) for n in range(30)]
    reader.feed(classic_storm(sorted(storm + asked)))
    reader.finish()
    assert [frame.eth_src for frame in reader.frames].count(VM) == 30
    assert reader.damage is None


def _address(number: int) -> str:
    return f"10.21.{number >> 8}.{number & 255}"


@pytest.mark.parametrize("chunk", [61, 1 << 20])
def test_as_many_frames_as_are_read_are_the_same_in_whatever_chunks_they_come(chunk: int) -> None:
    data = pcap([REQUEST] * 31_000)
    reader = ArpReader(CapturePoint.named("vnic0-tx"), vm=STRANGER, keep_bytes=True)
    for start in range(0, len(data), chunk):
        reader.feed(data[start : start + chunk])
    reader.finish()
    assert (len(reader.frames), len(reader.originals)) == (30_000, 30_000)
    assert reader.damage == "more than 30000 ARP frames; the rest was not read"


def test_a_clock_set_back_in_a_storm_doubts_the_earliest_frame_that_was_not_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(decode, "_PLENTY", 5)
    monkeypatch.setattr(decode, "_MOST_FOREIGN", 10)
    reader = ArpReader(CapturePoint.named("vmnic1-rx"), vm=STRANGER)
    moments = [*range(100, 120), *range(40, 60)]
    reader.feed(
        classic_storm(
            ((START + at) * 1_000_000, ethernet(arp(1, (GATEWAY, _address(n)))))
            for n, at in enumerate(moments)
        )
    )
    reader.finish()
    assert reader.heard(Capture(reader.point)).foreign_until == (START + 40) * SECOND
