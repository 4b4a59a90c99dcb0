"""Captures that may still run turned into signals for our own process ids, and a proof or a sentence.

Law: nothing is ever signalled by name. Other people capture on the same host. Before a leftover is
killed, ``ps`` must show our id with ``pktcap-uw`` in its command.
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime

from workers.arp.model import SECOND
from workers.arp.pktcap import TimeoutSyntax, bounded, parse_processes
from workers.errors import CheckError, HostUnreachable
from workers.esxi.ear import Ear
from workers.esxi.lines import Lines

SIGNAL_SECONDS = 8
ASK_SECONDS = 8
SPARE_SECONDS = 4
CLEAN_UP_SECONDS = 45
TRIES = 3
LOOKS = 6
PAUSE_SECONDS = 0.5

# What a shell answers for a command that it cannot run, or does not find.
NO_SUCH_COMMAND = (126, 127)


async def signal_ears(lines: Lines, ears: Sequence[Ear], signal: str) -> None:
    """Signal captures whose sessions are still open: their ids cannot have been given away yet.

    Raises:
        CheckError: the host cannot be asked.
    """
    pids = sorted({ear.pid for ear in ears if ear.pid is not None})
    if pids:
        await _kill(lines, pids, signal)


async def clean_up(lines: Lines, ears: Sequence[Ear], syntax: TimeoutSyntax) -> tuple[str, ...]:
    """Ask the host whether anything of ours runs, and end it; sentences on what stays unproven."""
    started = [ear for ear in ears if ear.begun]
    if not started:
        return ()
    try:
        async with asyncio.timeout(CLEAN_UP_SECONDS):
            pids = {ear.pid for ear in started if ear.pid is not None}
            left = await _end_leftovers(lines, pids, syntax)
    except (CheckError, TimeoutError) as trouble:
        why = trouble.sentence if isinstance(trouble, CheckError) else "it took too long."
        return (_unproven(lines.host, why, started),)
    sentences = [
        f"A capture is still running on {lines.host} (process {pid}) and could not be ended; it ends"
        f" by itself by {_until(started)}."
        for pid in sorted(left)
    ]
    unknown = [ear for ear in started if ear.pid is None and ear.status is None]
    if unknown:
        names = ", ".join(str(ear.planned.point) for ear in unknown)
        sentences.append(
            f"It could not be proven that the capture of {names} on {lines.host} has ended, its"
            f" process id is not known; it ends by itself by {_until(unknown)}."
        )
    return tuple(sentences)


async def _end_leftovers(lines: Lines, pids: set[int], syntax: TimeoutSyntax) -> set[int]:
    left = await _ours(lines, pids, syntax)
    for signal in ("INT", "TERM", "KILL"):
        if not left:
            break
        await _kill(lines, sorted(left), signal)
        for _ in range(LOOKS):
            left = await _ours(lines, left, syntax)
            if not left:
                break
            await asyncio.sleep(PAUSE_SECONDS)
    return left


async def _ours(lines: Lines, pids: set[int], syntax: TimeoutSyntax) -> set[int]:
    """Which of our ids still belong to a capture."""
    why = ""
    command = shlex.join(bounded(("ps", "-c"), ASK_SECONDS, syntax))
    for _ in range(TRIES):
        answer = await lines.run(command, seconds=ASK_SECONDS + SPARE_SECONDS)
        try:
            rows = parse_processes(answer.out)
        except ValueError as trouble:
            # Not what it printed: a list that cannot be read names other people's processes.
            why = f"{trouble} ({answer.why if answer.status else 'exit status 0'})"
            continue
        return {
            pid
            for row in rows
            if "pktcap-uw" in row.command
            for pid in (row.cartel, row.world)
            if pid in pids
        }
    raise HostUnreachable(f"{lines.host} does not list its processes: {why}.")


async def _kill(lines: Lines, pids: Sequence[int], signal: str) -> None:
    numbers = " ".join(str(int(pid)) for pid in pids)
    answer = await lines.run(f"kill -{signal} {numbers}", seconds=SIGNAL_SECONDS)
    if answer.status in NO_SUCH_COMMAND:
        raise HostUnreachable(f"{lines.host} cannot signal a process: {answer.why}.")


def _unproven(host: str, why: str, ears: Sequence[Ear]) -> str:
    return (
        f"It could not be proven that no capture is left on {host}: {why}"
        f" Whatever is left ends by itself by {_until(ears)}."
    )


def _until(ears: Sequence[Ear]) -> str:
    moment = max(ear.ends_by for ear in ears)
    return datetime.fromtimestamp(moment / SECOND, UTC).strftime("%H:%M:%S UTC")
