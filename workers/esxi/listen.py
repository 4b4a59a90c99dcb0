"""Planned captures turned into running ones, and these into ``Capture`` facts on the host's clock.

Law: a window is never claimed longer than it surely was. ``ready_at`` is the latest host time that
the ready line can have been written, ``stopped_at`` the earliest at which the capture was told to
end; both bounds hold the uncertainty of the clock offset. Frames carry the host's time as well.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime

from workers.arp.model import SECOND, Capture
from workers.arp.pktcap import PACKET_LIMIT, Planned, TimeoutSyntax, capture_line
from workers.errors import CaptureImpossible, CheckError
from workers.esxi.cleanup import signal_ears
from workers.esxi.clock import HostClock
from workers.esxi.ear import MOST_BYTES, Ear, Hear
from workers.esxi.lines import Lines

READY_SECONDS = 30
STOP_SECONDS = 20
START_PATIENCE_SECONDS = 3
TELL_SECONDS = 8

# Measured on ESXi 8.0.3: INT ends a capture properly in about 2 s; TERM and KILL are for the others.
STOP_STEPS = (("INT", 6.0), ("TERM", 5.0), ("KILL", 3.0))


def remote_seconds(seconds: int) -> int:
    """After how long a remote capture ends by itself, whatever became of us."""
    return READY_SECONDS + seconds + STOP_SECONDS


class Listening:
    """Captures that run together. Frames come through ``heard`` while this is open."""

    def __init__(self, lines: Lines, clock: HostClock, syntax: TimeoutSyntax) -> None:
        self._lines = lines
        self._clock = clock
        self._syntax = syntax
        self.ears: list[Ear] = []
        self._stop_at: int | None = None
        self._started_at = time.monotonic()
        self._starts: list[asyncio.Task[None]] = []

    def start(self, planned: Sequence[Planned], seconds: int, hear: Hear) -> None:
        """Set every capture going; a capture that cannot start becomes a failed one."""
        limit = remote_seconds(seconds)
        ends_by = time.time_ns() + (limit + READY_SECONDS) * SECOND
        for plan in planned:
            ear = Ear(plan, hear, ends_by)
            self.ears.append(ear)
            if plan.why_not is not None or not plan.argv:
                ear.fail(plan.why_not or "there is no command for it")
            else:
                self._starts.append(asyncio.create_task(self._run(ear, limit)))

    async def ready(self) -> None:
        """Wait until every capture listens or has failed, at most READY_SECONDS from the start.

        Raises:
            CaptureImpossible: not one of them runs.
        """
        left = READY_SECONDS - (time.monotonic() - self._started_at)
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, left)):
                for ear in self.ears:
                    await ear.decided.wait()
        if any(not ear.over.is_set() for ear in self.ears):
            return
        why = next((c.failure for c in self.captures() if c.failure), "there is nothing to capture")
        raise CaptureImpossible(
            f"No capture on {self._lines.host} could be started: {why}.",
            next_step="Run the command of the failed capture on the host by hand to see more.",
        )

    async def ended(self) -> None:
        """Wait until every capture is over, by itself or because it was stopped."""
        for ear in self.ears:
            await ear.over.wait()

    def captures(self) -> tuple[Capture, ...]:
        """What is known of every capture now; failures are values."""
        return tuple(self._facts(ear) for ear in self.ears)

    @property
    def asked_first(self) -> bool:
        """Whether some capture asked for confirmation before it began; it was given at once."""
        return any(ear.asked_first for ear in self.ears)

    async def stop(self) -> tuple[Capture, ...]:
        """End every capture, gently first, and give the final facts."""
        if self._stop_at is None:
            self._stop_at = time.time_ns()
        await self._finish_starts()
        for signal, patience in STOP_STEPS:
            running = [ear for ear in self.ears if not ear.over.is_set()]
            if not running:
                break
            await self._tell(running, signal)
            with suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await self.ended()
        for ear in self.ears:
            ear.hang_up()
        return self.captures()

    async def _finish_starts(self) -> None:
        """Let captures that are just starting tell their process id first, then give up on them."""
        if not all(task.done() for task in self._starts):
            _, late = await asyncio.wait(self._starts, timeout=START_PATIENCE_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*self._starts, return_exceptions=True)

    async def _tell(self, running: list[Ear], signal: str) -> None:
        """By process id; through the channel where that fails or no id is known.

        OpenSSH delivers a channel's signal only for accounts it separates privileges for, which root
        is not. Both at once would interrupt the orderly end of a capture.
        """
        deaf = [ear for ear in running if ear.pid is None]
        try:
            async with asyncio.timeout(TELL_SECONDS):
                await signal_ears(self._lines, running, signal)
        except (CheckError, TimeoutError):
            deaf = running
        for ear in deaf:
            ear.interrupt(signal)

    async def _run(self, ear: Ear, limit: int) -> None:
        line = capture_line(ear.planned, limit, self._syntax)
        try:
            async with asyncio.timeout(READY_SECONDS):
                await self._lines.session(lambda: ear, line)
        except CheckError as trouble:
            ear.fail(trouble.sentence.rstrip("."))
        except TimeoutError:
            ear.hang_up()
            ear.fail(f"it could not be started within {READY_SECONDS} s")
        except asyncio.CancelledError:
            ear.hang_up()
            ear.fail("the check was stopped before it could start")
            raise

    def _facts(self, ear: Ear) -> Capture:
        ready = None if ear.ready_at is None else self._clock.at_latest(ear.ready_at)
        return Capture(
            point=ear.planned.point,
            file=f"pcap/{ear.planned.point}.pcap" if ear.heard_anything else None,
            ready_at=ready,
            stopped_at=None if ready is None else max(ready, self._stopped_at(ear)),
            dropped=ear.dropped,
            failure=self._failure(ear),
            command=ear.command,
        )

    def _stopped_at(self, ear: Ear) -> int:
        """The last moment the capture surely listened, in host time."""
        last_frame = ear.walk.last_at or 0
        if _limit(ear):
            return last_frame
        moments = [time.time_ns(), self._stop_at, ear.over_at]
        if ear.over.is_set() and ear.status is None:
            moments.append(ear.last_sign_at)
        ours = min(moment for moment in moments if moment is not None)
        sure = self._clock.at_earliest(ours)
        possible = self._clock.at_latest(ear.over_at or time.time_ns())
        return max(sure, last_frame) if last_frame <= possible else sure

    def _failure(self, ear: Ear) -> str | None:
        if ear.broken is not None:
            return ear.broken
        if limit := _limit(ear):
            return f"the limit of {limit} was reached at {_clock_text(ear.walk.last_at)}"
        if ear.ready_at is None:
            return self._never_ready(ear)
        if ear.over_at is None or (self._stop_at is not None and ear.over_at >= self._stop_at):
            return ear.planned.doubt
        if ear.status is None:
            return f"the connection to the host was lost: {ear.lost}"
        words = ear.words()
        return "it ended by itself before it was stopped" + (f": {words}" if words else "")

    def _never_ready(self, ear: Ear) -> str | None:
        if not ear.over.is_set():
            return "it did not say that it listens"
        if ear.status is None and self._stop_at is None:
            return f"the connection to the host was lost: {ear.lost}"
        return f"it ended before it listened: {ear.words() or f'exit status {ear.status}'}"


def _limit(ear: Ear) -> str | None:
    """The limit that ended a capture before its time, None where none did."""
    if ear.walk.records >= PACKET_LIMIT:
        return f"{PACKET_LIMIT} packets"
    return f"{MOST_BYTES // 1024 // 1024} MiB" if ear.overflowed else None


def _clock_text(at: int | None) -> str:
    if at is None:
        return "an unknown time"
    return datetime.fromtimestamp(at / SECOND, UTC).strftime("%H:%M:%S.%fZ")
