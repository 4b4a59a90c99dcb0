"""A judgement and its captures → the evidence zip: complete, the same every time, safe to open."""

import csv
import hashlib
import io
import json
import os
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from tests.arp import judged
from workers.arp.bundle import bundle_name, make_bundle
from workers.arp.case.reading import read_case
from workers.arp.decode import ArpReader
from workers.arp.model import CapturePoint, ClockGap, Direction, Judgement, Vm

EXTRA = {"nicstats_before.txt": b"before", "nicstats_after.txt": b"after"}


def unzipped(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def made(judgement: Judgement | None = None, **extra: bytes) -> dict[str, bytes]:
    return unzipped(make_bundle(judgement or judged.judgement(), judged.captures(), EXTRA | extra))


def rows(content: dict[str, bytes], name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content[name].decode())))


def test_everything_is_in_it() -> None:
    assert set(made()) == {
        "README.txt",
        "SHA256SUMS",
        "case.json",
        "controls.csv",
        "counts.csv",
        "host.json",
        "manifest.json",
        "neighbors.json",
        "next_commands/eos.txt",
        "next_commands/esxi.txt",
        "next_commands/iosxe.txt",
        "next_commands/junos.txt",
        "next_commands/nxos.txt",
        "nicstats_after.txt",
        "nicstats_before.txt",
        "report.json",
        "report.txt",
        "requests.csv",
        "timeline.csv",
        "vm.pcapng",
        *judged.captures(),
    }


def test_what_was_said_of_the_check_is_kept() -> None:
    notes = ["It could not be proven that no capture is left on esx07.", "two\nlines \x1b[1m"]
    content = unzipped(make_bundle(judged.judgement(), judged.captures(), {}, notes))
    assert content["notes.txt"].decode().splitlines() == [
        "- It could not be proven that no capture is left on esx07.",
        "- two lines [1m",
    ]
    assert "notes.txt" in content["SHA256SUMS"].decode()


def test_the_captures_are_untouched_and_the_case_is_whole() -> None:
    content = made()
    for path, data in judged.captures().items():
        assert content[path] == data
    assert read_case(content["case.json"]) == judged.case()


def test_the_same_judgement_gives_the_same_bytes_in_another_process() -> None:
    once = make_bundle(judged.judgement(), judged.captures(), EXTRA)
    backwards = dict(reversed(judged.captures().items()))
    assert make_bundle(judged.judgement(), backwards, EXTRA) == once
    script = (
        "import hashlib; from tests.arp import judged; from tests.arp.test_bundle import EXTRA;"
        "from workers.arp.bundle import make_bundle;"
        "print(hashlib.sha256(make_bundle(judged.judgement(), judged.captures(), EXTRA)).hexdigest())"
    )
    for seed in ("1", "2"):
        told = subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            check=True,
            env=os.environ | {"PYTHONHASHSEED": seed, "TZ": "Asia/Tokyo"},
        )
        assert told.stdout.decode().strip() == hashlib.sha256(once).hexdigest()


def test_the_sums_cover_everything_else() -> None:
    content = made()
    lines = [line.split("  ") for line in content["SHA256SUMS"].decode().splitlines()]
    sums = {name: digest for digest, name in lines}
    assert sums == {
        name: hashlib.sha256(data).hexdigest()
        for name, data in content.items()
        if name != "SHA256SUMS"
    }
    listed = {entry["name"] for entry in json.loads(content["manifest.json"])["files"]}
    assert listed == set(content) - {"SHA256SUMS", "manifest.json"}


def test_the_manifest_tells_commands_windows_and_ends() -> None:
    whole = json.loads(made()["manifest.json"])
    (first, *_) = whole["captures"]
    assert (whole["schema"], whole["created"]) == (
        "arpcheck-manifest/1",
        "2026-01-01T00:00:40.000000Z",
    )
    assert first["command"] == "pktcap-uw vnic0-tx"
    assert (first["first_ready"], first["stopped"]) == (
        "2026-01-01T00:00:00.000000Z",
        "2026-01-01T00:00:30.000000Z",
    )
    assert (first["exit"], first["dropped"]) == ("ended in order", 0)


def test_the_manifest_tells_the_hosts_clock_where_it_is_known() -> None:
    unknown = json.loads(made()["manifest.json"])["clock"]
    assert (unknown["offset_ms"], unknown["uncertainty_ms"]) == (None, None)
    case = replace(judged.case(), clock=ClockGap.between(-1_250_400_000, -1_249_600_300))
    content = made(judged.judgement(case=case))
    told = json.loads(content["manifest.json"])["clock"]
    assert (told["offset_ms"], told["uncertainty_ms"]) == (-1250.001, 0.401)
    assert read_case(content["case.json"]).clock == case.clock


def test_requests_csv() -> None:
    table = rows(made(), "requests.csv")
    assert len(table) == judged.ASKED
    assert table[0] == {
        "number": "1",
        "utc": "2026-01-01T00:00:01.000000Z",
        "epoch": "1767225601.000000",
        "target": "10.20.110.1",
        "vnic_tx": "yes",
        "tx_uplink": "vmnic1",
        "reflected_on": "vmnic0",
        "reply_uplink": "",
        "vnic_rx": "no",
        "latency_ms": "",
        "eligible": "yes",
        "why_not": "",
        "file": "pcap/vnic0-tx.pcap",
        "frame_no": "1",
    }


