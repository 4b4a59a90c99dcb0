"""What hosts do in mid-check, seen from the thread: moves, stopped services, errors, changed keys."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.flow.test_whole_line import answered, ask, thread, unzipped
from tests.lab.lab import Lab, bot_and_worker

ESX07 = "esx07.example.com"


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with Lab(tmp_path / "lab") as lab:
        yield lab
        await lab.settled(lambda: not lab.captures_alive())


async def test_a_vm_that_moves_in_mid_capture_voids_the_result_at_once(lab: Lab) -> None:
    lab.situation("blog")
    programs = await bot_and_worker(lab, CAPTURE_SECONDS="60")
    await lab.slack.slash("app01")
    await lab.settled(lambda: len(lab.captures_alive()) >= 6)
    lab.vcenter.move(lab.world.vm("app01"), "esx08.example.com")
    root = await answered(lab, programs)
    verdict, *_ = thread(lab, root)
    assert "VM_MOVED" in json.dumps(verdict.blocks)
    assert "the VM left its host" in json.dumps(verdict.blocks)
    assert "left esx07.example.com" in root.text
    assert "runs on esx08.example.com now" in root.text
    assert "it listens on esx08.example.com then" in root.text


async def test_a_port_that_vanishes_in_mid_capture_voids_the_result(lab: Lab) -> None:
    """pktcap-uw goes on listening to the old port and hears nothing there."""
    lab.world.host(ESX07).behaviours.add("port_vanishes:2")
    _, verdict, files = await ask(lab, "app01", CAPTURE_SECONDS="10")
    assert "VM_MOVED" in json.dumps(verdict.blocks)
    (event,) = json.loads(files["case.json"])["events"]
    assert event["event"] == "reconnect"


async def test_an_uplink_that_fails_in_mid_capture_is_an_event_and_a_changed_path(
    lab: Lab,
) -> None:
    """The link goes down, the VM's port hangs on the other uplink afterwards."""
    lab.situation("blog")
    programs = await bot_and_worker(lab, CAPTURE_SECONDS="12")
    await lab.slack.slash("app01")
    await lab.settled(lambda: len(lab.captures_alive()) >= 6)
    await lab.settled(lambda: re.search(r"[3-9] requests", lab.slack.messages()[0].text))
    lab.vcenter.link(ESX07, "vmnic1", up=False)
    root = await answered(lab, programs)
    verdict, *_ = thread(lab, root)
    assert "PATH_CHANGED" in json.dumps(verdict.blocks)
    (bundle,) = [file for file in lab.slack.files if file.name.endswith(".zip")]
    files = unzipped(lab.slack.file_bytes(bundle.id))
    events = {event["event"] for event in json.loads(files["case.json"])["events"]}
    assert {"link_down", "failover"} <= events
    check_host_view(files)


def check_host_view(files: dict[str, bytes]) -> None:
    """Version, NICs with driver, firmware, link and MTU, counters, clock; teaming and VLAN in the case."""
    for when in ("before", "after"):
        assert b"build-24674464" in files[f"host/{when}/version.txt"]
        assert b"1500" in files[f"host/{when}/nic_list.txt"]
        assert b"Firmware Version" in files[f"host/{when}/nic_vmnic1.txt"]
        assert b"Receive CRC errors" in files[f"host/{when}/nicstats_vmnic1.txt"]
        assert b"host clock minus ours" in files[f"host/{when}/clock.txt"]
    assert b"Link Status: Up" in files["host/before/nic_vmnic1.txt"]
    assert b"Link Status: Down" in files["host/after/nic_vmnic1.txt"]
    case = json.loads(files["case.json"])
    assert case["host"]["teaming"] == "portid"
    assert case["vm"]["nics"][0]["vlan"] == {"mode": "access", "id": 110}
    assert {u["neighbour"]["protocol"] for u in case["host"]["uplinks"]} == {"lldp"}


async def test_a_stopped_ssh_service_is_started_and_stopped_again(lab: Lab) -> None:
    host = lab.world.host(ESX07)
    host.ssh_running = False
    _, verdict, _ = await ask(lab, "app01", CAPTURE_SECONDS="10", ESXI_SSH_SERVICE="start")
    assert "ARP_OK" in json.dumps(verdict.blocks)
    await lab.settled(lambda: not host.ssh_running)


async def test_a_service_that_was_running_is_left_running(lab: Lab) -> None:
    await ask(lab, "app01", CAPTURE_SECONDS="10", ESXI_SSH_SERVICE="start")
    for program in lab.programs:
        await program.stop()
    assert lab.world.host(ESX07).ssh_running


async def test_the_first_key_is_pinned_and_a_changed_one_refused(lab: Lab) -> None:
    settings = {"ESXI_HOST_KEYS": "accept-new", "ESXI_KNOWN_HOSTS": "", "CAPTURE_SECONDS": "10"}
    programs = await bot_and_worker(lab, **settings)
    await lab.slack.slash("app01")
    await answered(lab, programs)
    lab.world.host(ESX07).behaviours.add("changed_host_key")
    await lab.esxi[ESX07].stop()
    await lab.esxi[ESX07].start()
    await lab.slack.slash("app01 10.20.110.1")
    await lab.settled(lambda: len(lab.slack.messages()) == 2)
    root = await answered(lab, programs)
    (said,) = thread(lab, root)
    assert ESX07 in said.text
    assert "key" in said.text


async def test_errors_that_rose_are_told_and_kept(lab: Lab) -> None:
    lab.world.host(ESX07).behaviours.add("rx_errors:7")
    _, verdict, files = await ask(lab, "app01", CAPTURE_SECONDS="10")
    names = set(files)
    assert "host/before/nicstats_vmnic1.txt" in names
    assert ("host/counters_risen.txt" in names) == ("Counters rose" in json.dumps(verdict.blocks))


async def test_lockdown_mode_is_named(lab: Lab) -> None:
    lab.world.host(ESX07).lockdown = "lockdownNormal"
    programs = await bot_and_worker(lab)
    await lab.slack.slash("app01")
    root = await answered(lab, programs)
    (said,) = thread(lab, root)
    assert "lockdown" in said.text.lower()


async def test_uplinks_that_vcenter_does_not_show_are_those_the_host_names(lab: Lab) -> None:
    lab.situation("blog")
    lab.vcenter.state.bend = lambda _, path, value: None if "proxySwitch" in path else value
    _, verdict, files = await ask(lab, "app01", CAPTURE_SECONDS="20")
    assert "UPLINK_VLAN_NOT_CARRIED" in json.dumps(verdict.blocks)
    case = json.loads(files["case.json"])
    assert {uplink["device"] for uplink in case["host"]["uplinks"]} == {"vmnic0", "vmnic1"}
    assert {uplink["role"] for uplink in case["host"]["uplinks"]} == {None}
    assert case["vm"]["nics"][0]["switch"] == "dvs-prod"


async def test_a_vm_whose_uplinks_nobody_names_is_refused(lab: Lab) -> None:
    def bend(_: object, path: str, value: Any) -> Any:  # noqa: ANN401 - pyVmomi's objects
        for device in value if path == "config.hardware.device" else ():
            if device.connectable is not None:
                device.connectable.connected = True
        return None if "proxySwitch" in path else value

    lab.vcenter.state.bend = bend
    lab.world.vm("app01").nics[0].connected = False
    programs = await bot_and_worker(lab)
    await lab.slack.slash("app01")
    root = await answered(lab, programs)
    (said,) = thread(lab, root)
    assert f"Neither vCenter nor {ESX07} names an uplink for app01" in said.text
