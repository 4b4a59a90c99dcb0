from __future__ import annotations

import pytest

from tests.arp.corpus import NAMES, expected, load
from workers.arp.verdict import judge


@pytest.mark.parametrize("name", NAMES)
def test_a_case_gets_the_verdict_its_cause_deserves(name: str) -> None:
    judgement, wanted = judge(*load(name)), expected(name)
    verdict = judgement.verdict
    said = (verdict.code, verdict.owner.value, verdict.subject, verdict.confidence.value)
    assert said[:2] == (wanted["verdict"], wanted["owner"]), judgement.refusals
    if wanted["sub"] is not None:
        assert said[2] == wanted["sub"]
    assert said[3] == wanted["confidence"]
    assert verdict.owner.value not in wanted["must_not_blame"]
    found = {each.code for each in judgement.side_findings}
    assert found >= set(wanted.get("side_findings", ()))


@pytest.mark.parametrize("name", NAMES)
def test_frames_are_counted_where_they_were_heard(name: str) -> None:
    counted = {each.point: each for each in judge(*load(name)).points}
    for point, wanted in expected(name).get("counts", {}).items():
        got = counted[point]
        assert (got.vm_requests, got.vm_replies) == (wanted["vm_requests"], wanted["vm_replies"])
        assert got.vm_requests + got.vm_replies + got.other_frames == wanted["frames"]
