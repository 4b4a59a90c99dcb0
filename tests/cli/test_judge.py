"""arpcheck judge: a folder or a zip in, a report or one line out, whoever made it."""

import json
import os
import shlex
import stat
import struct
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.arp import judged
from tests.arp.captures import (
    pcap,
    pcap_header,
)
from tests.arp.cases import bent, document, dumped
from tests.cli.calls import (
    COMMAND,
    NO_DIGESTS,
    REQUEST,
    files,
    folder,
    refusal,
    report,
    run,
    zipped,
)
from workers.arp.bundle import bundle_name, make_bundle
from workers.arp.decode import ArpReader
from workers.arp.report import as_json, as_text
from workers.arp.verdict import judge


def test_a_folder_and_its_zip_give_the_same_report(tmp_path: Path) -> None:
    case = folder(tmp_path / "case", files())
    bundle = zipped(tmp_path / "case.zip", files())
    nested = zipped(tmp_path / "nested.zip", {f"k3f9/{n}": d for n, d in files().items()})
    told = run("judge", case)
    assert told.returncode == 0
    assert told.stdout.decode().startswith("ARPCHECK  case k3f9, app01")
    assert {run("judge", way).stdout for way in (bundle, nested, case / "case.json")} == {
        told.stdout
    }
    assert report("judge", bundle)["vmnic1-tx"]["vm_requests"] == 3


def test_a_bundle_gives_the_report_it_was_made_from(tmp_path: Path) -> None:
    heard = []
    for capture in judged.case().captures:
        reader = ArpReader(capture.point)
        reader.feed(judged.captures()[capture.file or ""])
        reader.finish()
        heard.append(reader.heard(capture))
    judgement = judge(judged.case(), heard)
    bundle = tmp_path / bundle_name(judgement)
    bundle.write_bytes(make_bundle(judgement, judged.captures(), {"nicstats.txt": b"x"}))
    assert json.loads(run("judge", bundle, "--json").stdout) == as_json(judgement)
    assert run("judge", bundle).stdout.decode() == as_text(judgement)


def bundled(path: Path, **changed: bytes | None) -> Path:
    """A bundle as it was made, but for these files; None = left out."""
    judgement = judge(judged.case(), [])
    path.write_bytes(make_bundle(judgement, judged.captures(), {"nicstats.txt": b"x"}))
    with zipfile.ZipFile(path) as made:
        content = {name: made.read(name) for name in made.namelist()}
    content |= {name: data for name, data in changed.items() if data is not None}
    return zipped(path, {n: d for n, d in content.items() if changed.get(n, d) is not None})


def test_a_bundle_that_was_not_changed_is_said_to_be_so(tmp_path: Path) -> None:
    bundle = bundled(tmp_path / "x.zip")
    said = run("judge", bundle)
    assert said.stderr.decode() == "arpcheck: Each listed file fits SHA256SUMS.\n"
    assert run("judge", bundle, "--json").stderr == b""
    with zipfile.ZipFile(bundle) as made:
        made.extractall(tmp_path / "unpacked")
    assert run("judge", tmp_path / "unpacked").stderr == said.stderr
    (tmp_path / "unpacked" / "pcap" / "vmnic1-tx.pcap").write_bytes(b"")
    assert b"was changed" in run("judge", tmp_path / "unpacked").stderr


def test_a_changed_bundle_is_judged_and_marked(tmp_path: Path) -> None:
    changes = {"pcap/vmnic1-tx.pcap": b"", "nicstats.txt": None}
    bundle = bundled(tmp_path / "x.zip", **changes)
    sentence = (
        "The evidence was changed after it was made: 'nicstats.txt' is missing, "
        "'pcap/vmnic1-tx.pcap' was changed (SHA256SUMS)."
    )
    text, data = run("judge", bundle), run("judge", bundle, "--json")
    assert (text.returncode, data.returncode) == (0, 0)
    assert text.stderr.decode() == data.stderr.decode() == f"arpcheck: {sentence}\n"
    first = text.stdout.decode().split("\nARPCHECK ")[0]
    assert " ".join(first.split()) == (
        "EVIDENCE changed since it was made: 'nicstats.txt' is missing, "
        "'pcap/vmnic1-tx.pcap' was changed"
    )
    assert sentence in " ".join(text.stdout.decode().split())
    assert text.stdout.count(b"\n") <= 40
    report = json.loads(data.stdout)
    assert report["side_findings"][0] == {"code": "EVIDENCE_CHANGED", "text": sentence}
    assert report["verdict"]["not_proven"][0] == f"That this is what was captured. {sentence}"


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_bundle_without_digests_is_told_and_a_folder_is_not(
    tmp_path: Path, form: tuple[str, ...]
) -> None:
    said = run("judge", bundled(tmp_path / "x.zip", SHA256SUMS=None), *form)
    assert said.returncode == 0
    assert said.stderr == NO_DIGESTS
    assert run("judge", folder(tmp_path / "case", files()), *form).stderr == b""


