"""Both ends' captures → how far the request got: never a blame that one end does not carry."""

import csv
import io
import json
import subprocess
import zipfile
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from tests.arp.both_ends import AHEAD, FAR, NEAR, TARGET, Both, captured, with_far, world
from tests.arp.degrade import merged, swapped, without_point
from tests.arp.ways import Way, sampled, ways_of
from workers.arp.bundle import make_bundle
from workers.arp.case.reading import read_case
from workers.arp.case.writing import write_case
from workers.arp.model import SECOND, Case, ClockGap, Heard, HostEvent, Judgement, Owner, Vlan
from workers.arp.picture.ends import Shape, ends_of
from workers.arp.picture.story import story_of
from workers.arp.report import as_json, as_text
from workers.arp.two_ends import judge_both
from workers.arp.verdict import judge

# Every single kind of damage and then one in so many; one in so many of the combined ones.
SINGLE, COMBINED = 4, 40
HARMLESS = {Owner.INCONCLUSIVE, Owner.NONE}

FAULTS: dict[str, dict[str, dict[str, object]]] = {
    "healthy": {},
    "apart": {"hosts_apart": {"a": NEAR, "b": FAR}},
    "far VLAN missing": {"vlan_not_carried": {"uplink": "vmnic0", "host": FAR, "vlan": 110}},
    "far port dead": {"port_dead": {"uplink": "vmnic0", "host": FAR}},
    "far vSwitch drops requests": {"vswitch_drop_rx": {"vm": "db03"}},
    "far guest mute": {"guest_not_answering": {"vm": "db03"}},
    "far vSwitch drops replies": {"vswitch_drop_tx": {"vm": "db03"}},
    "replies lost": {"reply_lost": {"vm": "app01"}},
    "near vSwitch drops requests": {"vswitch_drop_tx": {"vm": "app01"}},
    "near vSwitch drops replies": {"vswitch_drop_rx": {"vm": "app01", "broadcast": False}},
    "near VLAN missing": {"vlan_not_carried": {"uplink": "vmnic1", "host": NEAR, "vlan": 110}},
    "VLAN dead": {"vlan_dead": {"vlan": 110}},
    "near sends nothing": {"one_way_tx": {"uplink": "vmnic1", "host": NEAR}},
    "near hears nothing": {"one_way_rx": {"uplink": "vmnic1", "host": NEAR}},
    "far sends nothing": {"one_way_tx": {"uplink": "vmnic0", "host": FAR}},
    "port security": {"reply_lost": {"vm": "app01", "reflected": False}},
    "no flooding": {"no_flooding": {}},
}
ONLY_DB03 = {"replies lost", "near vSwitch drops replies", "port security"}
"""Where the gateway fails as well and would be the verdict, the VM asks for the far VM alone."""

EXPECTED = {
    "healthy": ("ARP_OK", "none"),
    "apart": ("UPLINK_PATH_LOSS", "network"),
    "far VLAN missing": ("UPLINK_VLAN_NOT_CARRIED", "network"),
    "far port dead": ("UPLINK_PATH_LOSS", "network"),
    "far vSwitch drops requests": ("VSWITCH_DROP_RX", "virtualization"),
    "far guest mute": ("TARGET_DOWN", "target"),
    "far vSwitch drops replies": ("VSWITCH_DROP_TX", "virtualization"),
    "replies lost": ("REPLY_LOST_VM_SPECIFIC", "network"),
    "near vSwitch drops requests": ("VSWITCH_DROP_TX", "virtualization"),
    "near vSwitch drops replies": ("VSWITCH_DROP_RX", "virtualization"),
    "far sends nothing": ("REPLY_LOST_VM_SPECIFIC", "network"),
}


def heard(name: str) -> Both:
    lab = world()
    if name in ONLY_DB03:
        del lab.vm("app01").asks[0]
    lab.faults.update({fault: dict(arguments) for fault, arguments in FAULTS[name].items()})
    return captured(lab)


