"""Files that lie: of another point, of both directions, empty or broken though all seemed well."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.arp.corpus import load
from tests.arp.degrade import (
    asked_at,
    broken,
    by_hand,
    empty,
    failed_point,
    merged,
    stripped,
    swapped,
    window,
    without_point,
)
from workers.arp.exchange.sighting import REPLY
from workers.arp.model import (
    BROADCAST,
    MILLISECOND,
    SECOND,
    CapturePoint,
    Case,
    Confidence,
    Heard,
    Judgement,
    Owner,
)
from workers.arp.verdict import judge


def blind(judgement: Judgement) -> dict[str, str]:
    return {each.point: each.why_blind for each in judgement.points if each.why_blind}


def findings(judgement: Judgement) -> dict[str, str]:
    return {each.code: each.text for each in judgement.side_findings}


@pytest.mark.parametrize(
    ("name", "things", "code"),
    [
        ("C02", ("vnic0",), "LOCAL_OK"),
        ("C02", ("vnic0", "vmnic0", "vmnic1"), "LOCAL_OK"),
        ("C08", ("vnic0", "vmnic0", "vmnic1"), "UPLINK_VLAN_NOT_CARRIED"),
        ("guest-ignores-reply", ("vnic0",), "GUEST_IGNORES_REPLY"),
        ("private-vlan-answers", ("vnic0", "vmnic1"), "ARP_OK"),
        ("reply-goes-to-other-mac", ("vnic0",), "GUEST_WRONG_SENDER"),
        ("wrong-sender-address", ("vnic0", "vmnic0", "vmnic1"), "GUEST_WRONG_SENDER"),
    ],
)
def test_a_file_of_both_directions_is_read_by_where_sources_live(
    name: str, things: tuple[str, ...], code: str
) -> None:
    judgement = judge(*merged(*load(name), *things))
    assert judgement.verdict.code == code
    assert "DIRECTION_INFERRED" in findings(judgement)


@pytest.mark.parametrize("name", ["forged-source-dropped", "foreign-source-not-delivered"])
def test_a_stranger_at_a_merged_port_may_have_been_sent_or_delivered(name: str) -> None:
    judgement = judge(*merged(*load(name), "vnic0"))
    assert judgement.verdict.owner in {Owner.INCONCLUSIVE, Owner.NONE}
    assert "may have gone either way" in blind(judgement)["vnic0"]


@pytest.mark.parametrize(
    ("name", "code"),
    [("C01", "ARP_OK"), ("arping-asks-every-second", "ARP_OK"), ("probes-only", "PROBES_ONLY")],
)
def test_neighbours_that_nobody_told_of_are_not_the_vm(name: str, code: str) -> None:
    judgement = judge(*by_hand(*merged(*load(name), "vnic0", "vmnic0", "vmnic1")))
    assert judgement.verdict.code == code
    senders = {each.request.eth_src for each in judgement.exchanges}
    assert senders <= {judgement.case.vm.nics[0].mac}


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("C08", "vnic0-tx", "vnic0-rx"),
        ("C08", "vnic0-rx", "vmnic1-tx"),
        ("C11", "vmnic1-tx", "vmnic1-rx"),
        ("C12", "vnic0-rx", "vmnic1-rx"),
        ("C15", "vnic0-rx", "vmnic0-rx"),
        ("C20", "vmnic0-tx", "vmnic0-rx"),
        ("uplinks-send-direction-only", "vnic0-tx", "vmnic1-tx"),
        ("forged-source-dropped", "vnic0-tx", "vmnic0-rx"),
    ],
)
def test_files_that_bear_each_others_names_are_told_and_blame_nobody(
    name: str, one: str, other: str
) -> None:
    judgement = judge(*swapped(*load(name), (one, other)))
    assert judgement.verdict.owner is Owner.INCONCLUSIVE
    assert blind(judgement)
    assert "cannot have passed there that way" in findings(judgement)["FILES_MISNAMED"]


def test_two_adapters_files_exchanged_are_told() -> None:
    case, heard = load("C12")
    pairs = [(f"vnic0-{way}", f"vmnic1-{way}") for way in ("tx", "rx")]
    judgement = judge(*swapped(case, heard, *pairs))
    assert judgement.verdict.owner is Owner.INCONCLUSIVE
    assert "vnic0-tx" in findings(judgement)["FILES_MISNAMED"]


def test_another_uplink_than_vcenter_told_lowers_the_confidence_and_is_told() -> None:
    case, heard = load("C08")
    pairs = [(f"vmnic0-{way}", f"vmnic1-{way}") for way in ("tx", "rx")]
    judgement = judge(*swapped(case, heard, *pairs))
    assert judgement.verdict.confidence is Confidence.MEDIUM
    assert "vmnic1" in findings(judgement)["OTHER_UPLINK_THAN_TOLD"]
    assert "OTHER_UPLINK_THAN_TOLD" not in findings(judge(case, heard))


@pytest.mark.parametrize(
    ("name", "point", "why"),
    [
        ("C01", "vnic0-tx", "frames of the VM were handed to vmnic1"),
        ("C03", "vnic0-tx", "replies for the VM were seen at vnic0-rx"),
        ("foreign-source-not-delivered", "vnic0-tx", "frames of the VM were handed to vmnic1"),
        ("C01", "vnic0-rx", "as if answered"),
        ("guest-not-answering", "vnic0-rx", "as if answered"),
        (
            "C07",
            "vmnic1-rx",
            "frames from outside were delivered while what was handed to it came back",
        ),
        ("C13", "vmnic1-rx", "1 frame from outside was delivered that no uplink shows"),
        ("C14", "vmnic1-tx", "came back that no uplink shows going out"),
        (
            "fabric-without-flooding-target-unknown",
            "vmnic1-tx",
            "replies came in on vmnic1 that nobody was seen asking for",
        ),
    ],
)
def test_an_empty_file_that_another_contradicts_is_blind(name: str, point: str, why: str) -> None:
    judgement = judge(*empty(*load(name), point))
    assert why in blind(judgement)[point]
    assert judgement.verdict.owner in {Owner.INCONCLUSIVE, Owner.NONE}


@pytest.mark.parametrize(
    ("name", "point", "why"),
    [("C06", "vmnic1-tx", "VSWITCH_DROP_TX"), ("C09", "vmnic1-rx", "UPLINK_PATH_LOSS")],
)
def test_an_empty_file_that_nothing_contradicts_is_silence(name: str, point: str, why: str) -> None:
    judgement = judge(*empty(*load(name), point))
    assert judgement.verdict.code == why
    assert not blind(judgement)


@pytest.mark.parametrize("name", ["arping-asks-every-second", "monitor-asks-every-second"])
def test_a_port_that_shows_nothing_proves_no_drop_where_a_tool_asks(name: str) -> None:
    verdict = judge(*empty(*load(name), "vnic0-rx")).verdict
    assert (verdict.code, verdict.subject) == ("CAPTURE_INCOMPLETE", "vnic0-rx")
    assert "the virtual switch drops everything, or that capture heard nothing" in verdict.headline
    assert "pktcap-uw --capture Drop" in verdict.next_step
    assert len(verdict.next_step) <= 500  # a message cuts what is longer


def test_a_vm_that_asks_on_like_a_kernel_or_answers_nobody_shows_that_it_is_cut_off() -> None:
    kernel = judge(*empty(*load("kernel-ignores-replies"), "vnic0-rx")).verdict
    assert (kernel.code, kernel.confidence) == ("VSWITCH_DROP_RX", Confidence.MEDIUM)
    case, heard = empty(*load("arping-asks-every-second"), "vnic0-rx")
    assert judge(case, wanted(heard, 2)).verdict.code == "CAPTURE_INCOMPLETE"
    assert judge(case, wanted(heard, 3)).verdict.code == "VSWITCH_DROP_RX"


def wanted(heard: tuple[Heard, ...], times: int) -> tuple[Heard, ...]:
    """The gateway asks for the VM so often, on the uplink that its replies come in on."""
    more = []
    for each in heard:
        replies = [
            f for f in each.frames if f.op == REPLY and each.capture.point.name == "vmnic1-rx"
        ]
        asks = [
            f._replace(
                op=1, at=f.at + MILLISECOND, eth_dst=BROADCAST, target_mac="00:00:00:00:00:00"
            )
            for f in replies[:times]
        ]
        frames = sorted((*each.frames, *asks), key=lambda frame: frame.at)
        more.append(replace(each, frames=tuple(frames)))
    return tuple(more)


def test_what_another_adapter_got_over_its_own_uplink_makes_no_dead_uplink_doubtful() -> None:
    case, heard = empty(*load("uplink-receives-nothing"), "vmnic1-rx")
    before = judge(case, heard)
    assert before.verdict.owner is Owner.NETWORK
    assert judge(*with_second_adapter(case, heard, "vmnic0")).verdict == before.verdict
    doubted = judge(*with_second_adapter(case, heard, "vmnic1"))
    assert "frames from outside were delivered" in blind(doubted)["vmnic1-rx"]


def test_an_uplink_that_sends_the_vms_frames_is_its_own_whatever_vcenter_told() -> None:
    case, heard = load("uplink-file-empty-though-heard")
    pairs = [(f"vmnic0-{way}", f"vmnic1-{way}") for way in ("tx", "rx")]
    judgement = judge(*swapped(case, heard, *pairs))
    assert "frames from outside were delivered" in blind(judgement)["vmnic0-rx"]
    assert judgement.verdict.owner is Owner.INCONCLUSIVE


def with_second_adapter(
    case: Case, heard: tuple[Heard, ...], uplink: str
) -> tuple[Case, tuple[Heard, ...]]:
    """The VM has another adapter, which gets all broadcasts that come in on vmnic0."""
    nic = replace(
        case.vm.nics[0], point="vnic1", mac="00:50:56:9a:21:02", ipv4=(), pinned_uplink=uplink
    )
    source = next(each for each in heard if each.capture.point.name == "vmnic0-rx")
    more = []
    for way in ("tx", "rx"):
        point = CapturePoint.named(f"vnic1-{way}")
        frames = tuple(
            f._replace(point=point, direction=point.direction, vlans=(), at=f.at + MILLISECOND)
            for f in source.frames
            if way == "rx" and f.eth_dst == BROADCAST
        )
        more.append(Heard(replace(source.capture, point=point), frames, len(frames)))
    whole = (*heard, *more)
    captures = tuple(each.capture for each in whole)
    vm = replace(case.vm, nics=(*case.vm.nics, nic))
    return replace(case, vm=vm, captures=captures), whole


def test_replies_with_a_tag_were_not_delivered_to_a_guest_that_ignores_them() -> None:
    case, heard = load("guest-ignores-reply")
    tagged = [
        replace(h, frames=tuple(f._replace(vlans=(110,)) for f in h.frames))
        if h.capture.point.name == "vnic0-rx"
        else h
        for h in heard
    ]
    assert judge(case, heard).verdict.owner is Owner.GUEST
    assert judge(case, tagged).verdict.owner in {Owner.INCONCLUSIVE, Owner.NONE}


def test_a_port_whose_tx_file_is_another_ports_has_no_rx_file_either() -> None:
    case, heard = empty(*load("guest-ignores-reply"), "vnic0-tx")
    judgement = judge(*empty(case, heard, "vnic0-rx"))
    assert "not this VM's port" in blind(judgement)["vnic0-rx"]
    assert judgement.verdict.owner is Owner.INCONCLUSIVE


@pytest.mark.parametrize("name", ["C08", "C09", "bundle-member-suspended"])
def test_without_a_frame_out_and_in_its_vlan_the_uplink_not_the_switch_is_in_doubt(
    name: str,
) -> None:
    verdict = judge(*empty(*load(name), "vmnic1-tx")).verdict
    assert verdict.owner is Owner.INCONCLUSIVE


def test_a_broken_file_is_heard_until_its_last_good_frame_and_told() -> None:
    case, heard = load("C01")
    whole = judge(case, heard).verdict
    judgement = judge(*broken(case, heard, "vnic0-rx"))
    assert (whole.confidence, judgement.verdict.confidence) == (Confidence.HIGH, Confidence.MEDIUM)
    assert "vnic0-rx until 00:00:" in findings(judgement)["FILE_DAMAGED"]
    late = [each for each in judgement.exchanges if not each.delivered]
    assert late
    assert not any(each.eligible for each in late)


@pytest.mark.parametrize(
    ("start", "end"), [(20 * SECOND, 10 * SECOND), (3_600 * SECOND, 3_630 * SECOND)]
)
def test_a_window_that_cannot_be_is_blind(start: int, end: int) -> None:
    judgement = judge(*window(*load("C08"), "vmnic1-rx", start, end))
    assert "vmnic1-rx" in blind(judgement)
    assert judgement.verdict.owner is Owner.INCONCLUSIVE


@pytest.mark.parametrize(
    ("start", "end"),
    [(None, None), (20 * SECOND, 10 * SECOND), (5 * SECOND, 5 * SECOND), (-SECOND, 28 * SECOND)],
)
def test_a_stimulus_that_was_not_heard_out_makes_no_guest_silent(
    start: int | None, end: int | None
) -> None:
    case, heard = load("C04")
    assert judge(case, heard).verdict.code == "GUEST_SILENT"
    verdict = judge(*asked_at(case, heard, start, end)).verdict
    assert verdict.owner is Owner.INCONCLUSIVE


def test_an_answer_is_less_sure_where_most_requests_came_when_nobody_heard() -> None:
    case, heard = load("port-died-meanwhile")
    ends = {each.capture.point.name: max(f.at for f in each.frames) for each in heard}
    first = heard[0].capture.ready_at
    assert first is not None
    for point, end in ends.items():
        case, heard = window(case, heard, point, 0, end - first)
    verdict = judge(case, heard).verdict
    assert verdict.owner in {Owner.NETWORK, Owner.INCONCLUSIVE, Owner.NONE}
    assert verdict.confidence is not Confidence.HIGH


def test_where_nobody_listened_nothing_is_concluded() -> None:
    case, heard = load("C08")
    for point in [each.capture.point.name for each in heard]:
        case, heard = failed_point(case, heard, point)
    judgement = judge(case, heard)
    assert judgement.verdict.code == "CAPTURE_INCOMPLETE"
    assert set(blind(judgement)) == {each.capture.point.name for each in heard}
    # Requests that an earlier look at the files kept are no better.
    kept = tuple(replace(each, frames=load("C08")[1][n].frames) for n, each in enumerate(heard))
    judgement = judge(case, kept)
    assert judgement.verdict.owner is Owner.INCONCLUSIVE
    assert not any(each.eligible for each in judgement.exchanges)


def test_files_taken_by_hand_may_leave_out_the_uplink_that_carried_it() -> None:
    case, heard = load("C08")
    verdict = judge(*by_hand(case, heard)).verdict
    assert (verdict.code, verdict.confidence) == ("UPLINK_VLAN_NOT_CARRIED", Confidence.MEDIUM)
    assert any("no other uplink" in sentence for sentence in verdict.not_proven)
    for lost in ("vmnic0", "vmnic1"):
        less = without_point(case, heard, f"{lost}-tx", f"{lost}-rx")
        judgement = judge(*by_hand(*less))
        assert judgement.verdict.owner is Owner.INCONCLUSIVE
    assert [each.why for each in judgement.refusals] == ["nobody told which uplinks the host has"]


def test_tags_that_no_uplink_shows_coming_in_were_stripped_where_a_guest_sends_with_tags() -> None:
    case, heard = load("C07")
    nic = replace(case.vm.nics[0], vlan=replace(case.vm.nics[0].vlan, mode="trunk", id=None))
    vms = tuple(replace(vm, vlan=None) for vm in case.host.local_vms)
    case = replace(case, vm=replace(case.vm, nics=(nic,)), host=replace(case.host, local_vms=vms))
    verdict = judge(*stripped(case, heard, ways=("rx",))).verdict
    assert verdict.owner is not Owner.NETWORK, verdict.headline


@pytest.mark.parametrize(
    ("vlan", "owner"), [(110, Owner.VIRTUALIZATION), (120, Owner.INCONCLUSIVE)]
)
def test_what_one_uplink_alone_floods_tells_a_bundle_only_in_the_vms_vlan(
    vlan: int, owner: Owner
) -> None:
    case, heard = load("reply-on-sibling-and-nothing-floods")
    (port,) = [each for each in heard if each.capture.point.name == "vmnic0-rx"]
    flooded = tuple(
        frame._replace(
            at=frame.at + SECOND // 2, op=1, eth_dst=BROADCAST, target_ip="10.20.9.9", vlans=(vlan,)
        )
        for frame in port.frames
    )
    frames = tuple(sorted(port.frames + flooded, key=lambda frame: frame.at))
    more = [replace(each, frames=frames) if each is port else each for each in heard]
    assert judge(case, more).verdict.owner is owner


def test_a_port_that_shows_nothing_makes_no_silent_guest_where_an_uplink_was_not_heard() -> None:
    case, heard = empty(*load("C04"), "vnic0-tx")
    assert judge(case, heard).verdict.code == "GUEST_SILENT"
    for point in ("vmnic0-tx", "vmnic1-tx"):
        verdict = judge(*failed_point(case, heard, point)).verdict
        assert (verdict.code, verdict.subject) == ("CAPTURE_INCOMPLETE", point)
