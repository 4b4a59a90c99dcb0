"""THE LINE: one job turned into evidence, from a VM's name to a verdict.

    Job ─► VmLocation ─► CapturePoints ─► Captures ─► ArpFrames ─► Exchanges ─► Verdict

The only module that sees both the edges (vCenter, ESXi) and the core. It reads the clock and passes
the time in. Laws: all ears are open before anything counts; what could not be heard is a value in
the case, never a reason to guess; whatever happens, the host is asked what is left running.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from typing import Protocol

from workers.arp.decode import ArpReader
from workers.arp.model import (
    SECOND,
    Capture,
    CapturePoint,
    Case,
    HostEvent,
    Job,
    Judgement,
    Placement,
    Stimulus,
    VmLocation,
)
from workers.arp.pktcap import plan_captures
from workers.arp.summary import Progress
from workers.arp.verdict import judge, settled
from workers.errors import CheckCancelled, CheckError, VmNotCheckable
from workers.esxi import EsxiHost, HostKeys, Listening, SwitchPort, open_host
from workers.settings import EsxiSettings
from workers.vcenter import Vcenter

TICK_SECONDS = 0.5
SILENT_SECONDS = 5
REMOTE_MARGIN_SECONDS = 5


class Desk(Protocol):
    """Who is told how far the check is, and may stop it or say that traffic was started."""

    @property
    def cancelled(self) -> asyncio.Event:
        """Set once the check should end at once."""

    @property
    def stimulus_confirmed_at(self) -> int | None:
        """When somebody said that the guest was made to ask, on our clock."""

    def tell(self, progress: Progress) -> None:
        """Take the news; must not block."""

    def ask_for_traffic(self, vm: str, gateway: str | None) -> None:
        """Be told that the guest is silent; must not block."""


@dataclass(frozen=True, slots=True)
class Peers:
    """What a check works with; ``host_slot`` is entered before a host is touched."""

    vcenter: Vcenter
    esxi: EsxiSettings
    keys: HostKeys
    host_slot: Callable[[VmLocation], AbstractAsyncContextManager[None]]
    capture_seconds: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """A finished check: the judgement, the raw captures by their path in the case, other files.

    ``notes`` are sentences about the check itself: why it stopped early, what could not be cleaned.
    """

    judgement: Judgement
    pcaps: Mapping[str, bytes]
    files: Mapping[str, bytes]
    notes: tuple[str, ...] = ()


async def check(job: Job, peers: Peers, desk: Desk) -> Evidence:
    """Run one check from a name to a verdict.

    Raises:
        CheckError: expected trouble, with the sentence for the thread.
    """
    desk.tell(Progress("finding"))
    location = await _locate(job, peers.vcenter)
    job = replace(job, target=await _target(job, peers.vcenter))
    async with peers.host_slot(location):
        desk.tell(Progress("connecting", host=location.host.name))
        async with open_host(location, peers.esxi, peers.keys) as host:
            recording = await _record(job, location, host, peers, desk)
    desk.tell(Progress("judging", host=location.host.name))
    moved = await _moved(location, recording, peers.vcenter)
    case = _case(job, recording, events=moved, stopped=True)
    judgement = await asyncio.to_thread(judge, case, recording.heard(case))
    return Evidence(judgement, recording.pcaps(), recording.files, tuple(recording.notes))


async def _locate(job: Job, vcenter: Vcenter) -> VmLocation:
    return await (vcenter.locate(job.moid) if job.moid else vcenter.find(job.vm))


async def _target(job: Job, vcenter: Vcenter) -> str | None:
    """The address to ask for; a target that is no address is the name of another VM."""
    if job.target is None:
        return None
    with contextlib.suppress(ValueError):
        return str(ipaddress.IPv4Address(job.target))
    other = await vcenter.find(job.target)
    for nic in other.vm.nics:
        for address in nic.ipv4:
            return address.partition("/")[0]
    raise VmNotCheckable(
        f"{other.vm.name} has no IPv4 address that vCenter knows of.",
        next_step="Name the target by its IPv4 address.",
    )


# --- the recording -----------------------------------------------------------------------------


@dataclass
class _Recording:
    """What is known of a running or finished capture; filled while it runs."""

    location: VmLocation
    readers: dict[str, ArpReader]
    offset: int
    captures: tuple[Capture, ...] = ()
    ports_before: Mapping[str, SwitchPort] = field(default_factory=dict)
    ports_after: Mapping[str, SwitchPort] | None = None
    files: dict[str, bytes] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    confirmed_at: int | None = None
    moved: Placement | None = None
    chunks: dict[str, bytearray] = field(default_factory=dict)
    fresh: int = 0

    def hear(self, point: CapturePoint, chunk: bytes) -> None:
        """Take bytes of one point's stream."""
        self.chunks.setdefault(point.name, bytearray()).extend(chunk)
        self.fresh += len(self.readers[point.name].feed(chunk))

    def now(self) -> int:
        """The host's clock now, as far as its offset is known."""
        return time.time_ns() + self.offset

    def heard(self, case: Case) -> tuple:
        """Every capture with its frames."""
        return tuple(self.readers[c.point.name].heard(c) for c in case.captures)

    def pcaps(self) -> dict[str, bytes]:
        """The raw streams by their path in the case."""
        return {
            capture.file: bytes(self.chunks.get(capture.point.name, b""))
            for capture in self.captures
            if capture.file
        }