def judged(both: Both) -> Judgement:
    return judge_both(both.case, both.heard, both.far_heard)


def allowed(both: Both) -> set[Owner]:
    """Whom less may blame: whom all of it blames, whom the near end alone blames, or nobody."""
    return {judged(both).verdict.owner, judge(both.case, both.heard).verdict.owner, *HARMLESS}


def seen(judgement: Judgement) -> dict[str, int]:
    assert judgement.far is not None
    return {passage.stage: passage.seen for passage in judgement.far.passages}


@pytest.mark.parametrize("name", EXPECTED)
def test_the_place_where_it_ends_is_found(name: str) -> None:
    judgement = judged(heard(name))
    verdict = judgement.verdict
    assert (verdict.code, str(verdict.owner)) == EXPECTED[name], verdict
    assert judgement.far is not None
    text = as_text(judgement)
    assert judgement.far.sentence[:40] in text
    assert len(text.splitlines()) <= 40


@pytest.mark.parametrize("name", FAULTS)
def test_a_network_without_a_broken_vm_never_makes_the_far_end_guilty(name: str) -> None:
    owner = judged(heard(name)).verdict.owner
    faults = FAULTS[name]
    if not any(fault.startswith(("vswitch", "guest")) for fault in faults):
        assert owner in {Owner.NETWORK, *HARMLESS}


def test_the_near_end_alone_cannot_place_a_fault_between_the_hosts() -> None:
    both = heard("apart")
    near = judge(both.case, both.heard).verdict
    assert near.owner is not Owner.NETWORK
    verdict = judged(both).verdict
    assert verdict.owner is Owner.NETWORK
    assert "vmnic1 to esx08.example.com" in str(verdict.subject)
    assert "sw-a Ethernet1/7" in verdict.next_step
    assert "sw-b Ethernet1/8" in verdict.next_step
    assert any(near.code in reason for reason in verdict.reasons)


TRUE_SILENCE = {
    ("far guest mute", "far empty vnic0-rx"),
    ("far sends nothing", "far empty vmnic0-tx"),
    ("far vSwitch drops requests", "far empty vmnic0-rx"),
    ("near sends nothing", "near empty vmnic1-tx"),
    ("replies lost", "far empty vmnic0-tx"),
}
"""Files empty on top of a fault: frame for frame another fault's capture, as in test_metamorphic.py."""


def tried(case: Case, captured: tuple[Heard, ...], name: str) -> list[Way]:
    """The ways that this fault's captures are made worse in, at one end."""
    ways = list(ways_of(case, captured))
    single = [way for way in ways if not way.combined]
    combined = [way for way in ways if way.combined]
    return [
        *sampled(single, lambda way: (name, way.kind), SINGLE),
        *sampled(combined, lambda _: name, COMBINED),
    ]


@pytest.mark.parametrize("name", FAULTS)
def test_a_worse_capture_at_either_end_blames_nobody_new(name: str) -> None:
    both = heard(name)
    far = both.case.far_end
    assert far is not None
    alone = Case("far", None, far.vm, far.host, captures=far.captures)
    owners = allowed(both)
    wrong = []
    for way in tried(alone, both.far_heard, name):
        _, less = way.change(alone, both.far_heard)
        after = judged(with_far(both, less)).verdict
        if after.owner not in owners and (name, f"far {way.name}") not in TRUE_SILENCE:
            wrong.append(f"far {way.name}: {after.code} ({after.owner})")
    for way in tried(both.case, both.heard, name):
        after = judge_both(*way.change(both.case, both.heard), both.far_heard).verdict
        if after.owner not in owners and (name, f"near {way.name}") not in TRUE_SILENCE:
            wrong.append(f"near {way.name}: {after.code} ({after.owner})")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("far VLAN missing", "vmnic0-rx", "vmnic1-rx"),
        ("far vSwitch drops requests", "vmnic0-rx", "vmnic1-tx"),
        ("far vSwitch drops replies", "vmnic0-tx", "vnic0-tx"),
    ],
)
def test_two_far_files_exchanged_blame_nobody_new(name: str, one: str, other: str) -> None:
    both = heard(name)
    assert both.case.far_end is not None
    _, less = swapped(both.case, both.far_heard, (one, other))
    after = judged(with_far(both, less)).verdict
    assert after.owner in allowed(both), after


