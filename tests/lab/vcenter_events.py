"""What happens in the lab turned into vSphere events, and a filter into the events that match it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from pyVmomi import VmomiSupport as Support
from pyVmomi import vim, vmodl

from tests.lab.world import EsxiHost, VirtualMachine, World


class EventLog:
    """The event manager's memory; ``events`` may be appended to by anybody."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.events: list[Any] = []
        self.seconds_ahead = 0.0

    def now(self) -> Any:
        """The server's clock, as vSphere's types want it."""
        return datetime.fromtimestamp(time.time() + self.seconds_ahead, tz=UTC)

    def record(self, event: Any, text: str = "") -> Any:
        """Keep an event; key, time and message are filled in where they are missing."""
        event.key = len(self.events) + 1
        event.chainId = event.key
        if event.createdTime is None or event.createdTime.year < 1970:
            event.createdTime = self.now()
        event.userName = event.userName or ""
        event.fullFormattedMessage = event.fullFormattedMessage or text
        self.events.append(event)
        return event

    def vm_event(self, kind: Any, vm: VirtualMachine, text: str, **more: Any) -> Any:
        """Keep an event of this type about a VM on its present host."""
        host = self.world.host(vm.host)
        return self.record(
            kind(
                vm=vim.event.VmEventArgument(name=vm.name, vm=vim.VirtualMachine(vm.moid)),
                host=host_argument(host),
                template=vm.template,
                **more,
            ),
            text,
        )

    def host_problem(self, host: EsxiHost, type_id: str, text: str, **arguments: str) -> Any:
        """Keep an EventEx such as ``esx.problem.net.vmnic.linkstate.down``."""
        return self.record(
            vim.event.EventEx(
                eventTypeId=type_id,
                severity="warning",
                host=host_argument(host),
                objectId=host.moid,
                objectType=vim.HostSystem,
                objectName=host.name,
                arguments=[vmodl.KeyAnyValue(key=k, value=v) for k, v in arguments.items()],
            ),
            text,
        )

    def query(self, spec: Any) -> list[Any]:
        """QueryEvents with an EventFilterSpec."""
        return [event for event in self.events if _matches(event, spec)]


def host_argument(host: EsxiHost) -> Any:
    return vim.event.HostEventArgument(name=host.name, host=vim.HostSystem(host.moid))


def _matches(event: Any, spec: Any) -> bool:
    if spec.entity is not None:
        about = {
            argument._moId
            for argument in (
                event.vm.vm if event.vm else None,
                event.host.host if event.host else None,
            )
            if argument is not None
        }
        if spec.entity.entity._moId not in about:
            return False
    if spec.time is not None:
        begin, end = spec.time.beginTime, spec.time.endTime
        if (begin and event.createdTime < begin) or (end and event.createdTime > end):
            return False
    names = {Support.GetVmodlName(type(event)), getattr(event, "eventTypeId", None)}
    return not spec.eventTypeId or bool(names & set(spec.eventTypeId))
