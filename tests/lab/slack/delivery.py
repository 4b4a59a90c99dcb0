"""Payloads of clicks, commands and events in, deliveries to the app out, with their acks and retries.

Events are sent again when nobody acks within three seconds (Events API: at once, after a minute,
after five); commands and clicks are sent once, and the person is told when the app stays silent.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tests.lab.slack.state import Json
from tests.lab.slack.workspace import Workspace

ACK_SECONDS = 3.0


@dataclass
class Ack:
    """The app's answer to one delivery; ``seconds`` from sending to ack, ``error`` when none came."""

    body: Json | str = ""
    seconds: float = 0.0
    error: str | None = None

    @property
    def ok(self) -> bool:
        return self.error is None


@dataclass
class Delivery:
    """One payload on its way; ``acks`` holds one answer per try; ``kind`` as Socket Mode names it."""

    kind: str
    payload: Json
    acks: list[Ack] = field(default_factory=list)

    @property
    def ack(self) -> Ack:
        return self.acks[-1]

    @property
    def tries(self) -> int:
        return len(self.acks)


class Way(Protocol):
    """A way to the app: Socket Mode or signed HTTP requests."""

    async def send(self, delivery: Delivery, retry: int, reason: str) -> Ack: ...


class Deliveries:
    """Sends payloads the ways that are set up; ``sent`` holds all there ever were.

    ``retry_seconds`` are the waits before an event is sent again; ``ack_seconds`` how long an ack may
    take. ``repeat_next`` payloads are sent twice although acked; ``late_next`` waits come before sending.
    """

    def __init__(self, space: Workspace, ways: Sequence[Way]) -> None:
        self.space, self.ways = space, ways
        self.sent: list[Delivery] = []
        self.ack_seconds = ACK_SECONDS
        self.retry_seconds: tuple[float, ...] = (0.0, 60.0, 300.0)
        self.repeat_next = 0
        self.late_next: list[float] = []
        self._retrying: set[asyncio.Task[None]] = set()

    async def deliver(self, kind: str, payload: Json) -> Delivery:
        """Send and wait for the first ack; an unacked event goes on being retried behind the scenes."""
        delivery = Delivery(kind, payload)
        self.sent.append(delivery)
        if self.late_next:
            await asyncio.sleep(self.late_next.pop(0))
        repeat = self.repeat_next > 0
        await self._try(delivery, 0, "")
        if repeat:
            self.repeat_next -= 1
            await self._try(delivery, 1, "timeout")
        elif not delivery.ack.ok and kind == "events_api":
            task = asyncio.create_task(self._retry(delivery))
            self._retrying.add(task)
            task.add_done_callback(self._retrying.discard)
        return delivery

    async def stop(self) -> None:
        for task in self._retrying:
            task.cancel()
        await asyncio.gather(*self._retrying, return_exceptions=True)

    async def _retry(self, delivery: Delivery) -> None:
        for number, seconds in enumerate(self.retry_seconds, start=1):
            await asyncio.sleep(seconds)
            await self._try(delivery, number, delivery.ack.error or "timeout")
            if delivery.ack.ok:
                return

    async def _try(self, delivery: Delivery, retry: int, reason: str) -> None:
        started = time.monotonic()
        ack = Ack(error="dispatch_failed")
        for way in self.ways:
            ack = await way.send(delivery, retry, reason)
            if ack.error != "no_way":
                break
        else:
            ack = Ack(error="dispatch_failed")
        ack.seconds = time.monotonic() - started
        delivery.acks.append(ack)
        self.space.touch()
