"""A host that let us in, turned into readings of a one-second capture on each of its uplinks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from workers.arp.decode import ArpReader
from workers.arp.model import Capture, CapturePoint, Uplink, VmLocation
from workers.arp.pktcap import Planned, is_rarp, plan_captures
from workers.cli.doctor.reading import Notebook, Reading, Readings
from workers.errors import CaptureImpossible
from workers.esxi import EsxiHost, HostView

NOTES = Notebook("host")
CAPTURE_SECONDS = 1


async def look_at_captures(location: VmLocation, host: EsxiHost, view: HostView) -> Readings:
    """Hear every uplink for a second, both directions at the same time, as a check does."""
    uplinks = await host.uplinks()
    if not uplinks:
        mend = "A check needs a VM on a virtual switch with an uplink."
        yield NOTES.warn("uplinks", "no virtual switch on this host has an uplink", mend)
        return
    planned = _plan(location, uplinks, view)
    readers = {plan.point: ArpReader(plan.point) for plan in planned}

    def hear(point: CapturePoint, chunk: bytes) -> None:
        readers[point].feed(chunk)

    async with host.listen(planned, seconds=CAPTURE_SECONDS, heard=hear) as listening:
        with suppress(CaptureImpossible):  # each uplink's line says why
            await listening.ready()
        with suppress(TimeoutError):
            async with asyncio.timeout(CAPTURE_SECONDS):
                await listening.ended()
        captures = await listening.stop()
    frames = {point: len(reader.frames) for point, reader in readers.items()}
    for uplink in uplinks:
        yield _uplink(uplink, captures, frames)
    asked = "asks before it captures; it is told yes" if listening.asked_first else "does not ask"
    yield NOTES.ok("prompt", f"pktcap-uw {asked}")
    yield _sessions(host, len(planned))


def _plan(location: VmLocation, uplinks: Sequence[Uplink], view: HostView) -> tuple[Planned, ...]:
    place = replace(location, host=replace(location.host, uplinks=tuple(uplinks)))
    plans = plan_captures(place, {}, view.features)
    return tuple(plan for plan in plans if not is_rarp(plan.point))


def _uplink(
    uplink: Uplink, captures: Sequence[Capture], frames: dict[CapturePoint, int]
) -> Reading:
    subject = f"uplink {uplink.device}"
    if uplink.link_up is False:
        return NOTES.warn(
            subject, f"its link is down ({uplink.switch}): nothing can be heard there"
        )
    own = [capture for capture in captures if capture.point.object == uplink.device]
    failed = [f"{c.point}: {c.failure}" for c in own if c.failure]
    if failed:
        mend = "Run the same pktcap-uw command on the host by hand to see more."
        return NOTES.fail(subject, "; ".join(failed), mend)
    heard = ", ".join(f"{c.point.direction} {frames.get(c.point, 0)}" for c in own)
    return NOTES.ok(
        subject, f"heard for {CAPTURE_SECONDS} s ({uplink.switch}), ARP frames: {heard}"
    )


def _sessions(host: EsxiHost, captures: int) -> Reading:
    connections, allowed = host.connections
    if allowed is None:
        return NOTES.ok("sessions", f"{captures} captures at a time on {connections} connection(s)")
    found = f"{allowed} session(s) on a connection; {connections} connections were opened"
    mend = "Works, and starts more slowly; MaxSessions in the host's sshd_config sets it."
    return NOTES.warn("sessions", found, mend)
