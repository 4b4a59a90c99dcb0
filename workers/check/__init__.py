"""THE LINE: one job turned into evidence, from a VM's name to a verdict.

    Job ─► VmLocation ─► CapturePoints ─► Captures ─► ArpFrames ─► Exchanges ─► Verdict

The only place that sees both the edges (vCenter, ESXi) and the core. It reads the clock and passes
the time in. Laws: all ears are open before anything counts; what could not be heard is a value in
the case, never a reason to guess; whatever happens, the host is asked what is left running.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import time
from dataclasses import replace

from workers.arp.model import HostEvent, Job, VmLocation
from workers.arp.summary import Progress
from workers.arp.verdict import judge
from workers.check.desk import Desk, Evidence, Peers, Quiet
from workers.check.recording import Recording, record
from workers.check.service import ssh_service
from workers.errors import CheckError, HostUnreachable, VmNotCheckable
from workers.esxi import EsxiHost, open_host
from workers.health import timed
from workers.vcenter import Vcenter

SERVICE_SECONDS = 10.0
"""How long an SSH service that was started may take until it answers."""
PAUSE_SECONDS = 0.3

__all__ = ["Desk", "Evidence", "Peers", "Quiet", "check"]


async def check(job: Job, peers: Peers, desk: Desk) -> Evidence:
    """Run one check from a name to a verdict; cancelling it leaves the host clean too.

    Raises:
        CheckError: expected trouble, with the sentence for the thread.
    """
    desk.tell(Progress("finding"))
    with timed("finding"):
        vcenter = peers.vcenter
        location = await (vcenter.locate(job.moid) if job.moid else vcenter.find(job.vm))
        job = replace(job, target=await _target(job, vcenter))
    async with (
        peers.host_slot(location, job, desk),
        ssh_service(location, job, peers) as started,
        contextlib.AsyncExitStack() as opened,
    ):
        desk.tell(Progress("connecting", host=location.host.name))
        with timed("connecting"):
            host = await _connected(opened, location, peers, started=started)
        with timed("capturing"):
            recording = await record(job, location, host, peers, desk)
    desk.tell(Progress("judging", host=location.host.name))
    with timed("judging"):
        events = await _events(recording, vcenter, desk)
        case = recording.case(job, time.time_ns(), events)
        judgement = await asyncio.to_thread(judge, case, recording.heard(case))
    return Evidence(judgement, recording.pcaps(), recording.files)


async def _connected(
    opened: contextlib.AsyncExitStack, location: VmLocation, peers: Peers, *, started: bool
) -> EsxiHost:
    """The host, logged in to; a service that was started just now is given time to listen."""
    until = time.monotonic() + (SERVICE_SECONDS if started else 0)
    running = replace(location, ssh_running=True) if started else location
    while True:
        try:
            return await opened.enter_async_context(open_host(running, peers.esxi, peers.keys))
        except HostUnreachable:
            if time.monotonic() >= until:
                raise
        await asyncio.sleep(PAUSE_SECONDS)


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


async def _events(recording: Recording, vcenter: Vcenter, desk: Desk) -> tuple[HostEvent, ...]:
    """What happened to the VM and the host meanwhile, as far as vCenter and the host can say."""
    location = recording.location
    start, end = recording.window()
    events = list(recording.events())
    try:
        placement = await vcenter.placement(location.vm.moid or "")
        events += await vcenter.events(location, start, end)
    except CheckError as trouble:
        desk.note(f"Not known whether the VM moved during the capture: {trouble.sentence}")
        return tuple(events)
    if placement.host_moid != location.host_moid and not _left(events):
        events.append(HostEvent(end, "vmotion_out", "The VM runs on another host now."))
    if placement.power != "poweredOn" and not _left(events):
        events.append(HostEvent(end, "poweroff", "The VM is not powered on any more."))
    return tuple(sorted(events, key=lambda event: event.at))


def _left(events: list[HostEvent]) -> bool:
    return any(event.event in {"vmotion_out", "poweroff"} for event in events)