def test_a_file_beside_the_evidence_needs_no_digest(tmp_path: Path) -> None:
    said = run("judge", bundled(tmp_path / "x.zip", **{"remarks.txt": b"mine"}))
    assert said.stderr.decode() == "arpcheck: Each listed file fits SHA256SUMS.\n"


def test_a_capture_that_no_digest_covers_is_told(tmp_path: Path) -> None:
    case = files(SHA256SUMS=b"no digest at all\n")
    said = run("judge", zipped(tmp_path / "x.zip", case)).stderr
    assert b"'case.json' is not listed, 'pcap/vmnic1-tx.pcap' is not listed" in said


def test_a_missing_capture_file_blinds_its_point(tmp_path: Path) -> None:
    without = {"case.json": dumped(document())}
    for case in (folder(tmp_path / "case", without), zipped(tmp_path / "case.zip", without)):
        point = report("judge", case)["vmnic1-tx"]
        assert not point["heard"]
        assert "missing" in str(point["why_blind"])


@pytest.mark.parametrize(
    ("data", "requests"),
    [
        (b"", 0),
        (b"no capture at all", 0),
        (pcap_header(link=105), 0),
        (pcap([REQUEST] * 3)[:-5], 2),
    ],
    ids=["empty", "text", "802.11", "cut"],
)
def test_a_broken_capture_file_gives_what_can_be_read(
    tmp_path: Path, data: bytes, requests: int
) -> None:
    case = folder(tmp_path, files(**{"pcap/vmnic1-tx.pcap": data}))
    point = report("judge", case)["vmnic1-tx"]
    assert point["vm_requests"] == requests
    assert requests or not point["heard"]


REFUSED_CASES = {
    "a later format": (files(**{"case.json": bent("schema", "arpcheck-case/2")}), "newer arpcheck"),
    "no JSON": (files(**{"case.json": b"{"}), "not JSON"),
    "a wrong time": (files(**{"case.json": bent("made_at", "x")}), "made_at should be a time"),
    "no case.json": ({"pcap/vmnic1-tx.pcap": b""}, "no case.json"),
    "a file above": (files(**{"case.json": bent("points.0.file", "../../x")}), "outside itself"),
    "an absolute file": (files(**{"case.json": bent("points.0.file", "/etc/passwd")}), "outside"),
    "a file of Windows": (files(**{"case.json": bent("points.0.file", "C:\\x")}), "outside"),
}


@pytest.mark.parametrize(("content", "said"), REFUSED_CASES.values(), ids=REFUSED_CASES)
def test_cases_that_are_refused(tmp_path: Path, content: dict[str, bytes], said: str) -> None:
    assert said in refusal("judge", folder(tmp_path / "case", content))
    assert said in refusal("judge", zipped(tmp_path / "case.zip", content))


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    case = folder(tmp_path / "case", files())
    (tmp_path / "secret").write_bytes(pcap([REQUEST]))
    (case / "pcap/vmnic1-tx.pcap").unlink()
    (case / "pcap/vmnic1-tx.pcap").symlink_to(tmp_path / "secret")
    assert "leads out of the case" in refusal("judge", case)


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil", "a\\evil", "C:evil", "a\nb"])
def test_a_zip_with_a_name_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    assert "outside itself" in refusal("judge", zipped(tmp_path / "x.zip", files(**{name: b""})))
    assert sorted(path.name for path in tmp_path.parent.rglob("*evil*")) == []


def test_a_zip_that_holds_a_name_twice_is_refused(tmp_path: Path) -> None:
    bundle = zipped(tmp_path / "x.zip", files() | {"case.jsoN": b"{}"})
    bundle.write_bytes(bundle.read_bytes().replace(b"case.jsoN", b"case.json"))
    assert "'case.json' twice" in refusal("judge", bundle)


