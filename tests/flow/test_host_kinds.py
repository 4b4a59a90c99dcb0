"""Kinds of hosts, seen from the thread: what cannot be heard there is said, and nobody is blamed for it."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.flow.test_whole_line import answered, ask, judged_again, thread
from tests.lab.lab import Lab, bot_and_worker
from tests.lab.world import PortGroup

ESX07 = "esx07.example.com"


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with Lab(tmp_path / "lab") as lab:
        yield lab
        await lab.settled(lambda: not lab.captures_alive())


@pytest.mark.parametrize("situation", ["healthy", "blog"])
async def test_on_a_dpu_silence_blames_nobody(lab: Lab, tmp_path: Path, situation: str) -> None:
    """The uplinks are silent, as where a virtual switch drops what the VM sends."""
    host = lab.world.host(ESX07)
    host.switches[0].offloaded = True
    host.behaviours.add("dpu")
    lab.situation(situation)
    _, verdict, files = await ask(lab, "app01", CAPTURE_SECONDS="10")
    told = json.dumps(verdict.blocks)
    assert "runs on a DPU" in told
    assert "Capture on the DPU itself" in told
    report = judged_again(lab, tmp_path)
    assert report["verdict"]["owner"] in {"none", "inconclusive"}, report["verdict"]
    assert (report["verdict"]["code"] == "ARP_OK") == (situation == "healthy")
    blind = {point["point"] for point in report["points"] if point["why_blind"]}
    assert blind == {"vnic0-tx", "vnic0-rx", "vmnic0-tx", "vmnic0-rx", "vmnic1-tx", "vmnic1-rx"}
    assert b"Capture on the DPU itself" in files["notes.txt"]


async def test_a_port_heard_before_the_teaming_filter_proves_no_delivery(
    lab: Lab, tmp_path: Path
) -> None:
    """An old host shows a reply that came in on the wrong uplink and never reaches the guest."""
    lab.world.host(ESX07).behaviours.add("no_vnic_points")
    lab.situation("teaming")
    _, verdict, _ = await ask(lab, "app01", CAPTURE_SECONDS="15")
    assert "PortOutput" in json.dumps(verdict.blocks)
    report = judged_again(lab, tmp_path)
    assert report["verdict"]["code"] == "TEAMING_MISMATCH"


async def test_a_vm_on_an_opaque_network_is_heard_at_its_port(lab: Lab, tmp_path: Path) -> None:
    host = lab.world.host(ESX07)
    host.switches[0].kind, host.switches[0].opaque = "nsx", True
    group = PortGroup("segment", host.switches[0].name, "access", 110)
    host.portgroups.append(group)
    nic = lab.world.vm("app01").nics[0]
    nic.portgroup, nic.backing = group.name, "opaque"
    _, verdict, _ = await ask(lab, "app01", CAPTURE_SECONDS="10")
    assert "opaque network of NSX" in json.dumps(verdict.blocks)
    report = judged_again(lab, tmp_path)
    heard = {point["point"] for point in report["points"] if point["heard"]}
    assert {"vnic0-tx", "vnic0-rx"} <= heard
    assert report["verdict"]["owner"] in {"none", "inconclusive"}


async def test_a_clean_up_without_proof_is_in_thread_and_bundle(lab: Lab) -> None:
    lab.world.host(ESX07).behaviours.add("no_ps")
    _, verdict, files = await ask(lab, "app01", CAPTURE_SECONDS="10")
    sentence = f"It could not be proven that no capture is left on {ESX07}"
    assert sentence in json.dumps(verdict.blocks)
    assert "Stopped early: " in json.dumps(verdict.blocks)
    assert sentence.encode() in files["notes.txt"]


async def test_a_clean_up_without_proof_is_said_of_a_cancelled_check_too(lab: Lab) -> None:
    lab.world.host(ESX07).behaviours.add("no_ps")
    lab.situation("silent-guest")
    programs = await bot_and_worker(lab, CAPTURE_SECONDS="60")
    await lab.slack.slash("app01")
    await lab.settled(lambda: len(lab.captures_alive()) >= 6)
    await lab.slack.press(lab.slack.messages()[-1], "Cancel")
    root = await answered(lab, programs)
    (*_, said) = thread(lab, root)
    assert f"It could not be proven that no capture is left on {ESX07}" in said.text
    assert " ends by itself by " in said.text
