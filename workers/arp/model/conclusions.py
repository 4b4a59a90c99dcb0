"""What was concluded: exchanges, controls, and the verdict with all it rests on."""

from __future__ import annotations

from enum import StrEnum

from workers.arp.model.cases import Case
from workers.arp.model.hearing import ArpFrame
from workers.arp.model.values import dataclass


class Owner(StrEnum):
    """Who has the next move."""

    GUEST = "guest"
    VIRTUALIZATION = "virtualization"
    NETWORK = "network"
    TARGET = "target"
    NONE = "none"
    INCONCLUSIVE = "inconclusive"


class Confidence(StrEnum):
    """How much the evidence carries (see the numbers in ``verdict/table.py``)."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


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
    ``commands`` are those parts of ``next_step`` that are typed as they stand there.
    """

    code: str
    subject: str | None
    owner: Owner
    confidence: Confidence
    headline: str
    reasons: tuple[str, ...] = ()
    not_proven: tuple[str, ...] = ()
    next_step: str = ""
    commands: tuple[str, ...] = ()


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
class Passage:
    """One place on the way to the far end and back, in the order a frame travels.

    ``stage`` is ``request_left``, ``request_arrived``, ``request_delivered``, ``answered``,
    ``reply_left``, ``reply_arrived`` or ``reply_delivered``. ``seen`` of ``of`` requests, or their
    replies, passed it on the objects ``where``; ``why_blind`` says why a missing one proves nothing.
    """

    stage: str
    seen: int
    of: int
    where: tuple[str, ...] = ()
    why_blind: str | None = None


@dataclass(frozen=True, slots=True)
class FarStory:
    """What the far end's captures say of the VM's requests for it.

    ``nic`` is the adapter that has the target's address. ``sentence`` tells the way in words,
    ``near_code`` is the verdict of the near end alone where the far end changed it.
    """

    nic: str | None
    sentence: str
    points: tuple[PointCount, ...] = ()
    passages: tuple[Passage, ...] = ()
    near_code: str | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on one adapter and target, with everything it rests on.

    ``further`` are the verdicts on the VM's other adapters and targets, the worst first. ``far`` is
    None where only one end was captured on purpose.
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
    far: FarStory | None = None
