"""The compiled walk against its pure twin: whole and broken captures, any chunks, the same frames."""

import random
from collections.abc import Callable

import pytest

from tests.arp.captures import (
    COOKED,
    GATEWAY,
    START,
    arp,
    cooked,
    ethernet,
    interface,
    packet,
    pcap,
    pcap_header,
    record,
    section,
    simple_packet,
)
from tests.arp.test_fuzz import BOTH, SEEDS, classic, mutated, next_generation
from workers.arp import decode
from workers.arp.decode import ArpReader, compiled, walk
from workers.arp.model import Capture, Vm, Vnic

pytestmark = pytest.mark.skipif(
    compiled.scan is None, reason="the compiled walk was not built: no compiler was there"
)

Told = tuple[object, ...]

SLOTS = (1_000, 1_000_000, 3_000_000_000)


def told(
    data: bytes, sizes: list[int], *, fast: bool, whole: bool = False, vm: Vm | None = None
) -> Told:
    reader = ArpReader(BOTH, compiled=fast, keep_bytes=whole, vm=vm)
    position = 0
    for size in sizes:
        reader.feed(memoryview(data)[position : position + size])
        position += size
    reader.feed(data[position:])
    reader.finish()
    heard = reader.heard(Capture(BOTH))
    return (
        reader.frames,
        reader.originals,
        reader.packets,
        reader.unreadable,
        reader.left_out,
        reader.damage,
        reader.first_at,
        reader.last_at,
        (heard.thinned, heard.foreign_until),
    )


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("make", [classic, next_generation])
def test_both_walks_tell_the_same_of_broken_captures(
    seed: int, make: Callable[[random.Random], bytes]
) -> None:
    dice = random.Random(seed)
    read = 0
    for _ in range(60):
        data = make(dice)
        for broken in (data, mutated(data, dice), mutated(data, dice)):
            sizes = [dice.choice([1, 16, 300, 5_000]) for _ in range(dice.randrange(9))]
            whole = dice.random() < 0.5
            fast = told(broken, sizes, fast=True, whole=whole)
            assert fast == told(broken, sizes, fast=False, whole=whole)
            read += len(ArpReader(BOTH).feed(broken))
    assert read > 0


def long_classic(dice: random.Random) -> bytes:
    order = dice.choice("<>")
    return pcap_header(order) + long_walk(dice, lambda frame: record(frame, 7, order=order))


def long_next_generation(dice: random.Random) -> bytes:
    order = dice.choice("<>")
    head = section(order) + interface(order) + interface(order)
    numbers = dice.choice([[0], [0, 1]])
    others = dice.choice([0, 0.001, 0.5])

    def build(frame: bytes) -> bytes:
        if dice.random() < others:
            return simple_packet(frame, order)
        return packet(frame, START * 1_000_000, order, number=dice.choice(numbers))

    return head + long_walk(dice, build)


def long_walk(dice: random.Random, build: Callable[[bytes], bytes]) -> bytes:
    """Records of 3 MB, enough for lanes; a part of the packets is made of records, to fool guesses."""
    ask = ethernet(arp(), vlans=((0x8100, 7),) * dice.randrange(3))
    forged = build(ask) * dice.randrange(3, 9)
    others = [ethernet(dice.randbytes(n), ethertype=0x0800) for n in (40, 700, 1_400)]
    carrier = ethernet(b"\0" * dice.randrange(4) + forged, ethertype=0x0800)
    kinds = [*others * 2, *[carrier] * dice.choice([0, 1, 20]), *[ask] * dice.choice([0, 1, 200])]
    parts = []
    size = 0
    while size < 3_000_000:
        parts.append(build(dice.choice(kinds)))
        size += len(parts[-1])
    return b"".join(parts)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("make", [long_classic, long_next_generation])
def test_lanes_tell_the_same_as_one_walk(seed: int, make: Callable[[random.Random], bytes]) -> None:
    dice = random.Random(seed)
    data = make(dice)
    for broken in (data, mutated(data, dice), mutated(data, dice)):
        sizes = [dice.choice([1, 5_000, 200_000]) for _ in range(dice.randrange(3))]
        fast = told(broken, sizes, fast=True)
        assert fast == told(broken, sizes, fast=False)
    reader = ArpReader(BOTH)
    reader.feed(data)
    assert reader.packets > 1_000


@pytest.mark.parametrize("length", range(80))
def test_both_walks_tell_the_same_of_a_capture_cut_anywhere(length: int) -> None:
    frames = [ethernet(arp(), vlans=((0x8100, 7),)), ethernet(b"", ethertype=0x0800), b"", b"1"]
    data = pcap(frames * 3)
    cut = data[: len(data) - length]
    assert told(cut, [], fast=True) == told(cut, [], fast=False)
    assert told(cut, [], fast=True)[2]


def test_more_hits_than_one_call_takes() -> None:
    data = pcap([cooked(arp(), 4)] * 70_000, link=COOKED)
    fast = told(data, [], fast=True)
    assert fast == told(data, [], fast=False)
    assert fast[2] == 70_000


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("make", [classic, next_generation])
def test_both_walks_leave_out_the_same(
    seed: int, make: Callable[[random.Random], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A capture many times over, with little wanted of it and little remembered, and that not for long."""
    monkeypatch.setattr(decode, "_PLENTY", 10)
    monkeypatch.setattr(decode, "_MOST_FOREIGN", 200)
    monkeypatch.setattr(decode, "_SLOT", SLOTS[seed % len(SLOTS)])
    monkeypatch.setattr(walk, "MOST_DISTINCT", 5)
    dice = random.Random(seed)
    data = make(dice)
    head = 24 if make is classic else 0
    data += data[head:] * 50
    left_out = 0
    for capture in (data, mutated(data, dice)):
        for mac in (GATEWAY, "00:50:56:9a:99:99"):
            vm = Vm("app01", nics=(Vnic("vnic0", "adapter", mac),))
            sizes = [dice.choice([300, 5_000, 20_000]) for _ in range(dice.randrange(9))]
            fast = told(capture, sizes, fast=True, vm=vm)
            assert fast == told(capture, sizes, fast=False, vm=vm)
            left_out += int(str(fast[4]))
    assert left_out > 0


@pytest.mark.parametrize("position", [-1, 5, 1 << 40])
def test_places_outside_of_the_buffer_are_refused(position: int) -> None:
    with pytest.raises(ValueError, match="out of range"):
        compiled.scan.pcapng(b"1234", position, 0, 0, 1, (12, 16), (42, 512), set(), 0)


@pytest.mark.parametrize("place", [-1, 65])
def test_places_outside_of_a_packet_are_refused(place: int) -> None:
    with pytest.raises(ValueError, match="out of range"):
        compiled.scan.pcap(bytes(200), 0, 0, 0, (12, place), (42, 512), set(), 0, 1, 1_000)
