"""Reads a capture as the tests want it, and the few frames most of them need."""

from tests.arp.captures import (
    GATEWAY,
    START,
    VM,
    arp,
    ethernet,
)
from workers.arp.decode import ArpReader
from workers.arp.model import ArpFrame, CapturePoint

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
