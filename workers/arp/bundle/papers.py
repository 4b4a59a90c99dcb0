"""Turns a judgement into the bundle's papers: the read-me, the host's facts and the manifest."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from workers.arp.bundle.archive import as_document, sha256
from workers.arp.bundle.evidence import Evidence
from workers.arp.case.times import utc
from workers.arp.case.writing import write_case
from workers.arp.model import MILLISECOND, Capture, ClockGap, FarEnd, Judgement
from workers.arp.pktcap import printable
from workers.arp.report import step_lines

MANIFEST_SCHEMA: Final = "arpcheck-manifest/1"
_WIDTH: Final = 78
_LONGEST_NOTE: Final = 2_000

_FILES: Final = """\
report.txt        the verdict in 40 lines, for a ticket; report.json the same for programs
vm.pcapng         all ARP frames in the order of time: open it in Wireshark. The interface
                  is the capture point, a comment says what each of the VM's frames was
pcap/             the captures as they were taken, one per point and direction
requests.csv      each request of the VM: where it was seen, where its reply was
timeline.csv      each frame, numbered as in vm.pcapng; counts.csv and controls.csv sums
next_commands/    suggested commands for switches and host, names and times filled in
host.json, neighbors.json   the host, its uplinks, and the switch ports behind them
case.json         the facts the verdict was judged from
notes.txt         what was said of the check itself: what could not be heard, why it
                  stopped early, whether the host was left clean (where there is any)
manifest.json, SHA256SUMS   what was run when, and the digest of each file
"""

_VERIFY: Final = """\
sha256sum -c SHA256SUMS            each listed file fits its digest
arpcheck judge THIS.zip            the same verdict from the evidence alone
tshark -r vm.pcapng -T fields -e frame.number -e frame.interface_name -e frame.comment
"""


_FOLDERS: Final = {
    "host/": """\
host/             what the host counted and said before and after, counters_risen.txt the
                  counters that rose meanwhile (where any did)
""",
    "rarp/": """\
rarp/             RARP frames, as they were captured: hosts announce a VM's MAC with them
""",
}


def readme(evidence: Evidence, more: Collection[str] = ()) -> bytes:
    """One page: the claim, what is proven and what is not, who moves next, how to verify.

    ``more`` are names of further files in the bundle.
    """
    folders = [text for name, text in _FOLDERS.items() if any(m.startswith(name) for m in more)]
    judgement = evidence.judgement
    verdict, case = judgement.verdict, judgement.case
    subject = f" ({verdict.subject})" if verdict.subject else ""
    ours = sum(sighting.ours for sighting in evidence.sightings)
    parts = [
        f"ARP check {case.id} of {case.vm.name} {judgement.nic} on {case.host.name}",
        "",
        f"CLAIM: {verdict.code}{subject}",
        *_wrapped(verdict.headline),
        f"Next move: {verdict.owner}. Confidence: {verdict.confidence}.",
        "",
        "WHAT SPEAKS FOR IT",
        *_bullets(verdict.reasons),
        "",
        *_far_words(judgement),
        "WHAT IS NOT PROVEN",
        *_bullets(verdict.not_proven),
        "",
        "NEXT STEP",
        *(step_lines(verdict) if verdict.next_step else ["none"]),
        "",
        f"FILES ({len(evidence.sightings)} ARP frames, {ours} of or for the VM; all times are UTC)",
        "".join([_FILES, *folders]),
        "VERIFY",
        _VERIFY,
        "The captures hold ARP and RARP only: MAC and IP addresses, no other traffic.",
        "Keep them as long as addresses may be kept with you.",
    ]
    return ("\n".join(parts) + "\n").encode("utf-8", "replace")


def notes_txt(notes: Sequence[str]) -> bytes:
    """The sentences about the check itself that the thread got too."""
    lines = [f"- {printable(note, _LONGEST_NOTE)}\n" for note in notes]
    return "".join(lines).encode("utf-8", "replace")


def _far_words(judgement: Judgement) -> list[str]:
    if judgement.far is None:
        return []
    folder = "far/ holds the same of the far end: its captures, and its host's facts."
    return ["FAR END", *_bullets([judgement.far.sentence, folder]), ""]


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH)


def _bullets(sentences: Sequence[str]) -> list[str]:
    lines: list[str] = []
    for sentence in sentences or ("nothing was stated",):
        lines += textwrap.wrap(sentence, _WIDTH, initial_indent="- ", subsequent_indent="  ")
    return lines


def host_json(judgement: Judgement) -> bytes:
    """The host and the VM's place on it, as the case tells them."""
    facts = json.loads(write_case(judgement.case))
    return as_document({"host": facts["host"], "vm": facts["vm"], "events": facts["events"]})


def neighbors_json(judgement: Judgement) -> bytes:
    """The switch port behind each uplink; null where neither LLDP nor CDP told."""
    uplinks: dict[str, Any] = {}
    for uplink in judgement.case.host.uplinks:
        neighbour = uplink.neighbour
        uplinks[uplink.device] = neighbour and {
            "protocol": neighbour.protocol,
            "switch": neighbour.switch,
            "port": neighbour.port,
            "management_address": neighbour.management_address,
            "vlan": neighbour.vlan,
        }
    return as_document(uplinks)


def manifest(judgement: Judgement, content: Mapping[str, bytes]) -> bytes:
    """What was run, when it listened, how it ended, and the digest of everything else."""
    case = judgement.case
    return as_document(
        {
            "schema": MANIFEST_SCHEMA,
            "created": _time(case.made_at),
            "tool": "arpcheck",
            "case": case.id,
            "host": case.host.name,
            "vm": case.vm.name,
            "clock": {"source": "the ESXi host's own clock", **_offset(case.clock)},
            "captures": [_capture(capture, content) for capture in case.captures],
            **_far_end(case.far_end, content),
            "files": [
                {"name": name, "bytes": len(content[name]), "sha256": sha256(content[name])}
                for name in sorted(content)
            ],
        }
    )


def _offset(clock: ClockGap | None) -> dict[str, float | None]:
    """The host's clock minus the worker's; null where the host did not tell the time."""
    if clock is None:
        return {"offset_ms": None, "uncertainty_ms": None}
    return {
        "offset_ms": clock.ahead / MILLISECOND,
        "uncertainty_ms": clock.uncertainty / MILLISECOND,
    }


def _far_end(far: FarEnd | None, content: Mapping[str, bytes]) -> dict[str, Any]:
    if far is None:
        return {}
    clock = far.clock
    compared = clock and {
        "ahead_ms": clock.ahead / MILLISECOND,
        "uncertainty_ms": clock.uncertainty / MILLISECOND,
    }
    return {
        "far_end": {
            "host": far.host.name,
            "vm": far.vm.name,
            "failure": far.failure,
            "clock_against_near_host": compared,
            "captures": [_capture(capture, content) for capture in far.captures],
        }
    }


def _capture(capture: Capture, content: Mapping[str, bytes]) -> dict[str, Any]:
    data = content.get(capture.file) if capture.file else None
    return {
        "point": capture.point.name,
        "file": capture.file,
        "command": capture.command,
        "first_ready": _time(capture.ready_at),
        "stopped": _time(capture.stopped_at),
        "exit": capture.failure or "ended in order",
        "dropped": capture.dropped,
        "sha256": None if data is None else sha256(data),
    }


def _time(at: int | None) -> str | None:
    return None if at is None else utc(at)
