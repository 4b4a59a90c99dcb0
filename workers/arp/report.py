"""A Judgement turned into ``report.json`` and into ``report.txt``, the plain text for any ticket."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

from workers.arp.case.times import utc
from workers.arp.model import (
    MILLISECOND,
    Control,
    Exchange,
    Judgement,
    PointCount,
    Uplink,
    Verdict,
    Vnic,
)

SCHEMA = "arpcheck-report/1"
WIDTH = 78
MOST_LINES = 40
_MOST_OF_A_ROW = 2


def as_json(judgement: Judgement) -> dict[str, Any]:
    """The report as other programs read it; keys are only ever added."""
    return {
        "schema": SCHEMA,
        "case": judgement.case.id,
        "vm": judgement.case.vm.name,
        "nic": judgement.nic,
        "verdict": _verdict_json(judgement.verdict),
        "side_findings": [
            {"code": finding.code, "text": finding.text} for finding in judgement.side_findings
        ],
        "target": judgement.target,
        "points": [_point_json(point) for point in judgement.points],
        "requests": [_request_json(exchange) for exchange in judgement.exchanges],
        "controls": [_control_json(control) for control in judgement.controls],
        "refused": [{"code": refusal.code, "why": refusal.why} for refusal in judgement.refusals],
        "further": [
            {"nic": nic, "target": target, "verdict": _verdict_json(verdict)}
            for nic, target, verdict in judgement.further
        ],
        "far_end": _far_json(judgement),
    }


def _far_json(judgement: Judgement) -> dict[str, Any] | None:
    """The other end of a two-ended check; null where there is none."""
    far, told = judgement.case.far_end, judgement.far
    if far is None or told is None:
        return None
    clock = far.clock
    return {
        "vm": far.vm.name,
        "nic": told.nic,
        "host": far.host.name,
        "failure": far.failure,
        "clock": clock
        and {
            "ahead_ms": clock.ahead / MILLISECOND,
            "uncertainty_ms": clock.uncertainty / MILLISECOND,
        },
        "sentence": told.sentence,
        "near_code": told.near_code,
        "way": [
            {
                "stage": passage.stage,
                "seen": passage.seen,
                "of": passage.of,
                "where": list(passage.where),
                "why_blind": passage.why_blind,
            }
            for passage in told.passages
        ],
        "points": [_point_json(point) for point in told.points],
    }


def _verdict_json(verdict: Verdict) -> dict[str, Any]:
    return {
        "code": verdict.code,
        "subject": verdict.subject,
        "owner": str(verdict.owner),
        "confidence": str(verdict.confidence),
        "headline": verdict.headline,
        "reasons": list(verdict.reasons),
        "not_proven": list(verdict.not_proven),
        "next_step": verdict.next_step,
    }


def _point_json(point: PointCount) -> dict[str, Any]:
    return {
        "point": point.point,
        "heard": point.heard,
        "why_blind": point.why_blind,
        "vm_requests": point.vm_requests,
        "vm_replies": point.vm_replies,
        "reflections": point.reflections,
        "other_frames": point.other_frames,
    }


def _request_json(exchange: Exchange) -> dict[str, Any]:
    latency = exchange.latency
    return {
        "at": utc(exchange.request.at),
        "target": exchange.request.target_ip,
        "eligible": exchange.eligible,
        "left_on": list(exchange.left_on),
        "reflected_on": list(exchange.reflected_on),
        "reply_on": list(exchange.reply_on),
        "delivered": exchange.delivered,
        "latency_ms": None if latency is None else round(latency / MILLISECOND, 3),
        "why_not": exchange.why_not,
    }


def _control_json(control: Control) -> dict[str, Any]:
    return {
        "requester": control.requester,
        "target": control.target,
        "uplink": control.uplink,
        "vlan": control.vlan,
        "asked": control.asked,
        "answered": control.answered,
    }


# --- plain text --------------------------------------------------------------------------------


_CUT = "… more in the report as JSON"


def as_text(judgement: Judgement) -> str:
    """At most 40 lines of at most 78 columns, the verdict first; ends with a newline."""
    head = [*_head(judgement), ""]
    table = [*_table(judgement.points), ""]
    tail = ["", *_section(f"NEXT ({judgement.verdict.owner})", [judgement.verdict.next_step])]
    room = MOST_LINES - len(head) - len(table) - len(tail)
    return "\n".join([*head, *table, *_middle(judgement, room), *tail]) + "\n"


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
            requests = f"{point.vm_requests} refl"
        row = f"{point.point:<14}{requests:>9}{point.vm_replies:>9}{point.other_frames:>7}  "
        lines += textwrap.wrap(
            row + heard,
            WIDTH,
            subsequent_indent=" " * len(row),
            break_on_hyphens=False,
            drop_whitespace=True,
        )[:_MOST_OF_A_ROW]
    if len(shown) < len(points):
        lines.append(f"… {len(points) - len(shown)} more points in report.json")
    return lines


def _middle(judgement: Judgement, room: int) -> list[str]:
    """Reasons, controls and what is not proven, the least needed cut first to fit ``room``.

    What is not proven is never cut for the sake of a reason.
    """
    controls = [
        f"{control.requester} -> {control.target} on {control.uplink or '?'}"
        f"{'' if control.vlan is None else f', VLAN {control.vlan}'}:"
        f" {control.answered} of {control.asked} answered"
        for control in judgement.controls
    ]
    verdict = judgement.verdict
    notes = [
        *(f"{finding.code}: {finding.text}" for finding in judgement.side_findings),
        *(f"Refused {refusal.code}: {refusal.why}" for refusal in judgement.refusals),
        *(f"{nic} {target or ''}: {other.headline}" for nic, target, other in judgement.further),
    ]
    far = judgement.far
    reasons = [line for line in verdict.reasons if far is None or line != far.sentence]
    parts = [
        ["FAR END", [far.sentence] if far else []],
        ["WHY", reasons],
        ["NOT PROVEN", verdict.not_proven],
        ["CONTROLS", controls],
        ["ALSO", notes],
    ]
    caveats = len(_section("NOT PROVEN", verdict.not_proven))
    lines: list[str] = []
    for title, items in parts:
        block = _section(str(title), list(items))
        space = room - len(lines) - (caveats if title in {"FAR END", "WHY"} else 0)
        if len(block) > space:
            block = [*block[: max(space - 1, 0)], *([_CUT] if space > 0 else [])]
        lines += block
    return lines


def _section(title: str, items: Sequence[str]) -> list[str]:
    if not any(items):
        return []
    lines = [title]
    for item in items:
        lines += _wrapped(f"- {item}", indent=2)
    return lines


def _wrapped(text: str, indent: int = 0) -> list[str]:
    printable = "".join(char if char.isprintable() else "?" for char in text)
    return textwrap.wrap(
        printable, WIDTH, subsequent_indent=" " * indent, break_on_hyphens=False
    ) or [""]
