"""A located VM turned into a recording: every ear opened, the frames read as they come, all closed.

Times are the host's: frames carry its clock, and windows are only ever claimed on it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from workers.arp.announce import announced
from workers.arp.decode import ArpReader
from workers.arp.model import (
    Capture,
    CapturePoint,
    Case,
    ClockGap,
    Direction,
    Heard,
    HostEvent,
    Job,
    Placement,
    PointKind,
    Stimulus,
    VmLocation,
)
from workers.arp.pktcap import is_rarp
from workers.esxi import HostClock, HostView, SwitchPort


@dataclass
class Recording:
    """A running or finished recording; filled while it runs."""

    location: VmLocation
    view: HostView
    ports_before: Mapping[str, SwitchPort]
    readers: Mapping[str, ArpReader]
    files: dict[str, bytes] = field(default_factory=dict)
    chunks: dict[str, bytearray] = field(default_factory=dict)
    captures: tuple[Capture, ...] = ()
    ports_after: Mapping[str, SwitchPort] | None = None
    listening_from: int = 0
    confirmed_at: int | None = None
    moved: Placement | None = None
    made_at: int = 0
    """When all captures had stopped, on our clock."""
    news: asyncio.Event = field(default_factory=asyncio.Event)
    """Something came that was waited for."""
    _due_at: int | None = None

    def hear(self, point: CapturePoint, chunk: bytes) -> None:
        """Take bytes of one point's stream."""
        self.chunks.setdefault(point.name, bytearray()).extend(chunk)
        reader = self.readers[point.name]
        reader.feed(chunk)
        delivers = point.kind is PointKind.VNIC and point.direction is not Direction.TX
        newest = reader.frames[-1].at if reader.frames and delivers else 0
        if self._due_at is not None and newest >= self._due_at:
            self.news.set()

    def wait_for(self, due_at: int | None, known_frames: int) -> None:
        """What is delivered to the VM from ``due_at`` on, in host time, is news; None = nothing is.

        So is what came since ``known_frames`` were looked at.
        """
        self._due_at = due_at
        self.news.clear()
        if due_at is not None and self.frames > known_frames:
            self.news.set()

    @property
    def frames(self) -> int:
        """How many ARP frames were heard so far."""
        return sum(len(reader.frames) for reader in self.readers.values())

    @property
    def commands(self) -> tuple[str, ...]:
        """What was run on the host to capture."""
        return tuple(c.command for c in self.captures if c.command)

    def window(self) -> tuple[int, int]:
        """The first and the last moment of listening, in host time."""
        ready = [c.ready_at for c in self.captures if c.ready_at is not None]
        stopped = [c.stopped_at for c in self.captures if c.stopped_at is not None]
        now = self.view.clock.host_time(time.time_ns())
        return min(ready, default=now), max(stopped, default=now)

    def case(self, job: Job, made_at: int, events: Sequence[HostEvent] = ()) -> Case:
        """The facts as they are now, in the case format's words."""
        captures = tuple(c for c in self.captures if not is_rarp(c.point))
        host = self.location.host
        return Case(
            id=job.id,
            made_at=made_at,
            vm=self.location.vm,
            host=replace(
                host,
                version=host.version or self.view.version,
                build=host.build or self.view.build,
            ),
            stimulus=self._stimulus(job, captures),
            events=tuple(events),
            captures=captures,
            clock=_against_ours(self.view.clock),
        )

    def _stimulus(self, job: Job, captures: Sequence[Capture]) -> Stimulus:
        """Confirmed only where somebody said so, and only from then on."""
        asked_for = job.target
        if self.confirmed_at is None:
            return Stimulus(confirmed=False, targets=(asked_for,) if asked_for else ())
        asked_for = asked_for or gateway_of(self.location)  # what the thread said to ask for
        targets = (asked_for,) if asked_for else ()
        start = self.view.clock.at_latest(self.confirmed_at)
        end = _heard_until(captures, start)
        return Stimulus(confirmed=True, targets=targets, start=start, end=end)

    def heard(self, case: Case) -> tuple[Heard, ...]:
        """Every capture of the case with its frames so far."""
        return tuple(self.readers[c.point.name].heard(c) for c in case.captures)

    def events(self) -> tuple[HostEvent, ...]:
        """What the host's own frames and tables say happened: RARP, another uplink, a new port."""
        rarp = [self.readers[c.point.name].heard(c) for c in self.captures if is_rarp(c.point)]
        end = self.window()[1]
        found = list(announced(self.location.vm, rarp))
        if self.ports_after is not None:
            for mac, before in self.ports_before.items():
                found += _port_events(before, self.ports_after.get(mac), end)
        return tuple(found)

    def pcaps(self) -> dict[str, bytes]:
        """The raw ARP streams by their path in the case."""
        return {
            c.file: bytes(self.chunks.get(c.point.name, b""))
            for c in self.captures
            if c.file is not None and not is_rarp(c.point)
        }


def _heard_until(captures: Sequence[Capture], start: int) -> int | None:
    """Until when every adapter's port that was heard at ``start`` was heard, in host time.

    The streams end one after the other; past the first end nobody can say that the VM was silent.
    """
    asks = [
        c
        for c in captures
        if c.point.kind is PointKind.VNIC and c.point.direction is not Direction.RX
    ]
    stopped = [c.stopped_at for c in asks or captures if c.stopped_at is not None]
    return min((at for at in stopped if at > start), default=max(stopped, default=None))


def _against_ours(clock: HostClock) -> ClockGap | None:
    return None if clock == HostClock() else ClockGap.between(clock.low, clock.high)


def gateway_of(location: VmLocation) -> str | None:
    """The VM's first known gateway."""
    return next((nic.gateway for nic in location.vm.nics if nic.gateway), None)


def _port_events(before: SwitchPort, after: SwitchPort | None, at: int) -> list[HostEvent]:
    if after is None:
        return [HostEvent(at, "reconnect", f"Switch port {before.number} is gone.")]
    if after.number != before.number:
        text = f"The adapter's switch port changed from {before.number} to {after.number}."
        return [HostEvent(at, "reconnect", text)]
    if before.team and after.team and after.team != before.team:
        text = f"The adapter's uplink changed from {before.team} to {after.team}."
        return [HostEvent(at, "failover", text)]
    return []
