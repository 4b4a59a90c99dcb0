"""Whole checks turned into times: the lab's twins here, the real bot and workers as processes."""

from __future__ import annotations

import asyncio
import io
import json
import os
import statistics
import tempfile
import time
import zipfile
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from bench.results import Section
from tests.lab.big_world import big_world
from tests.lab.esxi import EsxiTwin
from tests.lab.lab import Lab, Program, bot_and_worker
from tests.lab.slack import INCIDENT, File, Message
from tests.lab.world import Asking, Pnic, Station, SwitchPort, World, small_world

HOST = "esx07.example.com"
UPLINKS = 8
CAPTURES = 2 * UPLINKS + 2
ROUND_TRIP = 0.02
LOOK = 0.01


def eight_uplinks() -> World:
    world = small_world()
    host = world.host(HOST)
    for number in range(2, UPLINKS):
        device = f"vmnic{number}"
        port = SwitchPort(f"sw-{number}", "Ethernet1/7")
        host.pnics.append(Pnic(device, f"b0:7b:25:0e:07:{number:02x}", port))
        host.switches[0].pnics.append(device)
        host.switches[0].active.append(device)
    return world


class Stopwatch:
    """Notes when each named condition was first seen to hold."""

    def __init__(self) -> None:
        self.at: dict[str, float] = {}

    async def until(self, name: str, condition: Callable[[], bool], seconds: float = 90) -> float:
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110 - the twins tell no one of such changes
                await asyncio.sleep(LOOK)
        self.at[name] = time.perf_counter()
        return self.at[name]

    def between(self, one: str, other: str) -> float:
        return self.at[other] - self.at[one]


def _root(lab: Lab, known: int) -> Message | None:
    roots = lab.slack.messages(INCIDENT)
    return roots[-1] if len(roots) > known else None


def _bundles(lab: Lab) -> list[File]:
    return [file for file in lab.slack.files if file.name.endswith(".zip")]


def _first_answered(lab: Lab) -> float | None:
    """When the VM sent its first request that was answered, in seconds since 1970."""
    with zipfile.ZipFile(io.BytesIO(lab.slack.file_bytes(_bundles(lab)[-1].id))) as bundle:
        requests = json.loads(bundle.read("report.json"))["requests"]
    times = [
        datetime.fromisoformat(each["at"]).timestamp() for each in requests if each["delivered"]
    ]
    return min(times, default=None)


async def one_check(lab: Lab, text: str, watch: Stopwatch, captures: int) -> None:
    """Type a command and note when what happens, until its verdict is in the thread."""
    known = len(lab.slack.messages(INCIDENT))
    bundles = len(_bundles(lab))
    watch.at["typed"] = time.perf_counter()
    await lab.slack.slash(text)
    await watch.until("root", lambda: _root(lab, known) is not None)
    root = _root(lab, known)
    assert root is not None
    history = lambda: lab.slack.history_of(INCIDENT, root.ts)  # noqa: E731
    await watch.until("begun", lambda: len(history()) > 1)
    await watch.until("ears", lambda: len(lab.captures_alive()) >= captures)
    await watch.until("closing", lambda: len(lab.captures_alive()) == 0)
    await watch.until("verdict", lambda: len(lab.slack.thread(INCIDENT, root.ts)) > 1)
    told = time.time()
    await watch.until("files", lambda: len(_bundles(lab)) > bundles)
    answered = _first_answered(lab)
    if answered is not None:
        watch.at["answered"] = watch.at["verdict"] - (told - answered)


async def ears_and_verdicts(rounds: int) -> Section:
    """Eight uplinks at a host 20 ms away; a fault that needs the whole time, and a healthy VM."""
    faulty = await _checks("blog", 4, rounds)
    healthy = await _checks("healthy", 30, rounds)
    rows = (
        ("worker has the job → all captures run", *_spread(faulty, "begun", "ears")),
        ("last capture ended → verdict in the thread", *_spread(faulty, "closing", "verdict")),
        (
            "healthy VM that asks each second: all captures run → verdict",
            *_spread(healthy, "ears", "verdict"),
        ),
        (
            "its first answered request → verdict in the thread",
            *_spread(healthy, "answered", "verdict"),
        ),
    )
    title = f"A live check: {UPLINKS} uplinks, {CAPTURES} captures and more, a host 20 ms away"
    return Section(title, ("from → to", "median s", "worst s", "runs"), rows)


AFTERWARDS = 5  # the last edit of a check's message shall not fall into the next check's time


