"""A host's own view at one moment, as named texts for the evidence bundle."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

from workers.arp.pktcap import TimeoutSyntax, parse_nic_stats, risen
from workers.errors import CheckError
from workers.esxi.lines import Lines
from workers.esxi.probe import HostView, ask
from workers.esxi.session import NO_STATUS

AT_ONCE = 6

# A host that hangs on some question must not hold up the check: the rest is left out.
SNAPSHOT_SECONDS = 30
LATE = b"not answered in time\n"


async def snapshot(
    lines: Lines, view: HostView, uplinks: Iterable[str], ports: Iterable[int]
) -> dict[str, bytes]:
    """The texts by file name; a question the host does not answer gives a text that says so."""
    turn = asyncio.Semaphore(AT_ONCE)
    syntax = view.features.timeout

    async def text_of(argv: tuple[str, ...]) -> bytes:
        async with turn:
            return await _text(lines, argv, syntax)

    questions = _questions([u for u in uplinks if u in view.features.links], ports)
    asked = [asyncio.ensure_future(text_of(argv)) for argv in questions.values()]
    try:
        await asyncio.wait(asked, timeout=SNAPSHOT_SECONDS)
        texts = [task.result() if task.done() else LATE for task in asked]
    finally:
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
    files = dict(zip(questions, texts, strict=True))
    files["clock.txt"] = (
        f"host clock minus ours: {view.clock_offset_ms:.3f} ms"
        f" (uncertain by {view.clock.uncertainty / 1_000_000:.3f} ms)\n"
    ).encode()
    return files


def counters_risen(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> tuple[str, ...]:
    """Which counters of errors and drops rose between two snapshots: ``vmnic1: Receive CRC errors +5``."""
    found = []
    for name in sorted(set(before) & set(after)):
        if name.startswith(("nicstats_", "portstats_")):
            old, new = (parse_nic_stats(side[name].decode()) for side in (before, after))
            thing = name.split("_", 1)[1].removesuffix(".txt")
            found += [f"{thing}: {counter} +{by}" for counter, by in risen(old, new).items()]
    return tuple(found)


def _questions(uplinks: Iterable[str], ports: Iterable[int]) -> Mapping[str, tuple[str, ...]]:
    asked = {"version.txt": ("vmware", "-vl"), "nic_list.txt": ("esxcli", "network", "nic", "list")}
    for device in uplinks:
        asked[f"nic_{device}.txt"] = ("esxcli", "network", "nic", "get", "-n", device)
        asked[f"nicstats_{device}.txt"] = ("esxcli", "network", "nic", "stats", "get", "-n", device)
    for port in ports:
        number = str(int(port))
        asked[f"portstats_{number}.txt"] = (
            "esxcli",
            "network",
            "port",
            "stats",
            "get",
            "-p",
            number,
        )
    return asked


async def _text(lines: Lines, argv: tuple[str, ...], syntax: TimeoutSyntax) -> bytes:
    try:
        answer = await ask(lines, argv, syntax)
    except CheckError as trouble:
        return f"not answered: {trouble.sentence}\n".encode()
    if answer.status != 0 and not (answer.status == NO_STATUS and answer.out):
        return f"not answered: {answer.why}\n".encode()
    return answer.out.encode()
