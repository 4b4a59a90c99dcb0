"""Runs arpcheck in a process of its own, and the cases it is given."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

from tests.arp.captures import (
    GATEWAY,
    VM,
    arp,
    ethernet,
    pcap,
)
from tests.arp.cases import document, dumped

COMMAND = [sys.executable, "-m", "workers.cli"]
REQUEST = ethernet(arp())
REPLY = ethernet(arp(2, (GATEWAY, "10.20.110.1"), (VM, "10.20.110.21")), src=GATEWAY, dst=VM)


def run(*arguments: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], input=stdin, capture_output=True, check=False, timeout=60
    )


NO_DIGESTS = (
    b"arpcheck: The bundle has no SHA256SUMS: nothing says whether its files are as they were "
    b"made.\n"
)


def report(*arguments: str | Path, stdin: bytes = b"") -> dict[str, dict[str, object]]:
    """The points of a run's report by name."""
    done = run(*arguments, "--json", stdin=stdin)
    assert done.returncode == 0
    assert done.stderr in {b"", NO_DIGESTS}
    whole = json.loads(done.stdout)
    assert whole["schema"] == "arpcheck-report/1"
    return {point["point"]: point for point in whole["points"]}


def refusal(*arguments: str | Path, stdin: bytes = b"") -> str:
    """The one line of a run that was refused."""
    done = run(*arguments, stdin=stdin)
    lines = done.stderr.decode().splitlines()
    assert (done.returncode, done.stdout, len(lines)) == (2, b"", 1)
    assert lines[0].startswith("arpcheck")
    return lines[0]


def files(**extra: bytes) -> dict[str, bytes]:
    return {
        "case.json": dumped(document()),
        "pcap/vmnic1-tx.pcap": pcap([REQUEST] * 3),
        "report.json": b"{}",
    } | extra


def folder(path: Path, content: dict[str, bytes]) -> Path:
    for name, data in content.items():
        target = path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return path


def zipped(path: Path, content: dict[str, bytes], *, method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return path
