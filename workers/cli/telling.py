"""Prints a judgement, or the one line that says why there is none."""

from __future__ import annotations

import io
import json
import sys
from typing import Final

from workers.arp.case.shape import clean
from workers.arp.model import Judgement
from workers.arp.report import as_json, as_text
from workers.errors import CheckError

BAD_INPUT: Final = 2


def tell(judgement: Judgement, *, json_wanted: bool) -> int:
    """Print the report; the exit status is 0 whatever the verdict."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    text = _json(judgement) if json_wanted else as_text(judgement)
    sys.stdout.write(text.rstrip("\n") + "\n")
    return 0


def _json(judgement: Judgement) -> str:
    return json.dumps(as_json(judgement), indent=1, ensure_ascii=False)


def refuse(trouble: CheckError) -> int:
    """Print why there is no report: one line, and what to do where that is known."""
    sentences = " ".join(part for part in (trouble.sentence, trouble.next_step) if part)
    sys.stderr.write(f"arpcheck: {clean(' '.join(sentences.split()))}\n")
    return BAD_INPUT
