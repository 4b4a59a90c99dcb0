"""case.json ↔ Case: what is tolerated, what is refused, and with which sentence."""

import json
import re

import pytest

from tests.arp.cases import bent, document, dumped
from workers.arp.case.reading import read_case
from workers.arp.case.shape import CaseError
from workers.arp.case.times import read_utc, utc
from workers.arp.case.writing import write_case
from workers.arp.model import (
    CapturePoint,
    Case,
    ClockGap,
    Direction,
    HostEvent,
    PointKind,
    Role,
    Vlan,
)

T0 = 1_767_225_600_000_000_000


def refused(data: bytes) -> str:
    with pytest.raises(CaseError) as caught:
        read_case(data)
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


def test_every_fact_arrives() -> None:
    case = read_case(dumped(document()))
    (nic,) = case.vm.nics
    first, second = case.host.uplinks
    (local,) = case.host.local_vms
    heard, failed = case.captures
    assert (case.id, case.made_at, case.vm.name, case.vm.moid) == (
        "k3f9",
        T0 + 40 * 10**9,
        "app01",
        "vm-101",
    )
    assert (nic.mac, nic.ipv4, nic.vlan) == (
        "00:50:56:9a:21:01",
        ("10.20.110.21/24",),
        Vlan("pvlan", 111, 110),
    )
    assert (first.role, first.link_up, first.lag) == (Role.STANDBY, True, "lag1")
    assert first.neighbour is not None
    assert (first.neighbour.switch, first.neighbour.port, first.neighbour.vlan) == (
        "sw-b",
        "Ethernet1/10",
        1,
    )
    assert (second.link_up, second.lag, second.neighbour) == (None, None, None)
    assert (local.mac, local.ipv4, local.vlan) == ("00:50:56:9a:22:02", ("10.20.110.22",), 110)
    assert case.stimulus.end == T0 + 28 * 10**9
    assert case.events == (HostEvent(T0 + 12 * 10**9, "link_down"),)
    assert heard.point == CapturePoint("vmnic1-tx", "vmnic1", PointKind.UPLINK, Direction.TX)
    assert (heard.ready_at, heard.stopped_at, heard.dropped) == (T0, T0 + 30 * 10**9, 0)
    assert (failed.file, failed.ready_at, failed.dropped, failed.failure) == (
        None,
        None,
        None,
        "no such port",
    )


def test_writing_and_reading_give_the_same_case_and_the_same_bytes() -> None:
    case = read_case(dumped(document()))
    assert read_case(write_case(case)) == case
    assert write_case(read_case(write_case(case))) == write_case(case)


def test_what_is_written_holds_what_the_format_says() -> None:
    written = json.loads(write_case(read_case(dumped(document()))))

    def holds(part: object, whole: object) -> bool:
        if isinstance(part, dict) and isinstance(whole, dict):
            return all(key in whole and holds(part[key], whole[key]) for key in part)
        if isinstance(part, list) and isinstance(whole, list):
            return len(part) == len(whole) and all(map(holds, part, whole))
        return part == whole or str(part).replace("Z", ".000000Z") == whole

    assert holds(document(), written)


MINIMAL = {"schema": "arpcheck-case/1", "vm": {"nics": []}, "host": {}}


def test_what_is_unknown_may_be_missing() -> None:
    case = read_case(dumped(MINIMAL))
    assert (case.made_at, case.vm.nics, case.captures, case.events) == (None, (), (), ())
    assert not case.stimulus.confirmed


@pytest.mark.parametrize("place", ["", "vm", "vm.nics.0", "host.uplinks.0", "points.0", "stimulus"])
def test_unknown_keys_are_passed_over(place: str) -> None:
    path = f"{place}.of_tomorrow".lstrip(".")
    assert read_case(bent(path, {"deep": [1, {"x": None}]})) == read_case(dumped(document()))


def test_a_point_may_be_known_by_its_name_alone() -> None:
    data = bent("points", [{"point": "vmnic3-rx"}, {"point": "vnic1"}])
    points = [capture.point for capture in read_case(data).captures]
    assert points == [
        CapturePoint("vmnic3-rx", "vmnic3", PointKind.UPLINK, Direction.RX),
        CapturePoint("vnic1", "vnic1", PointKind.VNIC, Direction.BOTH),
    ]