def test_timeline_and_counts() -> None:
    content = made()
    table = rows(content, "timeline.csv")
    assert [row["utc"] for row in table] == sorted(row["utc"] for row in table)
    roles = {row["point"]: row["role"] for row in table if row["frame_no"] == "3" and row["role"]}
    assert roles == {
        "vnic0-tx": "request 3 of 6: left on vmnic1, no reply on any uplink",
        "vmnic1-tx": "request 3 of 6: handed to vmnic1, no reply on any uplink",
        "vmnic0-rx": "request 3 of 6: its reflection came in on vmnic0",
    }
    counted = {tuple(row.values()) for row in rows(content, "counts.csv")}
    assert ("vmnic1", "110", "tx", "request", "vm", "6") in counted
    assert ("vmnic0", "110", "tx", "reply", "other", "3") in counted
    assert rows(content, "controls.csv") == [
        {
            "requester": "10.20.110.22",
            "target": "10.20.110.1",
            "uplink": "vmnic0",
            "vlan": "110",
            "asked": "3",
            "answered": "3",
        }
    ]


def test_our_own_reader_takes_the_merged_file_with_its_directions() -> None:
    reader = ArpReader(CapturePoint.named("vmnic0"))
    reader.feed(made()["vm.pcapng"])
    reader.finish()
    assert (len(reader.frames), reader.damage) == (24, None)
    assert {frame.direction for frame in reader.frames} == {Direction.TX, Direction.RX}
    assert [frame.at for frame in reader.frames] == sorted(frame.at for frame in reader.frames)


@pytest.mark.needs_tshark
def test_wireshark_opens_the_merged_file_without_a_warning(tmp_path: Path) -> None:
    content = made()
    path = tmp_path / "vm.pcapng"
    path.write_bytes(content["vm.pcapng"])
    fields = [
        "frame.number",
        "frame.interface_name",
        "frame.packet_flags_direction",
        "frame.comment",
    ]
    told = subprocess.run(
        ["tshark", "-r", str(path), "-T", "fields", *(x for f in fields for x in ("-e", f))],
        capture_output=True,
        check=True,
        env=os.environ | {"HOME": str(tmp_path)},
    )
    said = [line for line in told.stderr.decode().splitlines() if "Running as user" not in line]
    assert said == []
    lines = [line.split("\t") for line in told.stdout.decode().splitlines()]
    table = rows(content, "timeline.csv")
    assert [(line[0], line[1]) for line in lines] == [
        (row["number"], row["point"]) for row in table
    ]
    for line, row in zip(lines, table, strict=True):
        assert line[3].startswith(row["role"])
        assert bool(line[3]) == bool(row["role"])
        assert int(line[2], 0) == (1 if row["dir"] == "rx" else 2)


EVIL_NAMES = {
    "../../etc/passwd": "etc/passwd",
    "/etc/shadow": "etc/shadow",
    "C:\\x\\..\\boot.ini": "C/x/boot.ini",
    "..": "unnamed",
    "case.json": "case_2.json",
    "CASE.JSON": "CASE_3.JSON",
    "a\nb": "a_b",
    ".hidden": "hidden",
}


def test_names_lead_nowhere_and_take_nobodys_place() -> None:
    judgement = judged.judgement()
    content = unzipped(
        make_bundle(judgement, judged.captures(), dict.fromkeys(EVIL_NAMES, b"extra"))
    )
    added = {name for name, data in content.items() if data == b"extra"}
    assert added == {*EVIL_NAMES.values()} - {"case_2.json", "CASE_3.JSON"} | {
        "CASE_2.JSON",
        "case_3.json",
    }
    assert read_case(content["case.json"]) == judgement.case


def test_a_capture_point_of_any_name_gets_a_file_of_plain_characters() -> None:
    case = judged.case()
    point = replace(case.captures[0].point, name="../Uplink (1)")
    captures = (replace(case.captures[0], point=point, file="../x"), *case.captures[1:])
    judgement = judged.judgement(case=replace(case, captures=captures))
    pcaps = judged.captures() | {"../x": judged.captures()["pcap/vnic0-tx.pcap"]}
    content = unzipped(make_bundle(judgement, pcaps, {}))
    (first, *_) = read_case(content["case.json"]).captures
    assert (first.point.name, first.file) == ("../Uplink (1)", "pcap/Uplink_1.pcap")
    assert content["pcap/Uplink_1.pcap"] == pcaps["../x"]


def test_a_capture_without_bytes_has_no_file() -> None:
    content = unzipped(make_bundle(judged.judgement(), {}, {}))
    assert {capture.file for capture in read_case(content["case.json"]).captures} == {None}


def test_cells_are_no_formulas() -> None:
    controls = (replace(judged.judgement().controls[0], requester="=cmd|'/c calc'!A0"),)
    table = rows(made(judged.judgement(controls=controls)), "controls.csv")
    assert table[0]["requester"] == "'=cmd|'/c calc'!A0"


def test_the_bundles_name_is_a_plain_file_name() -> None:
    assert bundle_name(judged.judgement()) == "arpcheck_app01_20260101T000040Z_k3f9.zip"
    case = replace(judged.case(), vm=Vm("../größe & co/" + "x" * 300), made_at=None)
    name = bundle_name(judged.judgement(case=case))
    assert name.isascii()
    assert "/" not in name
    assert len(name) < 150
    assert name.endswith("_undated_k3f9.zip")


def test_the_read_me_lists_the_folders_that_are_there() -> None:
    assert "host/ " not in made()["README.txt"].decode()
    files = {"host/before/nics.txt": b"x", "rarp/vmnic0.pcap": b"x"}
    text = unzipped(make_bundle(judged.judgement(), {}, files))["README.txt"].decode()
    assert "\nhost/   " in text
    assert "\nrarp/   " in text


def test_the_read_me_is_one_page_that_says_what_is_not_proven() -> None:
    text = made()["README.txt"].decode()
    assert "UPLINK_PATH_LOSS (vmnic1/rx)" in text
    assert "- That the target heard them." in text
    assert len(text.splitlines()) <= 60
    assert max(map(len, text.splitlines())) <= 90
