"""``arpcheck check`` against the lab: on a terminal, in a pipe, interrupted, refused."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import signal
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Self

import pytest

from tests.cli.calls import COMMAND
from tests.cli.lab_calls import arpcheck
from tests.lab.lab import Lab
from tests.lab.start import ROOT

SECONDS = ("--seconds", "14")


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with Lab(tmp_path / "lab") as lab:
        yield lab
        assert lab.vcenter.sessions == 0
        await lab.settled(lambda: not lab.captures_alive())


def worker_only(lab: Lab) -> dict[str, str]:
    """No Slack, no Redis."""
    return {
        name: value
        for name, value in lab.environment().items()
        if not name.startswith(("SLACK_", "ARPCHECK_", "REDIS_"))
    }


async def test_a_healthy_vm_in_a_pipe(lab: Lab, tmp_path: Path) -> None:
    done = await arpcheck(worker_only(lab), "check", "app01", *SECONDS, cwd=tmp_path)
    assert done.status == 0
    assert "VERDICT   ARP_OK" in done.out
    assert "\x1b" not in done.out + done.err
    *stages, note = done.err.splitlines()
    assert [line.split()[0] for line in stages] == ["runs", "capturing", "captured"]
    assert note.startswith("Stopped")


async def test_the_incident_as_json_with_its_bundle(lab: Lab, tmp_path: Path) -> None:
    lab.situation("blog")
    bundle = tmp_path / "new" / "folder"
    done = await arpcheck(
        worker_only(lab),
        "check",
        "app01",
        *SECONDS,
        "--json",
        "--bundle",
        str(bundle),
        cwd=tmp_path,
    )
    report = json.loads(done.out)
    assert report["verdict"]["code"] == "UPLINK_VLAN_NOT_CARRIED"
    (file,) = bundle.iterdir()
    assert done.err.splitlines()[-1] == f"Evidence: {file}"
    with zipfile.ZipFile(file) as opened:
        assert json.loads(opened.read("report.json"))["verdict"] == report["verdict"]
    judged = await arpcheck({}, "judge", str(file), "--json", cwd=tmp_path)
    assert json.loads(judged.out)["verdict"] == report["verdict"]


async def test_what_is_wrong_is_one_line(lab: Lab, tmp_path: Path) -> None:
    async def refusal(*arguments: str, **changes: str) -> str:
        done = await arpcheck(worker_only(lab) | changes, "check", *arguments, cwd=tmp_path)
        (line,) = done.err.splitlines()
        assert (done.status, done.out) == (2, "")
        assert line.startswith("arpcheck")
        return line

    told = await asyncio.gather(
        refusal("ap01"),
        refusal("app01", VCENTER_PASSWORD="wrong"),
        refusal("app01", "--seconds", "301"),
        refusal("app01", "--bundle", "/dev/null/x"),
        refusal("app01", CAPTURE_SECONDS="soon"),
    )
    wanted = [
        "Did you mean app01?",
        "refuses the login",
        "--seconds",
        "--bundle",
        "CAPTURE_SECONDS",
    ]
    assert [words in line for words, line in zip(wanted, told, strict=True)] == [True] * 5
    lab.world.vm("web02").name = "app01"
    assert "vm-101 = app01" in await refusal("app01")
    lab.world.vm("db03").power = "poweredOff"
    assert "powered off" in await refusal("db03")


async def test_missing_settings_are_told_all_at_once(tmp_path: Path) -> None:
    done = await arpcheck({}, "check", "app01", cwd=tmp_path)
    assert (done.status, done.out) == (2, "")
    told = [line.removeprefix("arpcheck: ").split()[0] for line in done.err.splitlines()]
    assert told == [
        *("VCENTER_HOST", "VCENTER_USER", "VCENTER_PASSWORD"),
        *("ESXI_SSH_KEY_FILE", "ESXI_KNOWN_HOSTS"),
    ]


class OnATerminal:
    """A check whose stderr is a terminal; ``shown`` is all that was written there."""

    def __init__(self, environment: dict[str, str], *arguments: str, cwd: Path) -> None:
        self._environment = environment | {"PYTHONPATH": str(ROOT)}
        self._arguments, self._cwd = arguments, cwd
        self._ours, self._theirs = pty.openpty()
        self.shown = ""

    async def __aenter__(self) -> Self:
        self.process = await asyncio.create_subprocess_exec(
            *COMMAND,
            *self._arguments,
            cwd=self._cwd,
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=self._theirs,
        )
        os.close(self._theirs)
        asyncio.get_running_loop().add_reader(self._ours, self._read)
        return self

    async def __aexit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self._ours)
        os.close(self._ours)
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    def _read(self) -> None:
        try:
            self.shown += os.read(self._ours, 65_536).decode("utf-8", "replace")
        except OSError:  # Linux's way to say that the other side was closed
            asyncio.get_running_loop().remove_reader(self._ours)

    async def shows(self, text: str) -> None:
        async with asyncio.timeout(40):
            while text not in self.shown:  # noqa: ASYNC110 - a terminal sets no event
                await asyncio.sleep(0.05)


@pytest.mark.parametrize("no_colour", ["", "1"])
async def test_progress_moves_on_a_terminal(lab: Lab, tmp_path: Path, no_colour: str) -> None:
    environment = worker_only(lab) | {"TERM": "xterm", "NO_COLOR": no_colour, "COLUMNS": "120"}
    arguments = ("check", "app01", "--seconds", "3", "--json")
    async with OnATerminal(environment, *arguments, cwd=tmp_path) as terminal:
        out, _ = await terminal.process.communicate()
        await terminal.shows("judging")
    assert json.loads(out)["vm"] == "app01"
    assert "capturing on esx07.example.com, 2 of at most 3 s" in terminal.shown
    assert "\x1b[2K" in terminal.shown  # the line is drawn over
    coloured = re.search(r"\x1b\[[0-9;]*3[0-9][0-9;]*m", terminal.shown)
    assert (coloured is None) == bool(no_colour)


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
async def test_an_interrupt_leaves_the_host_clean(
    lab: Lab, tmp_path: Path, number: signal.Signals, status: int
) -> None:
    environment = worker_only(lab) | {"TERM": "dumb"}
    async with OnATerminal(environment, "check", "app01", cwd=tmp_path) as terminal:
        await terminal.shows("capturing on")
        await lab.settled(lambda: len(lab.captures_alive()) >= 6)
        terminal.process.send_signal(number)
        out, _ = await terminal.process.communicate()
        await terminal.shows("Stopping")
    assert (terminal.process.returncode, out) == (status, b"")
    assert not lab.captures_alive()
    assert "Traceback" not in terminal.shown
