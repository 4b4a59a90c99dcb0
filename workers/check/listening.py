"""A located VM on an open host turned into a finished recording: all ears open, then listening.

Listening ends when the verdict cannot change any more, when the time is up, or when the VM is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

from workers.arp.decode import ArpReader
from workers.arp.model import CapturePoint, Job, Judgement, Placement, PointKind, VmLocation
from workers.arp.pktcap import Planned, is_rarp, plan_captures
from workers.arp.summary import Progress
from workers.arp.verdict import judge
from workers.arp.verdict.settling import next_answer_settles, settled
from workers.check.apart import apart
from workers.check.desk import Desk, Peers
from workers.check.recording import Recording, gateway_of
from workers.check.uplinks import uplinks_named
from workers.errors import CheckError
from workers.esxi import EsxiHost, Listening, SwitchPort, counters_risen
from workers.health import LIVE_CAPTURES

LOOK_SECONDS = 1.0
COPIES_SECONDS = 0.05
"""How long after a reply its copies may still come over the host's other streams."""
SILENT_SECONDS = 5
BUSY_FRAMES = 5_000
"""From so many frames on, judging while listening is done less often."""
BUSY_LOOKS = 5

Listen = Callable[[Recording, Listening], Awaitable[None]]
"""What is done once all ears of a host are open; the recording ends when it returns."""


async def record(
    job: Job, location: VmLocation, host: EsxiHost, peers: Peers, desk: Desk, listen: Listen
) -> Recording:
    """Open every ear, listen as long as ``listen`` does, and leave the host as it was."""
    view = await host.look()
    ports = await host.switch_ports(location.vm)
    location = await uplinks_named(location, ports, host)
    planned = plan_captures(location, {mac: p.number for mac, p in ports.items()}, view.features)
    uplinks = [uplink.device for uplink in location.host.uplinks]
    recording = Recording(
        location=_pinned(location, ports),
        view=view,
        ports_before=ports,
        readers={plan.point.name: ArpReader(plan.point, vm=location.vm) for plan in planned},
    )
    for sentence in (*view.notes, *location.notes):
        desk.note(sentence)
    before = asyncio.create_task(host.snapshot(uplinks))  # asked while the captures start
    try:
        after = await _hear(job, planned, recording, host, peers, listen)
        _keep_snapshots(recording, desk, await before, after)
    finally:
        before.cancel()
        await asyncio.gather(before, return_exceptions=True)
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


def _keep_snapshots(
    recording: Recording, desk: Desk, before: Mapping[str, bytes], after: Mapping[str, bytes]
) -> None:
    """Keep the host's own view for the bundle; errors and drops that rose are told."""
    recording.files |= {f"host/before/{name}": text for name, text in before.items()}
    recording.files |= {f"host/after/{name}": text for name, text in after.items()}
    risen = counters_risen(before, after)
    if risen:
        recording.files["host/counters_risen.txt"] = ("\n".join(risen) + "\n").encode()
        desk.note("Counters rose during the capture: " + "; ".join(risen[:4]) + ".")


def _keep_rarp(recording: Recording) -> None:
    for name, chunk in recording.chunks.items():
        if is_rarp(recording.readers[name].point):
            recording.files[f"rarp/{name}.pcap"] = bytes(chunk)
    lines = [c.command for c in recording.captures if c.command and is_rarp(c.point)]
    if lines:
        recording.files["rarp/commands.txt"] = "".join(f"{line}\n" for line in lines).encode()


async def _hear(
    job: Job,
    planned: Sequence[Planned],
    recording: Recording,
    host: EsxiHost,
    peers: Peers,
    listen: Listen,
) -> dict[str, bytes]:
    """Capture and listen; the host's own view after it."""
    seconds = max(job.seconds or 0, peers.capture_seconds)
    async with (
        host.listen(planned, seconds=seconds, heard=recording.hear) as listening,
        _watched(recording, peers),
    ):
        await listening.ready()
        recording.listening_from = time.time_ns()
        LIVE_CAPTURES.inc(len(planned))
        try:
            await listen(recording, listening)
        finally:
            LIVE_CAPTURES.dec(len(planned))
        after = await _close(recording, listening, host)
    for reader in recording.readers.values():
        reader.finish()
    return after


