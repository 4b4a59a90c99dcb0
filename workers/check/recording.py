"""A located VM turned into a recording: every ear opened, the frames read as they come, all closed.

Times are the host's: frames carry its clock, and windows are only ever claimed on it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from workers.arp.announce import announced
from workers.arp.decode import ArpReader
from workers.arp.model import (
    SECOND,
    Capture,
    CapturePoint,
    Case,
    Heard,
    HostEvent,
    Job,
    Judgement,
    Placement,
    PointKind,
    Stimulus,
    VmLocation,
)
from workers.arp.pktcap import Planned, is_rarp, plan_captures
from workers.arp.summary import Progress
from workers.arp.verdict import judge, settled
from workers.check.desk import Desk, Peers
from workers.errors import CheckError
from workers.esxi import EsxiHost, HostView, Listening, SwitchPort
from workers.health import LIVE_CAPTURES

TICK_SECONDS = 0.5
SILENT_SECONDS = 5
BUSY_FRAMES = 5_000
"""From so many frames on, judging while listening is done less often."""


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

    def hear(self, point: CapturePoint, chunk: bytes) -> None:
        """Take bytes of one point's stream."""
        self.chunks.setdefault(point.name, bytearray()).extend(chunk)
        self.readers[point.name].feed(chunk)

    @property
    def frames(self) -> int:
        """How many ARP frames were heard so far."""
        return sum(len(reader.frames) for reader in self.readers.values())

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
        )

    def _stimulus(self, job: Job, captures: Sequence[Capture]) -> Stimulus:
        """Confirmed only where somebody said so, and only from then on."""
        targets = (job.target,) if job.target else ()
        if self.confirmed_at is None:
            return Stimulus(confirmed=False, targets=targets)
        end = max((c.stopped_at for c in captures if c.stopped_at is not None), default=None)
        return Stimulus(
            confirmed=True,
            targets=targets,
            start=self.view.clock.at_latest(self.confirmed_at),
            end=end,
        )

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


def _port_events(before: SwitchPort, after: SwitchPort | None, at: int) -> list[HostEvent]:
    if after is None:
        return [HostEvent(at, "reconnect", f"Switch port {before.number} is gone.")]
    if after.number != before.number:
        text = f"The adapter's switch port changed from {before.number} to {after.number}."
        return [HostEvent(at, "reconnect", text)]
    if after.team_uplink != before.team_uplink:
        text = f"The adapter's uplink changed from {before.team_uplink} to {after.team_uplink}."
        return [HostEvent(at, "failover", text)]
    return []


async def record(
    job: Job, location: VmLocation, host: EsxiHost, peers: Peers, desk: Desk
) -> Recording:
    """Open every ear, listen until enough was heard, and leave the host as it was."""
    view = await host.look()
    ports = await host.switch_ports(location.vm)
    planned = plan_captures(location, {mac: p.number for mac, p in ports.items()}, view.features)
    uplinks = [uplink.device for uplink in location.host.uplinks]
    recording = Recording(
        location=_pinned(location, ports),
        view=view,
        ports_before=ports,
        readers={plan.point.name: ArpReader(plan.point) for plan in planned},
    )
    for sentence in (*view.notes, *location.notes):
        desk.note(sentence)
    recording.files |= _named("before", await host.snapshot(uplinks))
    try:
        await _hear(job, planned, recording, host, peers, desk)
        recording.files |= _named("after", await host.snapshot(uplinks))
        with contextlib.suppress(CheckError):
            recording.ports_after = await host.switch_ports(location.vm)
    finally:
        for sentence in await host.clean_up():
            desk.note(sentence)
    _keep_rarp(recording)
    return recording


def _pinned(location: VmLocation, ports: Mapping[str, SwitchPort]) -> VmLocation:
    """The location with the uplink that the host says each adapter uses now."""
    nics = tuple(
        replace(nic, pinned_uplink=ports[nic.mac].team_uplink or nic.pinned_uplink)
        if nic.mac in ports
        else nic
        for nic in location.vm.nics
    )
    return replace(location, vm=replace(location.vm, nics=nics))


