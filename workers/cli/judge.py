"""``arpcheck judge``: turns a saved case, folder or bundle, into its report."""

from __future__ import annotations

import argparse
import gc
from dataclasses import replace
from pathlib import Path

from workers.arp.case import CaseError, read_case
from workers.arp.decode import ArpReader
from workers.arp.model import Capture, Case, Heard, Vm
from workers.arp.verdict import judge
from workers.cli.evidence import Evidence, MissingFileError, open_evidence
from workers.cli.telling import refuse, tell
from workers.errors import CaseUnreadable


def run(arguments: argparse.Namespace) -> int:
    """Judge the case and print what the thread would be told."""
    gc.disable()  # reference counts free all that is made here; looking for cycles takes a third
    try:
        with open_evidence(Path(arguments.case)) as evidence:
            case = _case(evidence)
            heard = tuple(_hear(evidence, capture, case.vm) for capture in case.captures)
    except CaseUnreadable as trouble:
        return refuse(trouble)
    told = replace(case, captures=tuple(one.capture for one in heard))
    return tell(judge(told, heard), json_wanted=arguments.json)


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
