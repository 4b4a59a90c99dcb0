"""Everything a verdict is judged from, except the frames: the content of ``case.json``."""

from __future__ import annotations

from dataclasses import field

from workers.arp.model.hearing import Capture
from workers.arp.model.places import Host, Vm
from workers.arp.model.values import dataclass

_MICROSECOND = 1_000


@dataclass(frozen=True, slots=True)
class Stimulus:
    """Who was asked to make the guest send ARP, and when; ``confirmed`` = it surely ran."""

    confirmed: bool = False
    targets: tuple[str, ...] = ()
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class HostEvent:
    """Something that happened to the VM or the host during the capture, by the contract's names.

    ``host`` is where a VM that left runs now, as far as vCenter tells.
    """

    at: int
    event: str
    text: str = ""
    host: str = ""


@dataclass(frozen=True, slots=True)
class ClockGap:
    """How far a host's clock is ahead of another's; ``uncertainty`` is how far that may be off."""

    ahead: int
    uncertainty: int

    @classmethod
    def between(cls, low: int, high: int) -> ClockGap:
        """Ahead by something from ``low`` to ``high``, in whole microseconds, as a case keeps it."""
        ahead = (low + high) // 2 // _MICROSECOND * _MICROSECOND
        uncertainty = max(high - ahead, ahead - low)
        return cls(ahead, -(-uncertainty // _MICROSECOND) * _MICROSECOND)


@dataclass(frozen=True, slots=True)
class FarEnd:
    """The target of a check where it is a VM on another host, heard in the same window.

    ``clock`` is that host's clock against the near host's, None = not measured. ``failure`` says
    why nothing was captured there.
    """

    vm: Vm
    host: Host
    events: tuple[HostEvent, ...] = ()
    captures: tuple[Capture, ...] = ()
    clock: ClockGap | None = None
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """Everything a verdict is judged from, except the frames: the content of ``case.json``.

    ``clock`` is the host's clock against the worker's, None = not compared; nothing is judged from it.
    """

    id: str
    made_at: int | None
    vm: Vm
    host: Host
    stimulus: Stimulus = field(default_factory=Stimulus)
    events: tuple[HostEvent, ...] = ()
    captures: tuple[Capture, ...] = ()
    far_end: FarEnd | None = None
    clock: ClockGap | None = None
