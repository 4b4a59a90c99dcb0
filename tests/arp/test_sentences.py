"""What verdicts say: numbers of one group of requests, the point that is missing, who looks where."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from tests.arp.captures import START, VM, interface, packet, section
from tests.arp.corpus import NAMES, load
from tests.arp.degrade import cut_after, with_event
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
    HostEvent,
    Job,
    Judgement,
    Thread,
    Vm,
    Vnic,
)
from workers.arp.report import WIDTH, as_text
from workers.arp.summary import verdict_message
from workers.arp.verdict import judge

EVENTS = {
    "vmotion_out",
    "vmotion_in",
    "poweroff",
    "reconnect",
    "mac_change",
    "link_down",
    "link_up",
    "failover",
}


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


@pytest.mark.parametrize(
    ("name", "by_hand", "live"),
    [
        (
            "uplink-capture-failed",
            "Capture again: the VM's port and every uplink, each in both directions.",
            "On esx07.example.com, mend what kept vmnic0-rx from being heard, then run the check again.",
        ),
        (
            "one-stream-started-too-late",
            "Capture again: the VM's port and every uplink, each in both directions.",
            "Run the check again, and for longer: the points listened at different times.",
        ),
        ("passthrough-adapter", "Listen inside the guest", "Listen inside the guest"),
    ],
)
def test_a_check_that_asked_for_every_point_is_not_told_to_ask_for_them(
    name: str, by_hand: str, live: str
) -> None:
    case, heard = load(name)
    bare = tuple(replace(capture, command=None) for capture in case.captures)
    run = tuple(replace(capture, command="pktcap-uw") for capture in case.captures)
    for captures, words in ((bare, by_hand), (run, live)):
        verdict = judge(replace(case, captures=captures), heard).verdict
        assert verdict.code == "CAPTURE_INCOMPLETE"
        assert verdict.next_step.startswith(words)


@pytest.mark.parametrize("seconds", [3, 5, 12])
def test_one_is_told_in_the_singular(seconds: int) -> None:
    """Cut short, many a case has one request, one reply, one frame of another VLAN."""
    told = [as_told(judge(*cut_after(*load(name), seconds))) for name in NAMES]
    assert [each for text in told for each in MANY_OF_ONE.findall(text)] == []
    assert any("1 ARP request of" in text or "1 request of" in text for text in told)


MANY_OF_ONE = re.compile(
    r"(?<!\d of )(?<![\d.:-])\b1 (?:ARP |untagged )*(?:requests|replies|frames|broadcasts|times)\b.*"
)


def as_told(judgement: Judgement) -> str:
    verdict = judgement.verdict
    message = verdict_message(judgement, Job("arp-1", "app01", "U1", Thread("C1", "1.1"), 0))
    return "\n".join([*verdict.reasons, *verdict.not_proven, *_beside(judgement), message.text])


@pytest.mark.parametrize("event", sorted(EVENTS))
def test_an_event_is_told_in_words(event: str) -> None:
    told = [judge(*with_event(*load(name), event, 12 * SECOND)) for name in ("C06", "C01")]
    assert {each.verdict.code for each in told} & {"VM_MOVED", "PATH_CHANGED"}
    for each in told:
        words = " ".join([each.verdict.headline, each.verdict.next_step, *_beside(each)])
        assert "event " not in words
        assert not re.search(r"\b[a-z]+_[a-z_]+\b", words), words


def test_a_vm_that_left_is_told_with_both_hosts() -> None:
    case, heard = load("C06")
    at = case.captures[0].ready_at or 0
    port = HostEvent(at + 9 * SECOND, "reconnect")
    left = HostEvent(at + 12 * SECOND, "vmotion_out", host="esx08.example.com")
    verdict = judge(replace(case, events=(port, left)), heard).verdict
    assert verdict.headline == (
        "app01 left esx07.example.com at 00:00:12Z, during the capture, and runs on "
        "esx08.example.com now: this result is void."
    )
    assert verdict.next_step == "Run the check again: it listens on esx08.example.com then."
    unsure = judge(replace(case, events=(replace(left, host=""),)), heard).verdict
    assert "seems to have left esx07.example.com" in unsure.headline


@pytest.mark.parametrize("code", ["VSWITCH_DROP_TX", "VSWITCH_DROP_RX"])
def test_a_drop_in_the_virtual_switch_says_what_to_type_and_where_to_look(code: str) -> None:
    found = (judge(*load(name)) for name in NAMES)
    judgement = next(each for each in found if each.verdict.code == code)
    nic, step = judgement.case.vm.nics[0], judgement.verdict.next_step
    assert f"pktcap-uw --capture Drop --mac {nic.mac} -c 20" in step
    assert judgement.case.host.name in step
    assert f"port group {nic.portgroup}" in step
    assert len(step) <= 500  # a message cuts what is longer


def test_a_point_that_was_not_heard_is_told_with_the_reason() -> None:
    headlines = [judge(*load(name)).verdict for name in NAMES]
    told = [each.headline for each in headlines if each.code == "CAPTURE_INCOMPLETE"]
    assert told
    for headline in told:
        assert " direction" not in headline
        assert not re.search(r": v(nic|mnic)\d-[rt]x\.$", headline), headline


def _beside(judgement: Judgement) -> list[str]:
    return [finding.text for finding in judgement.side_findings]


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


@pytest.mark.parametrize("name", NAMES)
def test_a_ticket_tells_a_sentence_whole_or_counts_it_as_left_out(name: str) -> None:
    judgement = judge(*load(name))
    text, verdict = as_text(judgement), judgement.verdict
    items = [" ".join(each.split())[2:] for each in re.findall(r"(?m)^- .*(?:\n  .*)*", text)]
    told = [*verdict.reasons, *verdict.not_proven, verdict.next_step]
    told += [each.text for each in judgement.side_findings]
    told += [other.headline for _, _, other in judgement.further]
    told += [f"({each.why})." for each in judgement.refusals]
    ends = (*(" ".join(each.split()) for each in told), "answered")
    assert not [each for each in items if not each.endswith(ends)]
    absent = [each for each in verdict.reasons if " ".join(each.split()) not in items]
    last = re.search(
        r"^… (\d+) more left out here; the report as JSON has .*\n\Z", text, re.MULTILINE
    )
    assert len(absent) <= (int(last[1]) if last else 0)
    assert len(items) == len(set(items))
    for refusal in judgement.refusals:
        assert sum(f"{refusal.code} " in each for each in items) <= 1


def test_a_ticket_leaves_out_counts_before_what_others_got() -> None:
    judgement = judge(*load("C08"))
    text = " ".join(as_text(judgement).split())
    assert "left out here" in text
    others = [each for each in judgement.verdict.reasons if each.startswith("Meanwhile ")]
    assert len(others) == 2
    assert all(each in text for each in others)
    bare = replace(judgement, verdict=replace(judgement.verdict, reasons=()))
    assert "10.20.110.22 -> 10.20.110.1 on vmnic0, VLAN 110: 6 of 6 answered" in as_text(bare)


def test_a_reason_for_blindness_that_is_cut_says_so() -> None:
    judgement = judge(*load("C08"))
    why = "its file breaks off " * 9
    blind = tuple(replace(each, why_blind=why) for each in judgement.points)
    lines = as_text(replace(judgement, points=blind)).split("HEARD\n")[1].split("\n\n")[0]
    assert [each[-1] for each in lines.split("\n") if each.startswith(" ")] == ["…"] * len(blind)
