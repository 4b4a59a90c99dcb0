"""``arpcheck check``: one check from a terminal with the worker's settings, no Slack and no Redis."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import secrets
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

from workers.arp.bundle import bundle_name, make_bundle
from workers.arp.model import Job, Thread, VmLocation
from workers.check import Desk, Evidence, Peers, check
from workers.cli.telling import BAD_INPUT, refuse, tell
from workers.cli.terminal import Terminal
from workers.errors import CheckCancelled, CheckError, SettingsError, VmAmbiguous, VmNotFound
from workers.esxi import MemoryHostKeys
from workers.settings import WorkerSettings, environment, read_worker_settings
from workers.vcenter import Vcenter

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SIGNAL_STATUS = 128


def run(arguments: argparse.Namespace) -> int:
    """Run the check and print its report; progress goes to stderr."""
    try:
        settings = read_worker_settings(environment(), slack=False)
        folder = _folder(arguments.bundle)
    except SettingsError as error:
        for problem in error.problems:
            sys.stderr.write(f"arpcheck: {problem}\n")
        return BAD_INPUT
    stopped_by: list[int] = []
    try:
        with Terminal() as desk:
            if settings.vcenter.insecure:
                desk.say("VCENTER_INSECURE=1: vCenter's certificate is not verified.")
            evidence = asyncio.run(_until_told(arguments, settings, desk, stopped_by))
    except CheckCancelled:
        return _SIGNAL_STATUS + stopped_by[0]
    except CheckError as trouble:
        return refuse(_with_names(trouble))
    if folder is not None:
        path = folder / bundle_name(evidence.judgement)
        papers = make_bundle(evidence.judgement, evidence.pcaps, evidence.files, desk.notes)
        path.write_bytes(papers)
        desk.say(f"Evidence: {path}")
    status = tell(evidence.judgement, json_wanted=arguments.json)
    for note in desk.notes:
        desk.say(note)
    return status


def _folder(wanted: str | None) -> Path | None:
    """The folder for the bundle; made now, so that no check is run in vain.

    Raises:
        SettingsError: it cannot be made.
    """
    if wanted is None:
        return None
    folder = Path(wanted)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as trouble:
        raise SettingsError([f"--bundle {wanted}: {trouble.strerror}"]) from None
    return folder


async def _until_told(
    arguments: argparse.Namespace, settings: WorkerSettings, desk: Terminal, stopped_by: list[int]
) -> Evidence:
    """The check; Ctrl-C and its like end it in order, so that nothing stays on the host.

    Raises:
        CheckCancelled: ``stopped_by`` holds the signals.
    """
    checking = asyncio.ensure_future(_check(arguments, settings, desk))

    def stop(number: int) -> None:
        if not stopped_by:
            desk.say("Stopping: the captures on the host are being ended.")
        else:
            desk.say("Leaving now; what still runs on the host ends by itself.")
        stopped_by.append(number)
        checking.cancel()

    for number in _SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stop, number)
    try:
        return await checking
    except asyncio.CancelledError:
        raise CheckCancelled("Stopped.") from None


async def _check(
    arguments: argparse.Namespace, settings: WorkerSettings, desk: Terminal
) -> Evidence:
    job = Job(
        id=f"arp-{secrets.token_hex(4)}",
        vm=arguments.vm,
        asked_by="",
        thread=Thread(channel=""),
        asked_at=time.time_ns(),
        target=arguments.target,
        seconds=arguments.seconds,
    )
    vcenter = Vcenter(settings.vcenter)
    peers = Peers(
        vcenter=vcenter,
        esxi=settings.esxi,
        keys=MemoryHostKeys(),
        duties=_Duties(),
        host_slot=_alone,
        capture_seconds=settings.capture_seconds,
    )
    try:
        return await check(job, peers, desk)
    finally:
        await vcenter.close()


@contextlib.asynccontextmanager
async def _alone(_location: VmLocation, _job: Job, _desk: Desk) -> AsyncIterator[None]:
    """A terminal's check stands in no line: it knows of no other."""
    yield


class _Duties:
    """SSH services that this very process started."""

    def __init__(self) -> None:
        self._owed: set[str] = set()

    async def owe_ssh_stop(self, host: str, job_id: str) -> None:  # noqa: ARG002
        """Remember it for as long as the process lives."""
        self._owed.add(host)

    async def ssh_stops_owed(self, host: str = "", *, by_job: str = "") -> tuple[str, ...]:  # noqa: ARG002
        """All of them, or this one."""
        return tuple(sorted(each for each in self._owed if host in {"", each}))

    async def ssh_stop_done(self, host: str) -> None:
        """It is stopped again."""
        self._owed.discard(host)


def _with_names(trouble: CheckError) -> CheckError:
    """The trouble with the names that buttons would offer in Slack."""
    offered: list[str] = []
    if isinstance(trouble, VmNotFound) and trouble.closest:
        offered = ["Did you mean " + ", ".join(trouble.closest) + "?"]
    if isinstance(trouble, VmAmbiguous):
        offered = [
            "; ".join(f"{c.moid} = {c.name} in {c.folder}, {c.power}" for c in trouble.candidates)
        ]
    return CheckError(" ".join([trouble.sentence, *offered]), next_step=trouble.next_step)
