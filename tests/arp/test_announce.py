"""RARP on a host's uplinks: which host speaks for the VM, this one or another."""

from __future__ import annotations

import pytest

from workers.arp.announce import announced
from workers.arp.model import MILLISECOND, ArpFrame, Capture, CapturePoint, Heard, Vm, Vnic

OWN, OTHER = "00:50:56:9a:21:01", "00:50:56:9a:22:02"
VM = Vm("app01", nics=(Vnic("vnic0", "Network adapter 1", OWN),))
BROADCAST, NOBODY = "ff:ff:ff:ff:ff:ff", "0.0.0.0"
RARP_REQUEST, ARP_REQUEST = 3, 1

Seen = tuple[str, int, str, int]


def heard(seen: list[Seen]) -> list[Heard]:
    """Frames as point, milliseconds, MAC and operation."""
    streams: dict[str, list[ArpFrame]] = {}
    for name, at, mac, op in seen:
        stream = streams.setdefault(name, [])
        stream.append(
            ArpFrame(
                CapturePoint.named(name), len(stream) + 1, at * MILLISECOND, op, (110,),
                mac, BROADCAST, mac, NOBODY, mac, NOBODY,
            )
        )  # fmt: skip
    return [
        Heard(Capture(CapturePoint.named(name)), tuple(frames)) for name, frames in streams.items()
    ]


@pytest.mark.parametrize(
    ("seen", "events"),
    [
        ([("rarp.vmnic0-tx", 5, OWN, RARP_REQUEST)], ["failover"]),
        ([("rarp.vmnic1-rx", 5, OWN, RARP_REQUEST)], ["vmotion_out"]),
        (  # it comes back on the other uplink
            [
                ("rarp.vmnic0-tx", 5, OWN, RARP_REQUEST),
                ("rarp.vmnic1-rx", 6, OWN, RARP_REQUEST),
            ],
            ["failover"],
        ),
        (  # too late for that
            [
                ("rarp.vmnic0-tx", 5, OWN, RARP_REQUEST),
                ("rarp.vmnic1-rx", 900, OWN, RARP_REQUEST),
            ],
            ["failover", "vmotion_out"],
        ),
        ([("rarp.vmnic0-tx", 5, OTHER, RARP_REQUEST)], []),
        ([("rarp.vmnic0-tx", 5, OWN, ARP_REQUEST)], []),
    ],
)
def test_who_announces_the_vm(seen: list[Seen], events: list[str]) -> None:
    assert [event.event for event in announced(VM, heard(seen))] == events
