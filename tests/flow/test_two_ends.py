"""A VM asked for another VM on another host: both hosts captured in one window, one verdict."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.flow.test_whole_line import ANSWER_SECONDS, ask, judged_again, table, unzipped
from tests.lab.lab import Lab, bot_and_worker
from tests.lab.slack import BOB, INCIDENT, Message
from tests.lab.world import Asking, World

NEAR, FAR = "esx07.example.com", "esx08.example.com"
TARGET = "10.20.110.23"
FAR_POINTS = {f"{thing}-{way}" for thing in ("vnic0", "vmnic0", "vmnic1") for way in ("tx", "rx")}


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with Lab(tmp_path / "lab") as lab:
        lab.world.vm("app01").asks.append(Asking(TARGET, 1.0))
        yield lab
        await lab.settled(lambda: not lab.captures_alive())


async def two_ended(lab: Lab, text: str = "app01 db03") -> tuple[Message, dict[str, bytes], Any]:
    _, verdict, files = await ask(lab, text, CAPTURE_SECONDS="14")
    return verdict, files, json.loads(files["report.json"])


def healthy(world: World) -> None:
    del world


def apart(world: World) -> None:
    world.faults["hosts_apart"] = {"a": NEAR, "b": FAR}


def reply_lost(world: World) -> None:
    world.faults["reply_lost"] = {"vm": "app01"}


@pytest.mark.parametrize(
    ("fault", "code", "owner", "stopped_before"),
    [
        (healthy, "ARP_OK", "none", None),
        (apart, "UPLINK_PATH_LOSS", "network", "request_arrived"),
        (reply_lost, "REPLY_LOST_VM_SPECIFIC", "network", "reply_arrived"),
    ],
)
async def test_the_two_ended_check_says_how_far_the_request_got(
    lab: Lab,
    tmp_path: Path,
    fault: Callable[[World], None],
    code: str,
    owner: str,
    stopped_before: str | None,
) -> None:
    fault(lab.world)
    if fault is reply_lost:  # the gateway's replies would be lost as well, and be the verdict
        del lab.world.vm("app01").asks[0]
    verdict, files, report = await two_ended(lab)
    far = report["far_end"]
    assert (report["verdict"]["code"], report["verdict"]["owner"]) == (code, owner), report

    way = {passage["stage"]: passage for passage in far["way"]}
    stages = list(way)
    until = stages.index(stopped_before) if stopped_before else len(stages)
    assert all(way[stage]["seen"] > 0 for stage in stages[:until]), way
    assert not any(way[stage]["seen"] for stage in stages[until:]), way

    assert {point["point"] for point in far["points"]} == FAR_POINTS
    assert all(point["heard"] for point in far["points"])
    assert far["clock"]["uncertainty_ms"] > 0
    assert {f"far/pcap/{point}.pcap" for point in FAR_POINTS} <= files.keys()
    assert b"far:vmnic0-rx" in files["vm.pcapng"]
    assert {row[0] for row in table(verdict)} >= {f"far:{p} of {FAR}" for p in FAR_POINTS}
    assert far["sentence"] in verdict.text
    again = judged_again(lab, tmp_path)
    assert (again["verdict"], again["far_end"]) == (report["verdict"], far)


async def test_a_far_host_that_refuses_leaves_the_near_verdict(lab: Lab) -> None:
    lab.world.host(FAR).behaviours.add("permission_denied")
    verdict, files, report = await two_ended(lab)
    assert report["verdict"]["code"] == "ARP_OK"
    assert "esx08.example.com" in report["far_end"]["failure"]
    assert report["far_end"]["points"] == []
    assert "not captured" in verdict.text
    assert not any(name.startswith("far/pcap") for name in files)


async def test_an_address_that_vcenter_knows_is_a_far_end_too(lab: Lab) -> None:
    apart(lab.world)
    _, _, report = await two_ended(lab, f"app01 {TARGET}")
    assert report["far_end"]["vm"] == "db03"
    assert report["verdict"]["owner"] == "network"


async def test_a_target_on_the_same_host_has_no_far_end(lab: Lab) -> None:
    lab.world.vm("app01").asks[1].target = "10.20.110.22"
    _, files, report = await two_ended(lab, "app01 web02")
    assert report["far_end"] is None
    assert report["verdict"]["code"] in {"ARP_OK", "LOCAL_OK"}
    assert not any(name.startswith("far/") for name in files)


async def test_two_opposite_checks_wait_for_each_other_and_both_end(lab: Lab) -> None:
    lab.world.vm("db03").asks.append(Asking("10.20.110.21", 1.0))
    programs = await bot_and_worker(lab, CAPTURE_SECONDS="14", HOST_JOBS="1")
    await lab.slack.slash("app01 db03")
    await lab.slack.slash("db03 app01", user=BOB)

    def ended() -> bool:
        roots = [m for m in lab.slack.messages(INCIDENT) if m.bot_id]
        return len(roots) == 2 and not any(
            block["type"] == "actions" for root in roots for block in root.blocks
        )

    try:
        await lab.slack.wait_for(ended, timeout=ANSWER_SECONDS)
    except TimeoutError:
        pytest.fail("\n".join(program.output()[-3000:] for program in programs))
    bundles = [file for file in lab.slack.files if file.name.endswith(".zip")]
    reports = [json.loads(unzipped(lab.slack.file_bytes(b.id))["report.json"]) for b in bundles]
    assert {(r["vm"], r["far_end"]["vm"]) for r in reports} == {
        ("app01", "db03"),
        ("db03", "app01"),
    }
    assert {r["verdict"]["code"] for r in reports} == {"ARP_OK"}


async def test_services_started_for_the_check_are_stopped_on_both_hosts(lab: Lab) -> None:
    for name in (NEAR, FAR):
        lab.world.host(name).ssh_running = False
    _, _, files = await ask(lab, "app01 db03", CAPTURE_SECONDS="14", ESXI_SSH_SERVICE="start")
    report = json.loads(files["report.json"])
    assert all(point["heard"] for point in report["far_end"]["points"])
    await lab.settled(lambda: not any(host.ssh_running for host in lab.world.hosts))


async def test_a_named_target_that_nobody_asks_for_is_asked_for(lab: Lab) -> None:
    del lab.world.vm("app01").asks[1]
    _, _, report = await two_ended(lab)
    (root,) = [m for m in lab.slack.messages(INCIDENT) if m.bot_id and not m.is_reply]
    said = [message.text for message in lab.slack.thread(INCIDENT, root.ts)]
    assert any(f"arping -b -c 15 -w 17 {TARGET}" in text for text in said), said
    assert "sent no request for db03" in report["far_end"]["sentence"]
