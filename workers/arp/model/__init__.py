"""The words of a check: plain values that every other module speaks in.

Units, once for all: a time is an ``int`` of nanoseconds since 1970-01-01T00:00:00Z (names end in
``at``, ``start`` or ``end``), a duration is an ``int`` of nanoseconds unless its name says another
unit. A MAC is lower case with colons, an IPv4 address dotted decimal, a VLAN id 0..4095. ``None``
means unknown, an empty tuple means none. Directions are seen from the object: on an uplink ``tx``
is host to wire, on a VM's port ``tx`` is what the VM sends.
"""

from workers.arp.model.cases import Case, ClockGap, FarEnd, HostEvent, Stimulus
from workers.arp.model.conclusions import (
    Confidence,
    Control,
    Exchange,
    FarStory,
    Judgement,
    Owner,
    Passage,
    PointCount,
    Refusal,
    SideFinding,
    Verdict,
)
from workers.arp.model.hearing import (
    BOTH,
    RX,
    TX,
    UPLINK,
    VNIC,
    ArpFrame,
    Capture,
    CapturePoint,
    Direction,
    Heard,
    PointKind,
    frame_of,
)
from workers.arp.model.jobs import Job, Thread
from workers.arp.model.places import (
    Host,
    LocalVm,
    Neighbour,
    Placement,
    Role,
    Uplink,
    Vlan,
    Vm,
    VmCandidate,
    VmLocation,
    Vnic,
)

__all__ = [
    "BOTH",
    "BROADCAST",
    "MILLISECOND",
    "RX",
    "SECOND",
    "TX",
    "UPLINK",
    "VNIC",
    "ArpFrame",
    "Capture",
    "CapturePoint",
    "Case",
    "ClockGap",
    "Confidence",
    "Control",
    "Direction",
    "Exchange",
    "FarEnd",
    "FarStory",
    "Heard",
    "Host",
    "HostEvent",
    "Job",
    "Judgement",
    "LocalVm",
    "Neighbour",
    "Owner",
    "Passage",
    "Placement",
    "PointCount",
    "PointKind",
    "Refusal",
    "Role",
    "SideFinding",
    "Stimulus",
    "Thread",
    "Uplink",
    "Verdict",
    "Vlan",
    "Vm",
    "VmCandidate",
    "VmLocation",
    "Vnic",
    "frame_of",
]

SECOND = 1_000_000_000
MILLISECOND = 1_000_000

BROADCAST = "ff:ff:ff:ff:ff:ff"
