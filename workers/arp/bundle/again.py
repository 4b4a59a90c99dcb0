"""Turns a bundle of ours back into the judgement it was made of."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence

from workers.arp.case.reading import read_case
from workers.arp.decode import ArpReader
from workers.arp.model import Capture, Heard, Judgement, Vm
from workers.arp.two_ends import judge_both


def judged_again(bundle: bytes) -> Judgement:
    """Judge what the bundle holds. It must be trusted: nothing limits what it unpacks to."""
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        case = read_case(archive.read("case.json"))
        far = case.far_end
        heard = _heard(archive, case.captures, case.vm)
        far_heard = _heard(archive, far.captures, far.vm) if far is not None else ()
    return judge_both(case, heard, far_heard)


def _heard(archive: zipfile.ZipFile, captures: Sequence[Capture], vm: Vm) -> tuple[Heard, ...]:
    return tuple(_hear(archive, capture, vm) for capture in captures)


def _hear(archive: zipfile.ZipFile, capture: Capture, vm: Vm) -> Heard:
    reader = ArpReader(capture.point, vm=vm)
    if capture.file is not None:
        reader.feed(archive.read(capture.file))
        reader.finish()
    return reader.heard(capture)
