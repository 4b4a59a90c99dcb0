from __future__ import annotations

from dataclasses import replace
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.arp.captures import VM
from tests.arp.corpus import NAMES, load
from tests.arp.degrade import shifted
from workers.arp.exchange.sighting import REPLY
from workers.arp.model import BROADCAST, SECOND, ArpFrame, Case, Heard, Judgement, Owner
from workers.arp.verdict import CODES, judge

names = st.sampled_from(NAMES)
# Behind a port-channel a broadcast comes in on one uplink only.
BUNDLED = {
    "C20",
    "bundle-member-suspended",
    "lacp-bundle",
    "lacp-bundle-target-down",
    "port-channel-without-hash",
}
few = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def said(judgement: Judgement) -> tuple[object, ...]:
    verdict = judgement.verdict
    return verdict.code, verdict.subject, verdict.owner, verdict.confidence


@few
@given(names)
def test_the_same_frames_get_the_same_judgement(name: str) -> None:
    case, heard = load(name)
    assert judge(case, heard) == judge(case, heard)


@few
@given(names, st.randoms(use_true_random=False))
def test_the_order_of_files_and_of_simultaneous_frames_is_no_evidence(
    name: str, random: Random
) -> None:
    case, heard = load(name)
    mixed = list(heard)
    random.shuffle(mixed)
    for index, each in enumerate(mixed):
        frames = list(each.frames)
        random.shuffle(frames)
        mixed[index] = replace(each, frames=tuple(sorted(frames, key=lambda frame: frame.at)))
    assert said(judge(case, mixed)) == said(judge(case, heard))


def test_a_stream_dated_outside_its_own_window_proves_no_silence() -> None:
    for name, owner in (("C13", Owner.TARGET), ("C15", Owner.INCONCLUSIVE), ("C16", Owner.NETWORK)):
        case, heard = load(name)
        for off in (-7200, 30, 3600):
            astray = [
                replace(each, frames=tuple(f._replace(at=f.at + off * SECOND) for f in each.frames))
                for each in heard
            ]
            together = judge(case, astray)
            assert together.verdict.owner in {owner, Owner.INCONCLUSIVE, Owner.NONE}
            for index in range(len(heard)):
                mixed = [*heard[:index], astray[index], *heard[index + 1 :]]
                judged = judge(case, mixed).verdict
                assert judged.owner in {owner, Owner.INCONCLUSIVE, Owner.NONE}, (name, off, index)


@few
@given(names, st.integers(0, 200))
def test_names_of_machines_are_no_evidence(name: str, shift: int) -> None:
    case, heard = load(name)
    renamed = _renamed(case, heard, shift)
    before, after = judge(case, heard).verdict, judge(*renamed).verdict
    assert (after.code, after.owner, after.confidence) == (
        before.code,
        before.owner,
        before.confidence,
    )


@few
@given(names, st.integers(2, 60), st.integers(0, 20))
def test_traffic_of_an_unrelated_vlan_changes_nothing(name: str, count: int, start: int) -> None:
    case, heard = load(name)
    if any(nic.vlan.mode != "access" for nic in case.vm.nics):
        return
    uplinks = ("vmnic0-rx",) if name in BUNDLED else ("vmnic0-rx", "vmnic1-rx")
    coming_in = [each.frames for each in heard if each.capture.point.name in uplinks]
    if not any(frame.vlans for frames in coming_in for frame in frames):
        return  # without any tag there the new one would tell that the others were stripped
    if not all(coming_in):
        return  # an empty file is doubted for being empty
    noisy = tuple(
        _with_noise(each, count, start) if each.capture.point.name in uplinks else each
        for each in heard
    )
    before, after = judge(case, heard).verdict, judge(case, noisy).verdict
    assert after.owner in {before.owner, Owner.INCONCLUSIVE, Owner.NETWORK}
    if before.code != "UPLINK_PATH_LOSS":  # hearing another VLAN turns "all" into "this VLAN"
        assert (after.code, after.owner) == (before.code, before.owner)


@few
@given(names, st.integers(-(10**17), 10**17))
def test_the_hour_is_no_evidence(name: str, by: int) -> None:
    case, heard = load(name)
    assert said(judge(*shifted(case, heard, by))) == said(judge(case, heard))


def test_every_owner_that_is_blamed_is_at_least_medium() -> None:
    for name in NAMES:
        verdict = judge(*load(name)).verdict
        if verdict.owner not in {Owner.NONE, Owner.INCONCLUSIVE}:
            assert verdict.confidence != "low", name


def test_every_verdict_tells_numbers_and_a_next_step() -> None:
    for name in NAMES:
        judgement = judge(*load(name))
        for verdict in (judgement.verdict, *(each[2] for each in judgement.further)):
            assert verdict.code in CODES
            assert verdict.headline.endswith(".")
            assert verdict.next_step
            assert not any("all lost" in sentence for sentence in verdict.reasons)


def test_handed_to_an_uplink_is_never_called_left_the_wire() -> None:
    verdict = judge(*load("C08")).verdict
    assert "24 ARP requests of app01" in verdict.reasons[0]
    assert "were handed to vmnic1 (sw-a Ethernet1/10 per LLDP)" in verdict.reasons[0]
    assert any(
        "carried 3 answered requests of VLAN 120" in sentence for sentence in verdict.not_proven
    )
    alone = judge(*load("uplink-dead")).verdict
    assert "That the frames left vmnic1: NIC, optic or cable stay open." in alone.not_proven
    assert any("6 of 6 replies" in sentence for sentence in verdict.reasons)


