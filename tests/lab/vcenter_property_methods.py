"""Calls that read properties turned into their results: container views, collectors, filters, updates."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from pyVmomi import vim, vmodl

from tests.lab.vcenter_collector import Content, Filter, Read, collect, property_reader
from tests.lab.vcenter_soap import Call, Fault, result_xml, wrap
from tests.lab.vcenter_state import Session, State, gone, take, user_session

POLL_SECONDS = 0.05


class PropertyMethods:
    """The methods of ViewManager, ContainerView, PropertyCollector and PropertyFilter."""

    def __init__(self, state: State) -> None:
        self.state = state

    def _read(self, session: Session, *, quick: bool = False) -> Read:
        inventory = self.state.inventory()

        def view(moid: str) -> list[Any] | None:
            kinds = session.views.get(moid)
            if kinds is None:
                return None
            return [reference for kind in kinds for reference in inventory.every(kind)]

        bend = self.state.bend
        read = property_reader(inventory, view, quick=quick and bend is None)
        if bend is None:
            return read
        return lambda reference, path: bend(reference, path, read(reference, path))

    async def _do_CreateContainerView(self, call: Call, session: Session) -> str:  # noqa: N802
        moid = f"session[{session.key[:8]}]view-{self.state.number()}"
        session.views[moid] = list(call.get("type") or [vim.ManagedEntity])
        return result_xml(call.method, vim.view.ContainerView(moid))

    async def _do_DestroyView(self, call: Call, session: Session) -> str:  # noqa: N802
        take(session.views, call)
        return result_xml(call.method, None)

    async def _do_Fetch(self, call: Call, session: Session) -> str:  # noqa: N802
        if call.get("prop") == "currentSession":
            return result_xml("Fetch", user_session(session, self.state.log.now()), vim.UserSession)
        value = self._read(session)(call.this, call.get("prop"))
        return result_xml("Fetch", value, object)

    async def _do_RetrievePropertiesEx(self, call: Call, session: Session) -> str:  # noqa: N802
        read = self._read(session, quick=True)
        if "reportMissingObjectsInResults" in self.state.unoffered:
            for spec in call.get("specSet"):
                spec.reportMissingObjectsInResults = False
        contents = [content for spec in call.get("specSet") for content in collect(spec, read)]
        options = call.get("options")
        limits = [n for n in (self.state.page, options and options.maxObjects) if n]
        return self._page(call.method, contents, min(limits, default=None), session)

    async def _do_ContinueRetrievePropertiesEx(self, call: Call, session: Session) -> str:  # noqa: N802
        contents = session.pages.pop(call.get("token"), None)
        if contents is None:
            raise Fault(vmodl.fault.InvalidArgument(invalidProperty="token"))
        return self._page(call.method, contents, self.state.page, session)

    async def _do_CancelRetrievePropertiesEx(self, call: Call, session: Session) -> str:  # noqa: N802
        session.pages.pop(call.get("token"), None)
        return result_xml(call.method, None)

    def _page(
        self, method: str, contents: list[Content], limit: int | None, session: Session
    ) -> str:
        if not contents:
            return wrap(method, "")
        token = ""
        if limit and len(contents) > limit:
            key = str(self.state.number())
            session.pages[key] = contents[limit:]
            token = f"<token>{key}</token>"
        objects = "".join(content.xml() for content in contents[:limit])
        return wrap(method, f"<returnval>{token}{objects}</returnval>")

    # --- updates ----------------------------------------------------------------------------

    async def _do_CreatePropertyCollector(self, call: Call, session: Session) -> str:  # noqa: N802
        moid = f"session[{session.key[:8]}]collector-{self.state.number()}"
        session.collectors[moid] = {}
        return result_xml(call.method, vmodl.query.PropertyCollector(moid))

    async def _do_DestroyPropertyCollector(self, call: Call, session: Session) -> str:  # noqa: N802
        take(session.collectors, call)
        return result_xml(call.method, None)

    async def _do_CreateFilter(self, call: Call, session: Session) -> str:  # noqa: N802
        filters = session.collectors.setdefault(call.this._moId, {})
        made = Filter(f"session[{session.key[:8]}]filter-{self.state.number()}", call.get("spec"))
        for start in made.spec.objectSet:
            self._read(session)(start.obj, "name")
        filters[made.moid] = made
        return result_xml(call.method, vmodl.query.PropertyCollector.Filter(made.moid))

    async def _do_DestroyPropertyFilter(self, call: Call, session: Session) -> str:  # noqa: N802
        for filters in session.collectors.values():
            if filters.pop(call.this._moId, None):
                return result_xml(call.method, None)
        raise gone(call.this)

    async def _do_WaitForUpdatesEx(self, call: Call, session: Session) -> str:  # noqa: N802
        options = call.get("options")
        limit = options.maxWaitSeconds if options and options.maxWaitSeconds is not None else 1800
        end = time.monotonic() + limit
        while True:
            if session.key not in self.state.sessions:
                raise Fault(vim.fault.NotAuthenticated(object=call.this, privilegeId="System.View"))
            filters = session.collectors.get(call.this._moId)
            if filters is None:
                raise gone(call.this)
            read = self._read(session)
            updates = [u for f in list(filters.values()) if (u := f.changes(read)) is not None]
            if updates:
                version = str(self.state.number())
                found = vmodl.query.PropertyCollector.UpdateSet(version=version, filterSet=updates)
                found = self.state.bent(call.this, call.method, found)
                return result_xml(call.method, found) if found else wrap(call.method, "")
            if time.monotonic() >= end:
                return wrap(call.method, "")
            await asyncio.sleep(POLL_SECONDS)
