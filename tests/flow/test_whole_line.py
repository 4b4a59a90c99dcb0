"""/arpcheck typed in → the thread read back: real bot, real worker, real Redis, twins on sockets."""

import io
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.lab.lab import Lab, Program, bot_and_worker
from tests.lab.slack import ALICE, BOB, INCIDENT, Message
from tests.lab.world import World
from tests.papers.lab_faults import VERDICTS

ANSWER_SECONDS = 90

Answer = tuple[Message, Message, dict[str, bytes]]


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with Lab(tmp_path / "lab") as lab:
        yield lab
        await lab.settled(lambda: not lab.captures_alive())


async def ask(lab: Lab, text: str, **settings: str) -> Answer:
    """Type a command; the root message, the verdict message and the bundle's files."""
    programs = await bot_and_worker(lab, **settings)
    await lab.slack.slash(text)
    root = await answered(lab, programs)
    verdict, *_ = thread(lab, root)
    (bundle,) = [file for file in lab.slack.files if file.name.endswith(".zip")]
    return root, verdict, unzipped(lab.slack.file_bytes(bundle.id))


async def answered(lab: Lab, programs: tuple[Program, ...]) -> Message:
    """The root message once its last state is shown: it has no button any more."""

    def last() -> Message | None:
        roots = lab.slack.messages(INCIDENT)
        done = roots and not any(block["type"] == "actions" for block in roots[-1].blocks)
        return roots[-1] if done else None

    try:
        root = await lab.slack.wait_for(last, timeout=ANSWER_SECONDS)
    except TimeoutError:
        pytest.fail("\n".join(program.output()[-3000:] for program in programs))
    assert root is not None
    return root


def thread(lab: Lab, root: Message) -> list[Message]:
    return [m for m in lab.slack.thread(INCIDENT, root.ts) if m.ts != root.ts]


