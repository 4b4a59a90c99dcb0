"""What every sub-command has in common: help, refusals, broken pipes, interrupts."""

import io
import os
import signal
import subprocess
from importlib.metadata import version
from pathlib import Path

from tests.arp.captures import (
    VM,
    pcap_header,
    record,
)
from tests.arp.cases import bent
from tests.cli.calls import COMMAND, REQUEST, files, folder, run

GOOD = ["--vm-mac", VM]


def test_help_names_every_command() -> None:
    done = run("--help")
    assert done.returncode == 0
    assert {b"judge", b"read"} <= set(done.stdout.split())


def test_the_version_is_the_installed_one() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout.decode()) == (0, f"arpcheck {version('arpcheck')}\n")


def test_a_reader_that_went_away_is_no_trouble(tmp_path: Path) -> None:
    case = folder(tmp_path, files())
    gone, ours = os.pipe()
    os.close(gone)
    with os.fdopen(ours, "wb") as stdout:
        done = subprocess.run(
            [*COMMAND, "judge", str(case)], stdout=stdout, stderr=subprocess.PIPE, check=False
        )
    assert (done.returncode, done.stderr) == (0, b"")


def test_an_interrupt_ends_quietly() -> None:
    with subprocess.Popen(
        [*COMMAND, "read", "vmnic0=-", *GOOD], stdin=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin
        assert process.stderr
        # More than a pipe holds: once this is written, the command is reading.
        process.stdin.write(pcap_header() + record(REQUEST) * 4_000)
        process.stdin.flush()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 130
        assert process.stderr.read() == b""


def test_text_that_the_terminal_cannot_show_is_escaped(tmp_path: Path) -> None:
    case = folder(tmp_path, files(**{"case.json": bent("vm.name", "app–ü")}))
    done = subprocess.run(
        [*COMMAND, "judge", str(case)],
        capture_output=True,
        check=True,
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
    )
    assert b"app\\u2013\\xfc" in done.stdout
    assert io.BytesIO(done.stdout).readline().isascii()
