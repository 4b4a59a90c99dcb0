"""THE LINE: one job turned into evidence, from a VM's name to a verdict.

    Job ─► VmLocation ─► CapturePoints ─► Captures ─► ArpFrames ─► Exchanges ─► Verdict

Where the target is a VM on another host, that host is recorded beside it and judged with it.
The only place that sees both the edges (vCenter, ESXi) and the core. It reads the clock and passes
the time in. Laws: all ears are open before anything counts; what could not be heard is a value in
the case, never a reason to guess; whatever happens, the host is asked what is left running.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import replace

from workers.arp.model import Job, VmLocation
from workers.arp.summary import Progress
from workers.arp.two_ends import judge_both
from workers.check.apart import apart
from workers.check.desk import Desk, Evidence, Peers, Quiet
from workers.check.events import events_of
from workers.check.far import FarListener, far_listener
from workers.check.listening import Listen, listen_for_verdict, record
from workers.check.recording import Recording
from workers.check.service import ssh_service
from workers.check.target import target_of
from workers.esxi import Listening, open_host
from workers.health import timed

TWO_ENDS_SECONDS = 10
"""Requests count at both ends only where both surely listened, by two clocks compared roughly."""

__all__ = ["Desk", "Evidence", "Peers", "Quiet", "check"]


async def check(job: Job, peers: Peers, desk: Desk) -> Evidence:
    """Run one check from a name to a verdict; cancelling it leaves the host clean too.

    Raises:
        CheckError: expected trouble, with the sentence for the thread.
    """
    desk.tell(Progress("finding"))
    asked_at = time.time_ns()
    with timed("finding"):
        vcenter = peers.vcenter
        location = await (vcenter.locate(job.moid) if job.moid else vcenter.find(job.vm))
        target, far = await target_of(job, location, vcenter, desk)
        job = replace(job, target=target)
    async with (
        _slots(location, far, job, peers, desk),
        ssh_service(location, job, peers) as location,
        far_listener(far, job, peers) as far_end,
        contextlib.AsyncExitStack() as opened,
    ):
        desk.tell(Progress("connecting", host=location.host.name))
        with timed("connecting"):
            connecting = open_host(location, peers.esxi, peers.keys)
            host = await opened.enter_async_context(connecting)
        with timed("capturing"):
            listen = _until_known(job, far_end, peers, desk)
            recording = await record(job, location, host, peers, desk, listen)
            there = await far_end.evidence(recording.view.clock, desk)
    desk.tell(Progress("judging", host=location.host.name))
    with timed("judging"):
        events = await events_of(recording, asked_at, vcenter, desk)
        case = replace(recording.case(job, recording.made_at, events), far_end=there.end)
        heard = recording.heard(case)
        judgement = await apart(judge_both, case, heard, there.heard)
    return Evidence(
        judgement,
        recording.pcaps() | dict(there.pcaps),
        recording.files | dict(there.files),
        (*recording.commands, *there.commands),
    )


@contextlib.asynccontextmanager
async def _slots(
    near: VmLocation, far: VmLocation | None, job: Job, peers: Peers, desk: Desk
) -> AsyncIterator[None]:
    """A slot on each host, always in the same order: two opposite checks never wait in a ring."""
    ends = {end.host_moid: end for end in (near, far) if end is not None}
    async with contextlib.AsyncExitStack() as held:
        for host_moid in sorted(ends):
            await held.enter_async_context(peers.host_slot(ends[host_moid], job, desk))
        yield


def _until_known(job: Job, far_end: FarListener, peers: Peers, desk: Desk) -> Listen:
    """Listen once both ends do, until the verdict is known; then both stop."""

    async def listen(recording: Recording, listening: Listening) -> None:
        await far_end.listens()
        least = TWO_ENDS_SECONDS if far_end.location is not None else 0
        await listen_for_verdict(job, recording, listening, peers, desk, least_seconds=least)
        far_end.stop()

    return listen
