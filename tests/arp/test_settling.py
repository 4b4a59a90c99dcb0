from __future__ import annotations

from dataclasses import replace

import pytest

from tests.arp.corpus import load
from tests.arp.degrade import cut_after
from workers.arp.model import SECOND, Confidence, Judgement
from workers.arp.verdict import judge
from workers.arp.verdict.settling import settled


def after(name: str, seconds: int) -> Judgement:
    return judge(*cut_after(*load(name), seconds))


@pytest.mark.parametrize(
    ("name", "not_yet", "then", "why"),
    [
        ("arping-asks-every-second", 5, 8, "enough requests were answered"),
        ("guest-ignores-reply", 16, 19, "the guest asked again often enough after an answer"),
        ("C08", 12, 18, "enough requests stayed unanswered"),
        ("C06", 12, 18, "enough requests stayed unanswered"),
        ("port-security", 12, 18, "enough requests stayed unanswered"),
    ],
)
def test_listening_ends_when_nothing_can_change_any_more(
    name: str, not_yet: int, then: int, why: str
) -> None:
    assert settled(after(name, not_yet)) is None
    assert settled(after(name, then)) == why


@pytest.mark.parametrize(
    "name",
    [
        "port-was-learning",
        "C09",  # a port that still learns looks dead, too
        "C16",
        "late-replies",
        "C14",
        "C17",
        "C19",
        "failover-meanwhile",
        "storm-control-bursts",
    ],
)
def test_what_may_still_change_is_heard_out(name: str) -> None:
    assert all(settled(after(name, seconds)) is None for seconds in range(3, 31, 3))


def test_an_asking_healthy_vm_is_settled_within_five_seconds() -> None:
    case, heard = load("arping-asks-every-second")
    vm = case.vm.nics[0].mac
    first = min(frame.at for each in heard for frame in each.frames if frame.eth_src == vm)
    start = min(each.capture.ready_at or 0 for each in heard)
    assert settled(judge(*cut_after(case, heard, (first - start) // SECOND + 5)))


def test_a_settled_fault_needs_high_confidence() -> None:
    judgement = judge(*load("C08"))
    assert settled(judgement)
    unsure = replace(judgement.verdict, confidence=Confidence.MEDIUM)
    assert settled(replace(judgement, verdict=unsure)) is None


def test_every_target_that_was_to_be_asked_must_be_answered() -> None:
    judgement = judge(*load("arping-asks-every-second"))
    assert settled(judgement) == "enough requests were answered"
    first = judgement.exchanges[0]
    other = replace(first, request=first.request._replace(target_ip="10.20.110.50"))
    more = replace(judgement, exchanges=(*judgement.exchanges, other))
    assert settled(more) == "enough requests were answered"  # asked by the way, and answered
    wanted = replace(judgement.case.stimulus, targets=("10.20.110.1", "10.20.110.50"))
    both = replace(more, case=replace(more.case, stimulus=wanted))
    assert settled(both) is None


def test_ten_judged_requests_make_a_fault_sure_and_nine_do_not() -> None:
    case, heard = load("C08")
    sure = {seconds: judge(*cut_after(case, heard, seconds)) for seconds in (13, 14, 15)}
    judged = {n: sum(each.eligible for each in j.exchanges) for n, j in sure.items()}
    assert {judged[n]: str(j.verdict.confidence) for n, j in sure.items()} == {
        9: "medium",
        10: "high",
        11: "high",
    }


def test_a_named_target_that_was_not_asked_for_yet_is_waited_for() -> None:
    case, heard = load("arping-asks-every-second")
    named = replace(case, stimulus=replace(case.stimulus, targets=("10.20.110.77",)))
    assert settled(judge(case, heard))
    assert settled(judge(named, heard)) is None
