"""Turns a judgement and its captures into the evidence zip that a network team can act on.

Law: the same judgement gives the same bytes. Nothing is asked of a clock, entries are sorted, and
the captures go in untouched. Names inside the zip are made of plain characters only, whatever the
VM, the device or the file was called; names that people read stand in the documents.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from workers.arp.bundle.again import judged_again
from workers.arp.bundle.archive import (
    as_document,
    file_stamp,
    packed,
    safe_name,
    safe_path,
    sum_lines,
    unused,
)
from workers.arp.bundle.commands import next_commands
from workers.arp.bundle.evidence import Evidence
from workers.arp.bundle.merged import merged_pcapng
from workers.arp.bundle.papers import host_json, manifest, neighbors_json, notes_txt, readme
from workers.arp.bundle.tables import controls_csv, counts_csv, requests_csv, timeline_csv
from workers.arp.case.writing import write_case
from workers.arp.model import Capture, Judgement
from workers.arp.report import as_json, as_text

__all__ = ["bundle_name", "judged_again", "make_bundle"]


def make_bundle(
    judgement: Judgement,
    pcaps: Mapping[str, bytes],
    files: Mapping[str, bytes],
    notes: Sequence[str] = (),
) -> bytes:
    """The zip's bytes.

    ``pcaps`` are the captures by their path inside the case (``Capture.file``); ``files`` are
    further texts by the name they should have, such as ``nicstats_before.txt``; ``notes`` are the
    check's sentences about itself.
    """
    judgement, content = _with_safe_captures(judgement, pcaps)
    evidence = Evidence.of(judgement, content)
    content |= {
        "README.txt": readme(evidence, files),
        "case.json": write_case(judgement.case),
        "controls.csv": controls_csv(judgement),
        "counts.csv": counts_csv(evidence),
        "host.json": host_json(judgement),
        "neighbors.json": neighbors_json(judgement),
        "report.json": as_document(as_json(judgement)),
        "report.txt": as_text(judgement).encode(),
        "requests.csv": requests_csv(evidence),
        "timeline.csv": timeline_csv(evidence),
        "vm.pcapng": merged_pcapng(evidence),
    }
    if notes:
        content["notes.txt"] = notes_txt(notes)
    content |= next_commands(judgement)
    taken = {*content, "manifest.json", "SHA256SUMS"}
    for name, data in sorted(files.items()):
        own = unused(safe_path(name), taken)
        taken.add(own)
        content[own] = data
    content["manifest.json"] = manifest(judgement, content)
    content["SHA256SUMS"] = sum_lines(content)
    return packed(content)


def bundle_name(judgement: Judgement) -> str:
    """``arpcheck_<vm>_<UTC>_<id>.zip``, of plain characters only."""
    case = judgement.case
    stamp = file_stamp(case.made_at)
    return f"arpcheck_{safe_name(case.vm.name)}_{stamp}_{safe_name(case.id)}.zip"


def _with_safe_captures(
    judgement: Judgement, pcaps: Mapping[str, bytes]
) -> tuple[Judgement, dict[str, bytes]]:
    """The captures under names that lead nowhere else, and a case that says so."""
    content: dict[str, bytes] = {}
    case = judgement.case
    case = replace(case, captures=_safely_named("pcap", case.captures, pcaps, content))
    if case.far_end is not None:
        captures = _safely_named("far/pcap", case.far_end.captures, pcaps, content)
        case = replace(case, far_end=replace(case.far_end, captures=captures))
    return replace(judgement, case=case), content


def _safely_named(
    folder: str, captures: Sequence[Capture], pcaps: Mapping[str, bytes], content: dict[str, bytes]
) -> tuple[Capture, ...]:
    named = []
    for capture in captures:
        data = None if capture.file is None else pcaps.get(capture.file)
        own = None
        if data is not None:
            own = unused(f"{folder}/{safe_name(capture.point.name)}.pcap", content)
            content[own] = data
        named.append(replace(capture, file=own))
    return tuple(named)
