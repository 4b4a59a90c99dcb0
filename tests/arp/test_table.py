"""The ordered table itself: what each row that blames somebody needs, and what stops one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.arp.corpus import load
from tests.arp.degrade import (
    Heards,
    alone,
    cut_after,
    empty,
    failed_point,
    off_the_clock,
    with_event,
    without_point,
)
from workers.arp.model import BROADCAST, SECOND, CapturePoint, Case, Confidence, Heard, Owner, Role
from workers.arp.verdict import judge
from workers.arp.verdict.codes import CODES
from workers.arp.verdict.table import ALL, IN, OTHERS, OUT, PORT_RX, PORT_TX, ROWS, STIMULUS

NEEDS = {
    "guest_silent": {PORT_TX, STIMULUS},
    "forged_dropped": {PORT_TX, OUT, ALL},
    "ignores": {PORT_TX, PORT_RX},
    "off_subnet": {PORT_RX, IN, ALL},
    "wrong_sender_ip": {PORT_RX, IN, ALL},
    "recovered": {PORT_RX, OUT, IN, ALL},
    "partial": {PORT_RX, OUT, IN, ALL},
    "local_down": {PORT_RX, OTHERS},
    "dropped_on_the_way_out": {PORT_TX, PORT_RX, OUT, ALL},
    "reply_dropped": {PORT_RX, ALL},
    "vm_specific": {PORT_RX, IN, ALL},
    "reply_to_stale_mac": {PORT_RX, IN, ALL},
    "reply_in_other_vlan": {PORT_RX, IN, ALL},
    "reply_on_other_uplink": {PORT_RX, IN, ALL},
    "forged_unanswered": {PORT_RX, IN, ALL},
}
"""Not delivered needs the VM's port; not handed out every uplink's tx; not answered every uplink's rx; what
others got, or did not get, all that was heard of them."""


def test_each_row_that_blames_somebody_names_the_points_whose_silence_it_needs() -> None:
    for row in ROWS:
        if CODES[row.code].owner in {Owner.NONE, Owner.INCONCLUSIVE}:
            assert row.needs == (), row
        elif row.code != "VM_IP_CONFLICT":  # a frame that was seen needs nobody's silence
            assert set(row.needs) == NEEDS.get(row.sign.__name__, {PORT_RX, IN, ALL, OTHERS}), row


@pytest.mark.parametrize(
    ("name", "point", "refused"),
    [
        ("C04", "vnic0-tx", "GUEST_SILENT"),
        ("C06", "vmnic0-tx", "VSWITCH_DROP_TX"),
        ("forged-source-dropped", "vmnic0-tx", "FORGED_TX_DROP"),
        ("port-was-learning", "vmnic0-rx", "RECOVERED_DURING_CAPTURE"),
        ("C16", "vmnic0-tx", "PARTIAL_LOSS"),
        ("C08", "vmnic0-rx", "UPLINK_VLAN_NOT_CARRIED"),
    ],
)
def test_a_blind_point_refuses_the_row_and_is_named(name: str, point: str, refused: str) -> None:
    assert judge(*load(name)).verdict.code == refused
    judgement = judge(*failed_point(*load(name), point))
    assert judgement.verdict.owner is Owner.INCONCLUSIVE
    told = {each.code: each.why for each in judgement.refusals}
    assert f"{point}: its capture failed: exited with 1" in told.get(refused, "") or (
        judgement.verdict.code == "CAPTURE_INCOMPLETE"
    )


def test_uplinks_that_nobody_told_of_may_carry_what_was_not_seen() -> None:
    case, heard = load("C06")
    judgement = judge(replace(case, host=replace(case.host, uplinks=())), heard)
    assert judgement.verdict.code == "CAPTURE_INCOMPLETE"
    told = {each.code: each.why for each in judgement.refusals}
    assert told["VSWITCH_DROP_TX"] == "nobody told which uplinks the host has"


def test_without_a_right_clock_nothing_negative_is_said() -> None:
    judgement = judge(*off_the_clock(*load("C08"), "vmnic0-tx", 700_000_000))
    assert judgement.verdict.code == "CAPTURE_INCOMPLETE"
    (refused,) = judgement.refusals
    assert refused.code == "UPLINK_VLAN_NOT_CARRIED"
    assert refused.why == "the streams' clocks disagree and none is right by majority"
    answered = judge(*off_the_clock(*load("C01"), "vnic0-tx", 700_000_000))
    assert answered.verdict.code == "ARP_OK"  # a reply that was seen needs no clock


def test_a_vm_without_an_adapter_is_told_as_such() -> None:
    case, heard = load("C08")
    judgement = judge(replace(case, vm=replace(case.vm, nics=())), heard)
    assert judgement.verdict.code == "CAPTURE_INCOMPLETE"
    assert judgement.verdict.owner is Owner.INCONCLUSIVE
    assert "no network adapter" in judgement.verdict.headline


def test_an_incomplete_capture_names_what_the_frames_would_have_suggested() -> None:
    judgement = judge(*load("C17"))
    assert judgement.verdict.code == "CAPTURE_INCOMPLETE"
    assert "VSWITCH_DROP_TX" in {each.code for each in judgement.refusals}
    moved = judge(*with_event(*load("C17"), "vmotion_out", 12 * SECOND))
    assert moved.verdict.code == "VM_MOVED"
    assert moved.refusals == ()


def test_other_targets_and_adapters_are_told_once_each() -> None:
    judgement = judge(*load("C01"))
    assert judgement.target == "10.20.110.1"
    assert [(nic, target, v.code) for nic, target, v in judgement.further] == [
        ("vnic0", "10.20.110.50", "ARP_OK")
    ]
    idle = judge(*load("second-adapter-is-idle"))
    assert [(nic, v.code) for nic, _, v in idle.further] == [("vnic1", "NO_STIMULUS")]


@pytest.mark.parametrize(
    ("name", "confidence"),
    [("C06", Confidence.HIGH), ("C08", Confidence.HIGH), ("C12", Confidence.HIGH)],
)
def test_fewer_requests_or_no_control_lower_the_confidence(
    name: str, confidence: Confidence
) -> None:
    case, heard = load(name)
    assert judge(case, heard).verdict.confidence is confidence
    assert judge(*cut_after(case, heard, 10)).verdict.confidence is not Confidence.HIGH


def test_a_switch_drop_needs_an_uplink_that_shows_a_frame_or_would_show_a_reflection() -> None:
    case, heard = empty(*load("C06"), "vmnic1-tx")
    assert judge(case, heard).verdict.confidence is Confidence.HIGH
    verdict = judge(case, unflooded(case, heard)).verdict
    assert (verdict.code, verdict.subject) == ("CAPTURE_INCOMPLETE", "vmnic1-tx")
    assert "vmnic1-tx shows no frame at all" in verdict.headline
    assert "If it prints requests, the virtual switch drops them" in verdict.next_step
    assert len(verdict.next_step) <= 500  # a message cuts what is longer


def test_on_a_host_where_nobody_else_asks_files_without_a_frame_are_as_they_should_be() -> None:
    verdict = judge(*alone(*load("C06"))).verdict
    assert (verdict.code, verdict.confidence) == ("VSWITCH_DROP_TX", Confidence.MEDIUM)
    case, heard = empty(*alone(*load("C07")), "vnic0-rx")
    quiet = tuple(
        replace(
            h,
            frames=tuple(
                frame._replace(target_mac=BROADCAST) if frame.op == 1 else frame  # as arping asks
                for frame in h.frames
                if frame.op != 1 or "-tx" in h.capture.point.name
            ),
        )
        for h in heard
    )
    verdict = judge(case, quiet).verdict
    assert (verdict.code, verdict.confidence) == ("VSWITCH_DROP_RX", Confidence.MEDIUM)


def test_a_standby_uplink_shows_no_frame_as_it_should() -> None:
    case, heard = empty(*load("C06"), "vmnic1-tx")
    nic = replace(case.vm.nics[0], pinned_uplink=None)
    uplinks = tuple(
        replace(each, role=Role.STANDBY if each.device == "vmnic1" else Role.ACTIVE)
        for each in case.host.uplinks
    )
    case = replace(case, vm=replace(case.vm, nics=(nic,)), host=replace(case.host, uplinks=uplinks))
    assert judge(case, unflooded(case, heard)).verdict.code == "VSWITCH_DROP_TX"


def unflooded(case: Case, heard: Heards) -> Heards:
    """Nothing that this host sent comes in again."""
    local = {vm.mac for vm in case.host.local_vms}
    return tuple(
        replace(h, frames=tuple(f for f in h.frames if f.eth_src not in local))
        if h.capture.point.name in {"vmnic0-rx", "vmnic1-rx"}
        else h
        for h in heard
    )


def test_a_vm_of_this_host_is_not_down_where_a_storm_left_out_what_it_may_have_said() -> None:
    case, heard = load("local-target-silent")
    assert judge(case, heard).verdict.code == "TARGET_DOWN"
    less = [replace(each, foreign_until=each.capture.ready_at) for each in heard]
    judgement = judge(case, less)
    assert judgement.verdict.owner is Owner.INCONCLUSIVE
    assert "there was so much ARP" in " ".join(each.why for each in judgement.refusals)


@pytest.mark.parametrize("teaming", ["iphash", "lacp", "portid"])
def test_any_uplink_may_have_been_the_vms_where_nobody_told_which(teaming: str) -> None:
    case, heard = empty(*load("C06"), "vmnic1-tx")
    assert any(f for h in heard if h.capture.point.name == "vmnic0-tx" for f in h.frames)
    nic = replace(case.vm.nics[0], pinned_uplink=None if teaming == "portid" else "vmnic0")
    case = replace(
        case,
        vm=replace(case.vm, nics=(nic,)),
        host=replace(case.host, teaming=teaming),
    )
    verdict = judge(case, unflooded(case, heard)).verdict
    assert (verdict.code, verdict.subject) == ("CAPTURE_INCOMPLETE", "vmnic1-tx")


@pytest.mark.parametrize(("seconds", "code"), [(9, "ARP_OK"), (11, "GUEST_IGNORES_REPLY")])
def test_a_guest_ignores_replies_once_it_asked_on_for_eight_seconds(
    seconds: int, code: str
) -> None:
    assert judge(*cut_after(*load("guest-ignores-reply"), seconds)).verdict.code == code


def test_a_target_that_nobody_named_and_that_was_hardly_asked_for_heads_nothing() -> None:
    case, heard = load("C01")
    mute = tuple(
        replace(each, frames=tuple(f for f in each.frames if f.sender_ip != "10.20.110.50"))
        for each in heard
    )
    one = replace(case, stimulus=replace(case.stimulus, targets=("10.20.110.1",)))
    judgement = judge(one, mute)
    assert (judgement.target, judgement.verdict.code) == ("10.20.110.1", "ARP_OK")
    assert [verdict.code for _, _, verdict in judgement.further] == ["TOO_FEW_REQUESTS"]
    both = replace(case, stimulus=replace(case.stimulus, targets=("10.20.110.1", "10.20.110.50")))
    assert judge(both, mute).target == "10.20.110.50"


def test_a_broken_file_keeps_a_blame_below_high() -> None:
    case, heard = load("C08")
    bad = [
        replace(h, damage="The file is broken.") if h.capture.point.name == "vnic0-tx" else h
        for h in heard
    ]
    verdict = judge(case, bad).verdict
    assert (verdict.code, verdict.confidence) == ("UPLINK_VLAN_NOT_CARRIED", Confidence.MEDIUM)
    lost = [each for each in judge(case, bad).exchanges if each.eligible and not each.delivered]
    assert len(lost) >= 10


def test_a_foreign_tag_on_a_sibling_is_no_drop_where_the_own_uplink_lost_its_tags() -> None:
    case, heard = load("reply-in-wrong-vlan")
    replies = [f for h in heard for f in h.frames if f.op == 2 and f.eth_dst == case.vm.nics[0].mac]
    assert len(replies) >= 10
    foreign = [
        replies[0]._replace(op=1, eth_dst=BROADCAST, at=each.at + SECOND // 3, vlans=())
        for each in replies
    ]

    def changed(each: Heard) -> Heard:
        frames = list(each.frames)
        if each.capture.point.name == "vmnic1-rx":
            frames = [frame._replace(vlans=()) for frame in frames]
        more = {"vmnic0-rx": replies, "vnic0-rx": foreign, "vmnic1-rx": foreign}
        for frame in more.get(each.capture.point.name, ()):
            frames.append(frame._replace(point=each.capture.point, at=frame.at + 20_000))
        return replace(each, frames=tuple(sorted(frames, key=lambda frame: frame.at)))

    verdict = judge(case, [changed(each) for each in heard]).verdict
    assert verdict.owner in {Owner.INCONCLUSIVE, Owner.NETWORK}, verdict.headline


def test_an_adapter_that_was_not_heard_is_not_idle_where_its_subnet_was_to_be_asked() -> None:
    case, heard = load("arping-asks-every-second")
    first = case.vm.nics[0]
    second = replace(first, point="vnic1", mac="00:50:56:9a:21:02", ipv4=("10.20.120.21/24",))

    def moved(each: Heard) -> Heard:
        point = CapturePoint.named(each.capture.point.name.replace("vnic0", "vnic1"))
        names = {
            first.mac: second.mac,
            "10.20.110.21": "10.20.120.21",
            "10.20.110.1": "10.20.120.1",
        }
        frames = (
            frame._replace(
                point=point,
                eth_src=names.get(frame.eth_src, frame.eth_src),
                eth_dst=names.get(frame.eth_dst, frame.eth_dst),
                sender_mac=names.get(frame.sender_mac, frame.sender_mac),
                sender_ip=names.get(frame.sender_ip, frame.sender_ip),
                target_mac=names.get(frame.target_mac, frame.target_mac),
                target_ip=names.get(frame.target_ip, frame.target_ip),
            )
            for frame in each.frames
        )
        return Heard(replace(each.capture, point=point), tuple(frames))

    both = replace(case, vm=replace(case.vm, nics=(first, second)))
    other = [moved(each) for each in heard if each.capture.point.object == "vnic0"]
    blind = failed_point(both, (*heard, *other), "vnic0-tx")
    verdict = judge(*without_point(*blind, "vmnic0-tx", "vmnic1-tx"))
    assert (verdict.nic, verdict.verdict.code) == ("vnic0", "CAPTURE_INCOMPLETE")
    assert [(nic, each.code) for nic, _, each in verdict.further] == [("vnic1", "ARP_OK")]


TWO_ADAPTERS = "second-adapter-is-idle"


@pytest.mark.parametrize(
    ("point", "address", "target", "heads", "further"),
    [
        # What an adapter that nobody was to use did not say is no question of its own,
        ("", "10.20.110.99", "10.20.110.1", "vnic0 ARP_OK", "vnic1 NO_STIMULUS"),
        ("vnic1-tx", "10.20.120.21", "10.20.110.1", "vnic0 ARP_OK", "vnic1 CAPTURE_INCOMPLETE"),
        # but it is one where it was to ask, or did.
        ("", "10.20.120.21", "10.20.120.1", "vnic1 GUEST_SILENT", "vnic0 ARP_OK"),
        ("vnic1-tx", "10.20.110.99", "10.20.110.1", "vnic1 CAPTURE_INCOMPLETE", "vnic0 ARP_OK"),
        (
            "vnic0-rx",
            "10.20.120.21",
            "10.20.110.1",
            "vnic0 CAPTURE_INCOMPLETE",
            "vnic1 NO_STIMULUS",
        ),
    ],
)
def test_of_two_adapters_the_one_with_an_open_question_heads(
    point: str, address: str, target: str, heads: str, further: str
) -> None:
    case, heard = load(TWO_ADAPTERS)
    first, second = case.vm.nics
    case = replace(
        case,
        vm=replace(case.vm, nics=(first, replace(second, ipv4=(f"{address}/24",)))),
        stimulus=replace(case.stimulus, targets=(target,)),
    )
    judgement = judge(*(failed_point(case, heard, point) if point else (case, heard)))
    assert f"{judgement.nic} {judgement.verdict.code}" == heads
    assert [f"{nic} {verdict.code}" for nic, _, verdict in judgement.further] == [further]


@pytest.mark.parametrize(
    ("name", "targets", "heads"),
    [
        # Who was answered by others says nothing of the one that was named,
        ("C01", ("10.20.110.99",), "NO_STIMULUS 10.20.110.99"),
        ("C01", ("10.20.110.99", "10.20.110.50"), "ARP_OK 10.20.110.1"),
        # but a fault stays one, and what lies elsewhere is asked for by way of the gateway.
        ("C08", ("10.20.110.99",), "UPLINK_VLAN_NOT_CARRIED 10.20.110.1"),
        ("C01", ("192.0.2.9",), "ARP_OK 10.20.110.1"),
    ],
)
def test_a_named_target_that_is_never_asked_for_is_not_answered_by_another(
    name: str, targets: tuple[str, ...], heads: str
) -> None:
    case, heard = load(name)
    case = replace(case, stimulus=replace(case.stimulus, targets=targets))
    judgement = judge(case, heard)
    assert f"{judgement.verdict.code} {judgement.target}" == heads
    if judgement.verdict.code == "NO_STIMULUS":
        assert "never for 10.20.110.99" in judgement.verdict.headline
        assert "10.20.110.99" in (judgement.verdict.next_step or "")
        assert judge(*failed_point(case, heard, "vnic0-tx")).verdict.code != "NO_STIMULUS"


def test_a_vm_that_scans_its_network_is_judged_by_whom_it_asked_for_most() -> None:
    case, heard = load("C08")
    (sent,) = [each for each in heard if each.capture.point.name == "vnic0-tx"]
    first = sent.frames[0]
    scan = [
        first._replace(target_ip=f"10.20.{n >> 8}.{n & 255}", at=first.at + n * 1_000_000)
        for n in range(5_000)
    ]
    frames = tuple(sorted([*sent.frames, *scan], key=lambda frame: frame.at))
    more = [replace(each, frames=frames) if each is sent else each for each in heard]
    judgement = judge(case, more)
    assert "10.20.110.1" in {judgement.target, *(target for _, target, _ in judgement.further)}
    assert len(judgement.further) < 500


def test_in_a_storm_no_guest_is_blamed_for_what_others_may_not_have_got_either() -> None:
    case, heard = load("kernel-ignores-replies")
    before = judge(case, heard)
    assert before.verdict.owner is Owner.GUEST
    own = {nic.mac for nic in case.vm.nics}
    target = before.target
    less = [
        replace(h, frames=tuple(f for f in h.frames if f.sender_ip != target or f.eth_dst in own))
        for h in heard
    ]
    left_out = {
        (f.sender_ip, f.target_ip) for h in heard for f in h.frames if f.sender_ip == target
    }
    thinned = [replace(h, thinned=frozenset(left_out)) for h in less]
    assert judge(case, thinned).verdict.code == "ARP_OK"