@pytest.mark.parametrize("name", FAULTS)
def test_files_exchanged_between_the_hosts_blame_nobody_new(name: str) -> None:
    both = heard(name)
    owners = allowed(both)
    wrong = []
    for near, far in product(both.heard, both.far_heard):
        heards = exchanged(both.heard, near, far), exchanged(both.far_heard, far, near)
        after = judge_both(both.case, *heards).verdict
        names = near.capture.point.name, far.capture.point.name
        if after.owner not in owners and (name, *names) not in UNTOLD:
            wrong.append(f"{names}: {after.code} ({after.owner})")
    assert not wrong, "\n".join(wrong)


UNTOLD = {
    ("near hears nothing", "vmnic1-rx", "vmnic0-tx"),
    ("no flooding", "vnic0-rx", "vmnic1-tx"),
}
"""All replies in place of no frame at all, and no other file has a frame to compare their times with; a
quiet VLAN, and no frame at all in place of all replies."""


def exchanged(files: tuple[Heard, ...], mine: Heard, other: Heard) -> tuple[Heard, ...]:
    """The same captures with the other host's frames in one of them."""
    point = mine.capture.point
    theirs = (f._replace(point=point, direction=point.direction) for f in other.frames)
    wrong = replace(mine, frames=tuple(theirs))
    return tuple(wrong if each is mine else each for each in files)


def test_what_a_merged_sibling_shows_may_have_come_back() -> None:
    both = heard("replies lost")
    whole = merged(both.case, both.heard, "vmnic0", "vmnic1")
    assert judge(*whole).verdict.owner is not Owner.TARGET
    judgement = judge(*without_point(*merged(both.case, both.heard, "vmnic0"), "vmnic1-tx"))
    assert judgement.verdict.owner is Owner.INCONCLUSIVE
    told = {each.point: each.why_blind or "" for each in judgement.points}
    assert "nobody heard what vmnic1 sent" in told["vmnic0"]


@pytest.mark.parametrize("name", ["apart", "far guest mute", "replies lost", "far port dead"])
def test_without_a_needed_far_point_the_near_verdict_stands(name: str) -> None:
    both = heard(name)
    near = judge(both.case, both.heard).verdict
    points = {"apart": "vmnic0-rx", "far guest mute": "vnic0-tx", "far port dead": "vmnic0-rx"}
    point = points.get(name, "vmnic0-tx")
    less = tuple(each for each in both.far_heard if each.capture.point.name != point)
    assert judged(with_far(both, less)).verdict.owner in {near.owner, *HARMLESS}


@pytest.mark.parametrize("off", [-3 * SECOND, 3 * SECOND, 700_000_000])
def test_a_clock_that_was_measured_wrongly_blames_nobody(off: int) -> None:
    for name in ("healthy", "far guest mute", "replies lost"):
        both = heard(name)
        wrong = with_far(both, both.far_heard, clock=ClockGap(AHEAD + off, 4_000_000))
        near = judge(both.case, both.heard).verdict
        after = judged(wrong).verdict
        assert after.owner in {near.owner, judged(both).verdict.owner, *HARMLESS}


def test_without_a_comparison_of_the_clocks_nothing_is_concluded() -> None:
    both = heard("apart")
    judgement = judged(with_far(both, both.far_heard, clock=None))
    assert judgement.verdict == judge(both.case, both.heard).verdict
    assert judgement.far is not None
    assert "heard out on both hosts" in judgement.far.sentence


