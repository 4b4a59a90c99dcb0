"""A host asked what it is and what its capture tool can do, turned into one view of it."""

from __future__ import annotations

import shlex
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace

from workers.arp.pktcap import (
    Features,
    NicRow,
    TimeoutSyntax,
    bounded,
    caveats,
    parse_clock,
    parse_nic_list,
    parse_points,
    parse_version,
    usable,
)
from workers.errors import CaptureImpossible, HostRefused, HostUnreachable
from workers.esxi.clock import HostClock, agree, sample
from workers.esxi.lines import Answer, Lines
from workers.esxi.together import together

COMMAND_SECONDS = 20
FIRST_SECONDS = 10

# A busybox without nanoseconds tells whole seconds; questions at different moments narrow it down.
CLOCK_QUESTIONS = 4

# esxcli's output is sometimes cut short over SSH.
TRIES = 3


@dataclass(frozen=True, slots=True)
class HostView:
    """What a host says of itself; ``notes`` are sentences on what its captures leave open."""

    version: str | None
    build: str | None
    features: Features
    clock: HostClock = field(default_factory=HostClock)
    nics: tuple[NicRow, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def clock_offset_ms(self) -> float:
        """The host's clock minus ours, in milliseconds."""
        return self.clock.offset / 1_000_000


async def greet(lines: Lines) -> None:
    """The first command: some hosts accept a login and then never answer.

    Raises:
        HostRefused: commands are answered with something else.
        HostUnreachable: no answer.
    """
    answer = await lines.run("echo ok", seconds=FIRST_SECONDS)
    if answer.out.strip().splitlines()[-1:] != ["ok"]:
        raise HostRefused(
            f"{lines.host} runs no commands for {lines.door.user}: {answer.why}.",
            next_step="Check that the account has shell access (shellAccess) on the host.",
        )


async def look(lines: Lines) -> HostView:
    """Probe everything that differs between releases.

    Raises:
        CaptureImpossible: ``timeout`` or ``pktcap-uw`` is missing, forbidden or knows no usable
            point.
        HostUnreachable: the host stopped answering.
    """
    clocks = [await _ask_clock(lines)]
    syntax = await _find_timeout(lines)
    clocks.append(await _ask_clock(lines))
    features, nics, told = await together(
        _find_points(lines, Features(timeout=syntax)),
        _list_nics(lines, syntax),
        ask(lines, ("vmware", "-vl"), syntax),
    )
    while len(clocks) < CLOCK_QUESTIONS:
        clocks.append(await _ask_clock(lines))
    version, build = parse_version(told.out)
    return HostView(
        version,
        build,
        replace(features, links={nic.device: nic.link_up for nic in nics}),
        agree([clock for clock in clocks if clock is not None] or [HostClock()]),
        nics,
        caveats(features),
    )


async def ask(lines: Lines, argv: tuple[str, ...], syntax: TimeoutSyntax) -> Answer:
    """Run one of the host's tools; it ends by itself even if we are gone."""
    command = shlex.join(bounded(argv, COMMAND_SECONDS, syntax))
    return await lines.run(command, seconds=COMMAND_SECONDS + FIRST_SECONDS)


async def _ask_clock(lines: Lines) -> HostClock | None:
    asked = time.time_ns()
    answer = await lines.run("date -u '+%s %N'", seconds=FIRST_SECONDS)
    answered = time.time_ns()
    try:
        told, grain = parse_clock(answer.out)
    except ValueError:
        return None
    return sample(asked, answered, told, grain)


async def _find_timeout(lines: Lines) -> TimeoutSyntax:
    for syntax in (TimeoutSyntax.OPTION, TimeoutSyntax.PLAIN):
        command = shlex.join(bounded(("true",), 1, syntax))
        if (await lines.run(command, seconds=FIRST_SECONDS)).status == 0:
            return syntax
    raise CaptureImpossible(
        f"{lines.host} has no usable timeout command, so no capture there would end by itself."
    )


async def _find_points(lines: Lines, features: Features) -> Features:
    answer = await ask(lines, ("pktcap-uw", "-A"), features.timeout)
    features = replace(features, points=parse_points(answer.out + " " + answer.err))
    if usable(features):
        return features
    words = (answer.out + answer.err).lower()
    if "permitted" in words or "permission denied" in words:
        raise CaptureImpossible(
            f"{lines.host} does not let {lines.door.user} run pktcap-uw: {answer.why}.",
            next_step="Use root, or an account with the Administrator role on the host.",
        )
    if answer.status != 0 and ("not found" in words or "can't execute" in words):
        raise CaptureImpossible(
            f"{lines.host} has no pktcap-uw: {answer.why}.",
            next_step="It comes with ESXi 5.5 and later; check the host's version.",
        )
    manual = await ask(lines, ("pktcap-uw", "-h"), features.timeout)
    features = replace(features, dirs="--dir" in manual.out + manual.err)
    if usable(features):
        return features
    raise CaptureImpossible(
        f"pktcap-uw on {lines.host} offers none of the capture points this check needs."
    )


async def _list_nics(lines: Lines, syntax: TimeoutSyntax) -> tuple[NicRow, ...]:
    """The host's physical NICs; asked again where one that vCenter knows is missing."""
    wanted = {uplink.device for uplink in lines.door.location.host.uplinks}
    rows: tuple[NicRow, ...] = ()
    for _ in range(TRIES):
        answer = await ask(lines, ("esxcli", "network", "nic", "list"), syntax)
        with suppress(ValueError):
            rows = parse_nic_list(answer.out)
        if rows and wanted <= {row.device for row in rows}:
            break
    if rows:
        return rows
    raise HostUnreachable(
        f"{lines.host} did not list its physical NICs: {answer.why}.",
        next_step="Try esxcli network nic list on the host.",
        retry=True,
    )
