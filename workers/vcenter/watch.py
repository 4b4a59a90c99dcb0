"""vCenter's updates turned into changes of placement, for any number of VMs by one waiting call.

All watches of a worker share one property collector with a filter per VM, and one thread that waits in
short slices; a hundred checks cost vCenter and the worker no more than one.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from pyVmomi import vim, vmodl

from workers.arp.model import Placement
from workers.errors import CheckError
from workers.vcenter.connection import Connection
from workers.vcenter.faults import UNOFFERED
from workers.vcenter.properties import moid, retrieve
from workers.vcenter.session import Session

SLICE_SECONDS = 1
RETRY_SECONDS = 2.0
PATHS = ("runtime.host", "runtime.powerState", "runtime.connectionState")
GONE = Placement(None, "poweredOff", "removed")

Changed = Callable[[Placement], None]


def read_placement(connection: Connection, vm_moid: str) -> Placement:
    """Where the VM runs now; a VM that is gone has no host."""
    values = placed(connection, vm_moid)
    return _placement(values) if values else GONE


def placed(connection: Connection, vm_moid: str) -> dict[str, Any] | None:
    """The properties that place a VM; None = it is gone."""
    reference = connection.reference(vim.VirtualMachine, vm_moid)
    return retrieve(connection, [reference], {vim.VirtualMachine: PATHS}).get(vm_moid)


def _placement(values: dict[str, Any]) -> Placement:
    host = values.get("runtime.host")
    return Placement(
        host_moid=moid(host) if host is not None else None,
        power=str(values.get("runtime.powerState") or ""),
        connection=str(values.get("runtime.connectionState") or ""),
    )


@dataclass(eq=False)
class _Watched:
    """A VM that somebody watches: what was last told, and whom to tell."""

    vm_moid: str
    last: Placement
    changed: Changed

    def tell(self, placement: Placement) -> None:
        if placement != self.last:
            self.last = placement
            self.changed(placement)


class Watcher:
    """Watches VMs until nobody does; lives on one event loop."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._watched: list[_Watched] = []
        self._loop: asyncio.Task[None] | None = None
        self._collection: _Collection | _Questions | None = None

    async def watch(self, vm_moid: str, known: Placement, changed: Changed) -> None:
        """Tell ``changed`` of every placement that differs from the one before, until cancelled.

        Trouble with vCenter is waited out: a check must not fail because nobody watched the VM.
        """
        watched = _Watched(vm_moid, known, changed)
        self._watched.append(watched)
        try:
            while True:  # a loop that was just ending when this watch began is followed by another
                if self._loop is None or self._loop.done():
                    self._loop = asyncio.create_task(self._run(), name="vcenter watch")
                await asyncio.shield(self._loop)
        finally:
            self._watched.remove(watched)

    async def _run(self) -> None:
        try:
            while self._watched:
                wanted = {watched.vm_moid for watched in self._watched}
                try:
                    updates = await self._session.run(partial(self._wait, wanted))
                except CheckError:
                    self._collection = None
                    await asyncio.sleep(RETRY_SECONDS)
                    continue
                self._tell(updates)
        finally:
            await self._end()

    def _wait(self, wanted: set[str], connection: Connection) -> list[tuple[str, dict[str, Any]]]:
        """A slice of waiting, in a thread; the collector is made anew for a new session."""
        if self._collection is None or self._collection.connection is not connection:
            self._collection = _Collection(connection)
        try:
            return self._collection.wait(wanted)
        except UNOFFERED:
            self._collection = _Questions(connection)
            return self._collection.wait(wanted)

    def _tell(self, updates: list[tuple[str, dict[str, Any]]]) -> None:
        for vm_moid, values in updates:
            for watched in [w for w in self._watched if w.vm_moid == vm_moid]:
                watched.tell(_placement(values) if values else GONE)

    async def _end(self) -> None:
        collection, self._collection = self._collection, None
        if collection is not None:
            with contextlib.suppress(CheckError):
                await self._session.run(collection.destroy)

    async def close(self) -> None:
        """End the waiting; watches themselves end when their tasks are cancelled."""
        if self._loop is not None:
            self._loop.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._loop


class _Collection:
    """A property collector of our own with a filter per VM, used by one thread at a time."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._collector: Any = None
        self._filters: dict[str, Any] = {}
        self._values: dict[str, dict[str, Any]] = {}
        self._version = ""

    def wait(self, wanted: set[str]) -> list[tuple[str, dict[str, Any]]]:
        """(moid, all its values) of every VM that changed; no values = it is gone."""
        if self._collector is None:
            shared = self.connection.content.propertyCollector
            self._collector = shared.CreatePropertyCollector()
        gone = self._adjust(wanted)
        options = vmodl.query.PropertyCollector.WaitOptions(
            maxWaitSeconds=0 if gone else SLICE_SECONDS
        )
        told = self._collector.WaitForUpdatesEx(self._version, options)
        changed = dict.fromkeys(gone)
        while told is not None:
            self._version = told.version
            changed |= dict.fromkeys(self._take(told))
            if not told.truncated:
                break
            told = self._collector.WaitForUpdatesEx(self._version, options)
        found = [(vm, dict(self._values.get(vm, {}))) for vm in changed]
        # Deleted before the first answer, or a server that does not tell of a filter made later.
        untold = set(self._filters) - set(self._values)
        return found + [(vm, placed(self.connection, vm) or {}) for vm in untold]

    def _adjust(self, wanted: set[str]) -> list[str]:
        """Add and drop filters; what is already gone is returned."""
        for vm in set(self._filters) - wanted:
            with contextlib.suppress(vmodl.fault.ManagedObjectNotFound):
                self._filters.pop(vm).Destroy()
            self._values.pop(vm, None)
        gone = []
        kind = vmodl.query.PropertyCollector
        for vm in wanted - set(self._filters):
            reference = self.connection.reference(vim.VirtualMachine, vm)
            spec = kind.FilterSpec(
                objectSet=[kind.ObjectSpec(obj=reference)],
                propSet=[kind.PropertySpec(type=vim.VirtualMachine, pathSet=list(PATHS))],
            )
            try:
                self._filters[vm] = self._collector.CreateFilter(spec, True)  # noqa: FBT003
            except vmodl.fault.ManagedObjectNotFound:
                gone.append(vm)
        return gone

    def _take(self, told: Any) -> list[str]:
        changed = []
        for update in (u for f in told.filterSet for u in f.objectSet):
            vm = moid(update.obj)
            values = self._values.setdefault(vm, {})
            if str(update.kind) == "leave":
                values.clear()
            values.update({change.name: change.val for change in update.changeSet})
            changed.append(vm)
        return changed

    def destroy(self, connection: Connection) -> None:
        """Give the collector and its filters back, where their session still lives."""
        if connection is self.connection and self._collector is not None:
            with contextlib.suppress(vmodl.fault.ManagedObjectNotFound):
                self._collector.Destroy()


class _Questions:
    """In place of a collector where the server offers none: each VM is asked for, every slice."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def wait(self, wanted: set[str]) -> list[tuple[str, dict[str, Any]]]:
        """(moid, all its values) of every VM."""
        time.sleep(SLICE_SECONDS)
        return [(vm, placed(self.connection, vm) or {}) for vm in wanted]

    def destroy(self, connection: Connection) -> None:
        """There is nothing to give back."""
