"""arpcheck read: captures taken by hand, files and pipes."""

import json
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import pytest

from tests.arp.captures import (
    START,
    VM,
    arp,
    ethernet,
    pcap,
    pcap_header,
    record,
)
from tests.arp.corpus import CASES
from tests.cli.calls import REPLY, REQUEST, refusal, report
from workers.cli import main


def test_two_files_taken_by_hand(tmp_path: Path) -> None:
    (tmp_path / "vmnic0.cap").write_bytes(pcap([REPLY]))
    (tmp_path / "vmnic1.cap").write_bytes(pcap([REQUEST, REQUEST]))
    points = report("read", tmp_path / "vmnic0.cap", tmp_path / "vmnic1.cap", "--vm-mac", VM)
    assert list(points) == ["vmnic0", "vmnic1"]
    assert points["vmnic1"]["vm_requests"] == 2


def test_a_file_may_be_named_and_may_be_a_pipe(tmp_path: Path) -> None:
    capture = tmp_path / "any=thing.pcapng"
    capture.write_bytes(pcap([REQUEST]))
    facts = ["--vm-mac", "00-50-56-9A-21-01", "--vm-ip", "10.20.110.21/24"]
    facts += ["--gateway", "10.20.110.1", "--vlan", "110"]
    points = report("read", f"vmnic1-tx={capture}", "vnic0-tx=-", *facts, stdin=pcap([REQUEST]))
    assert [points[name]["vm_requests"] for name in ("vmnic1-tx", "vnic0-tx")] == [1, 1]


