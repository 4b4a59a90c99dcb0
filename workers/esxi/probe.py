"""A host asked what it is and what its capture tool can do, turned into one view of it."""

from __future__ import annotations

import re
import shlex
from contextlib import suppress
from dataclasses import dataclass, field, replace

from workers.arp.pktcap import (
    Features,
    NicRow,
    TimeoutSyntax,
    bounded,
    caveats,
    parse_nic_list,
    parse_points,
    parse_version,
    usable,
)
from workers.errors import CaptureImpossible, CheckError, HostRefused
from workers.esxi.clock import HostClock
from workers.esxi.clock_questions import ClockQuestions
from workers.esxi.lines import SHELL_ACCESS, Lines
from workers.esxi.session import NO_STATUS, Answer
from workers.esxi.together import together

COMMAND_SECONDS = 20
BRIEF_SECONDS = 10
SPARE_SECONDS = 5
FIRST_SECONDS = 10

# esxcli's output is sometimes cut short over SSH.
TRIES = 3

_COMPLAINT = re.compile(r"usage:|unrecognized|invalid|can't execute|not found", re.IGNORECASE)
_MISSING = re.compile(r"not found|can't execute|no such file|refuses to run")


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
            next_step=SHELL_ACCESS,
        )


async def look(lines: Lines) -> HostView:
    """Probe everything that differs between releases.

    What a host does not answer costs a note, as long as captures can be started and will end.

    Raises:
        CaptureImpossible: ``timeout`` is unusable, ``pktcap-uw`` is missing or forbidden.
        HostUnreachable: the host stopped answering.
    """
    clock = ClockQuestions(lines)
    await clock.ask()
    syntax = await _find_timeout(lines)
    await clock.ask()
    features, (nics, links, untold), told = await together(
        _find_points(lines, Features(timeout=syntax)),
        _find_links(lines, syntax),
        ask_briefly(lines, ("vmware", "-vl"), syntax),
    )
    await clock.ask()
    await clock.ask()
    version, build = parse_version(told.out)
    return HostView(
        version,
        build,
        replace(features, links=links),
        clock.agreed(),
        nics,
        (*caveats(features), *untold, *clock.untold()),
    )


async def ask(lines: Lines, argv: tuple[str, ...], syntax: TimeoutSyntax) -> Answer:
    """Run one of the host's tools; it ends by itself even if we are gone."""
    command = shlex.join(bounded(argv, COMMAND_SECONDS, syntax))
    return await lines.run(command, seconds=COMMAND_SECONDS + SPARE_SECONDS)


async def ask_briefly(lines: Lines, argv: tuple[str, ...], syntax: TimeoutSyntax) -> Answer:
    """Ask what is good to know: a refusal, or no answer in time, is an answer without a status."""
    command = shlex.join(bounded(argv, BRIEF_SECONDS, syntax))
    try:
        return await lines.run(command, seconds=BRIEF_SECONDS + SPARE_SECONDS)
    except CheckError as trouble:
        return Answer("", trouble.sentence.rstrip("."), NO_STATUS)


async def _find_timeout(lines: Lines) -> TimeoutSyntax:
    for syntax in (TimeoutSyntax.OPTION, TimeoutSyntax.PLAIN):
        command = shlex.join(bounded(("true",), 1, syntax))
        answer = await lines.run(command, seconds=FIRST_SECONDS)
        if answer.status in (0, NO_STATUS) and not _COMPLAINT.search(answer.out + answer.err):
            return syntax
    raise CaptureImpossible(
        f"{lines.host} has no usable timeout command, so no capture there would end by itself."
    )


async def _find_points(lines: Lines, features: Features) -> Features:
    """The points by their names; where they are not told, ``--dir``, which every release knows."""
    listed = await ask_briefly(lines, ("pktcap-uw", "-A"), features.timeout)
    features = replace(features, points=parse_points(listed.out + " " + listed.err))
    if usable(features):
        return features
    manual = await ask_briefly(lines, ("pktcap-uw", "-h"), features.timeout)
    if "--dir" not in manual.out + manual.err:
        _refuse_unusable(lines, listed, manual)
    return replace(features, dirs=True)


def _refuse_unusable(lines: Lines, *answers: Answer) -> None:
    """Raise where ``pktcap-uw`` is missing or forbidden: both of its answers say so."""
    words = [(answer.out + answer.err).lower() for answer in answers]
    why = answers[0].why
    if all("not permitted" in each or "permission denied" in each for each in words):
        raise CaptureImpossible(
            f"{lines.host} does not let {lines.door.user} run pktcap-uw: {why}.",
            next_step="Use root, or an account with the Administrator role on the host.",
        )
    if all(_MISSING.search(each) for each in words):
        raise CaptureImpossible(
            f"{lines.host} has no pktcap-uw: {why}.",
            next_step="It comes with ESXi 5.5 and later; check the host's version.",
        )


Links = tuple[tuple[NicRow, ...], dict[str, bool], tuple[str, ...]]


async def _find_links(lines: Lines, syntax: TimeoutSyntax) -> Links:
    """The host's physical NICs with their link states; asked again where a known one is missing.

    A host that does not list them costs a note: then vCenter's word counts.
    """
    known = {u.device: u.link_up is not False for u in lines.door.location.host.uplinks}
    rows: tuple[NicRow, ...] = ()
    for _ in range(TRIES):
        answer = await ask_briefly(lines, ("esxcli", "network", "nic", "list"), syntax)
        with suppress(ValueError):
            rows = parse_nic_list(answer.out)
        if answer.status == NO_STATUS or (rows and known.keys() <= {row.device for row in rows}):
            break
    if rows:
        return rows, {row.device: row.link_up for row in rows}, ()
    note = (
        f"{lines.host} did not list its physical NICs ({answer.why}): their links are as vCenter"
        " knows them."
    )
    return (), known, (note,)
