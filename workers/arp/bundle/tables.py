"""Turns a judgement and its frames into tables that open in any spreadsheet.

A cell that a spreadsheet would take for a formula is marked as text with an apostrophe (OWASP, CSV
injection): names in it come from VMs and switches.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from workers.arp.bundle.evidence import Evidence
from workers.arp.case.times import utc
from workers.arp.model import MILLISECOND, SECOND, ArpFrame, Exchange, Judgement, PointKind

_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")
_OPERATIONS: Final = {1: "request", 2: "reply", 3: "rarp request", 4: "rarp reply"}


def requests_csv(evidence: Evidence) -> bytes:
    """A row a request of the VM: where it and its reply were seen."""
    head = (
        "number,utc,epoch,target,vnic_tx,tx_uplink,reflected_on,reply_uplink,vnic_rx,"
        "latency_ms,eligible,why_not,file,frame_no"
    )
    files = {capture.point.name: capture.file for capture in evidence.captures}
    rows = (
        _request_row(number, exchange, files.get(exchange.request.point.name))
        for number, exchange in enumerate(evidence.judgement.exchanges, 1)
    )
    return _table(head, rows)


def _request_row(number: int, exchange: Exchange, file: str | None) -> Sequence[object]:
    request = exchange.request
    latency = "" if exchange.latency is None else f"{exchange.latency / MILLISECOND:.3f}"
    return (
        number,
        utc(request.at),
        _epoch(request.at),
        request.target_ip,
        _yes(request.point.kind is PointKind.VNIC),
        " ".join(exchange.left_on),
        " ".join(exchange.reflected_on),
        " ".join(exchange.reply_on),
        _yes(exchange.delivered),
        latency,
        _yes(exchange.eligible),
        exchange.why_not,
        file,
        request.number,
    )


def timeline_csv(evidence: Evidence) -> bytes:
    """A row a frame, in the order of vm.pcapng, whose frame number is the first column."""
    head = "number,utc,point,dir,vlan,op,sha,spa,tha,tpa,eth_src,eth_dst,file,frame_no,role"
    rows = (
        (
            number,
            utc(s.frame.at),
            s.frame.point.name,
            s.frame.direction.value,
            _vlans(s.frame),
            _OPERATIONS[s.frame.op],
            s.frame.sender_mac,
            s.frame.sender_ip,
            s.frame.target_mac,
            s.frame.target_ip,
            s.frame.eth_src,
            s.frame.eth_dst,
            s.capture.file,
            s.frame.number,
            s.role,
        )
        for number, s in enumerate(evidence.sightings, 1)
    )
    return _table(head, rows)


def counts_csv(evidence: Evidence) -> bytes:
    """How many frames of each kind were seen at each point."""
    counts = Counter(
        (
            s.frame.point.object,
            _vlans(s.frame),
            s.frame.direction.value,
            _OPERATIONS[s.frame.op],
            "vm" if s.ours else "other",
        )
        for s in evidence.sightings
    )
    return _table(
        "object,vlan,dir,op,whose,frames", ((*key, counts[key]) for key in sorted(counts))
    )


def controls_csv(judgement: Judgement) -> bytes:
    """The control group: who else asked whom, and was answered how often."""
    rows = (
        (c.requester, c.target, c.uplink, "" if c.vlan is None else c.vlan, c.asked, c.answered)
        for c in judgement.controls
    )
    return _table("requester,target,uplink,vlan,asked,answered", rows)


def _table(head: str, rows: Iterable[Sequence[object]]) -> bytes:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(head.split(","))
    for row in rows:
        writer.writerow([_cell(value) for value in row])
    return buffer.getvalue().encode("utf-8", "replace")


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _epoch(at: int) -> str:
    return f"{at // SECOND}.{at % SECOND // 1_000:06d}"


def _vlans(frame: ArpFrame) -> str:
    return ".".join(map(str, frame.vlans))


def _yes(value: bool) -> str:  # noqa: FBT001
    return "yes" if value else "no"
