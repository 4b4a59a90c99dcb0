"""RARP frames turned into what a host announced with them: a VM that arrived, left or changed uplink.

A host sends RARP with a VM's MAC on the VM's behalf at power-on, after vMotion and at failover
("Notify switches", vSphere Networking): heard going out, this host does; heard coming in without
having been sent here, another host has the VM.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator

from workers.arp.model import MILLISECOND, Direction, Heard, HostEvent, Vm

_RARP = frozenset({3, 4})
_SAME_FRAME = 2 * MILLISECOND
"""A broadcast's own reflection comes back within so much time."""


def announced(vm: Vm, heard: Iterable[Heard]) -> Iterator[HostEvent]:
    """``failover`` for RARP that this host sent for the VM, ``vmotion_out`` for others' RARP."""
    macs = {nic.mac for nic in vm.nics}
    frames = [
        (frame.at, capture.capture.point, frame.sender_mac)
        for capture in heard
        for frame in capture.frames
        if frame.op in _RARP and macs & {frame.sender_mac, frame.eth_src, frame.target_mac}
    ]
    sent = sorted(at for at, point, _ in frames if point.direction is Direction.TX)
    for at, point, mac in sorted(frames, key=lambda found: found[0]):
        device = point.object.rpartition(".")[2]
        if point.direction is Direction.TX:
            yield HostEvent(at, "failover", f"This host announced {mac} by RARP on {device}.")
        elif point.direction is Direction.RX and not _reflected(at, sent):
            text = f"Another host announced {mac} by RARP, heard on {device}."
            yield HostEvent(at, "vmotion_out", text)


def _reflected(at: int, sent: list[int]) -> bool:
    first = bisect_left(sent, at - _SAME_FRAME)
    return first < len(sent) and sent[first] <= at
