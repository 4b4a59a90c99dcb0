"""The words of a check: plain values that every other module speaks in.

Units, once for all: a time is an ``int`` of nanoseconds since 1970-01-01T00:00:00Z (names end in
``at``, ``start`` or ``end``), a duration is an ``int`` of nanoseconds unless its name says another
unit. A MAC is lower case with colons, an IPv4 address dotted decimal, a VLAN id 0..4095. ``None``
means unknown, an empty tuple means none. Directions are seen from the object: on an uplink ``tx``
is host to wire, on a VM's port ``tx`` is what the VM sends.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

SECOND = 1_000_000_000
MILLISECOND = 1_000_000

BROADCAST = "ff:ff:ff:ff:ff:ff"


class Direction(StrEnum):
    """Which way a frame passed a capture point; ``BOTH`` carries no direction per frame."""

    TX = "tx"
    RX = "rx"
    BOTH = "both"


class PointKind(StrEnum):
    """What a capture point listens on."""

    UPLINK = "uplink"
    VNIC = "vnic"


class Owner(StrEnum):
    """Who has the next move."""

    GUEST = "guest"
    VIRTUALIZATION = "virtualization"
    NETWORK = "network"
    TARGET = "target"
    NONE = "none"
    INCONCLUSIVE = "inconclusive"


class Confidence(StrEnum):
    """How much the evidence carries (see the numbers in ``verdict.py``)."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Role(StrEnum):
    """An uplink's place in the teaming order of the VM's port group."""

    ACTIVE = "active"
    STANDBY = "standby"
    UNUSED = "unused"
    UNKNOWN = "unknown"


# --- where the VM is ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Neighbour:
    """The physical switch port behind an uplink, in the network team's own words (LLDP or CDP)."""

    protocol: str
    switch: str
    port: str
    vlan: int | None = None
    management_address: str | None = None


@dataclass(frozen=True, slots=True)
class Uplink:
    """A physical NIC (vmnic) of the VM's virtual switch; ``lag`` is its bundle's name."""

    device: str
    switch: str
    role: Role = Role.UNKNOWN
    link_up: bool | None = None
    lag: str | None = None
    neighbour: Neighbour | None = None


@dataclass(frozen=True, slots=True)
class Vlan:
    """The VLAN of a port group.

    ``mode`` is ``none``, ``access``, ``trunk``, ``pvlan`` or ``unknown``. In a PVLAN ``id`` is the secondary
    VLAN, the one the VM's frames leave with, and ``primary`` the primary one. ``ranges`` are the
    inclusive ranges of a trunk.
    """

    mode: str = "none"
    id: int | None = None
    primary: int | None = None
    ranges: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Vnic:
    """A VM's network adapter; ``ipv4`` holds ``address/prefix`` as the guest tools told it.

    ``backing`` is ``port`` where the adapter hangs on a virtual switch, ``sriov``, ``passthrough``
    or ``opaque`` where it does not or only in part; ``switch_kind`` is ``vss``, ``vds`` or ``nsx``.
    ``port_key`` is the distributed port's key, not the number ``pktcap-uw`` takes.
    """

    point: str
    label: str
    mac: str
    connected: bool = True
    ipv4: tuple[str, ...] = ()
    gateway: str | None = None
    portgroup: str | None = None
    switch: str | None = None
    switch_kind: str | None = None
    vlan: Vlan = field(default_factory=Vlan)
    overlay: bool = False
    pinned_uplink: str | None = None
    backing: str = "port"
    port_key: str | None = None


@dataclass(frozen=True, slots=True)
class LocalVm:
    """An adapter of another VM on the same host: the control group."""

    name: str
    mac: str
    ipv4: tuple[str, ...] = ()
    vlan: int | None = None


@dataclass(frozen=True, slots=True)
class Vm:
    """The VM that was asked about; ``moid`` is vCenter's managed object id."""

    name: str
    moid: str | None = None
    nics: tuple[Vnic, ...] = ()
    uuid: str | None = None


