from __future__ import annotations

from dataclasses import replace

import pytest

from tests.arp.corpus import load
from tests.arp.degrade import cut_after
from workers.arp.model import BROADCAST, SECOND, Confidence, Judgement
from workers.arp.verdict import judge
from workers.arp.verdict.settling import next_answer_settles, settled

NOBODY = "00:00:00:00:00:00"


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


def asked_at(*seconds: float, target_mac: str = NOBODY) -> Judgement:
    """A healthy judgement with requests at these times, each of them answered."""
    judgement = judge(*load("arping-asks-every-second"))
    first = next(each for each in judgement.exchanges if each.eligible)
    exchanges = tuple(
        replace(
            first,
            request=first.request._replace(
                at=first.request.at + int(at * SECOND), target_mac=target_mac
            ),
        )
        for at in seconds
    )
    return replace(judgement, exchanges=exchanges)


@pytest.mark.parametrize(
    ("seconds", "enough"),
    [
        ((0, 1.02, 2.05, 10.1, 11.12, 12.15), False),  # three, a pause, three: a third would tell
        ((0, 1.02, 2.05, 3.07, 4.1, 5.12, 11.1), False),  # twice three without a pause
        ((1.02, 2.05, 10.1, 11.12, 12.15, 20.2), False),  # cut at both ends
        ((0, 1.02, 2.05, 10.1, 11.12, 20.2), True),  # a burst of two: no kernel that gave up
        (
            (0, 1.02, 2.05, 3.07, 4.1, 5.12, 6.14, 7.17, 8.19, 9.21, 10.24, 11.26),
            True,
        ),  # nobody pauses
        ((0, 2.02, 4.04, 6.05, 8.06, 10.07), True),  # a loop that flushes the entry
        ((0, 0.5, 2.05, 10.1, 11.12, 12.15), True),  # quicker than a kernel
    ],
)
def test_a_kernel_that_may_yet_turn_out_deaf_is_heard_out(
    seconds: tuple[float, ...], *, enough: bool
) -> None:
    assert settled(asked_at(*seconds)) == ("enough requests were answered" if enough else None)
    tool = asked_at(*seconds, target_mac=BROADCAST)
    assert settled(tool) == "enough requests were answered"  # asks on whatever comes back


def test_five_answers_a_second_apart_are_enough_of_a_tool_whose_timer_is_early() -> None:
    times = (0, 1, 2, 3, 3.999)
    assert settled(asked_at(*times, target_mac=BROADCAST)) == "enough requests were answered"
    assert settled(asked_at(*times[:4], target_mac=BROADCAST)) is None
    assert settled(asked_at(0, 0.2, 0.4, 0.6, 0.8, target_mac=BROADCAST)) is None


def test_it_is_known_ahead_which_answer_may_settle() -> None:
    four = asked_at(0, 1, 2, 3, target_mac=BROADCAST)
    due = next_answer_settles(four)
    assert due is not None
    assert 3.8 < (due - four.exchanges[0].request.at) / SECOND <= 4
    assert next_answer_settles(asked_at(0, 1, 2, target_mac=BROADCAST)) is None
    kernel = asked_at(0, 2, 4, 6.1)
    assert (next_answer_settles(kernel) or 0) - kernel.exchanges[0].request.at == 11 * SECOND
    late = asked_at(0, 1, 2, 3, 4, 5, 6, target_mac=BROADCAST)
    assert next_answer_settles(late) is None  # it was due already
    assert next_answer_settles(judge(*load("C08"))) is None  # nothing is answered there


def test_beside_a_tool_a_target_that_a_kernel_asks_for_again_is_heard_out_too() -> None:
    tool = asked_at(*range(12), target_mac=BROADCAST)
    assert settled(tool) == "enough requests were answered"

    def beside(*seconds: float) -> str | None:
        other = [
            replace(each, request=each.request._replace(target_ip="10.20.110.50"))
            for each in asked_at(*seconds).exchanges
        ]
        unnamed = replace(tool.case, stimulus=replace(tool.case.stimulus, targets=()))
        return settled(replace(tool, case=unnamed, exchanges=(*tool.exchanges, *other)))

    assert beside(4) == "enough requests were answered"
    assert beside(4, 5.02, 6.07) is None  # may go on so
    assert beside(0, 1.02, 2.07) == "enough requests were answered"  # it did not, for nine seconds
    assert beside(0, 1.02, 2.07, 10.1) is None
