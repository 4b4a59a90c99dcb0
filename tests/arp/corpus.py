"""The corpus read from disk: a case folder becomes what the judge takes and what it should say."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from workers.arp.case.reading import read_case
from workers.arp.decode import ArpReader
from workers.arp.model import Case, Heard

CASES = Path(__file__).parent.parent / "cases"
NAMES = sorted(each.parent.name for each in CASES.glob("*/case.json"))


@cache
def load(name: str) -> tuple[Case, tuple[Heard, ...]]:
    case = read_case((CASES / name / "case.json").read_bytes())
    heard = []
    for capture in case.captures:
        if capture.file is None or not (CASES / name / capture.file).exists():
            continue
        reader = ArpReader(capture.point)
        reader.feed((CASES / name / capture.file).read_bytes())
        reader.finish()
        heard.append(reader.heard(capture))
    return case, tuple(heard)


@cache
def expected(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((CASES / name / "expected.json").read_bytes())
    return document