def test_a_far_vm_that_moved_leaves_the_near_verdict() -> None:
    both = heard("apart")
    moved = (HostEvent(both.case.made_at or 0, "vmotion_out"),)
    judgement = judged(with_far(both, both.far_heard, events=moved))
    assert judgement.verdict == judge(both.case, both.heard).verdict


def test_port_groups_in_different_vlans_are_no_fault_of_the_network() -> None:
    both = heard("apart")
    far = both.case.far_end
    assert far is not None
    nic = replace(far.vm.nics[0], vlan=Vlan("access", 120))
    other = with_far(both, both.far_heard, vm=replace(far.vm, nics=(nic,)))
    assert judged(other).verdict == judge(both.case, both.heard).verdict


def test_a_far_end_that_was_not_captured_is_told() -> None:
    both = heard("apart")
    judgement = judged(with_far(both, (), failure="esx08.example.com refused the login."))
    assert judgement.verdict == judge(both.case, both.heard).verdict
    assert judgement.far is not None
    assert "refused the login" in judgement.far.sentence
    report = as_json(judgement)["far_end"]
    assert (report["failure"], report["points"]) == ("esx08.example.com refused the login.", [])


def test_the_way_counts_every_request() -> None:
    judgement = judged(heard("healthy"))
    counts = set(seen(judgement).values())
    assert len(counts) == 1
    assert counts.pop() >= 10
    assert judgement.target in {TARGET, "10.20.110.1"}


def test_the_bundle_of_both_ends_gives_the_same_report() -> None:
    both = heard("apart")
    judgement = judged(both)
    case = read_case(write_case(judgement.case))
    assert case == judgement.case
    assert as_json(judge_both(case, both.heard, both.far_heard)) == as_json(judgement)
    bundle = make_bundle(judgement, both.pcaps, {})
    assert bundle == make_bundle(judgement, both.pcaps, {})


def test_a_program_that_knows_no_far_end_judges_the_near_one() -> None:
    both = heard("apart")
    document = json.loads(write_case(both.case))
    del document["far_end"]
    near = judge_both(read_case(json.dumps(document).encode()), both.heard)
    assert near.verdict == judge(both.case, both.heard).verdict
    assert near.far is None


@pytest.mark.parametrize(
    "name", ["far guest mute", "far vSwitch drops requests", "far vSwitch drops replies"]
)
def test_the_picture_marks_no_end_on_the_near_host_for_a_fault_on_the_far_one(name: str) -> None:
    judgement = judged(heard(name))
    ends = ends_of(story_of(judgement))
    assert ends
    assert Shape.STOP not in {end.shape for end in ends}
    assert "NEXT MOVE HERE" not in {end.words for end in ends}


@pytest.mark.needs_tshark
def test_wireshark_opens_the_merged_file_of_both_ends(tmp_path: Path) -> None:
    both = heard("healthy")
    bundle = make_bundle(judged(both), both.pcaps, {})
    with zipfile.ZipFile(io.BytesIO(bundle)) as files:
        (tmp_path / "vm.pcapng").write_bytes(files.read("vm.pcapng"))
        rows = list(csv.DictReader(io.StringIO(files.read("timeline.csv").decode())))
    fields = ("frame.interface_name", "frame.time_epoch", "frame.comment")
    command = ["tshark", "-r", str(tmp_path / "vm.pcapng"), "-T", "fields"]
    command += [word for field in fields for word in ("-e", field)]
    told = subprocess.run(command, check=True, capture_output=True, text=True)
    shown = [line.split("\t") for line in told.stdout.splitlines()]
    assert "warn" not in told.stderr.lower()
    assert [name for name, _, _ in shown] == [row["point"] for row in rows]
    assert {"far:vmnic0-rx", "far:vnic0-tx", "vmnic1-tx"} <= {name for name, _, _ in shown}
    times = [float(at) for _, at, _ in shown]
    assert times == sorted(times)
    arrived = [comment for name, _, comment in shown if name == "far:vnic0-rx"]
    assert any("request 1 of" in comment and "far end" in comment for comment in arrived)
