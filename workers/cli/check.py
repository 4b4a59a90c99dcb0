"""``arpcheck check``: one check from a terminal with the worker's settings, no Slack and no Redis."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import secrets
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.text import Text

from workers.arp.bundle import bundle_name, make_bundle
from workers.arp.case.shape import clean
from workers.arp.model import Job, Thread, VmLocation
from workers.arp.summary import Progress, progress_words
from workers.check import Desk, Evidence, Peers, Quiet, check
from workers.cli.telling import BAD_INPUT, refuse, tell
from workers.errors import CheckError, SettingsError, VmAmbiguous, VmNotFound
from workers.esxi import MemoryHostKeys
from workers.settings import WorkerSettings, environment, read_worker_settings
from workers.vcenter import Vcenter


def run(arguments: argparse.Namespace) -> int:
    """Run the check and print its report; progress goes to stderr."""
    try:
        settings = read_worker_settings(environment(), slack=False)
    except SettingsError as error:
        for problem in error.problems:
            sys.stderr.write(f"arpcheck: {problem}\n")
        return BAD_INPUT
    desk = _Terminal()
    try:
        evidence = asyncio.run(_check(arguments, settings, desk))
    except CheckError as trouble:
        desk.close()
        return refuse(_with_names(trouble))
    finally:
        desk.close()
    if arguments.bundle:
        path = Path(arguments.bundle) / bundle_name(evidence.judgement)
        path.write_bytes(make_bundle(evidence.judgement, evidence.pcaps, evidence.files))
        sys.stderr.write(f"Evidence: {path}\n")
    status = tell(evidence.judgement, json_wanted=arguments.json)
    for note in desk.notes:
        sys.stderr.write(f"{clean(note)}\n")
    return status


async def _check(
    arguments: argparse.Namespace, settings: WorkerSettings, desk: _Terminal
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


class _Terminal(Quiet):
    """Shows progress on stderr: one live line on a terminal, a line per stage elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self._console = Console(stderr=True, highlight=False)
        self._live = (
            Live(console=self._console, transient=True) if self._console.is_terminal else None
        )
        self._stage = ""
        if self._live is not None:
            self._live.start()

    def tell(self, progress: Progress) -> None:
        """Show the newest state."""
        words = clean(progress_words(progress))
        if self._live is not None:
            self._live.update(Text(words))
        elif progress.stage != self._stage:
            self._console.print(Text(words))
        self._stage = progress.stage

    def ask_for_traffic(self, vm: str, gateway: str | None) -> None:
        """Say what to type in the guest."""
        target = gateway or "its gateway"
        self._console.print(
            Text(
                clean(f"{vm} has sent no ARP so far. In the guest: arping -b -c 15 -w 17 {target}")
            )
        )

    def close(self) -> None:
        """Take the live line away."""
        if self._live is not None:
            self._live.stop()
            self._live = None


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
