"""What verdicts say: numbers of one group of requests, the point that is missing, who looks where."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from tests.arp.captures import START, VM, interface, packet, section
from tests.arp.corpus import NAMES, load
from tests.arp.reading import REQUEST
from workers.arp.decode import ArpReader
from workers.arp.model import (
    MILLISECOND,
    SECOND,
    ArpFrame,
    Capture,
    CapturePoint,
    Case,
    Heard,
    Host,
    Vm,
    Vnic,
)
from workers.arp.report import WIDTH, as_text
from workers.arp.verdict import judge


def test_a_headline_counts_one_group_of_requests() -> None:
    """Some were answered, and some copies came late: no number is of the lost ones only."""
    case, heard = load("router-polices-arp")
    late = tuple(_late(each, "vmnic1-tx", every=2) for each in heard)
    verdict = judge(case, late).verdict
    assert verdict.code == "UNANSWERED_NO_CONTROL"
    told = re.match(
        r"(\d+) requests .*, (\d+) matched .*, (\d+) of (\d+) answered", verdict.headline
    )
    assert told, verdict.headline
    sent, matched, answered, asked = map(int, told.groups())
    assert sent == asked > matched > 0 < answered


def test_copies_too_late_to_be_matched_are_not_said_to_be_missing() -> None:
    case, heard = load("uplink-dead")
    case, heard = replace(case, events=()), tuple(_late(each, "vmnic1-tx") for each in heard)
    told = " ".join(judge(case, heard).verdict.reasons)
    assert "0 were handed to" not in told
    assert "too late to be matched" in told


def test_a_file_of_several_interfaces_is_deaf_and_shows_no_loop() -> None:
    data = section() + interface() * 3
    for n in range(12):
        for copy in range(3):
            data += packet(REQUEST, (START + n) * 10**6 + copy * 100)
    point = CapturePoint.named("vmnic1")
    reader = ArpReader(point)
    reader.feed(data)
    reader.finish()
    heard = reader.heard(Capture(point, ready_at=START * SECOND, stopped_at=(START + 20) * SECOND))
    case = Case("c", None, Vm("app01", nics=(Vnic("vnic0", "nic", VM),)), Host("h"))
    judgement = judge(case, [heard])
    assert "3 interfaces" in judgement.verdict.headline
    assert "LOOP_SUSPECTED" not in {each.code for each in judgement.side_findings}
    assert all(len(line) <= WIDTH for line in as_text(judgement).splitlines())
    assert "seen" in as_text(judgement).split("HEARD")[1].split("WHY")[0]


def test_the_next_step_looks_where_the_frames_point() -> None:
    steps = {
        "local-target-silent": "a VM on this host",
        "target-cannot-hear": "its own switch port",
    }
    for name, words in steps.items():
        assert words in judge(*load(name)).verdict.next_step, name


def test_an_incomplete_capture_names_what_is_missing() -> None:
    case, heard = load("vlan-missing-on-uplink")
    untold = replace(case, host=replace(case.host, uplinks=()))
    told = judge(untold, heard).verdict
    assert told.code == "CAPTURE_INCOMPLETE"
    assert "which uplinks the host has" in told.headline


def _late(heard: Heard, name: str, every: int = 1) -> Heard:
    """Frames of the VM on that point are stamped 20 to 60 ms late, now more and now less."""
    if heard.capture.point.name != name:
        return heard
    frames = [
        frame._replace(at=frame.at + (20 + 7 * n % 40) * MILLISECOND)
        if frame.eth_src == VM and n % every == 0
        else frame
        for n, frame in enumerate(heard.frames)
    ]
    return replace(heard, frames=tuple(sorted(frames, key=_at)))


def _at(frame: ArpFrame) -> int:
    return frame.at


@pytest.mark.parametrize("name", NAMES)
def test_a_ticket_never_loses_what_is_not_proven(name: str) -> None:
    judgement = judge(*load(name))
    text = " ".join(as_text(judgement).split())
    assert as_text(judgement).count("\n") <= 40
    for open_one in judgement.verdict.not_proven:
        assert " ".join(open_one.split()) in text
