"""A stopped SSH service turned into a running one for the length of a check, where that is allowed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Coroutine
from dataclasses import replace
from typing import Any

from workers.arp.model import Job, VmLocation
from workers.check.desk import Peers, SshDuties
from workers.errors import CheckError
from workers.esxi import wait_for_ssh
from workers.vcenter import Vcenter

log = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def ssh_service(location: VmLocation, job: Job, peers: Peers) -> AsyncIterator[VmLocation]:
    """Start TSM-SSH where it is stopped and the settings say so; stop it again, and only then.

    The duty to stop it is noted before it is started, so that a crash leaves it to another worker.
    """
    if not peers.esxi.start_service or location.ssh_running is None:
        yield location
        return
    host = location.host_moid
    # Looked at again: while this check waited for its turn, another one may have stopped it.
    started = not await peers.vcenter.ssh_running(host)
    try:
        if started:
            await peers.duties.owe_ssh_stop(host, job.id)
            await peers.vcenter.start_ssh(host)
            await wait_for_ssh(location, peers.esxi)
        yield replace(location, ssh_running=True)
    finally:
        await _unhurried(_stop(host, job, peers, started=started))


async def _stop(host: str, job: Job, peers: Peers, *, started: bool) -> None:
    """Settle what is owed, whoever started it: the last check on a host stops the service."""
    try:
        if started:  # noted once more: Redis may have lost its data meanwhile
            await peers.duties.owe_ssh_stop(host, job.id)
        # This host only: the check's other end may still be listening on its own.
        await settle_ssh_duties(peers.vcenter, peers.duties, host, by_job=job.id)
    except CheckError as trouble:
        log.warning("An SSH service is still to be stopped: %s", trouble.sentence)


async def _unhurried(work: Coroutine[Any, Any, None]) -> None:
    """Await to the end, also where the check is cancelled meanwhile; the cancellation comes after."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


async def settle_ssh_duties(
    vcenter: Vcenter, duties: SshDuties, host: str = "", *, by_job: str = ""
) -> None:
    """Stop every SSH service that this process is told to stop now; others are left to others.

    ``host`` limits it to one host's.

    Raises:
        CheckError: one could not be stopped; it is tried again later, and the others are stopped.
    """
    troubles: list[CheckError] = []
    for owed in await duties.ssh_stops_owed(host, by_job=by_job):
        try:
            await vcenter.stop_ssh(owed)
            await duties.ssh_stop_done(owed)
        except CheckError as trouble:
            troubles.append(trouble)
    if troubles:
        raise troubles[0]
