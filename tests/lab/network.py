"""A ``World`` to the frames that pass its capture points, each with the moment it passed.

The model is one queue of events in time. Guests and stations ask (``guests.py``), the virtual
switches forward (``vswitch.py``), the physical switches flood and learn (``fabric.py``), faults bend
what they do (``faults.py``). A time stamp is the model's, not the moment Python got round to it.
``start`` runs the model against the wall clock; ``advance`` runs it by hand, which needs no waiting.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from tests.lab.fabric import Fabric
from tests.lab.faults import SECOND, Active, Faults
from tests.lab.flood import Flood
from tests.lab.frames import Arp, notify, pack
from tests.lab.guests import Guests
from tests.lab.vswitch import VSwitches
from tests.lab.world import EsxiHost, Nic, VirtualMachine, World

MICROSECOND = 1_000
TICK = SECOND // 50


@dataclass(frozen=True, slots=True)
class Seen:
    """A frame at a capture point: bytes as the guest would write them, ``vlan`` beside them."""

    at: int
    data: bytes
    vlan: int | None = None
    reason: str = ""


Sink = Callable[[Seen], None]
Place = tuple[str, str, str]


class Network:
    """The model. ``attach`` listens at a point; uplinks are named ``vmnic0``, ports by number."""

    def __init__(
        self, world: World, *, seed: int = 1, clock: Callable[[], int] = time.time_ns
    ) -> None:
        self.world, self.random, self._clock = world, random.Random(seed), clock
        self.now = clock()
        self.faults = Faults(world, lambda: self.now)
        self.counters: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._sinks: defaultdict[Place, list[Sink]] = defaultdict(list)
        self._task: asyncio.Task[None] | None = None
        self.fabric = Fabric(self)
        self.vswitches = VSwitches(self)
        self.guests = Guests(self)
        self.flood = Flood(self)
        self._tick()

    async def start(self) -> None:
        self.now = max(self.now, self._clock())
        self._task = asyncio.create_task(self._run(), name="network model")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    def attach(self, host: str, thing: str, point: str, sink: Sink) -> Callable[[], None]:
        """Call ``sink`` for each frame at a point (``UplinkSndKernel``) of a thing (``vmnic0``).

        Returns what ends the listening. ``thing`` is ``*`` for ``Drop``, which has no place.
        """
        place = (host, thing, point)
        if self._task is not None:
            self._play(self._clock())  # what passed before this moment is not for the new sink
        self._sinks[place].append(sink)
        for kind, fault, begins in self.faults.capture_listens():
            self._schedule_change(kind, fault, begins)

        def detach() -> None:
            if sink in self._sinks[place]:
                self._sinks[place].remove(sink)

        return detach

    def listening(self, host: str, thing: str, point: str) -> tuple[Sink, ...]:
        return tuple(self._sinks.get((host, thing, point), ()))

    def at(self, when: int, do: Callable[[], None]) -> None:
        """Do something at a moment of the model's time."""
        heapq.heappush(self._events, (max(when, self.now), next(self._order), do))

    def after(self, least: float, most: float, do: Callable[[], None]) -> None:
        """Do something after a delay in microseconds between ``least`` and ``most``."""
        self.at(self.now + int(self.random.uniform(least, most) * MICROSECOND), do)

    def advance(self, seconds: float) -> None:
        """Let that much of the model's time pass at once (only while it is not started)."""
        self._play(self.now + int(seconds * SECOND))

    def emit(
        self, host: str, thing: str, point: str, arp: Arp, vlan: int | None = None, *,
        padded: bool = True, reason: str = "",
    ) -> None:  # fmt: skip
        """Show a frame to whoever listens at this point."""
        sinks = self.listening(host, thing, point)
        if sinks:
            seen = Seen(self.now, pack(arp, padded=padded), vlan, reason)
            for sink in sinks:
                sink(seen)

    def drop(self, host: str, arp: Arp, vlan: int | None, reason: str) -> None:
        """A vSwitch gives a frame up: seen by ``--capture Drop`` and in the host's counters."""
        self.counters[host, "drops"][reason] += 1
        self.emit(host, "*", "Drop", arp, vlan, reason=reason)

    def uplink_of(self, host: EsxiHost, nic: Nic) -> str | None:
        """The uplink an adapter is pinned to now; None where frames choose one by their hash."""
        return self.vswitches.pinned(host, nic)

    def renumber(self, vm: VirtualMachine) -> None:
        """Give the VM's ports new numbers, as a reset or a power cycle does."""
        highest = max(nic.switch_port for other in self.world.vms for nic in other.nics)
        for number, nic in enumerate(vm.nics, highest + 1):
            nic.switch_port = number

    def move(self, vm: VirtualMachine, to: str) -> None:
        """vMotion: the VM is on another host at once, which tells the switches by RARP."""
        self.renumber(vm)
        vm.host = self.world.host(to).name
        for nic in vm.nics:
            for repeat in range(3):
                self.after(
                    repeat * 300_000,
                    repeat * 300_000 + 500,
                    lambda nic=nic: self.vswitches.from_host(vm, nic, notify(nic.mac)),  # type: ignore[misc]
                )

    def _schedule_change(self, kind: str, fault: Active, begins: int) -> None:
        if kind not in {"moved", "port_vanishes"}:
            return
        vm = self.world.vm(fault.text("vm"))

        def change() -> None:
            if all(arguments is not fault.arguments for arguments in self.world.faults.values()):
                return  # another situation was chosen meanwhile
            self.world.undo.append(_way_back(vm))
            if kind == "moved":
                self.move(vm, fault.text("to"))
            else:
                self.renumber(vm)

        self.at(begins, change)

    def _tick(self) -> None:
        self.guests.tick(TICK)
        self.flood.tick(TICK)
        self.at(self.now + TICK, self._tick)

    def _play(self, until: int) -> None:
        while self._events and self._events[0][0] <= until:
            when, _, do = heapq.heappop(self._events)
            self.now = max(self.now, when)
            do()
        self.now = max(self.now, until)

    async def _run(self) -> None:
        while True:
            self._play(self._clock())
            wait = (self._events[0][0] - self._clock()) / SECOND
            await asyncio.sleep(max(0.0005, wait))


def _way_back(vm: VirtualMachine) -> Callable[[], None]:
    """What puts the VM where it is now: its host and the numbers of its ports."""
    host, ports = vm.host, [nic.switch_port for nic in vm.nics]

    def put_back() -> None:
        vm.host = host
        for nic, port in zip(vm.nics, ports, strict=True):
            nic.switch_port = port

    return put_back