def unzipped(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as bundle:
        return {name: bundle.read(name) for name in bundle.namelist()}


def judged_again(lab: Lab, folder: Path) -> dict[str, Any]:
    """What ``arpcheck judge`` says of the bundle that the thread got."""
    (bundle,) = [file for file in lab.slack.files if file.name.endswith(".zip")]
    path = folder / bundle.name
    path.write_bytes(lab.slack.file_bytes(bundle.id))
    command = [sys.executable, "-m", "workers.cli", "judge", str(path), "--json"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def table(message: Message) -> list[list[str]]:
    (block,) = [block for block in message.blocks if block["type"] == "table"]
    return [[cell["text"] for cell in row] for row in block["rows"]]


@pytest.mark.parametrize(
    ("situation", "owner"),
    [("healthy", "none"), ("blog", "network"), ("drop-tx", "virtualization")],
)
async def test_a_command_becomes_a_verdict_with_evidence(
    lab: Lab, tmp_path: Path, situation: str, owner: str
) -> None:
    lab.situation(situation)
    root, verdict, files = await ask(lab, "app01", CAPTURE_SECONDS="16")

    states = [version.text for version in lab.slack.history_of(INCIDENT, root.ts)]
    assert "queued" in states[0]
    assert any("capturing on esx07.example.com" in state for state in states)
    assert f"<@{ALICE}>" in json.dumps(root.blocks)

    report = json.loads(files["report.json"])
    told = report["verdict"]["code"], report["verdict"]["owner"]
    assert told == (VERDICTS[situation], owner)
    assert report["verdict"]["headline"] in verdict.text
    rows = table(verdict)
    points = [point["point"] for point in report["points"]]
    assert [row[0].partition(" ")[0] for row in rows[1 : len(points) + 1]] == points
    assert set(points) == {
        f"{thing}-{way}" for thing in ("vnic0", "vmnic0", "vmnic1") for way in ("tx", "rx")
    }
    assert "sw-a Ethernet1/7" in json.dumps(verdict.blocks) or owner == "virtualization"

    assert {"case.json", "report.json", "report.txt", "SHA256SUMS"} <= files.keys()
    assert {f"pcap/{point}.pcap" for point in points} <= files.keys()
    listed = set(re.findall(r"^([a-z_]+)/ ", files["README.txt"].decode(), re.MULTILINE))
    assert {name.partition("/")[0] for name in files if "/" in name} == listed
    clock = json.loads(files["manifest.json"])["clock"]
    assert abs(clock["offset_ms"]) <= clock["uncertainty_ms"] + 1_000
    assert judged_again(lab, tmp_path)["verdict"] == report["verdict"]
    for program in lab.programs:
        assert await program.stop() == 0
    assert lab.vcenter.sessions == 0


async def test_who_asks_again_right_after_the_verdict_gets_a_new_check(lab: Lab) -> None:
    """Files and the last edit of the first one's message are still under way."""
    lab.situation("healthy")
    programs = await bot_and_worker(lab, CAPTURE_SECONDS="16")
    await lab.slack.slash("app01")

    def verdict() -> Message | None:
        roots = lab.slack.messages(INCIDENT)
        replies = thread(lab, roots[0]) if roots else []
        return next((m for m in replies if "ARP works" in m.text), None)

    await lab.slack.wait_for(verdict, timeout=ANSWER_SECONDS)
    await lab.slack.slash("app01", user=BOB)
    await lab.slack.wait_for(lambda: len(lab.slack.messages(INCIDENT)) == 2)
    await answered(lab, programs)


def powered_off(world: World) -> None:
    world.vm("app01").power = "poweredOff"


def template(world: World) -> None:
    world.vm("app01").template = True


def unplugged(world: World) -> None:
    world.vm("app01").nics[0].connected = False


def no_uplinks(world: World) -> None:
    for switch in world.host("esx07.example.com").switches:
        switch.pnics.clear()
        switch.active.clear()


def twins(world: World) -> None:
    world.vm("web02").name = "app01"


def no_pktcap(world: World) -> None:
    world.host("esx07.example.com").behaviours.add("no_pktcap")


def login_refused(world: World) -> None:
    world.host("esx07.example.com").behaviours.add("permission_denied")


def unknown_key(world: World) -> None:
    world.host("esx07.example.com").behaviours.add("changed_host_key")


def ssh_stopped(world: World) -> None:
    world.host("esx07.example.com").ssh_running = False


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (powered_off, "powered off"),
        (template, "template"),
        (unplugged, "connected"),
        (no_uplinks, "uplink"),
        (twins, "2 VMs answer"),
        (no_pktcap, "pktcap-uw"),
        (login_refused, "log"),
        (unknown_key, "key"),
        (ssh_stopped, "SSH"),
    ],
)
async def test_what_cannot_be_checked_is_said_in_one_sentence(
    lab: Lab, change: Callable[[World], None], told: str
) -> None:
    change(lab.world)
    programs = await bot_and_worker(lab)
    await lab.slack.slash("app01")
    root = await answered(lab, programs)
    (said,) = thread(lab, root)
    assert told in said.text
    assert "Traceback" not in said.text
    assert not lab.captures_alive()


async def test_an_unknown_vm_is_answered_with_the_closest_names(lab: Lab) -> None:
    programs = await bot_and_worker(lab)
    await lab.slack.slash("ap01")
    root = await answered(lab, programs)
    (said,) = thread(lab, root)
    buttons = [e for b in said.blocks if b["type"] == "actions" for e in b["elements"]]
    assert "app01" in [button["text"]["text"] for button in buttons]


@pytest.mark.parametrize(
    ("faults", "told"), [({"down": True}, "vCenter"), ({"wrong_login": True}, "vCenter")]
)
async def test_a_vcenter_that_is_down_or_refuses_is_named(
    lab: Lab, faults: dict[str, Any], told: str
) -> None:
    lab.vcenter.faults.update(faults)
    programs = await bot_and_worker(lab)
    await lab.slack.slash("app01")
    root = await answered(lab, programs)
    (said,) = thread(lab, root)
    assert told in said.text
