"""The edge, and a whole check, against a vCenter that we did not write: govmomi's simulator.

It shows other things than a vCenter does: no ``proxySwitch``, no teaming order, no index of all UUIDs,
adapters that were never tried. One test, because the simulator has to be compiled for it.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.lab_calls import arpcheck, doctor, found
from tests.edges.vcsim import build, simulator
from tests.lab.lab import Lab
from workers.arp.model import Vlan
from workers.errors import VmNotFound
from workers.settings import Reader, read_vcenter
from workers.vcenter import Vcenter

pytestmark = pytest.mark.needs_vcsim


async def test_a_vm_is_located_and_checked_through_the_simulator(tmp_path: Path) -> None:
    program = await build(tmp_path)
    async with Lab(tmp_path / "lab") as lab, simulator(program, lab.world, tmp_path) as settings:
        await _is_located(settings)
        lab.situation("blog")
        environment = lab.environment() | settings
        said = await doctor(environment, cwd=tmp_path)
        assert {
            found(said, "vcenter", "TLS")["state"],
            found(said, "vcenter", "login")["state"],
        } == {"ok"}
        assert "4 in sight" in found(said, "vcenter", "hosts")["found"]
        done = await arpcheck(
            environment, "check", "app01", "--seconds", "30", "--json", cwd=tmp_path
        )
        report = json.loads(done.out)
        assert report["verdict"]["code"] == "UPLINK_VLAN_NOT_CARRIED"
        assert report["verdict"]["subject"] == "vmnic1/110"
        assert report["verdict"]["owner"] == "network"


async def _is_located(settings: dict[str, str]) -> None:
    vcenter = Vcenter(read_vcenter(Reader(settings)))
    try:
        location = await vcenter.find("app01")
        nic = location.vm.nics[0]
        assert (nic.mac, nic.ipv4, nic.gateway) == (
            "00:50:56:9a:21:01",
            ("10.20.110.21/24",),
            "10.20.110.1",
        )
        assert (nic.portgroup, nic.switch, nic.vlan) == ("app-110", "dvs-prod", Vlan("access", 110))
        assert (nic.connected, location.host.name) == (True, "esx07.example.com")
        for typed in (nic.mac, "10.20.110.21", location.vm.moid, location.vm.uuid):
            assert (await vcenter.find(typed or "")).vm == location.vm
        with pytest.raises(VmNotFound) as caught:
            await vcenter.find("ap01")
        assert caught.value.closest[0] == "app01"
    finally:
        await vcenter.close()