async def _checks(situation: str, seconds: int, rounds: int) -> list[Stopwatch]:
    """One check after the other; the first one, which logs in to vCenter, is not counted."""
    world = eight_uplinks()
    watches = []
    with tempfile.TemporaryDirectory(prefix="arpcheck-bench-") as folder:
        lab = Lab(Path(folder), world=world)
        lab.esxi[HOST] = EsxiTwin(world, lab.network, HOST, rtt_seconds=ROUND_TRIP)
        async with lab:
            await bot_and_worker(lab, CAPTURE_SECONDS=str(seconds))
            lab.situation(situation)
            for _ in range(rounds + 1):
                watches.append(Stopwatch())
                await one_check(lab, "app01", watches[-1], CAPTURES)
                await asyncio.sleep(AFTERWARDS)
    return watches[1:]


def _spread(watches: Sequence[Stopwatch], one: str, other: str) -> tuple[str, str, str]:
    seconds = [watch.between(one, other) for watch in watches]
    return f"{statistics.median(seconds):.2f}", f"{max(seconds):.2f}", f"{len(seconds)}"


def asking_world(vms: int, hosts: int, every_seconds: float = 1.0) -> World:
    world = big_world(vms, hosts)
    for vm in world.vms:
        gateway = vm.nics[0].gateway
        assert gateway is not None
        vm.asks.append(Asking(gateway, every_seconds))
    gateways = {vm.nics[0].gateway: int(vm.nics[0].portgroup.partition("-")[2]) for vm in world.vms}
    for number, (gateway, vlan) in enumerate(sorted(gateways.items())):
        world.stations.append(
            Station(gateway or "", f"00:00:5e:00:01:{number:02x}", vlan, answers=False)
        )
    return world


def usage(program: Program) -> tuple[float, float]:
    """CPU seconds and megabytes of a process so far."""
    fields = (
        Path(f"/proc/{program.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    )
    cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return cpu, int(fields[21]) * os.sysconf("SC_PAGE_SIZE") / 2**20


VMS_A_HOST = 5
ASKS_EVERY = 60.0
"""Every uplink hears every VM's broadcasts: of 200 that is one in 0.3 s, and what is heard is kept."""


async def many_at_once(checks: int, seconds: int) -> Section:
    """Many checks in flight in one worker, each with the VM's port, two uplinks and their RARP."""
    hosts = max(1, checks // VMS_A_HOST)
    with tempfile.TemporaryDirectory(prefix="arpcheck-bench-") as folder:
        async with Lab(Path(folder), world=asking_world(checks, hosts, ASKS_EVERY)) as lab:
            settings = {"WORKER_JOBS": str(checks), "HOST_JOBS": str(2 * VMS_A_HOST)}
            _, worker = await bot_and_worker(lab, CAPTURE_SECONDS=str(seconds), **settings)
            idle = await _at_rest(worker)
            for vm in lab.world.vms:
                await lab.slack.slash(vm.name)
            samples = []
            started = time.perf_counter()
            while len(_bundles(lab)) < checks and time.perf_counter() - started < 5 * seconds + 120:
                alive = len(lab.captures_alive())
                samples.append(Sample(time.perf_counter(), alive, *usage(worker)))
                await asyncio.sleep(0.5)
            answered = len(_bundles(lab))
    best = max(sample.alive for sample in samples)
    full = [sample for sample in samples if sample.alive >= 0.9 * best]
    first, middle, last = full[0], full[len(full) // 2], full[-1]
    span = max(last.at - first.at, 0.001)
    share = (last.cpu - first.cpu) / span
    memory = ", ".join(f"{each.megabytes:.0f}" for each in (first, middle, last))
    rows = (
        ("checks asked for, and answered", f"{checks}, {answered}"),
        ("streams at once, at most", f"{best:,}"),
        ("seconds with nine tenths of them", f"{span:.0f}"),
        ("worker's CPU then, of one core", f"{share:.0%}"),
        ("of it per stream", f"{share / best * 1000:.2f} ms a second" if best else ""),
        ("worker's memory before", f"{idle:.0f} MB"),
        ("worker's memory then: beginning, middle, end", f"{memory} MB"),
    )
    title = f"Many checks in one worker process, {hosts} hosts, VMs that ask every {ASKS_EVERY:g} s"
    return Section(title, ("what", "figure"), rows)


class Sample(NamedTuple):
    """A worker at one moment: captures that run, its CPU seconds and megabytes."""

    at: float
    alive: int
    cpu: float
    megabytes: float


async def _at_rest(worker: Program) -> float:
    """A worker's megabytes once it has imported all it needs and waits for work."""
    cpu, megabytes = -1.0, 0.0
    while usage(worker)[0] > cpu + 0.02:
        cpu, megabytes = usage(worker)
        await asyncio.sleep(1.0)
    return megabytes
