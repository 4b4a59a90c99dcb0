"""Whatever the bytes are, no exception leaves the readers: broken captures and broken cases.

``make fuzz`` (ARPCHECK_FUZZ_FRAMES=1000000) runs until that many frames were fed; every run is
seeded, and the seed is part of a failing test's name.
"""

import json
import os
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.arp.captures import (
    COOKED,
    COOKED2,
    GATEWAY,
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
    section,
    simple_packet,
)
from tests.arp.cases import document, dumped
from workers.arp.case.reading import read_case
from workers.arp.case.shape import CaseError
from workers.arp.case.writing import write_case
from workers.arp.decode import ArpReader
from workers.arp.model import CapturePoint, Case

FRAMES = int(os.environ.get("ARPCHECK_FUZZ_FRAMES", "4000"))
SEEDS = range(8)
FRAMES_A_FILE = 20
BOTH = CapturePoint.named("vmnic0")


def frames(dice: random.Random, build: Callable[[bytes], bytes]) -> list[bytes]:
    ops = [arp(dice.choice([1, 2, 3, 9]), target=(GATEWAY, "10.0.0.1")) for _ in range(20)]
    return [build(op) for op in ops]


def tagged(dice: random.Random) -> Callable[[bytes], bytes]:
    def build(payload: bytes) -> bytes:
        kinds = dice.choices([0x8100, 0x88A8, 0x9100, 0x0806], k=dice.randrange(4))
        return ethernet(payload, src=VM, vlans=[(kind, dice.randrange(65_536)) for kind in kinds])

    return build


def classic(dice: random.Random) -> bytes:
    link, build = dice.choice(
        [(1, tagged(dice)), (COOKED, lambda p: cooked(p, 4)), (COOKED2, lambda p: cooked2(p, 1))]
    )
    order, unit = dice.choice("<>"), dice.choice(["us", "ns"])
    return pcap(frames(dice, build), order, unit, link=link)


def next_generation(dice: random.Random) -> bytes:
    data = b""
    for _ in range(2):
        order = dice.choice("<>")
        data += section(order) + interface(order, options=option(9, b"\x09", order))
        data += interface(order, link=dice.choice([1, 113]))
        for n, frame in enumerate(frames(dice, tagged(dice))[:9]):
            flags = option(2, b"\1\0\0\0", order)
            data += packet(frame, START + n, order, number=dice.randrange(2), options=flags)
            data += simple_packet(frame, order)
    return data


def mutated(data: bytes, dice: random.Random) -> bytes:
    broken = bytearray(data)
    for _ in range(dice.choice([1, 2, 5, 20])):
        at = dice.randrange(len(broken))
        match dice.randrange(5):
            case 0:
                broken[at] = dice.randrange(256)
            case 1:
                broken[at : at + 4] = dice.choice([b"\0\0\0\0", b"\xff" * 4, b"\x7f\xff\xff\xff"])
            case 2:
                del broken[at : at + dice.randrange(1, 40)]
            case 3:
                broken[at:at] = broken[: dice.randrange(1, 40)]
            case _:
                del broken[dice.randrange(len(broken) // 2, len(broken)) :]
        if not broken:
            broken += b"\0"
    return bytes(broken)


def feed(data: bytes, dice: random.Random) -> ArpReader:
    reader = ArpReader(BOTH)
    position = 0
    given: list[object] = []
    while position < len(data):
        size = dice.choice([1, 3, 16, 64, 500, 5_000])
        given.extend(reader.feed(data[position : position + size]))
        position += size
    reader.finish()
    assert given == reader.frames
    return reader


@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("seed", SEEDS)
def test_no_exception_leaves_the_reader_of_broken_captures(seed: int) -> None:
    dice = random.Random(seed)
    read = kept = 0
    while read < FRAMES // len(SEEDS):
        data = dice.choice([classic, next_generation])(dice)
        broken = mutated(data, dice)
        reader = feed(broken, dice)
        again = ArpReader(BOTH)
        again.feed(broken)
        again.finish()
        assert (again.frames, again.packets, again.damage) == (
            reader.frames,
            reader.packets,
            reader.damage,
        )
        kept += len(reader.frames)
        read += FRAMES_A_FILE
    assert kept > 0


@settings(max_examples=200)
@given(st.binary(max_size=400), st.sampled_from([b"", *map(bytes, [pcap([]), section()])]))
def test_no_exception_leaves_the_reader_of_any_bytes(data: bytes, head: bytes) -> None:
    reader = ArpReader(BOTH)
    reader.feed(head + data)
    reader.finish()
    assert len(reader.frames) + reader.unreadable <= reader.packets


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


def places(value: object, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [way] if way else []
    if isinstance(value, dict):
        for key in value:
            found += places(value[key], (*way, key))
    if isinstance(value, list):
        for number, item in enumerate(value):
            found += places(item, (*way, number))
    return found


@settings(max_examples=300)
@given(st.sampled_from(places(document())), JSON | st.just(...))
def test_a_case_with_any_value_anywhere_is_read_or_refused(
    way: tuple[Any, ...], value: object
) -> None:
    whole: Any = document()
    at = whole
    for key in way[:-1]:
        at = at[key]
    if value is ...:
        del at[way[-1]]
    else:
        at[way[-1]] = value
    read_or_refuse(dumped(whole))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_case_with_broken_bytes_is_read_or_refused(seed: int) -> None:
    dice = random.Random(seed)
    good = dumped(document())
    outcomes = {read_or_refuse(mutated(good, dice)) for _ in range(100)}
    assert False in outcomes


def read_or_refuse(data: bytes) -> bool:
    """A case that is read can be written and read again; a refusal is one line."""
    try:
        case = read_case(data)
    except CaseError as refusal:
        sentence = str(refusal).encode()
    else:
        sentence = b""
        assert isinstance(case, Case)
        assert json.loads(write_case(case))["id"] == case.id
        assert write_case(read_case(write_case(case))) == write_case(case)
    assert b"\n" not in sentence
    return not sentence
