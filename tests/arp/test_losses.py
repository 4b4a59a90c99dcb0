"""Where the loss rows stop: the least evidence, and what speaks against them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.arp.corpus import load
from tests.arp.degrade import Heards, cut_after, stripped
from workers.arp.model import BROADCAST, MILLISECOND, SECOND, ArpFrame, Case, Heard, Owner, Vlan
from workers.arp.verdict import judge


def with_broadcast(heard: Heards, point: str, vlan: int, sender: str, times: int = 1) -> Heards:
    """A machine of the network asks for something, seen at that uplink."""

    def added(frames: tuple[ArpFrame, ...], at: int, model: ArpFrame) -> tuple[ArpFrame, ...]:
        mac = "02:00:00:00:00:31"
        more = tuple(
            model._replace(
                at=at + n * SECOND,
                op=1,
                vlans=(vlan,) if vlan else (),
                eth_src=mac,
                eth_dst=BROADCAST,
                sender_mac=mac,
                sender_ip=sender,
                target_ip="10.20.110.222",
            )
            for n in range(1, times + 1)
        )
        return tuple(sorted(frames + more, key=lambda frame: frame.at))

    return tuple(
        replace(h, frames=added(h.frames, h.capture.ready_at or 0, h.frames[0]))
        if h.capture.point.name == point
        else h
        for h in heard
    )


def test_a_port_group_is_not_wrong_where_the_subnet_is_heard_in_it() -> None:
    case, heard = load("wrong-port-group")
    assert judge(case, heard).verdict.code == "VLAN_SUBNET_MISMATCH"
    verdict = judge(case, with_broadcast(heard, "vmnic1-rx", 111, "10.20.110.77")).verdict
    assert verdict.code != "VLAN_SUBNET_MISMATCH"
    verdict = judge(case, with_broadcast(heard, "vmnic1-rx", 111, "10.20.111.77")).verdict
    assert verdict.code == "VLAN_SUBNET_MISMATCH"


def test_two_strangers_frames_make_no_wrong_native_vlan_whatever_a_sibling_shows() -> None:
    case, heard = load("wrong-native-vlan")
    kept = []
    for each in heard:
        seen, frames = 0, []
        for frame in each.frames:
            stranger = not frame.vlans and frame.sender_ip.startswith("10.7.")
            if stranger and each.capture.point.name.endswith("-rx"):
                seen += 1
                if seen > 2:
                    continue
            frames.append(frame)
        kept.append(replace(each, frames=tuple(frames)))
    assert judge(case, kept).verdict.owner is Owner.INCONCLUSIVE


def untold(case: Case) -> Case:
    """Nobody told of the other VMs on the host, so that no port group is known to tag."""
    return replace(case, host=replace(case.host, local_vms=()))


def test_several_subnets_without_a_tag_are_no_wrong_native_vlan_where_no_frame_has_one() -> None:
    case, heard = load("wrong-native-vlan")
    assert judge(untold(case), heard).verdict.code == "VLAN_SUBNET_MISMATCH"
    verdict = judge(*stripped(untold(case), heard, ways=("rx",))).verdict
    assert verdict.owner is Owner.INCONCLUSIVE


def test_an_uplink_lost_its_tags_where_a_sibling_shows_a_copy_with_one() -> None:
    case, heard = load("wrong-native-vlan")
    tagged = [
        replace(h, frames=tuple(f._replace(vlans=f.vlans or (7,)) for f in h.frames))
        if h.capture.point.name == "vmnic1-rx"
        else stripped(case, (h,))[1][0]
        for h in heard
    ]
    judgement = judge(untold(case), tagged)
    assert judgement.verdict.owner is Owner.INCONCLUSIVE
    assert "vmnic0-rx" in next(f.text for f in judgement.side_findings if f.code == "TAG_UNKNOWN")


@pytest.mark.parametrize(("seconds", "code"), [(12, "UNANSWERED_NO_CONTROL"), (30, "TARGET_DOWN")])
def test_asked_by_this_vm_only_a_target_is_down_once_others_had_time_to_ask(
    seconds: int, code: str
) -> None:
    case, heard = cut_after(*load("asked-seven-times-by-this-vm-only"), seconds)
    assert judge(case, heard).verdict.code == code


def test_in_a_private_vlan_a_silent_host_is_not_down() -> None:
    case, heard = load("C13")
    assert judge(case, heard).verdict.code == "TARGET_DOWN"
    nics = tuple(replace(nic, vlan=Vlan("pvlan", 110, 110)) for nic in case.vm.nics)
    verdict = judge(replace(case, vm=replace(case.vm, nics=nics)), heard).verdict
    assert verdict.owner is Owner.INCONCLUSIVE


def test_a_target_that_speaks_is_not_down() -> None:
    case, heard = load("C13")
    spoken = with_broadcast(heard, "vmnic0-rx", 110, "10.20.110.99")
    assert judge(case, spoken).verdict.owner is Owner.INCONCLUSIVE


def test_two_addresses_that_nobody_answers_for_make_no_dead_vlan_unless_one_is_the_gateway() -> (
    None
):
    case, heard = load("C10")
    assert judge(case, heard).verdict.code == "VLAN_DEAD"
    nics = tuple(replace(nic, gateway="10.20.110.254") for nic in case.vm.nics)
    other = replace(case, vm=replace(case.vm, nics=nics))
    assert judge(other, heard).verdict.owner is Owner.INCONCLUSIVE


REMOTE = "02:00:00:00:00:32"


def with_asks(
    case: Case, heard: Heards, target: str, uplink: str, back: str | None = None
) -> Heards:
    """Another VM of this host asks five times, and copies of that were left out in a storm."""
    (mac, *_) = [vm.mac for vm in case.host.local_vms if vm.vlan in {None, 110}]
    sender = "10.20.110.60"
    ask: dict[str, Any] = {"op": 1, "eth_src": mac, "eth_dst": BROADCAST, "sender_mac": mac}
    ask |= {"sender_ip": sender, "target_ip": target, "vlans": (110,)}
    reply: dict[str, Any] = {"op": 2, "eth_src": REMOTE, "eth_dst": mac, "sender_mac": REMOTE}
    reply |= {"sender_ip": target, "target_ip": sender, "vlans": (110,)}
    said = {f"{uplink}-tx": ask, f"{back}-rx": reply}

    def added(each: Heard) -> Heard:
        start, words = each.capture.ready_at or 0, said.get(each.capture.point.name, {})
        at = start + 5 * SECOND + (MILLISECOND if words is reply else 0)
        more = [
            each.frames[0]._replace(**words, at=at + n * SECOND) for n in range(5 * bool(words))
        ]
        frames = tuple(sorted((*each.frames, *more), key=lambda frame: frame.at))
        return replace(each, frames=frames, thinned=frozenset({(sender, target)}))

    return tuple(map(added, heard))


def test_a_member_on_which_another_vm_is_answered_is_not_dead_though_not_all_copies_were_kept() -> (
    None
):
    case, heard = load("bundle-member-dead-for-all-its-targets")
    before = judge(case, heard)
    (dead, *_) = before.exchanges[0].left_on
    (mate, *_) = [each.device for each in case.host.uplinks if each.device != dead]
    asked = with_asks(case, heard, "10.20.110.61", dead)
    assert before.verdict.code == judge(case, asked).verdict.code == "UPLINK_PATH_LOSS"
    answered = with_asks(case, heard, "10.20.110.61", dead, mate)
    assert judge(case, answered).verdict.code != "UPLINK_PATH_LOSS"


def test_a_target_that_another_vm_asks_for_in_a_storm_is_not_one_that_only_this_vm_asks_for() -> (
    None
):
    case, heard = load("only-this-vm-asks")
    before = judge(case, heard)
    assert "only app01 asks for it" in before.verdict.headline
    (uplink, *_) = before.exchanges[0].left_on
    told = judge(case, with_asks(case, heard, before.target or "", uplink)).verdict
    assert told.code == "TARGET_DOWN"
    assert "only app01 asks for it" not in told.headline
