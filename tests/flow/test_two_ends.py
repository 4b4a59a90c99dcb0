"""A VM asked for another VM on another host: both hosts captured in one window, one verdict."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.flow.test_whole_line import ask, judged_again, table
from tests.lab.lab import Lab
from tests.lab.slack import Message
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


def far_uplink_without_vlan(world: World) -> None:
    world.faults["vlan_not_carried"] = {"uplink": "vmnic0", "host": FAR, "vlan": 110}


def dropped_there(world: World) -> None:
    world.faults["vswitch_drop_rx"] = {"vm": "db03"}


def mute_guest(world: World) -> None:
    world.faults["guest_not_answering"] = {"vm": "db03"}


def reply_dropped_there(world: World) -> None:
    world.faults["vswitch_drop_tx"] = {"vm": "db03"}


def reply_lost(world: World) -> None:
    world.faults["reply_lost"] = {"vm": "app01"}


@pytest.mark.parametrize(
    ("fault", "code", "owner", "stopped_before"),
    [
        (healthy, "ARP_OK", "none", None),
        (apart, "UPLINK_PATH_LOSS", "network", "request_arrived"),
        (far_uplink_without_vlan, "UPLINK_VLAN_NOT_CARRIED", "network", "request_delivered"),
        (dropped_there, "VSWITCH_DROP_RX", "virtualization", "request_delivered"),
        (mute_guest, "TARGET_DOWN", "target", "answered"),
        (reply_dropped_there, "VSWITCH_DROP_TX", "virtualization", "reply_left"),
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