@dataclass(frozen=True, slots=True)
class Host:
    """The ESXi host the VM runs on.

    ``teaming`` is ``portid``, ``srcmac``, ``iphash``, ``lbt``, ``failover``, ``lacp`` or None.
    ``uplinks`` are all uplinks of all switches that the VM's adapters hang on. ``local_macs`` are
    MACs of the host itself: VMkernel adapters and burned-in NIC addresses.
    """

    name: str
    version: str | None = None
    build: str | None = None
    teaming: str | None = None
    uplinks: tuple[Uplink, ...] = ()
    local_vms: tuple[LocalVm, ...] = ()
    local_macs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VmLocation:
    """A VM and its host as vCenter sees them now, with what is needed to reach the host.

    ``address`` is where SSH answers, ``ssh_running`` and ``lockdown`` are the host's service state
    (None = vCenter did not say). ``tools_running`` tells how fresh the guest's addresses are.
    ``notes`` are sentences about what cannot be heard (fast path, SR-IOV, overlay).
    """

    vm: Vm
    host: Host
    host_moid: str
    address: str
    vcenter_id: str | None = None
    tools_running: bool | None = None
    ssh_running: bool | None = None
    lockdown: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a VM runs at one moment: compared before and after a capture."""

    host_moid: str | None
    power: str
    connection: str = "connected"


@dataclass(frozen=True, slots=True)
class VmCandidate:
    """One of several VMs that answer to a name."""

    moid: str
    name: str
    folder: str
    cluster: str
    power: str


# --- what was heard ----------------------------------------------------------------------------

_POINT_NAME = re.compile(r"^(?P<object>[A-Za-z][A-Za-z0-9_.:]*?)(?:-(?P<direction>tx|rx|both))?$")


@dataclass(frozen=True, slots=True)
class CapturePoint:
    """One place and direction where frames are heard; ``name`` is also its file's stem."""

    name: str
    object: str
    kind: PointKind
    direction: Direction

    def __str__(self) -> str:
        return self.name

    @classmethod
    def named(cls, name: str) -> CapturePoint:
        """Read ``vmnic0-rx``, ``vnic0-tx`` or a bare ``vmnic0`` (both directions in one file).

        Raises:
            ValueError: the name is none of these.
        """
        match = _POINT_NAME.match(name)
        if match is None:
            raise ValueError(f"{name!r} names no capture point such as vmnic0-rx or vnic0-tx")
        thing = match["object"]
        kind = PointKind.VNIC if re.match(r"vnic\d+$", thing) else PointKind.UPLINK
        return cls(name, thing, kind, Direction(match["direction"] or "both"))


@dataclass(frozen=True, slots=True)
class Capture:
    """What is known of one capture point's run; a failure is a value, its silence proves nothing.

    ``ready_at`` is when the ready line was read, ``stopped_at`` the last moment it surely listened;
    both None where it never did. ``file`` is the path inside the case. ``dropped`` None = unknown.
    """

    point: CapturePoint
    file: str | None = None
    ready_at: int | None = None
    stopped_at: int | None = None
    dropped: int | None = 0
    failure: str | None = None
    command: str | None = None


class ArpFrame(NamedTuple):
    """One ARP or RARP frame in RFC 826's words: a tuple, because there may be a million of them.

    ``number`` is the frame's number in its file as Wireshark shows it (from 1). ``op`` is 1 request,
    2 reply, 3 and 4 RARP (RFC 903). ``vlans`` are the tags found in the bytes, outermost first;
    empty does not prove that the frame was untagged on the wire. ``direction`` is the capture
    point's, or the one a pcapng file states per frame; BOTH = not stated.
    """

    point: CapturePoint
    number: int
    at: int
    op: int
    vlans: tuple[int, ...]
    eth_src: str
    eth_dst: str
    sender_mac: str
    sender_ip: str
    target_mac: str
    target_ip: str
    direction: Direction = Direction.BOTH


@dataclass(frozen=True, slots=True)
class Heard:
    """A capture with the ARP frames read from it, in file order.

    ``left_out`` counts foreign frames that were not kept because very many had been. ``packets``
    counts every packet of the file, ``unreadable`` the ARP frames too short or malformed to read.
    ``damage`` is a sentence where the file is broken or cut (frames up to there are kept).
    """

    capture: Capture
    frames: tuple[ArpFrame, ...] = ()
    packets: int = 0
    unreadable: int = 0
    damage: str | None = None
    left_out: int = 0


