"""What a process has done so far turned into /healthz and /metrics for whoever watches it.

The counters stand here, once, for every module to count with. Nothing listens unless a port is set.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from workers.errors import SettingsError

REGISTRY = CollectorRegistry()

CHECKS = Counter(
    "arpcheck_checks",
    "Checks that ended, by verdict code (none without one) and outcome",
    ["verdict", "outcome"],
    registry=REGISTRY,
)
STEP_SECONDS = Histogram(
    "arpcheck_step_seconds",
    "Seconds that each step of a check took",
    ["step"],
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320),
    registry=REGISTRY,
)
LIVE_CHECKS = Gauge("arpcheck_live_checks", "Checks that run in this process", registry=REGISTRY)
LIVE_CAPTURES = Gauge(
    "arpcheck_live_captures",
    "Capture processes that run on hosts for this process",
    registry=REGISTRY,
)
SLACK_ERRORS = Counter(
    "arpcheck_slack_errors", "Slack calls that failed, by reason", ["reason"], registry=REGISTRY
)
COMMANDS = Counter(
    "arpcheck_commands",
    "What people asked the bot, by kind and answer",
    ["kind", "answer"],
    registry=REGISTRY,
)
LEASES_LOST = Counter(
    "arpcheck_leases_lost",
    "Checks this process lost while it ran them",
    ["reason"],
    registry=REGISTRY,
)
QUEUE_WAITING = Gauge("arpcheck_queue_waiting", "Checks that wait for a worker", registry=REGISTRY)
QUEUE_RUNNING = Gauge(
    "arpcheck_queue_running", "Checks that run, in all workers", registry=REGISTRY
)
QUEUE_OLDEST = Gauge(
    "arpcheck_queue_oldest_seconds", "Age of the check that waits longest", registry=REGISTRY
)

log = logging.getLogger("arpcheck.health")

LOOK_SECONDS = 3.0
"""How long a probe waits for Redis."""


@dataclass(frozen=True, slots=True)
class Health:
    """What a look found: sentences about what is wrong, and the queue's figures where known."""

    problems: tuple[str, ...] = ()
    waiting: int | None = None
    running: int | None = None
    oldest_seconds: float | None = field(default=None)


@contextmanager
def timed(step: str) -> Iterator[None]:
    """Count the seconds of a step, also of one that fails."""
    begun = time.monotonic()
    try:
        yield
    finally:
        STEP_SECONDS.labels(step).observe(time.monotonic() - begun)


@asynccontextmanager
async def serve(
    port: int,
    look: Callable[[], Awaitable[Health]],
    *,
    host: str = "0.0.0.0",  # noqa: S104 - a probe comes from elsewhere
) -> AsyncIterator[int]:
    """Answer probes as long as the context lasts; yields the port (0 picks a free one).

    /healthz says 200, or 503 with a line per problem. A ``look`` that takes too long is a problem.

    Raises:
        SettingsError: the port is taken or forbidden.
    """
    probes = _Probes(look)
    app = web.Application()
    app.add_routes([web.get("/healthz", probes.healthz), web.get("/metrics", probes.metrics)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise SettingsError(
                [f"ARPCHECK_METRICS_PORT={port} cannot be listened on: {error.strerror}"]
            ) from None
        bound = int(runner.addresses[0][1])
        log.info("Health on port %d: /healthz and /metrics", bound)
        yield bound
    finally:
        await runner.cleanup()


class _Probes:
    def __init__(self, look: Callable[[], Awaitable[Health]]) -> None:
        self._look = look

    async def healthz(self, _request: web.Request) -> web.Response:
        found = await self._looked()
        if found.problems:
            return web.Response(status=503, text="\n".join(found.problems) + "\n")
        return web.Response(text="ok\n")

    async def metrics(self, _request: web.Request) -> web.Response:
        found = await self._looked()
        for gauge, value in (
            (QUEUE_WAITING, found.waiting),
            (QUEUE_RUNNING, found.running),
            (QUEUE_OLDEST, found.oldest_seconds),
        ):
            gauge.set(float("nan") if value is None else value)
        return web.Response(
            body=generate_latest(REGISTRY), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    async def _looked(self) -> Health:
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                return await self._look()
        except TimeoutError:
            return Health(problems=("Redis does not answer in time",))