def test_a_large_capture_streams_through_little_memory(tmp_path: Path) -> None:
    """200 MB through a pipe; the limit is in KiB of resident memory.

    Not by getrusage: its figure begins with the size of the process that started this one.
    """
    filler = b"".join(
        record(ethernet(b"\x45" + bytes(1_400), ethertype=0x0800), n) for n in range(700)
    )
    script = (
        "import re, sys; from pathlib import Path; from workers.cli import main;"
        "status = main(sys.argv[1:]);"
        "told = Path('/proc/self/status').read_text();"
        "sys.stderr.write(re.search(r'VmHWM:\\s+(\\d+)', told)[1]); sys.exit(status)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, "read", "vmnic1-tx=-", "--vm-mac", VM, "--json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin
        process.stdin.write(pcap_header())
        for _ in range(200):
            process.stdin.write(filler)
        process.stdin.write(record(REQUEST, 999_999, second=START + 30))
        out, err = process.communicate(timeout=100)
    assert process.returncode == 0
    assert json.loads(out)["points"][0]["vm_requests"] == 1
    assert int(err) < 150 << 10


def test_a_mistyped_mac_blames_no_guest(tmp_path: Path) -> None:
    """What the VM's own port shows is weighed against what was typed."""
    capture = tmp_path / "vnic0-tx.pcap"
    capture.write_bytes(pcap([REQUEST, REQUEST]))
    said = refusal("read", capture, "--vm-mac", "00:50:56:9a:21:99")
    assert f"no frame from 00:50:56:9a:21:99, but from {VM}" in said


def test_a_mistyped_vlan_stands_in_no_sentence(tmp_path: Path) -> None:
    """The tags that the host sends with are weighed against what was typed."""
    capture = tmp_path / "vmnic1-tx.pcap"
    capture.write_bytes(pcap([ethernet(arp(), vlans=[(0x8100, 110)])] * 2))
    for typed in ("120", "0"):
        said = refusal("read", capture, "--vm-mac", VM, "--vlan", typed)
        assert f"the VM's frames in VLAN 110, and in no other: --vlan {typed} is mistyped" in said
    assert report("read", capture, "--vm-mac", VM, "--vlan", "110")


def test_a_bundle_is_sent_to_judge(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.zip"
    bundle.touch()
    said = refusal("read", bundle, "--vm-mac", VM)
    assert said.endswith("names no capture point; arpcheck judge judges a bundle.")


GOOD = ["--vm-mac", VM]
REFUSED_CALLS = {
    "an unknown name": (["eth0=x.pcap", *GOOD], "names no capture point"),
    "a file of no name": (["capture.pcap", *GOOD], "names no capture point"),
    "no path": (["vmnic0=", *GOOD], "names no file"),
    "a missing file": (["vmnic0.cap", *GOOD], "No such file"),
    "a missing file without a name": (["x.pcap", *GOOD], "No such file or folder: x.pcap. It also"),
    "a folder": (["vmnic0=/", *GOOD], "/ is a folder, not a capture file."),
    "a folder without a name": (["/", *GOOD], "/ is a folder, not a capture file."),
    "a bad MAC": (["vmnic0=-", "--vm-mac", "x"], "is no MAC"),
    "a group's MAC": (["vmnic0=-", "--vm-mac", "ff:ff:ff:ff:ff:ff"], "group address"),
    "a bad address": (["vmnic0=-", *GOOD, "--vm-ip", "10.0.0.1/99"], "--vm-ip"),
    "a bad gateway": (["vmnic0=-", *GOOD, "--gateway", "gw"], "--gateway"),
    "a bad uplink": (["vmnic0=-", *GOOD, "--uplinks", "vmnic0,eth1"], "--uplinks"),
    "stdin without a name": (["-", *GOOD], "'-' names no capture point; write NAME=PATH"),
    "an uplink that is captured and not named": (
        ["vmnic0=-", *GOOD, "--uplinks", "vmnic1"],
        "--uplinks does not name vmnic0",
    ),
    "a bad VLAN": (["vmnic0=-", *GOOD, "--vlan", "4095"], "--vlan"),
    "a point twice": (["vmnic0=-", "vmnic0-tx=x", *GOOD], "twice"),
    "stdin twice": (["vmnic0=-", "vmnic1=-", *GOOD], "stdin"),
    "no capture": (["vmnic0=-", *GOOD], "stdin: the capture is empty"),
    "what never ends": (["vmnic0=/dev/zero", *GOOD], "/dev/zero: this is no capture"),
    "no MAC": (["vmnic0=-"], "--vm-mac"),
    "no file": (GOOD, "FILE"),
}


@pytest.mark.parametrize(("arguments", "said"), REFUSED_CALLS.values(), ids=REFUSED_CALLS)
def test_calls_that_are_refused(arguments: list[str], said: str) -> None:
    assert said in refusal("read", *arguments)


def test_command_lines_that_are_refused() -> None:
    assert "COMMAND" in refusal()
    assert "invalid choice" in refusal("jugde")
    told = "arpcheck judge: unrecognized arguments: --jsn (see arpcheck judge --help)"
    assert refusal("judge", "--jsn", "x") == told


POINTS = [f"{thing}-{way}" for thing in ("vnic0", "vmnic0", "vmnic1") for way in ("tx", "rx")]


@pytest.mark.parametrize("case", ["vlan-missing-on-uplink", "uplink-dead", "port-security"])
def test_no_choice_of_files_blames_another_than_who_it_is(
    case: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A hand cannot show what it did not capture: the VM's uplink may be another one."""
    facts = ["--vm-mac", VM, "--vm-ip", "10.20.110.21/24", "--gateway", "10.20.110.1", "--json"]
    files = [str(CASES / case / "pcap" / f"{name}.pcap") for name in POINTS]
    for count in range(1, len(files) + 1):
        for chosen in combinations(files, count):
            assert main(["read", *chosen, *facts]) == 0
            verdict = json.loads(capsys.readouterr().out)["verdict"]
            assert verdict["owner"] in {"network", "inconclusive", "none"}, (chosen, verdict)
            assert verdict["confidence"] != "high" or verdict["owner"] == "none", chosen


def test_named_uplinks_are_believed_and_the_uncaptured_one_is_deaf(
    capsys: pytest.CaptureFixture[str],
) -> None:
    facts = ["--vm-mac", VM, "--vm-ip", "10.20.110.21/24", "--gateway", "10.20.110.1", "--json"]
    files = [str(CASES / "vlan-missing-on-uplink" / "pcap" / f"{name}.pcap") for name in POINTS]
    for chosen, owner in ((files, "network"), (files[:4], "inconclusive")):
        assert main(["read", *chosen, *facts, "--uplinks", "vmnic0,vmnic1"]) == 0
        assert json.loads(capsys.readouterr().out)["verdict"]["owner"] == owner
