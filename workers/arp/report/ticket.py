"""A Judgement as plain text in few lines, for any ticket."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence

from workers.arp.case.times import utc
from workers.arp.model import Judgement, PointCount, Uplink, Verdict, Vnic
from workers.arp.report.room import ALWAYS, Item, fitted

WIDTH = 78
MOST_LINES = 40
_MANY_POINTS = 8
_OF_OTHERS = "Meanwhile "


def as_text(judgement: Judgement, above: str = "") -> str:
    """At most 40 lines of at most 78 columns, the verdict first; ends with a newline.

    Where they do not hold everything, whole items are left out and the last line counts them; what
    is not proven is never among those, even if it takes more lines. ``above`` is what has to be read
    before the verdict.
    """
    warning = _wrapped(above, indent=10) if above else []
    head = [*warning, *_head(judgement), "", *_table(judgement.points), ""]
    step = judgement.verdict.next_step
    tail = (
        [f"NEXT ({judgement.verdict.owner})", *step_lines(judgement.verdict, "- ")] if step else []
    )
    room = MOST_LINES - len(head) - len(tail) - 1
    sections, left_out = fitted(_items(judgement), room)
    ends = (
        [f"… {left_out} more left out here; the report as JSON has everything"] if left_out else []
    )
    spare = room - sum(map(len, sections)) - len(ends)
    gap = [""] if spare >= len(sections) else []
    middle = [line for section in sections for line in (*section, *gap)]
    if middle and not gap:
        middle.append("")
    return "\n".join([*head, *middle, *tail, *(gap if ends else []), *ends]) + "\n"


def _head(judgement: Judgement) -> list[str]:
    case, verdict = judgement.case, judgement.verdict
    subject = f" {verdict.subject}" if verdict.subject else ""
    return [
        f"ARPCHECK  case {case.id}, {case.vm.name} {judgement.nic}, {_window(judgement)}",
        f"VERDICT   {verdict.code}{subject}",
        f"OWNER     {verdict.owner}, confidence {verdict.confidence}",
        "",
        *_wrapped(verdict.headline),
        "",
        *_facts(judgement),
    ]


def _window(judgement: Judgement) -> str:
    ready = [capture.ready_at for capture in judgement.case.captures if capture.ready_at]
    stopped = [capture.stopped_at for capture in judgement.case.captures if capture.stopped_at]
    if not ready or not stopped:
        return "window unknown"
    start, end = utc(min(ready)), utc(max(stopped))
    return f"{start[:10]} {start[11:19]}Z to {end[11:19]}Z"


def _facts(judgement: Judgement) -> Iterable[str]:
    case = judgement.case
    nic = next((nic for nic in case.vm.nics if nic.point == judgement.nic), None)
    if nic is not None:
        yield from _wrapped(f"VM        {_nic_words(case.vm.name, nic)}", indent=10)
    host = " ".join(
        filter(None, ["ESXi", case.host.version, case.host.build and "build", case.host.build])
        if case.host.version
        else ["version unknown"]
    )
    teaming = f", teaming {case.host.teaming}" if case.host.teaming else ""
    yield from _wrapped(f"HOST      {case.host.name}, {host}{teaming}", indent=10)
    ports = [text for text in map(_port_words, case.host.uplinks) if text]
    if ports:
        yield from _wrapped(f"UPLINKS   {'; '.join(ports)}", indent=10)
    far = case.far_end
    if judgement.target:
        vm = f", {far.vm.name} on {far.host.name}" if far else ""
        yield from _wrapped(f"TARGET    {judgement.target}{vm}", indent=10)


def _nic_words(name: str, nic: Vnic) -> str:
    words = [f"{name}, {nic.mac}", *nic.ipv4]
    if nic.portgroup:
        words.append(f"port group {nic.portgroup}")
    if nic.vlan.id is not None:
        words.append(f"VLAN {nic.vlan.id}")
    if nic.gateway:
        words.append(f"gateway {nic.gateway}")
    return ", ".join(words)


def _port_words(uplink: Uplink) -> str:
    if uplink.neighbour is None:
        return f"{uplink.device} (neighbour not known)"
    neighbour = uplink.neighbour
    return f"{uplink.device} on {neighbour.switch} {neighbour.port} ({neighbour.protocol.upper()})"


def _table(points: Sequence[PointCount]) -> list[str]:
    """A row a capture point; with more than 12 points only those with something to say."""
    shown = list(points)
    if len(points) > 12:  # noqa: PLR2004
        shown = [
            point for point in points if point.why_blind or point.vm_requests or point.vm_replies
        ][:12]
    lines = [f"{'POINT':<14}{'REQUESTS':>9}{'REPLIES':>9}{'OTHER':>7}  HEARD"]
    for point in shown:
        heard = "yes" if not point.why_blind else f"BLIND: {point.why_blind}"
        requests = str(point.vm_requests)
        if point.reflections:
            requests = f"{point.vm_requests} back"
        row = f"{point.point:<14}{requests:>9}{point.vm_replies:>9}{point.other_frames:>7}  "
        lines += textwrap.wrap(
            row + heard,
            WIDTH,
            subsequent_indent=" " * len(row),
            break_on_hyphens=False,
            max_lines=1 if len(shown) > _MANY_POINTS else 2,
            placeholder=" …",
        )
    if len(shown) < len(points):
        lines.append(f"… {len(points) - len(shown)} more points; --json has all")
    return [*lines, _legend(shown)] if shown else lines


def _legend(shown: Sequence[PointCount]) -> str:
    """What the names of points and a count of reflections mean, for whoever sees them first here."""
    words = "tx: sent by the VM (vnic) or host (vmnic), rx: came in"
    back = any(point.reflections for point in shown)
    return f"{words}; back: its own again" if back else words


def _items(judgement: Judgement) -> list[Item]:
    """All there is to say between the table and the next step, in the order it is read."""
    verdict, far = judgement.verdict, judgement.far
    reasons = [line for line in verdict.reasons if far is None or line != far.sentence]
    others = [line for line in reasons if line.startswith(_OF_OTHERS)]
    # What others got decides; the first counts stand in the headline and the table as well.
    needed = dict.fromkeys([*others, *reversed(reasons)])
    ranks = {line: rank for rank, line in enumerate(needed, 2)}
    last = len(ranks) + 2
    parts = [
        *(("FAR END", 1, line) for line in ([far.sentence] if far else [])),
        *(("WHY", ranks[line], line) for line in reasons),
        *(("NOT PROVEN", ALWAYS, line) for line in verdict.not_proven),
        *(("CONTROLS", last, line) for line in _untold_controls(judgement)),
        *(("ALSO", last + 1, line) for line in _notes(judgement)),
    ]
    return [Item(title, rank, _wrapped(f"- {line}", indent=2)) for title, rank, line in parts]


def _untold_controls(judgement: Judgement) -> Iterable[str]:
    """The controls that no reason tells, a line each."""
    for control in judgement.controls:
        vlan = "" if control.vlan is None else f", VLAN {control.vlan}"
        where = f"{control.requester} -> {control.target} on {control.uplink or '?'}{vlan}"
        told = re.compile(
            rf"{_OF_OTHERS}.*\b{re.escape(control.requester)}\b.* got {control.answered} of"
            rf" {control.asked} replies from {re.escape(control.target)} "
            + (
                rf"in VLAN {control.vlan} "
                if control.vlan
                else "(?:without a tag|in an unknown VLAN) "
            )
            + rf"over {re.escape(control.uplink or '')}\b"
        )
        if not any(map(told.match, judgement.verdict.reasons)):
            yield f"{where}: {control.answered} of {control.asked} answered"


def _notes(judgement: Judgement) -> Iterable[str]:
    """What is to be known beside the verdict and is not said elsewhere in the text."""
    verdict = judgement.verdict
    told = " ".join([*verdict.reasons, *verdict.not_proven])
    for finding in judgement.side_findings:
        if finding.text not in told:
            yield f"{finding.code}: {finding.text}"
    for refusal in judgement.refusals:
        if f"Not concluded: {refusal.code} " not in told:
            yield f"Not concluded: {refusal.code} ({refusal.why})."
    for nic, target, other in judgement.further:
        yield f"{nic} {target or ''}: {other.headline}"


def step_lines(verdict: Verdict, first: str = "") -> list[str]:
    """The next step behind ``first``; a command has a line of its own, never broken, to be copied."""
    commands = "|".join(map(re.escape, verdict.commands))
    parts = re.split(f"({commands})", verdict.next_step) if commands else [verdict.next_step]
    indent = len(first)
    lines = _wrapped(first + parts[0].strip(), indent)
    for command, text in zip(parts[1::2], parts[2::2], strict=True):
        lines.append(" " * (indent + 4) + command)
        if text.strip():
            lines += _wrapped(" " * indent + text.strip(), indent)
    return lines


def _wrapped(text: str, indent: int = 0) -> list[str]:
    printable = "".join(char if char.isprintable() else "?" for char in text)
    return textwrap.wrap(
        printable, WIDTH, subsequent_indent=" " * indent, break_on_hyphens=False
    ) or [""]
