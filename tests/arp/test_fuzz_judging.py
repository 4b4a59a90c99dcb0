"""Whatever a case and its captures hold, it can be judged, told and packed without an exception."""

import io
import json
import random
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import golden
from tests.arp.captures import arp, ethernet, pcap_header, record
from tests.arp.cases import dumped
from tests.arp.corpus import NAMES, load
from tests.arp.judged import captures, case
from tests.arp.test_fuzz import JSON, mutated, places
from tests.lab.slack import ALICE, INCIDENT, NET_ONCALL
from workers.arp.bundle import bundle_name, make_bundle
from workers.arp.case.reading import read_case
from workers.arp.case.shape import CaseError
from workers.arp.case.writing import write_case
from workers.arp.decode import ArpReader
from workers.arp.model import ArpFrame, Case, Heard, Job, Judgement, Thread
from workers.arp.picture import alt_text
from workers.arp.report import as_json, as_text
from workers.arp.summary import handoff_message, root_verdict, verdict_message
from workers.arp.verdict import judge
from workers.arp.verdict.settling import settled

SEEDS = range(12)
LONGEST_ALT = 1_000
WHOLE: dict[str, Any] = json.loads(write_case(case()))
MACS = ["00:50:56:9a:21:01", "00:00:5e:00:01:6e", "00:50:56:9a:22:02", "ff:ff:ff:ff:ff:ff"]
IPS = ["10.20.110.21", "10.20.110.1", "10.20.110.22", "0.0.0.0", "255.255.255.255"]


def hear(told: Case, pcaps: dict[str, bytes]) -> tuple[Heard, ...]:
    heard = []
    for capture in told.captures:
        reader = ArpReader(capture.point)
        reader.feed(pcaps.get(capture.file or "", b""))
        reader.finish()
        heard.append(reader.heard(capture))
    return tuple(heard)


def tell(told: Case, pcaps: dict[str, bytes]) -> None:
    heard = hear(told, pcaps)
    judgement = judge(told, heard)
    assert judge(told, tuple(reversed(heard))).verdict.owner == judgement.verdict.owner
    settled(judgement)
    assert json.loads(json.dumps(as_json(judgement)))["schema"] == "arpcheck-report/1"
    assert as_text(judgement).endswith("\n")
    shown(judgement)
    bundle = make_bundle(judgement, pcaps, {})
    assert bundle_name(judgement).isascii()
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        assert read_case(archive.read("case.json")).vm == told.vm


def shown(judgement: Judgement) -> None:
    """Slack would take what it is sent, nobody is called, and the picture has its words."""
    job = Job("arp-k3f9", "app01", ALICE, Thread(INCIDENT, "1.1"), 0)
    for message in (
        verdict_message(judgement, job, network_channel=NET_ONCALL),
        handoff_message(judgement, job),
        root_verdict(judgement, job),
    ):
        assert golden.refused(message) == []
        assert golden.called(message) <= {ALICE}
    assert 0 < len(alt_text(judgement)) <= LONGEST_ALT


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(places(WHOLE)), JSON | st.just(...))
def test_any_case_that_can_be_read_can_be_judged(way: tuple[Any, ...], value: object) -> None:
    whole: Any = json.loads(json.dumps(WHOLE))
    at = whole
    for key in way[:-1]:
        at = at[key]
    if value is ...:
        del at[way[-1]]
    else:
        at[way[-1]] = value
    try:
        told = read_case(dumped(whole))
    except CaseError:
        return
    tell(told, captures())


@pytest.mark.parametrize("seed", SEEDS)
def test_any_captures_can_be_judged(seed: int) -> None:
    dice = random.Random(seed)
    pcaps = {path: mutated(data, dice) for path, data in captures().items()}
    tell(case(), pcaps)
    tell(case(), {path: chatter(dice) for path in captures()})


def chatter(dice: random.Random) -> bytes:
    """Well-formed frames of a few talkers in any combination, not in the order of time."""
    return pcap_header() + b"".join(
        record(frame(dice), dice.randrange(10**6), second=1_767_225_600 + dice.randrange(-5, 40))
        for _ in range(60)
    )


def frame(dice: random.Random) -> bytes:
    op = dice.choice([1, 1, 2, 3])

    def pick(values: Sequence[str]) -> str:
        return dice.choice(values)

    message = arp(op, (pick(MACS), pick(IPS)), (pick(MACS), pick(IPS)))
    vlans = [(0x8100, dice.choice([110, 120]))] * dice.randrange(3)
    ethertype = 0x8035 if op > 2 else 0x0806
    return ethernet(message, src=pick(MACS), dst=pick(MACS), vlans=vlans, ethertype=ethertype)


@pytest.mark.parametrize("seed", range(40))
def test_any_frames_in_any_known_case_can_be_judged(seed: int) -> None:
    dice = random.Random(seed)
    told, heard = load(dice.choice(NAMES))
    judgement = judge(told, tuple(bent(each, dice) for each in heard))
    settled(judgement)
    assert json.loads(json.dumps(as_json(judgement)))["schema"] == "arpcheck-report/1"
    assert as_text(judgement).endswith("\n")
    shown(judgement)


def bent(heard: Heard, dice: random.Random) -> Heard:
    """The capture with some frames changed, doubled, lost or out of order, and another window."""
    frames = []
    for each in heard.frames:
        frames += [changed(each, dice)] * dice.choice([0, 1, 1, 1, 1, 1, 2])
    if not dice.randrange(4):
        dice.shuffle(frames)
    capture = heard.capture
    if not dice.randrange(4):
        capture = replace(
            capture,
            ready_at=dice.choice([None, capture.ready_at, 0, 10**18]),
            stopped_at=dice.choice([None, capture.stopped_at, 0, 10**19]),
            dropped=dice.choice([None, 0, 3]),
            failure=dice.choice([None, "exited with 1"]),
        )
    damage = dice.choice([None, None, None, "The file ends inside a packet."])
    return replace(heard, capture=capture, frames=tuple(frames), damage=damage)


def changed(frame: ArpFrame, dice: random.Random) -> ArpFrame:
    if dice.randrange(5):
        return frame
    some: dict[str, Any] = {
        "at": frame.at + dice.choice([-(10**9), -1, 0, 1500, 10**6, 3 * 10**9]),
        "op": dice.choice([0, 1, 2, 3, 4, 65535]),
        "vlans": dice.choice([(), (0,), (110,), (4095,), (200, 110), (1, 2, 3)]),
        "eth_src": dice.choice(MACS),
        "eth_dst": dice.choice(MACS),
        "sender_mac": dice.choice(MACS),
        "sender_ip": dice.choice(IPS),
        "target_ip": dice.choice(IPS),
    }
    return frame._replace(**{key: some[key] for key in dice.sample(sorted(some), 2)})
