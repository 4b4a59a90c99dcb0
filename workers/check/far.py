"""The second VM of a check turned into a recording of its own host, in the same window.

The far end is a guest of the near one's check: whatever goes wrong there is a sentence in the case,
and the near end goes on alone. Nothing counts before the ears of both hosts are open.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace

from workers.arp.model import Case, ClockGap, FarEnd, Heard, Job, VmLocation
from workers.check.desk import Desk, Peers, Quiet
from workers.check.events import events_of
from workers.check.listening import record
from workers.check.recording import Recording
from workers.check.service import ssh_service
from workers.errors import CheckError
from workers.esxi import HostClock, Listening, open_host

PATIENCE_SECONDS = 20
"""How long the near end's captures wait for the far end's to be ready."""


@dataclass(frozen=True, slots=True)
class FarEvidence:
    """What the far end gives to a check; empty where there is no far end."""

    end: FarEnd | None = None
    heard: tuple[Heard, ...] = ()
    pcaps: Mapping[str, bytes] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    commands: tuple[str, ...] = ()


@contextlib.asynccontextmanager
async def far_listener(
    location: VmLocation | None, job: Job, peers: Peers
) -> AsyncIterator[FarListener]:
    """Record the far end beside the block; with None there is none, and nothing is waited for.

    At the end of the block the far host is left clean, whatever happened.
    """
    listener = FarListener(location, job, peers)
    try:
        yield listener
    finally:
        await listener.leave()


class FarListener:
    """The far end's recording as the near end sees it: it gets ready, it is told to stop."""

    def __init__(self, location: VmLocation | None, job: Job, peers: Peers) -> None:
        self.location = location
        self._job, self._peers = job, peers
        self._desk = Quiet()
        self._since = time.time_ns()
        self._ready, self._over = asyncio.Event(), asyncio.Event()
        self._late = False
        self._task: asyncio.Task[Recording] | None = None
        if location is not None:
            self._task = asyncio.create_task(self._record(location), name="far end")
            self._task.add_done_callback(lambda _: self._ready.set())

    async def _record(self, location: VmLocation) -> Recording:
        peers, desk = self._peers, self._desk
        async with (
            ssh_service(location, self._job, peers) as reachable,
            open_host(reachable, peers.esxi, peers.keys) as host,
        ):
            return await record(self._job, reachable, host, peers, desk, self._listen)

    async def _listen(self, recording: Recording, listening: Listening) -> None:
        """Listen until the near end is done; its progress is the check's."""
        self._ready.set()
        over = asyncio.create_task(self._over.wait())
        ended = asyncio.create_task(listening.ended())
        try:
            await asyncio.wait({over, ended}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            over.cancel()
            ended.cancel()
        recording.captures = listening.captures()

    async def listens(self) -> None:
        """Return once the far host's ears are open, or it is known that they will not be in time."""
        if self._task is None:
            return
        try:
            await asyncio.wait_for(self._ready.wait(), PATIENCE_SECONDS)
        except TimeoutError:
            self._late = True
            self._task.cancel()

    async def leave(self) -> None:
        """End the recording and leave the host clean."""
        self._over.set()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
            if not self._task.cancelled():
                self._task.exception()  # seen: ``evidence`` tells it where it matters

    def stop(self) -> None:
        """The near end is done listening."""
        self._over.set()

    async def _finished(self, location: VmLocation) -> Recording | CheckError:
        """The recording, or why there is none."""
        self.stop()
        if self._task is None:
            return CheckError("It was never asked.")
        try:
            return await self._task
        except CheckError as trouble:
            return trouble
        except asyncio.CancelledError:
            if not self._late:
                raise
            name = location.host.name
            return CheckError(f"{name} was not ready {PATIENCE_SECONDS} s after the VM's own host.")

    async def evidence(self, near: HostClock, desk: Desk) -> FarEvidence:
        """What the case keeps of the far end; ``near`` is the near host's clock."""
        location = self.location
        if location is None:
            return FarEvidence()
        name, host = location.vm.name, location.host.name
        recording = await self._finished(location)
        if not isinstance(recording, Recording):
            desk.note(f"{name} on {host} was not captured: {recording.sentence}")
            return FarEvidence(FarEnd(location.vm, location.host, failure=recording.sentence))
        events = await events_of(recording, self._since, self._peers.vcenter, self._desk)
        for sentence in self._desk.notes:
            desk.note(f"{host}: {sentence}")
        case = recording.case(self._job, time.time_ns(), events)
        heard = tuple(_under_far(each) for each in recording.heard(case))
        return FarEvidence(
            _far_end(case, heard, _gap(near, recording.view.clock)),
            heard,
            {f"far/{file}": data for file, data in recording.pcaps().items()},
            {f"far/{file}": data for file, data in recording.files.items()},
            recording.commands,
        )


def _under_far(heard: Heard) -> Heard:
    file = heard.capture.file
    return replace(heard, capture=replace(heard.capture, file=file and f"far/{file}"))


def _far_end(case: Case, heard: tuple[Heard, ...], clock: ClockGap | None) -> FarEnd:
    captures = tuple(each.capture for each in heard)
    return FarEnd(case.vm, case.host, case.events, captures, clock)


def _gap(near: HostClock, far: HostClock) -> ClockGap | None:
    """How far the far host's clock is ahead of the near one's, from what both told of ours."""
    unknown = HostClock()
    if unknown in (near, far):
        return None
    return ClockGap.between(far.low - near.high, far.high - near.low)
