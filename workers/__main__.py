"""The worker process: settings in; jobs claimed, performed and finished until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator
from functools import partial

from workers import health
from workers import log as logs
from workers.answer import Answerer
from workers.arp.model import Job, VmLocation
from workers.arp.summary import Progress
from workers.check import Desk, Peers
from workers.check.service import settle_ssh_duties
from workers.errors import CheckError, SettingsError
from workers.jobs import Jobs, Lease, Turns, run_worker
from workers.settings import WorkerSettings, environment, read_worker_settings
from workers.slack import Slack
from workers.vcenter import Vcenter

DUTY_SECONDS = 30.0
LEAST_DAYS = 7
STOPPING_LEASES = 2
"""A duty is looked for about as often as a dead worker's leases run out."""
THREADS_SECONDS = 5.0
"""How long threads may hold up the end: when all is given back, nobody waits for what they do."""

log = logging.getLogger("arpcheck.worker")


def main() -> int:
    """Run until SIGTERM; 2 = the settings are wrong."""
    try:
        settings = read_worker_settings(environment())
        logs.set_up(_secrets(settings))
        if settings.vcenter.insecure:
            log.warning("VCENTER_INSECURE=1: vCenter's certificate is not verified")
        asyncio.run(_run(settings))
    except SettingsError as error:
        for problem in error.problems:
            print(f"arpcheck worker: {problem}", file=sys.stderr)  # noqa: T201
        return 2
    return 0


def _secrets(settings: WorkerSettings) -> tuple[str, ...]:
    return (
        settings.slack_bot_token,
        settings.vcenter.password,
        settings.esxi.password,
        settings.redis_url,
    )


async def _run(settings: WorkerSettings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    # A hand-off asks for the check as long as its evidence is kept.
    days = max(LEAST_DAYS, settings.evidence_days)
    jobs = Jobs(settings.redis_url, lease_seconds=settings.lease_seconds, keep_days=days)
    slack = Slack(settings.slack_bot_token, settings.slack_api_url)
    vcenter = Vcenter(settings.vcenter)
    turns = Turns(settings.worker_jobs)
    peers = partial(_peers, settings, jobs, vcenter, turns)
    answerer = Answerer(jobs, slack, peers, settings)
    async with _probes(settings, jobs):
        every = min(DUTY_SECONDS, STOPPING_LEASES * settings.lease_seconds)
        duties = asyncio.create_task(_settle_duties(vcenter, jobs, every))
        log.info("Ready: %d checks at a time", settings.worker_jobs)
        try:
            await run_worker(
                jobs,
                lambda lease: _perform(answerer, lease),
                worker=f"{socket.gethostname()}:{os.getpid()}",
                turns=turns,
                grace_seconds=settings.grace_seconds,
                stop=stop,
            )
        finally:
            duties.cancel()
            await asyncio.gather(duties, return_exceptions=True)
            await answerer.close()
            await vcenter.close()
            await slack.close()
            await jobs.close()
    log.info("Stopped")
    _end_surely()


def _end_surely() -> None:
    """End the process soon: Python itself would wait for a thread that hangs, without an end."""

    def end() -> None:
        log.warning(
            "A thread did not end within %g s: the process ends without it", THREADS_SECONDS
        )
        os._exit(0)

    timer = threading.Timer(THREADS_SECONDS, end)
    timer.daemon = True
    timer.start()


def _probes(
    settings: WorkerSettings, jobs: Jobs
) -> contextlib.AbstractAsyncContextManager[int | None]:
    if not settings.metrics_port:
        return contextlib.nullcontext()
    return health.serve(settings.metrics_port, jobs.health)


def _peers(
    settings: WorkerSettings, jobs: Jobs, vcenter: Vcenter, turns: Turns, lease: Lease
) -> Peers:
    @contextlib.asynccontextmanager
    async def host_slot(location: VmLocation, job: Job, desk: Desk) -> AsyncIterator[None]:
        def waiting(position: int) -> None:
            turns.give(lease)
            desk.tell(Progress("waiting", host=location.host.name, position=position))

        async with jobs.host_slot(location.host_moid, job.id, settings.host_jobs, waiting):
            await turns.take_back(lease)
            yield

    return Peers(vcenter, settings.esxi, jobs, jobs, host_slot, settings.capture_seconds)


async def _perform(answerer: Answerer, lease: Lease) -> None:
    """Perform one job; the one place that takes the unexpected, so that one job harms no other."""
    try:
        await answerer.perform(lease)
    except CheckError as trouble:
        log.warning("%s will be tried again: %s", lease.job.id, trouble.sentence)
    except Exception:
        log.exception("%s broke", lease.job.id)


async def _settle_duties(vcenter: Vcenter, jobs: Jobs, every_seconds: float) -> None:
    """Stop, now and then, the SSH services that a worker started and died before stopping."""
    while True:
        try:
            await settle_ssh_duties(vcenter, jobs)
        except CheckError as trouble:
            log.warning("SSH services could not be looked after: %s", trouble.sentence)
        except Exception:
            log.exception("SSH services could not be looked after")
        await asyncio.sleep(every_seconds)


if __name__ == "__main__":
    sys.exit(main())