# --- the case ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stimulus:
    """Who was asked to make the guest send ARP, and when; ``confirmed`` = it surely ran."""

    confirmed: bool = False
    targets: tuple[str, ...] = ()
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class HostEvent:
    """Something that happened to the VM or the host during the capture, by the contract's names."""

    at: int
    event: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """Everything a verdict is judged from, except the frames: the content of ``case.json``."""

    id: str
    made_at: int | None
    vm: Vm
    host: Host
    stimulus: Stimulus = field(default_factory=Stimulus)
    events: tuple[HostEvent, ...] = ()
    captures: tuple[Capture, ...] = ()


# --- what was concluded ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Exchange:
    """One ARP request of the VM and all that became of it.

    ``left_on`` are uplinks it was handed to, ``reflected_on`` uplinks it came back on, ``reply_on``
    uplinks its reply arrived on. ``delivered`` means the reply was seen on the VM's port.
    ``eligible`` is False where a needed point was not listening, ``why_not`` says which and why.
    """

    request: ArpFrame
    eligible: bool
    why_not: str | None = None
    left_on: tuple[str, ...] = ()
    reflected_on: tuple[str, ...] = ()
    reply_on: tuple[str, ...] = ()
    delivered: bool = False
    latency: int | None = None
    reply: ArpFrame | None = None


@dataclass(frozen=True, slots=True)
class Control:
    """Another conversation on the same host, counted: the control group."""

    requester: str
    target: str
    uplink: str | None
    vlan: int | None
    asked: int
    answered: int


@dataclass(frozen=True, slots=True)
class PointCount:
    """What was heard at one capture point; ``why_blind`` says why its silence proves nothing."""

    point: str
    heard: bool
    why_blind: str | None
    vm_requests: int
    vm_replies: int
    reflections: int
    other_frames: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer: a code that is never renamed, who moves next, and the sentences for people.

    ``subject`` is what the verdict is about (``vmnic1/110``), None where there is nothing to name.
    """

    code: str
    subject: str | None
    owner: Owner
    confidence: Confidence
    headline: str
    reasons: tuple[str, ...] = ()
    not_proven: tuple[str, ...] = ()
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A verdict that the frames alone would have suggested and a blind point forbade."""

    code: str
    why: str


@dataclass(frozen=True, slots=True)
class SideFinding:
    """Something worth knowing beside the verdict; never blame."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on one adapter and target, with everything it rests on.

    ``further`` are the verdicts on the VM's other adapters and targets, the worst first.
    """

    case: Case
    nic: str
    target: str | None
    verdict: Verdict
    side_findings: tuple[SideFinding, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    points: tuple[PointCount, ...] = ()
    exchanges: tuple[Exchange, ...] = ()
    controls: tuple[Control, ...] = ()
    further: tuple[tuple[str, str | None, Verdict], ...] = ()


# --- the job -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Thread:
    """Where a check speaks: ``root_ts`` is the message that is edited, ``thread_ts`` the thread.

    ``thread_ts`` is None where answers go under the root message itself; ``root_ts`` is None until
    the root message was posted. ``response_url`` still works where the bot is no member.
    """

    channel: str
    root_ts: str | None = None
    thread_ts: str | None = None
    response_url: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One check that somebody asked for, or a small job that follows one.

    ``vm`` is what was typed (name, IP, MAC, moid or UUID); ``moid`` is set once a person or an
    earlier check has chosen the very VM. ``target`` is an IPv4 address or what was typed for a
    second VM. ``seconds`` is the longest capture, None = the setting. ``kind`` is ``check``,
    ``handoff`` (give the evidence of the check ``of`` to the network team, with ``note``) or
    ``post`` (post the kept result of ``of`` in ``thread``).
    """

    id: str
    vm: str
    asked_by: str
    thread: Thread
    asked_at: int
    target: str | None = None
    seconds: int | None = None
    moid: str | None = None
    vcenter_id: str | None = None
    kind: str = "check"
    of: str | None = None
    note: str = ""