def test_a_points_own_name_is_kept() -> None:
    one = {"point": "Uplink (1)", "object": "vmnic1", "kind": "uplink", "direction": "tx"}
    (capture,) = read_case(bent("points", [one])).captures
    assert (capture.point.name, capture.point.object) == ("Uplink (1)", "vmnic1")


def test_an_unknown_vlan_is_not_taken_for_none() -> None:
    case = read_case(bent("vm.nics.0.vlan", None))
    assert case.vm.nics[0].vlan.mode == "unknown"
    assert read_case(write_case(case)) == case


@pytest.mark.parametrize(
    "mac", ["00:50:56:9A:21:01", "00-50-56-9a-21-01", "0050.569a.2101", "0050569A2101"]
)
def test_macs_of_every_notation_become_one(mac: str) -> None:
    assert read_case(bent("vm.nics.0.mac", mac)).vm.nics[0].mac == "00:50:56:9a:21:01"


def test_text_that_could_forge_a_line_is_defused() -> None:
    case = read_case(bent("vm.name", "app\n\x1b[31m\u202eevil\ud800"))
    assert case.vm.name == "app\ufffd\ufffd[31m\ufffdevil\ufffd"


WRONG = [
    ("points.1.ready_at", "x", "points[1].ready_at should be a time such as"),
    ("points.1.ready_at", "2026-01-01T00:00:00", "should be a time"),
    ("points.1.ready_at", "2026-02-30T00:00:00Z", "should be a time"),
    ("points.1.ready_at", 17, "points[1].ready_at should be a time"),
    ("points.0.direction", "up", "points[0].direction should be one of tx, rx, both, not 'up'"),
    ("points.0.kind", 3, "points[0].kind should be one of uplink, vnic, not 3"),
    ("points.0.point", ..., "points[0].point is missing"),
    ("points.0.point", "a/b", None),
    ("points.1.point", "vmnic1-tx", "points[1].point is 'vmnic1-tx' a second time"),
    ("points.0.dropped", -1, "points[0].dropped should be a number from 0, not -1"),
    ("points.0.dropped", True, "points[0].dropped"),
    ("points.0.file", ["x"], "points[0].file should be a text"),
    ("points", {}, "points should be a list, not an object"),
    ("points.0", "vmnic0", "points[0] should be an object"),
    ("vm", ..., "vm is missing"),
    ("vm.nics.0.mac", "00:50", "vm.nics[0].mac should be a MAC"),
    ("vm.nics.0.mac", ..., "vm.nics[0].mac is missing"),
    ("vm.nics.0.ipv4", ["10.0.0.256/24"], "vm.nics[0].ipv4[0] should be an IPv4 address"),
    ("vm.nics.0.ipv4", ["10.0.0.1/33"], "vm.nics[0].ipv4[0] should be an IPv4 address"),
    ("vm.nics.0.gateway", "10.20.110.1/24", "vm.nics[0].gateway should be an IPv4 address"),
    ("vm.nics.0.connected", "yes", "vm.nics[0].connected should be true, false or null"),
    ("vm.nics.0.vlan.id", 4096, "vm.nics[0].vlan.id should be a number from 0 to 4095"),
    ("vm.nics.0.vlan.mode", "qinq", "vm.nics[0].vlan.mode should be one of none, access"),
    ("vm.nics.0.vlan.ranges", [[5, 1]], "vm.nics[0].vlan.ranges[0] should be two VLAN ids"),
    ("host.local_macs", [None], "host.local_macs[0] should be a MAC"),
    ("host.uplinks.0.device", "", "host.uplinks[0].device should be a text"),
    ("host.uplinks.0.role", [], "host.uplinks[0].role should be one of"),
    ("stimulus.targets", ["gw"], "stimulus.targets[0] should be an IPv4 address"),
    ("events.0.at", None, "events[0].at should be a time"),
    ("vm.name", "x" * 5_000, "vm.name should be a text of at most"),
    ("schema", "arpcheck-case/2", "use a newer arpcheck"),
    ("schema", "arpcheck-case/0", "no arpcheck ever wrote that"),
    ("schema", "arpcheck-report/1", "schema should be 'arpcheck-case/1'"),
    ("schema", ..., "schema is missing"),
]


