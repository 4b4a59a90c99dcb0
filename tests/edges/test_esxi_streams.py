"""What the ESXi edge reads without a host: a capture's bytes in any cut, and a clock in bounds."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.esxi.clock import HostClock, agree, sample
from workers.esxi.walk import PcapWalk, find_magic

SECOND = 1_000_000_000


def pcap(order: str, magic: int, fraction: int, lengths: list[int]) -> bytes:
    head = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, 1)
    packets = (
        struct.pack(order + "IIII", 1000 + n, fraction, length, length) + bytes(length)
        for n, length in enumerate(lengths)
    )
    return head + b"".join(packets)


@pytest.mark.parametrize(
    ("order", "magic", "unit"),
    [("<", 0xA1B2C3D4, 1000), (">", 0xA1B2C3D4, 1000), ("<", 0xA1B23C4D, 1), (">", 0xA1B23C4D, 1)],
)
def test_every_classic_kind_is_walked(order: str, magic: int, unit: int) -> None:
    walk = PcapWalk()
    walk.feed(pcap(order, magic, 5, [60, 0, 42]))
    assert (walk.records, walk.last_at) == (3, 1002 * SECOND + 5 * unit)


@given(st.lists(st.integers(0, 90), max_size=8), st.lists(st.integers(1, 50), max_size=40))
def test_a_stream_may_be_cut_anywhere(lengths: list[int], cuts: list[int]) -> None:
    data, walk, at = pcap("<", 0xA1B2C3D4, 7, lengths), PcapWalk(), 0
    for cut in [*cuts, len(data)]:
        walk.feed(data[at : at + cut])
        at += cut
    assert walk.records == len(lengths)
    assert not walk.lost


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_no_bytes_break_the_walk(first: bytes, second: bytes) -> None:
    walk = PcapWalk()
    walk.feed(first)
    walk.feed(second)
    find_magic(first)


def test_an_impossible_record_ends_the_counting() -> None:
    walk = PcapWalk()
    walk.feed(pcap("<", 0xA1B2C3D4, 0, [60]) + b"\xff" * 16)
    walk.feed(b"more")
    assert (walk.records, walk.lost) == (1, True)


def test_the_magic_is_found_behind_noise() -> None:
    assert find_magic(b"WARNING\r\n\xd4\xc3\xb2\xa1\x02") == 9
    assert find_magic(b"WARNING\r\n\xd4\xc3\xb2") == -1


def test_clock_bounds_hold_the_truth_and_narrow() -> None:
    offset = 3_300_000_000
    asked = [(n * SECOND * 7 // 10, n * SECOND * 7 // 10 + 40_000_000) for n in range(6)]
    samples = [
        sample(
            a,
            b,
            (a + b) // 2 // SECOND * SECOND + (offset + (a + b) // 2 % SECOND) // SECOND * SECOND,
            SECOND,
        )
        for a, b in asked
    ]
    clock = agree(samples)
    assert clock.low <= offset <= clock.high
    assert clock.uncertainty < SECOND // 2
    assert clock.at_earliest(0) <= offset <= clock.at_latest(0)


def test_a_clock_that_was_set_meanwhile_keeps_both() -> None:
    assert agree([HostClock(0, 10), HostClock(100, 110)]) == HostClock(0, 110)
