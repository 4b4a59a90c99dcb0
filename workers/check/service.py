"""A stopped SSH service turned into a running one for the length of a check, where that is allowed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from dataclasses import replace

from workers.arp.model import Job, VmLocation
from workers.check.desk import Peers, SshDuties
from workers.errors import CheckError
from workers.vcenter import Vcenter

log = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def ssh_service(location: VmLocation, job: Job, peers: Peers) -> AsyncIterator[VmLocation]:
    """Start TSM-SSH where it is stopped and the settings say so; stop it again, and only then.

    The duty to stop it is noted before it is started, so that a crash leaves it to another worker.
    """
    if location.ssh_running is not False or not peers.esxi.start_service:
        yield location
        return
    host = location.host_moid
    await peers.duties.owe_ssh_stop(host, job.id)
    try:
        await peers.vcenter.start_ssh(host)
        yield replace(location, ssh_running=True)
    finally:
        # A cancelled check must still stop what it started.
        await asyncio.shield(_stop(job, peers))


async def _stop(job: Job, peers: Peers) -> None:
    try:
        await settle_ssh_duties(peers.vcenter, peers.duties, by_job=job.id)
    except CheckError as trouble:
        log.warning("An SSH service is still to be stopped: %s", trouble.sentence)


async def settle_ssh_duties(vcenter: Vcenter, duties: SshDuties, *, by_job: str = "") -> None:
    """Stop every SSH service that this process is told to stop now; others are left to others."""
    for host in await duties.ssh_stops_owed(by_job=by_job):
        await vcenter.stop_ssh(host)
        await duties.ssh_stop_done(host)
