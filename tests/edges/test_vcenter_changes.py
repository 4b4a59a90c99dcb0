"""What changes while a check runs: vMotion, power, links, the SSH service, and the account's standing."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.edges.vcenter_lab import Lab, until, vcenter_lab
from workers.arp.model import SECOND, Placement
from workers.errors import VcenterRefused

MINUTE = 60 * SECOND


@contextlib.asynccontextmanager
async def watching(lab: Lab, name: str) -> AsyncIterator[list[Placement]]:
    seen: list[Placement] = []
    location = await lab.vcenter.find(name)
    task = asyncio.create_task(lab.vcenter.watch(location, seen.append))
    try:
        await until(lambda: lab.twin.objects["filters"] >= 1)
        yield seen
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_a_vmotion_is_noticed_while_it_happens(tmp_path: Path) -> None:
    async with vcenter_lab(tmp_path) as lab, watching(lab, "app01") as seen:
        lab.twin.move(lab.world.vm("app01"), "esx08.example.com")
        await until(lambda: bool(seen))
        assert seen == [Placement("host-8", "poweredOn")]
        assert await lab.vcenter.placement("vm-101") == seen[0]
        assert await lab.vcenter.host_name("host-8") == "esx08.example.com"
        lab.twin.power_off(lab.world.vm("app01"))
        await until(lambda: len(seen) == 2)
        assert seen[1] == Placement("host-8", "poweredOff")


async def test_a_vm_deleted_under_watch(tmp_path: Path) -> None:
    async with vcenter_lab(tmp_path) as lab, watching(lab, "app01") as seen:
        lab.world.vms.pop(0)
        await until(lambda: bool(seen))
        assert seen[0].host_moid is None
        assert await lab.vcenter.placement("vm-101") == seen[0]


async def test_many_watches_share_one_collector_and_leave_nothing(tmp_path: Path) -> None:
    async with vcenter_lab(tmp_path) as lab:
        async with watching(lab, "app01") as first, watching(lab, "web02") as second:
            await until(lambda: lab.twin.objects["filters"] == 2)
            assert lab.twin.objects["collectors"] == 1
            lab.twin.move(lab.world.vm("web02"), "esx08.example.com")
            await until(lambda: bool(second))
            assert not first
        await until(lambda: lab.twin.objects == {"views": 1, "collectors": 0, "filters": 0})
        async with watching(lab, "db03") as third:
            lab.twin.move(lab.world.vm("db03"), "esx07.example.com")
            await until(lambda: bool(third))


async def test_a_watch_outlives_an_expired_session(tmp_path: Path) -> None:
    async with vcenter_lab(tmp_path) as lab, watching(lab, "app01") as seen:
        lab.twin.state.sessions.clear()
        await until(lambda: lab.twin.objects["filters"] == 1)
        lab.twin.move(lab.world.vm("app01"), "esx08.example.com")
        await until(lambda: bool(seen))
        assert seen == [Placement("host-8", "poweredOn")]


async def test_a_watch_waits_out_trouble_with_vcenter(tmp_path: Path) -> None:
    async with vcenter_lab(tmp_path) as lab, watching(lab, "app01") as seen:
        lab.twin.faults |= {"fail_once": True, "only": {"WaitForUpdatesEx"}}
        await until(lambda: "fail_once" not in lab.twin.faults)
        lab.twin.move(lab.world.vm("app01"), "esx08.example.com")
        await until(lambda: bool(seen))


async def test_what_happened_in_the_window_by_the_names_of_the_case(tmp_path: Path) -> None:
    async with vcenter_lab(tmp_path) as lab:
        location = await lab.vcenter.find("app01")
        vm = lab.world.vm("app01")
        begun = time.time_ns()
        lab.twin.link("esx07.example.com", "vmnic1", up=False)
        lab.twin.link("esx08.example.com", "vmnic0", up=False)
        lab.twin.link("esx07.example.com", "vmnic1", up=True)
        host = lab.world.hosts[0]
        lab.twin.log.host_problem(host, "esx.problem.net.redundancy.lost", "Lost redundancy")
        lab.twin.reconnect(vm)
        lab.twin.reconnect(vm, mac="00:50:56:9a:77:77")
        lab.twin.move(vm, "esx08.example.com")
        lab.twin.move(vm, "esx07.example.com")
        lab.twin.power_off(vm)
        lab.twin.move(lab.world.vm("web02"), "esx08.example.com")
        ended = time.time_ns()
        found = await lab.vcenter.events(location, begun - MINUTE, ended + MINUTE)
        early = await lab.vcenter.events(location, begun - 2 * MINUTE, begun - MINUTE)
    assert sorted(event.event for event in found) == sorted(
        [
            "link_down",
            "link_up",
            "failover",
            "reconnect",
            "mac_change",
            "vmotion_out",
            "vmotion_out",
            "vmotion_in",
            "poweroff",
        ]
    )
    assert [event.at for event in found] == sorted(event.at for event in found)
    assert all(begun - SECOND <= event.at <= ended + SECOND for event in found)
    assert "esx08" in next(e.text for e in found if e.event == "vmotion_out")
    assert early == ()


async def test_a_clock_that_is_ahead_is_taken_into_account(tmp_path: Path) -> None:
    async with vcenter_lab(tmp_path) as lab:
        lab.twin.clock_offset(3600)
        about = await lab.vcenter.about()
        assert abs(about.clock_ahead - 3600 * SECOND) < 5 * SECOND
        location = await lab.vcenter.find("app01")
        vm = lab.world.vm("app01")
        begun = time.time_ns()
        lab.twin.power_off(vm)
        (event,) = await lab.vcenter.events(location, begun - SECOND, time.time_ns() + 5 * SECOND)
        assert abs(event.at - begun) < 5 * SECOND


async def test_the_ssh_service_is_started_and_stopped(tmp_path: Path) -> None:
    async with vcenter_lab(tmp_path) as lab:
        host = lab.world.hosts[0]
        host.ssh_running = False
        host.lockdown = "lockdownNormal"
        location = await lab.vcenter.find("app01")
        assert (location.ssh_running, location.lockdown) == (False, "lockdownNormal")
        assert not await lab.vcenter.ssh_running("host-7")
        await lab.vcenter.start_ssh("host-7")
        await lab.vcenter.start_ssh("host-7")
        assert host.ssh_running
        assert await lab.vcenter.ssh_running("host-7")
        await lab.vcenter.stop_ssh("host-7")
        assert not host.ssh_running


async def test_without_the_privilege_the_refusal_names_it(tmp_path: Path) -> None:
    async with vcenter_lab(tmp_path) as lab:
        lab.world.hosts[0].ssh_running = False
        assert dict(await lab.vcenter.privileges())["Host.Config.NetService"]
        lab.twin.privileges.discard("Host.Config.NetService")
        assert await lab.vcenter.privileges() == (
            ("System.View", True),
            ("System.Read", True),
            ("Host.Config.NetService", False),
        )
        with pytest.raises(VcenterRefused, match=r"Host\.Config\.NetService"):
            await lab.vcenter.start_ssh("host-7")
        with pytest.raises(VcenterRefused, match="host-99"):
            await lab.vcenter.ssh_running("host-99")


async def test_about_names_the_vcenter(tmp_path: Path) -> None:
    async with vcenter_lab(tmp_path) as lab:
        about = await lab.vcenter.about()
        assert (about.version, about.instance_uuid) == ("8.0.3", lab.world.vcenter_uuid)
