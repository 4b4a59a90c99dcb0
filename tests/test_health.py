"""Probes: /healthz and /metrics over HTTP."""

import asyncio

import pytest
from aiohttp import ClientSession

from workers import health
from workers.errors import SettingsError
from workers.health import Health, serve


async def fetch(port: int, path: str) -> tuple[int, str]:
    async with ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as reply:
        return reply.status, await reply.text()


async def test_a_healthy_process_says_so_and_counts() -> None:
    async def look() -> Health:
        return Health((), waiting=3, running=2, oldest_seconds=1.5)

    health.CHECKS.labels("ARP_OK", "ok").inc()
    health.SLACK_ERRORS.labels("ratelimited").inc()
    with health.timed("capture"):
        pass
    async with serve(0, look, host="127.0.0.1") as port:
        assert await fetch(port, "/healthz") == (200, "ok\n")
        status, text = await fetch(port, "/metrics")
    assert status == 200
    for line in (
        'arpcheck_checks_total{outcome="ok",verdict="ARP_OK"} 1.0',
        'arpcheck_slack_errors_total{reason="ratelimited"} 1.0',
        'arpcheck_step_seconds_count{step="capture"} 1.0',
        "arpcheck_queue_waiting 3.0",
        "arpcheck_queue_running 2.0",
        "arpcheck_queue_oldest_seconds 1.5",
        "arpcheck_live_captures 0.0",
    ):
        assert line in text


async def test_a_process_in_trouble_says_which() -> None:
    async def look() -> Health:
        return Health(problems=("Redis at 127.0.0.1:1 does not answer",))

    async with serve(0, look, host="127.0.0.1") as port:
        assert await fetch(port, "/healthz") == (503, "Redis at 127.0.0.1:1 does not answer\n")
        status, text = await fetch(port, "/metrics")
    assert status == 200
    assert "arpcheck_queue_waiting NaN" in text


async def test_a_look_that_hangs_is_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "LOOK_SECONDS", 0.05)

    async def look() -> Health:
        await asyncio.Event().wait()
        return Health()

    async with serve(0, look, host="127.0.0.1") as port:
        assert (await fetch(port, "/healthz"))[0] == 503


async def test_a_port_that_is_taken_is_named() -> None:
    async def look() -> Health:
        return Health()

    async with serve(0, look, host="127.0.0.1") as port:
        with pytest.raises(SettingsError, match=f"ARPCHECK_METRICS_PORT={port}"):
            async with serve(port, look, host="127.0.0.1"):
                pass
