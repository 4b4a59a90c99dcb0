"""A finished recording turned into what happened to the VM and its host meanwhile."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace

from workers.arp.model import HostEvent
from workers.check.desk import Desk
from workers.check.recording import Recording
from workers.errors import CheckError
from workers.vcenter import Vcenter


async def events_of(
    recording: Recording, since: int, vcenter: Vcenter, desk: Desk
) -> tuple[HostEvent, ...]:
    """What happened, as far as vCenter and the host can say; ``since`` is on our clock.

    What came before the captures were open voids them too: it is dated at their start.
    """
    location = recording.location
    start, end = recording.window()
    events = list(recording.events())
    if recording.ports_after is None:
        desk.note("Not known whether the VM's switch port or uplink changed: its host did not say.")
    try:
        placement = await vcenter.placement(location.vm.moid or "")
        for event in await vcenter.events(location, since, time.time_ns()):
            at = recording.view.clock.host_time(event.at)
            events.append(replace(event, at=min(max(at, start), end)))
    except CheckError as trouble:
        desk.note(f"Not known whether the VM moved during the capture: {trouble.sentence}")
        return tuple(events)
    if placement.host_moid and placement.elsewhere(location.host_moid):
        if not _left(events):
            events.append(HostEvent(end, "vmotion_out", "The VM runs on another host now."))
        there = await _name(vcenter, placement.host_moid)
        events = [replace(e, host=there) if e.event == "vmotion_out" else e for e in events]
    if placement.stopped and not _left(events):
        events.append(HostEvent(end, "poweroff", "The VM is not powered on any more."))
    return tuple(sorted(events, key=lambda event: event.at))


async def _name(vcenter: Vcenter, host_moid: str) -> str:
    """The host's name, empty where vCenter does not tell it: the move is certain all the same."""
    with contextlib.suppress(CheckError):
        return await vcenter.host_name(host_moid)
    return ""


def _left(events: list[HostEvent]) -> bool:
    return any(event.event in {"vmotion_out", "poweroff"} for event in events)