def test_a_refused_verdict_is_kept_with_the_deaf_points() -> None:
    judgement = judge(*load("C17"))
    assert [each.code for each in judgement.refusals] == ["VSWITCH_DROP_TX"]
    assert "vmnic1-tx: it was not captured" in judgement.refusals[0].why


def test_sent_and_judged_are_both_told_where_they_differ() -> None:
    judgement = judge(*load("C18"))
    assert "3 sent, 2 early enough to judge, 0 of 2 answered" in judgement.verdict.headline
    assert (
        "2 of 3 can be judged (1 came less than 2 s before the end)" in judgement.verdict.reasons[0]
    )
    (at_port,) = (each for each in judgement.points if each.point == "vnic0-tx")
    assert at_port.vm_requests == len(judgement.exchanges) == 3


def _renamed(case: Case, heard: tuple[Heard, ...], shift: int) -> tuple[Case, tuple[Heard, ...]]:
    def ip(address: str) -> str:
        first, rest = address.split(".", 1)
        return address if address == "0.0.0.0" else f"{(int(first) + shift) % 200 + 1}.{rest}"

    def mac(address: str) -> str:
        if address in {BROADCAST, "00:00:00:00:00:00"} or address.startswith("00:00"):
            return address
        return f"{address[:9]}{(int(address[9:11], 16) + shift) % 256:02x}{address[11:]}"

    def frame(each: ArpFrame) -> ArpFrame:
        return each._replace(
            eth_src=mac(each.eth_src),
            eth_dst=mac(each.eth_dst),
            sender_mac=mac(each.sender_mac),
            target_mac=mac(each.target_mac),
            sender_ip=ip(each.sender_ip),
            target_ip=ip(each.target_ip),
        )

    nics = tuple(
        replace(
            nic,
            mac=mac(nic.mac),
            ipv4=tuple(ip(each) for each in nic.ipv4),
            gateway=ip(nic.gateway) if nic.gateway else None,
        )
        for nic in case.vm.nics
    )
    local = tuple(
        replace(vm, mac=mac(vm.mac), ipv4=tuple(ip(each) for each in vm.ipv4), name=f"x{vm.name}")
        for vm in case.host.local_vms
    )
    stimulus = replace(case.stimulus, targets=tuple(ip(each) for each in case.stimulus.targets))
    host = replace(case.host, local_vms=local, local_macs=tuple(map(mac, case.host.local_macs)))
    told = replace(case, vm=replace(case.vm, nics=nics, name="y"), host=host, stimulus=stimulus)
    return told, tuple(
        replace(each, frames=tuple(frame(one) for one in each.frames)) for each in heard
    )


def _with_noise(heard: Heard, count: int, start: int) -> Heard:
    """Broadcasts of VLAN 3999, which came in."""
    point = heard.capture.point
    ready = heard.capture.ready_at
    if ready is None:
        return heard
    noise = tuple(
        ArpFrame(
            point,
            10_000 + index,
            ready + start * SECOND + index * 300_000_000,
            1,
            (3999,),
            "02:00:00:00:00:99",
            BROADCAST,
            "02:00:00:00:00:99",
            "172.31.0.9",
            "00:00:00:00:00:00",
            f"172.31.0.{index + 10}",
        )
        for index in range(count)
    )
    noise = tuple(each for each in noise if each.at <= (heard.capture.stopped_at or 0))
    return replace(heard, frames=heard.frames + noise)


def test_what_is_heard_before_the_teaming_filter_is_delivered_only_over_the_vms_own_uplink() -> (
    None
):
    """PortOutput shows replies that the filter then drops; VnicRx shows what the guest gets."""
    case, heard = load("C20")
    assert judge(case, heard).verdict.code == "TEAMING_MISMATCH"
    back = [each for each in heard if each.capture.point.name in {"vmnic0-rx", "vmnic1-rx"}]
    replies = [f for each in back for f in each.frames if f.op == REPLY and f.eth_dst == VM]
    for command, code in (
        ("pktcap-uw --switchport 7 --capture VnicRx -o -", "GUEST_IGNORES_REPLY"),
        ("pktcap-uw --switchport 7 --capture PortOutput -o -", "TEAMING_MISMATCH"),
        ("pktcap-uw --switchport 7 --dir 1 -o -", "TEAMING_MISMATCH"),
    ):
        shown = [_with_replies(each, replies, command) for each in heard]
        assert judge(case, shown).verdict.code == code, command


def _with_replies(heard: Heard, replies: list[ArpFrame], command: str) -> Heard:
    """The VM's own port as that command would have heard it."""
    if heard.capture.point.name != "vnic0-rx":
        return heard
    point = heard.capture.point
    seen = [frame._replace(point=point, at=frame.at + 20_000, vlans=()) for frame in replies]
    frames = tuple(sorted((*heard.frames, *seen), key=lambda frame: frame.at))
    return replace(heard, capture=replace(heard.capture, command=command), frames=frames)