@pytest.mark.parametrize(("path", "value", "sentence"), WRONG)
def test_what_is_wrong_is_named(path: str, value: object, sentence: str | None) -> None:
    data = bent(path, value)
    if sentence is None:
        assert isinstance(read_case(data), Case)
    else:
        assert sentence in refused(data)


DOCUMENTS = {
    "empty": (b"", "not JSON"),
    "text": (b"hello", "not JSON"),
    "a list": (b"[]", "the document should be an object"),
    "binary": (b"\xff\xfe\x00", "not UTF-8"),
    "too deep": (b"[" * 100_000, "nested too deeply"),
    "an endless number": (b"1" * 10_000, "a number that is too long"),
    "too large": (b" " * (17 << 20), "larger than 16 MiB"),
}


@pytest.mark.parametrize(("data", "sentence"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_documents_that_are_no_case(data: bytes, sentence: str) -> None:
    assert sentence in refused(data)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-01-01T00:00:00Z", T0),
        ("2026-01-01T00:00:00.000001Z", T0 + 1_000),
        ("2026-01-01T00:00:00.123456789Z", T0 + 123_456_789),
        ("2026-01-01T01:30:00+01:30", T0),
        ("2025-12-31T23:00:00-0100", T0),
        ("2025-12-31T23:59:60Z", T0),
        ("1970-01-01T00:00:00Z", 0),
    ],
)
def test_times_are_exact(text: str, at: int) -> None:
    assert read_utc(text) == at


@pytest.mark.parametrize(
    "text",
    ["", "2026-01-01", "2026-13-01T00:00:00Z", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59-00:01"],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"ISO 8601|outside|month|must be"):
        read_utc(text)


def test_times_outside_the_calendar_are_brought_back() -> None:
    assert utc(10**40) == "9999-12-31T23:59:59.999999Z"
    assert utc(-1) == "1970-01-01T00:00:00.000000Z"
    assert utc(T0 + 1_999) == "2026-01-01T00:00:00.000001Z"


def far_end(**changed: object) -> dict[str, object]:
    whole = document()
    kept = {key: whole[key] for key in ("vm", "host", "events", "points")}
    return kept | {"clock": {"ahead_us": -1_500, "uncertainty_us": 800}, "failure": None} | changed


def test_the_far_end_goes_round() -> None:
    case = read_case(bent("far_end", far_end()))
    assert case.far_end is not None
    assert case.far_end.clock == ClockGap(-1_500_000, 800_000)
    assert (case.far_end.vm, case.far_end.captures) == (case.vm, case.captures)
    assert read_case(write_case(case)) == case


def test_a_far_end_that_failed_needs_no_clock() -> None:
    case = read_case(bent("far_end", far_end(clock=None, points=[], failure="It refused.")))
    assert case.far_end is not None
    assert (case.far_end.clock, case.far_end.failure) == (None, "It refused.")
    assert read_case(write_case(case)) == case


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"vm": None}, "far_end.vm"),
        ({"points": [{"point": "vnic0-rx"}, {"point": "vnic0-rx"}]}, "far_end.points[1].point"),
        ({"clock": {"ahead_us": "soon", "uncertainty_us": 1}}, "far_end.clock.ahead_us"),
        ({"clock": {"ahead_us": 10**30, "uncertainty_us": 1}}, "far_end.clock.ahead_us"),
        ({"clock": {"ahead_us": 1, "uncertainty_us": -1}}, "far_end.clock.uncertainty_us"),
    ],
)
def test_what_is_wrong_with_the_far_end_is_named(wrong: dict[str, object], told: str) -> None:
    with pytest.raises(CaseError, match=re.escape(told)):
        read_case(bent("far_end", far_end(**wrong)))
