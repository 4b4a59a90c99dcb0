"""``arpcheck judge``: turns a saved case, folder or bundle, into its report."""

from __future__ import annotations

import argparse
import gc
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from workers.arp.case.reading import read_case
from workers.arp.case.shape import CaseError
from workers.arp.decode import ArpReader
from workers.arp.model import Capture, Case, Heard, Judgement, SideFinding, Vm
from workers.arp.two_ends import judge_both
from workers.cli.evidence import DOCUMENT, Evidence, Folder, MissingFileError, open_evidence
from workers.cli.evidence.sums import altered
from workers.cli.telling import complain, refuse, tell
from workers.errors import CaseUnreadable

_MOST_TOLD = 4


def run(arguments: argparse.Namespace) -> int:
    """Judge the case and print what the thread would be told."""
    gc.disable()  # reference counts free all that is made here; looking for cycles takes a third
    try:
        with open_evidence(Path(arguments.case)) as evidence:
            case = _case(evidence)
            heard = _heard(evidence, case.captures, case.vm)
            end = case.far_end
            far_heard = _heard(evidence, end.captures, end.vm) if end else ()
            captures = (*case.captures, *(end.captures if end else ()))
            bundled = not isinstance(evidence, Folder)
            wrong = altered(evidence, [DOCUMENT, *(c.file for c in captures if c.file)])
    except CaseUnreadable as trouble:
        return refuse(trouble)
    told = replace(case, captures=tuple(one.capture for one in heard))
    if case.far_end is not None:
        captures = tuple(one.capture for one in far_heard)
        told = replace(told, far_end=replace(case.far_end, captures=captures))
    judgement = judge_both(told, heard, far_heard)
    if wrong:
        sentence = f"The evidence was changed after it was made: {_listed(wrong)} (SHA256SUMS)."
        complain(sentence)
        judgement = _marked(judgement, sentence)
    elif wrong is not None and not arguments.json:
        complain("Each listed file fits SHA256SUMS.")
    elif wrong is None and bundled:
        complain(
            "The bundle has no SHA256SUMS: nothing says whether its files are as they were made."
        )
    return tell(judgement, json_wanted=arguments.json, above=_warning(wrong))


def _warning(wrong: Sequence[str] | None) -> str:
    """What stands above the verdict: who pastes the top of a text into a ticket must not miss it."""
    return f"EVIDENCE  changed since it was made: {_listed(wrong)}" if wrong else ""


def _marked(judgement: Judgement, sentence: str) -> Judgement:
    """The same verdict, which says of itself that it rests on changed files."""
    verdict = judgement.verdict
    not_proven = (f"That this is what was captured. {sentence}", *verdict.not_proven)
    finding = SideFinding("EVIDENCE_CHANGED", sentence)
    return replace(
        judgement,
        verdict=replace(verdict, not_proven=not_proven),
        side_findings=(finding, *judgement.side_findings),
    )


def _listed(wrong: Sequence[str]) -> str:
    more = f", and {len(wrong) - _MOST_TOLD} more" if len(wrong) > _MOST_TOLD else ""
    return f"{', '.join(wrong[:_MOST_TOLD])}{more}"


def _heard(evidence: Evidence, captures: Sequence[Capture], vm: Vm) -> tuple[Heard, ...]:
    return tuple(_hear(evidence, capture, vm) for capture in captures)


def _case(evidence: Evidence) -> Case:
    try:
        return read_case(evidence.document())
    except CaseError as trouble:
        raise CaseUnreadable(str(trouble)) from None


def _hear(evidence: Evidence, capture: Capture, vm: Vm) -> Heard:
    """Read one capture; a file that is not there makes the point blind, not the case unreadable."""
    reader = ArpReader(capture.point, vm=vm)
    if capture.file is None:
        return reader.heard(_failed(capture, "the case holds no file of it"))
    try:
        for chunk in evidence.chunks(capture.file):
            reader.feed(chunk)
    except MissingFileError:
        return reader.heard(_failed(capture, f"its file {capture.file} is missing from the case"))
    reader.finish()
    return reader.heard(capture)


def _failed(capture: Capture, why: str) -> Capture:
    return replace(capture, failure=capture.failure or why)
