"""A sign turned into sentences that a network engineer accepts: numbers, times, MACs, places."""

from __future__ import annotations

from collections.abc import Sequence

from workers.arp.codes import CODES
from workers.arp.evidence import Evidence
from workers.arp.model import Confidence, Refusal, Verdict
from workers.arp.signs import Sign


def told(e: Evidence, code: str, sign: Sign, refusals: Sequence[Refusal]) -> Verdict:
    owner = sign.owner or CODES[code].owner
    return Verdict(
        code,
        sign.subject,
        owner,
        sign.confidence or Confidence.LOW,
        code,
        (),
        (),
        CODES[code].next_step,
    )
