"""``arpcheck doctor``: every setting held against its real peer, a line each, and how to mend it.

Peers are looked at in the order things depend on each other: Redis, Slack, vCenter, a host. Nothing
is changed anywhere: nothing is posted, no key is pinned, no service is started. What is missing is a
failing line, so that one run shows all there is to do.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping

from workers.cli.doctor.host import find_place, look_at_esxi_settings, look_at_host
from workers.cli.doctor.names import unread_names
from workers.cli.doctor.page import Page
from workers.cli.doctor.reading import Notebook, Reading, Readings
from workers.cli.doctor.redis import look_at_redis
from workers.cli.doctor.slack import look_at_slack
from workers.cli.doctor.vcenter import VcenterSight
from workers.cli.telling import BAD_INPUT, complain
from workers.errors import QueueUnreachable, SettingsError
from workers.esxi import HostKeys, MemoryHostKeys
from workers.jobs import Jobs
from workers.settings import Reader, environment, read_redis_url, read_worker_settings

_HOST = Notebook("host")
_PIN_SECONDS = 3.0
_WITH_A_PEER = ("REDIS_", "SLACK_", "VCENTER_", "ESXI_")


def run(arguments: argparse.Namespace) -> int:
    """Look at everything; 1 = something is wrong."""
    if arguments.host and arguments.process == "bot":
        complain("--host is what a worker logs in to: leave it out, or --process bot.")
        return BAD_INPUT
    logging.getLogger().addHandler(logging.NullHandler())  # every trouble becomes a line here
    page = Page(json_wanted=arguments.json)
    processes = frozenset({arguments.process} if arguments.process else {"bot", "worker"})
    asyncio.run(_examine(environment(), arguments.host, processes, page))
    return page.close(host_wanted="worker" in processes and not arguments.host)


async def _examine(
    env: Mapping[str, str], host: str | None, processes: frozenset[str], page: Page
) -> None:
    for reading in (*_limits(env, processes), *unread_names(env)):
        page.add(reading)
    peers = [look_at_redis(env), look_at_slack(env, processes)]
    if "worker" in processes:
        sight = VcenterSight(env)
        peers += [sight.look(), _esxi(env, host, sight)]
    for readings in peers:
        async for reading in readings:
            page.add(reading)


def _limits(env: Mapping[str, str], processes: frozenset[str]) -> tuple[Reading, ...]:
    """The settings that have no peer to be held against: numbers."""
    notes = Notebook("settings")
    reader = Reader(env)
    if "bot" in processes:
        reader.number("PORT", 3000, 1, 65535)
    if "worker" in processes:
        try:
            read_worker_settings(env, slack=False)
        except SettingsError as wrong:
            reader.problems += [p for p in wrong.problems if not p.startswith(_WITH_A_PEER)]
    else:
        reader.number("ARPCHECK_METRICS_PORT", 0, 0, 65535)
    if reader.problems:
        return notes.settings(reader.problems)
    return (notes.ok("limits", "every number is one, and within its bounds"),)


async def _esxi(env: Mapping[str, str], wanted: str | None, sight: VcenterSight) -> Readings:
    lines, settings = look_at_esxi_settings(env)
    for line in lines:
        yield line
    if wanted is None:
        return
    if settings is None:
        yield _HOST.warn("host", "not looked at, because settings are missing")
        return
    place = find_place(wanted, sight.hosts)
    if place is None and sight.answers:
        names = ", ".join(host.name for host in sight.hosts[:8])
        yield _HOST.fail("host", f"vCenter shows no host {wanted}", f"It shows: {names}.")
        return
    if place is None:
        yield _HOST.warn("host", f"{wanted} is looked at without vCenter, by this name")
    async with _pins(env) as keys:
        async for line in look_at_host(wanted, place, settings, keys):
            yield line


class _PinsToRead:
    """The pins in Redis, which a look must not add to; new ones last as long as the look."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self._seen = MemoryHostKeys()

    async def pinned(self, host: str) -> str | None:
        """The key pinned for a host; none where Redis cannot say, which has a line of its own."""
        with contextlib.suppress(QueueUnreachable, TimeoutError):
            async with asyncio.timeout(_PIN_SECONDS):  # a check waits longer, a person need not
                return await self._jobs.pinned(host) or await self._seen.pinned(host)
        return await self._seen.pinned(host)

    async def pin(self, host: str, key: str) -> str:
        """Keep it until this process ends."""
        return await self._seen.pin(host, key)


@contextlib.asynccontextmanager
async def _pins(env: Mapping[str, str]) -> AsyncIterator[HostKeys]:
    reader = Reader(env)
    url = read_redis_url(reader)
    try:
        jobs = None if reader.problems else Jobs(url)
    except QueueUnreachable:
        jobs = None
    if jobs is None:
        yield MemoryHostKeys()
        return
    try:
        yield _PinsToRead(jobs)
    finally:
        await jobs.close()
