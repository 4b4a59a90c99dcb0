"""What a capture seems to show and does not prove: silence that nobody heard, senders that live here."""

from __future__ import annotations

from dataclasses import replace

from tests.arp.captures import VM
from tests.arp.corpus import load
from tests.arp.degrade import by_hand, without_point
from workers.arp.model import MILLISECOND, SECOND, Direction, Heard, Owner
from workers.arp.verdict import judge
from workers.arp.verdict.settling import settled

FORGED = "00:00:5e:00:53:02"


def test_tags_stripped_on_the_way_in_prove_no_silence_of_the_subnet() -> None:
    case, heard = load("wrong-port-group")
    assert judge(case, heard).verdict.code == "VLAN_SUBNET_MISMATCH"
    stripped = tuple(_without_tags(each, Direction.RX) for each in heard)
    assert judge(case, stripped).verdict.owner == Owner.INCONCLUSIVE


def test_a_mac_that_is_used_elsewhere_is_seen_without_the_vms_port() -> None:
    case, heard = without_point(*load("router-polices-arp"), "vnic0-tx")
    twin = tuple(_with_a_twin(each, heard) for each in heard)
    assert judge(case, heard).verdict.owner == Owner.NETWORK
    assert judge(case, twin).verdict.code == "VM_MOVED"
    assert judge(*by_hand(case, twin)).verdict.code == "VM_MOVED"


def test_an_uplink_alone_shows_no_foreign_claimant() -> None:
    """What comes in there may be the VM's own, sent on an uplink that nobody captured."""
    case, heard = load("foreign-source-not-delivered")
    one = without_point(case, heard, "vnic0-tx", "vnic0-rx", "vmnic1-tx", "vmnic1-rx")
    assert judge(*by_hand(*one)).verdict.owner == Owner.INCONCLUSIVE


def test_who_leaves_by_an_uplink_is_no_foreign_claimant() -> None:
    """A reflection that comes late is the VM's own frame still."""
    case, heard = load("foreign-source-not-delivered")
    truth = judge(case, heard).verdict.owner
    case, heard = without_point(case, heard, "vnic0-tx")
    late = tuple(_with_late_copies(each, heard) for each in heard)
    assert judge(case, late).verdict.owner in {truth, Owner.INCONCLUSIVE, Owner.NONE}


def test_a_request_from_before_all_points_listened_holds_no_healthy_check() -> None:
    case, heard = load("arping-asks-every-second")
    assert settled(judge(case, heard)) == "enough requests were answered"
    port = next(each for each in heard if each.capture.point.name == "vnic0-rx")
    third = port.frames[2].at
    late = replace(
        port,
        capture=replace(port.capture, ready_at=third),
        frames=tuple(frame for frame in port.frames if frame.at >= third),
    )
    heard = tuple(late if each is port else each for each in heard)
    captures = tuple(late.capture if c.point.name == "vnic0-rx" else c for c in case.captures)
    assert (
        settled(judge(replace(case, captures=captures), heard)) == "enough requests were answered"
    )


def _without_tags(heard: Heard, way: Direction) -> Heard:
    if heard.capture.point.direction != way:
        return heard
    return replace(heard, frames=tuple(frame._replace(vlans=()) for frame in heard.frames))


def _with_late_copies(heard: Heard, everything: tuple[Heard, ...]) -> Heard:
    """What the VM sent comes to its own port again, 20 ms later."""
    if heard.capture.point.name != "vnic0-rx":
        return heard
    sent = [each for one in everything for each in one.frames if each.point.name.endswith("-tx")]
    back = [
        frame._replace(point=heard.capture.point, at=frame.at + 20 * MILLISECOND)
        for frame in sent
        if frame.eth_src == FORGED
    ]
    return replace(heard, frames=tuple(sorted([*heard.frames, *back], key=lambda each: each.at)))


def _with_a_twin(heard: Heard, everything: tuple[Heard, ...]) -> Heard:
    """Another machine with the VM's MAC and an address of its own asks behind vmnic0."""
    if heard.capture.point.name != "vmnic0-rx":
        return heard
    sent = next(each for each in everything if each.capture.point.name == "vmnic1-tx")
    twin = [
        frame._replace(
            point=heard.capture.point, sender_ip="10.20.110.88", at=frame.at + SECOND // 3
        )
        for frame in sent.frames
        if frame.eth_src == VM
    ]
    return replace(heard, frames=tuple(sorted([*heard.frames, *twin], key=lambda each: each.at)))
