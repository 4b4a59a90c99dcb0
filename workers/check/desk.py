"""What a check is given to work with, whom it tells how far it is, and what it hands back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from workers.arp.model import Job, Judgement, VmLocation
from workers.arp.summary import Progress
from workers.esxi import HostKeys
from workers.settings import EsxiSettings
from workers.vcenter import Vcenter


class Desk(Protocol):
    """Who is told how far the check is. No method may block."""

    @property
    def stimulus_confirmed_at(self) -> int | None:
        """When somebody said that the guest was made to ask (our clock), None = nobody did."""

    def tell(self, progress: Progress) -> None:
        """Take the news."""

    def ask_for_traffic(self, vm: str, target: str | None) -> None:
        """Be told that the guest does not ask for ``target``: somebody should make it."""

    def note(self, sentence: str) -> None:
        """Keep a sentence about the check itself, for whoever reads its answer."""


class Quiet:
    """A desk that keeps the notes and tells nobody."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    @property
    def stimulus_confirmed_at(self) -> int | None:
        """Nobody is there to say so."""
        return None

    def tell(self, progress: Progress) -> None:
        """Take the news."""

    def ask_for_traffic(self, vm: str, target: str | None) -> None:
        """Be told that the guest is silent."""

    def note(self, sentence: str) -> None:
        """Keep a sentence, once."""
        if sentence not in self.notes:
            self.notes.append(sentence)


class SshDuties(Protocol):
    """Remembers, beyond a crash, which hosts' SSH service must be stopped again."""

    async def owe_ssh_stop(self, host: str, job_id: str) -> None:
        """From now on this host's service must be stopped by us."""

    async def ssh_stops_owed(self, host: str = "", *, by_job: str = "") -> tuple[str, ...]:
        """Hosts whose service the caller must stop now."""

    async def ssh_stop_done(self, host: str) -> None:
        """The service is stopped again."""


HostSlot = Callable[[VmLocation, Job, Desk], AbstractAsyncContextManager[None]]


@dataclass(frozen=True, slots=True)
class Peers:
    """What a check works with; ``host_slot`` is entered before a host is touched."""

    vcenter: Vcenter
    esxi: EsxiSettings
    keys: HostKeys
    duties: SshDuties
    host_slot: HostSlot
    capture_seconds: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """A finished check: the judgement, the raw captures by their path in the case, other files.

    ``commands`` are all that captured on a host, for RARP too.
    """

    judgement: Judgement
    pcaps: Mapping[str, bytes]
    files: Mapping[str, bytes]
    commands: tuple[str, ...] = ()