def test_a_zip_with_a_symbolic_link_is_refused(tmp_path: Path) -> None:
    bundle = zipped(tmp_path / "x.zip", files())
    link = zipfile.ZipInfo("pcap/link.pcap")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(bundle, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    assert "symbolic link" in refusal("judge", bundle)


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    bundle = zipped(tmp_path / "x.zip", files(), method=zipfile.ZIP_STORED)
    data = bytearray(bundle.read_bytes())
    at = data.find(b"PK\x01\x02")
    data[at + 8] |= 1
    bundle.write_bytes(data)
    assert "encrypted" in refusal("judge", bundle)


def test_a_zip_packed_in_an_odd_way_is_refused(tmp_path: Path) -> None:
    bundle = zipped(tmp_path / "x.zip", files(), method=zipfile.ZIP_BZIP2)
    assert "not supported" in refusal("judge", bundle)


def test_zip_bombs_are_refused_before_they_go_off(tmp_path: Path) -> None:
    one = zipped(tmp_path / "one.zip", files(**{"pcap/big.pcap": bytes(40 << 20)}))
    assert "from next to nothing" in refusal("judge", one)
    many = {f"pcap/{n}.pcap": b"" for n in range(2_100)}
    assert "more than 2000 files" in refusal("judge", zipped(tmp_path / "many.zip", files(**many)))
    lying = zipped(tmp_path / "lying.zip", files())
    data = bytearray(lying.read_bytes())
    directory = data.find(b"PK\x01\x02")
    while directory >= 0:
        data[directory + 20 : directory + 28] = struct.pack("<II", 600 << 20, 600 << 20)
        directory = data.find(b"PK\x01\x02", directory + 4)
    lying.write_bytes(data)
    assert "unpacks to more than 1024 MiB" in refusal("judge", lying)


def test_a_million_files_are_refused_also_where_the_zip_counts_five(tmp_path: Path) -> None:
    entry = b"PK\x01\x02" + struct.pack("<6H3I5H2I", 20, 20, 0, 0, 0, 33, 0, 0, 0, 1, *(0,) * 6)
    directory = (entry + b"x") * 1_000_000
    end = b"PK\x05\x06" + struct.pack("<4H2IH", 0, 0, 5, 5, len(directory), 0, 0)
    (tmp_path / "x.zip").write_bytes(directory + end)
    assert "more than 2000 files" in refusal("judge", tmp_path / "x.zip")


def test_zip64_tricks_are_refused(tmp_path: Path) -> None:
    bundle = zipped(tmp_path / "x.zip", files())
    data = bundle.read_bytes()
    end = data.rfind(b"PK\x05\x06")
    record64 = b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, 1, 1, 1 << 40, 0)
    locator = b"PK\x06\x07" + struct.pack("<IQI", 0, end, 1)
    bundle.write_bytes(data[:end] + record64 + locator + data[end:])
    assert "more than 2000 files" in refusal("judge", bundle)


@pytest.mark.parametrize("cut", [10, 200, 400, -30, -1])
def test_broken_zips_are_refused(tmp_path: Path, cut: int) -> None:
    bundle = zipped(tmp_path / "x.zip", files())
    bundle.write_bytes(bundle.read_bytes()[:cut])
    assert "broken zip" in (said := refusal("judge", bundle)) or "a zip that breaks off" in said


def test_a_zip_with_broken_content_is_refused(tmp_path: Path) -> None:
    bundle = zipped(tmp_path / "x.zip", files(), method=zipfile.ZIP_STORED)
    data = bytearray(bundle.read_bytes())
    data[data.find(b"arpcheck-case/1") + 3] ^= 1
    bundle.write_bytes(data)
    assert "broken zip" in refusal("judge", bundle)


def test_a_zip_with_a_garbled_name_is_refused(tmp_path: Path) -> None:
    bundle = zipped(tmp_path / "x.zip", files(abcd=b"x"))
    data = bytearray(bundle.read_bytes())
    entry = data.rfind(b"PK\x01\x02")
    data[entry + 9] |= 0x08  # the name is said to be UTF-8
    data[data.rfind(b"abcd")] = 0xFF
    bundle.write_bytes(data)
    assert "broken zip" in refusal("judge", bundle)


def test_what_is_no_case_is_refused(tmp_path: Path) -> None:
    assert "No such file" in refusal("judge", tmp_path / "nowhere")
    (tmp_path / "text").write_text("hello")
    assert "neither a case's folder nor a zip" in refusal("judge", tmp_path / "text")
    assert "no case.json" in refusal("judge", tmp_path)
    (tmp_path / "x.pcap").touch()
    assert "x.pcap is empty, and no zip; arpcheck read" in refusal("judge", tmp_path / "x.pcap")


def test_a_folder_of_bundles_and_cases_is_told_what_to_judge(tmp_path: Path) -> None:
    bundle = zipped(tmp_path / "my bundle.zip", files())
    told = refusal("judge", tmp_path)
    assert told.endswith(f"judge this one (arpcheck judge '{bundle}').")
    folder(tmp_path / "case", files())
    told = refusal("judge", tmp_path)
    assert f"one of its 2 bundles and cases (arpcheck judge {tmp_path / 'case'})" in told


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_case_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    bundle = zipped(tmp_path / "x.zip", files())
    bundle.chmod(0)
    assert "may not be read by this user" in refusal("judge", bundle)


@pytest.mark.parametrize("form", [(), ("--json",)])
@pytest.mark.parametrize(
    ("redirection", "why"),
    [(">/dev/full", "No space left on device"), (">&-", "standard output is closed")],
)
def test_a_report_that_cannot_be_written_is_one_line(
    tmp_path: Path, form: tuple[str, ...], redirection: str, why: str
) -> None:
    case = folder(tmp_path / "case", files())
    command = shlex.join([*COMMAND, "judge", str(case), *form])
    done = subprocess.run(
        ["sh", "-c", f"{command} {redirection}"], capture_output=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.decode() == f"arpcheck: The report could not be written: {why}.\n"


def test_a_reader_that_has_gone_is_no_trouble(tmp_path: Path) -> None:
    case = folder(tmp_path / "case", files())
    with subprocess.Popen(
        [*COMMAND, "judge", str(case)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_a_refusal_that_nobody_can_read_is_still_bad_input() -> None:
    command = shlex.join([*COMMAND, "judge", "/nowhere"])
    for redirection in ("2>/dev/full", "2>&-"):
        assert subprocess.run(["sh", "-c", f"{command} {redirection}"], check=False).returncode == 2