def _named(when: str, files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {f"host/{when}/{name}": text for name, text in files.items()}


def _keep_rarp(recording: Recording) -> None:
    for name, chunk in recording.chunks.items():
        if is_rarp(recording.readers[name].point):
            recording.files[f"rarp/{name}.pcap"] = bytes(chunk)


async def _hear(
    job: Job,
    planned: Sequence[Planned],
    recording: Recording,
    host: EsxiHost,
    peers: Peers,
    desk: Desk,
) -> None:
    seconds = max(job.seconds or 0, peers.capture_seconds)
    async with (
        host.listen(planned, seconds=seconds, heard=recording.hear) as listening,
        _watched(recording, peers),
    ):
        await listening.ready()
        recording.listening_from = time.time_ns()
        LIVE_CAPTURES.inc(len(planned))
        try:
            await _listen(job, recording, listening, peers, desk)
        finally:
            LIVE_CAPTURES.dec(len(planned))
        recording.captures = await listening.stop()
    for reader in recording.readers.values():
        reader.finish()


@contextlib.asynccontextmanager
async def _watched(recording: Recording, peers: Peers) -> AsyncIterator[None]:
    """Notice a VM that leaves its host while it is listened to."""
    location = recording.location

    def changed(placement: Placement) -> None:
        if placement.host_moid != location.host_moid or placement.power != "poweredOn":
            recording.moved = placement

    async def watch() -> None:
        # Without the watch a move is still found afterwards.
        with contextlib.suppress(CheckError):
            await peers.vcenter.watch(location, changed)

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching


async def _listen(
    job: Job, recording: Recording, listening: Listening, peers: Peers, desk: Desk
) -> None:
    """Listen until the verdict cannot change any more, the time is up, or the VM is gone."""
    seconds = job.seconds or peers.capture_seconds
    started = time.monotonic()
    asked = False
    for tick in range(1_000_000):
        elapsed = time.monotonic() - started
        if recording.confirmed_at is None and desk.stimulus_confirmed_at is not None:
            recording.confirmed_at = desk.stimulus_confirmed_at
            seconds = max(seconds, peers.capture_seconds)
        recording.captures = listening.captures()
        judgement = await _judged(job, recording, tick)
        desk.tell(_progress(recording, judgement, int(elapsed), seconds))
        if not asked and elapsed >= SILENT_SECONDS and not _requests(judgement):
            asked = True
            desk.ask_for_traffic(recording.location.vm.name, _gateway(recording.location))
        why = _enough(recording, judgement)
        if why is not None:
            desk.note(f"Stopped after {elapsed:.0f} s: {why}.")
            return
        if elapsed >= seconds:
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(listening.ended(), min(TICK_SECONDS, seconds - elapsed))
            return


async def _judged(job: Job, recording: Recording, tick: int) -> Judgement | None:
    """The verdict so far; on a busy network only every tenth time."""
    if recording.frames > BUSY_FRAMES and tick % 10:
        return None
    case = recording.case(job, time.time_ns())
    return await asyncio.to_thread(judge, case, recording.heard(case))


def _enough(recording: Recording, judgement: Judgement | None) -> str | None:
    if recording.moved is not None:
        return "the VM left its host"
    return None if judgement is None else settled(judgement)


def _gateway(location: VmLocation) -> str | None:
    return next((nic.gateway for nic in location.vm.nics if nic.gateway), None)


def _requests(judgement: Judgement | None) -> int:
    """The VM's requests so far, where it was heard best."""
    points = () if judgement is None else judgement.points
    at_port = [p.vm_requests for p in points if p.point.endswith("-tx") and _is_vnic(p.point)]
    elsewhere = [p.vm_requests for p in points if p.point.endswith("-tx")]
    return sum(at_port) if at_port else max(elsewhere, default=0)


def _replies(judgement: Judgement | None) -> int:
    points = () if judgement is None else judgement.points
    return sum(p.vm_replies for p in points if p.point.endswith("-rx") and _is_vnic(p.point))


def _is_vnic(point: str) -> bool:
    return CapturePoint.named(point).kind is PointKind.VNIC


def _progress(
    recording: Recording, judgement: Judgement | None, elapsed: int, seconds: int
) -> Progress:
    host = recording.location.host
    requests = _requests(judgement)
    return Progress(
        "capturing",
        host=host.name,
        uplinks=tuple(uplink.device for uplink in host.uplinks),
        elapsed=min(elapsed, seconds),
        seconds=seconds,
        requests=requests,
        replies=_replies(judgement),
        silent=elapsed >= SILENT_SECONDS and not requests,
    )
