"""A Judgement turned into ``report.json`` and into ``report.txt``, the plain text for any ticket."""

from __future__ import annotations

from typing import Any

from workers.arp.case.times import utc
from workers.arp.model import (
    MILLISECOND,
    Control,
    Exchange,
    Judgement,
    PointCount,
    Verdict,
)
from workers.arp.report.ticket import WIDTH, as_text, step_lines

__all__ = ["WIDTH", "as_json", "as_text", "step_lines"]

SCHEMA = "arpcheck-report/1"


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