async def _close(recording: Recording, listening: Listening, host: EsxiHost) -> dict[str, bytes]:
    """End all captures; what the host counts and where its ports are is asked while they end."""
    location = recording.location
    stopping = asyncio.create_task(listening.stop())  # before what else would take its turn
    ports = asyncio.create_task(host.switch_ports(location.vm))
    after = asyncio.create_task(host.snapshot(uplink.device for uplink in location.host.uplinks))
    try:
        recording.captures = await stopping
        recording.made_at = time.time_ns()
        with contextlib.suppress(CheckError):
            recording.ports_after = await ports
        return await after
    finally:
        for task in (stopping, after, ports):
            task.cancel()
        await asyncio.gather(stopping, after, ports, return_exceptions=True)


@contextlib.asynccontextmanager
async def _watched(recording: Recording, peers: Peers) -> AsyncIterator[None]:
    """Notice a VM that leaves its host while it is listened to."""
    location = recording.location

    def changed(placement: Placement) -> None:
        if placement.elsewhere(location.host_moid) or placement.stopped:
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


async def listen_for_verdict(
    job: Job,
    recording: Recording,
    listening: Listening,
    peers: Peers,
    desk: Desk,
    *,
    least_seconds: float = 0,
) -> None:
    """Listen until the verdict cannot change any more, the time is up, or the VM is gone.

    ``least_seconds`` is listened even where the verdict is known sooner.
    """
    seconds = job.seconds or peers.capture_seconds
    started = time.monotonic()
    asked = False
    for look in itertools.count():
        elapsed = time.monotonic() - started
        if recording.confirmed_at is None and desk.stimulus_confirmed_at is not None:
            recording.confirmed_at = desk.stimulus_confirmed_at
            seconds = max(seconds, peers.capture_seconds)
        recording.captures = listening.captures()
        known_frames = recording.frames
        judgement = await _judged(job, recording, look)
        desk.tell(_progress(recording, judgement, int(elapsed), seconds))
        if not asked and elapsed >= SILENT_SECONDS and not _asks_for(job.target, judgement):
            asked = True
            wanted = job.target or gateway_of(recording.location)
            desk.ask_for_traffic(recording.location.vm.name, wanted)
        why = _enough(recording, judgement)
        if why is not None and (elapsed >= least_seconds or recording.moved is not None):
            desk.note(f"Stopped early: {why}.")
            return
        due_at = next_answer_settles(judgement) if judgement is not None else None
        recording.wait_for(due_at if elapsed >= least_seconds else None, known_frames)
        left = min(LOOK_SECONDS, seconds - elapsed)
        if left <= 0 or await _over(recording, listening, left):
            return


async def _over(recording: Recording, listening: Listening, seconds: float) -> bool:
    """Wait until all captures have ended or news came, at most ``seconds``; whether they ended."""
    ended = asyncio.create_task(listening.ended())
    news = asyncio.create_task(recording.news.wait())
    try:
        await asyncio.wait({ended, news}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if news.done():
            await asyncio.wait({ended}, timeout=COPIES_SECONDS)
        return ended.done()
    finally:
        ended.cancel()
        news.cancel()


async def _judged(job: Job, recording: Recording, look: int) -> Judgement | None:
    """The verdict so far; on a busy network only now and then."""
    if recording.frames > BUSY_FRAMES and look % BUSY_LOOKS:
        return None
    case = recording.case(job, time.time_ns())
    return await apart(judge, case, recording.heard(case))


def _enough(recording: Recording, judgement: Judgement | None) -> str | None:
    if recording.moved is not None:
        return "the VM left its host"
    return None if judgement is None else settled(judgement)


def _asks_for(target: str | None, judgement: Judgement | None) -> bool:
    """Whether the VM has asked for the target, or for anybody where none was named."""
    if target is None or judgement is None:
        return bool(_requests(judgement))
    return any(each.request.target_ip == target for each in judgement.exchanges)


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
