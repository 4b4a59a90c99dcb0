"""From what a person types to the one VM that is meant, or to a clear refusal."""

from __future__ import annotations

import asyncio
from copy import deepcopy
from pathlib import Path

import pytest

from tests.edges.vcenter_lab import vcenter_lab
from tests.lab.world import small_world
from workers.errors import VmAmbiguous, VmNotCheckable, VmNotFound


@pytest.mark.parametrize(
    "typed",
    [
        "app01",
        "APP01",
        " app01 ",
        "10.20.110.21",
        "00:50:56:9A:21:01",
        "00-50-56-9a-21-01",
        "0050.569a.2101",
        "vm-101",
        "4213b7a1-0000-4000-8000-000000000101",
        "5013B7A1-0000-4000-8000-000000000101",
        "42 13 b7 a1 00 00 40 00-80 00 00 00 00 00 01 01",
    ],
)
async def test_a_vm_is_found_by_whatever_names_it(tmp_path: Path, typed: str) -> None:
    async with vcenter_lab(tmp_path) as lab:
        assert (await lab.vcenter.find(typed)).vm.moid == "vm-101"


async def test_an_unknown_name_offers_the_closest_ones(tmp_path: Path) -> None:
    async with vcenter_lab(tmp_path) as lab:
        with pytest.raises(VmNotFound, match="ap01") as caught:
            await lab.vcenter.find("ap01")
        assert caught.value.closest[0] == "app01"
        assert "hidden" in caught.value.next_step


@pytest.mark.parametrize(
    "typed", ["10.99.0.1", "00:50:56:00:00:00", "4213b7a1-0000-4000-8000-00000000ffff"]
)
async def test_unknown_addresses_are_told_as_such(tmp_path: Path, typed: str) -> None:
    async with vcenter_lab(tmp_path) as lab:
        with pytest.raises(VmNotFound, match=typed):
            await lab.vcenter.find(typed)


async def test_nothing_typed_is_no_vm(tmp_path: Path) -> None:
    async with vcenter_lab(tmp_path) as lab:
        with pytest.raises(VmNotFound, match="No VM was named"):
            await lab.vcenter.find("  ")
        assert lab.twin.calls == 0


async def test_a_name_that_is_an_address_still_counts_as_a_name(tmp_path: Path) -> None:
    world = small_world()
    world.vm("db03").name = "10.20.110.199"
    async with vcenter_lab(tmp_path, world) as lab:
        assert (await lab.vcenter.find("10.20.110.199")).vm.moid == "vm-103"


@pytest.mark.parametrize("name", ["app/01", "50%", "a\\b", "c+d e", "grüße (1)", "x%2fy"])
async def test_names_that_vcenter_escapes(tmp_path: Path, name: str) -> None:
    world = small_world()
    world.vm("app01").name = name
    async with vcenter_lab(tmp_path, world) as lab:
        location = await lab.vcenter.find(name)
        assert (location.vm.moid, location.vm.name) == ("vm-101", name)


async def test_the_exact_name_wins_over_another_spelling(tmp_path: Path) -> None:
    world = small_world()
    world.vm("web02").name = "APP01"
    async with vcenter_lab(tmp_path, world) as lab:
        assert (await lab.vcenter.find("app01")).vm.moid == "vm-101"
        with pytest.raises(VmAmbiguous):
            await lab.vcenter.find("App01")


async def test_several_of_a_name_are_told_apart(tmp_path: Path) -> None:
    world = small_world()
    twin_vm = deepcopy(world.vm("db03"))
    twin_vm.name, twin_vm.moid, twin_vm.folder = "app01", "vm-900", "vm/prod/old stuff"
    twin_vm.power = "poweredOff"
    world.vms.append(twin_vm)
    world.hosts[1].cluster = "prod-b"
    async with vcenter_lab(tmp_path, world) as lab:
        with pytest.raises(VmAmbiguous, match="2 VMs") as caught:
            await lab.vcenter.find("app01")
        first, second = caught.value.candidates
        assert (first.moid, first.folder, first.cluster) == ("vm-101", "dc/vm", "prod-a")
        assert (second.moid, second.folder, second.cluster, second.power) == (
            "vm-900",
            "dc/vm/prod/old stuff",
            "prod-b",
            "poweredOff",
        )
        assert (await lab.vcenter.locate("vm-101")).vm.name == "app01"


async def test_a_template_of_the_same_name_is_no_candidate(tmp_path: Path) -> None:
    world = small_world()
    template = deepcopy(world.vm("db03"))
    template.name, template.moid, template.template = "app01", "vm-900", True
    world.vms.append(template)
    async with vcenter_lab(tmp_path, world) as lab:
        assert (await lab.vcenter.find("app01")).vm.moid == "vm-101"
        world.vms.remove(world.vm("app01"))
        with pytest.raises(VmNotCheckable, match="template"):
            await lab.vcenter.find("app01")


async def test_a_mac_is_found_without_tools_too(tmp_path: Path) -> None:
    world = small_world()
    world.vm("app01").tools_running = False
    async with vcenter_lab(tmp_path, world) as lab:
        assert (await lab.vcenter.find("00:50:56:9a:21:01")).vm.moid == "vm-101"


async def test_a_hidden_vm_is_not_found_and_the_answer_says_why_that_may_be(tmp_path: Path) -> None:
    async with vcenter_lab(tmp_path) as lab:
        lab.twin.hidden.add("vm-101")
        with pytest.raises(VmNotFound) as caught:
            await lab.vcenter.find("app01")
        assert "hidden" in caught.value.next_step
        with pytest.raises(VmNotFound, match="may not see"):
            await lab.vcenter.locate("vm-101")


async def test_a_vm_that_was_just_made_or_deleted(tmp_path: Path) -> None:
    async with vcenter_lab(tmp_path) as lab:
        await lab.vcenter.find("app01")
        gone = lab.world.vms.pop(0)
        with pytest.raises(VmNotFound):
            await lab.vcenter.find("app01")
        with pytest.raises(VmNotFound, match="vm-101"):
            await lab.vcenter.locate("vm-101")
        lab.world.vms.append(gone)
        assert (await lab.vcenter.find("app01")).vm.moid == "vm-101"


async def test_paged_answers_are_read_to_the_end(tmp_path: Path) -> None:
    async with vcenter_lab(tmp_path) as lab:
        lab.twin.paged(1)
        location = await lab.vcenter.find("db03")
        assert location.host_moid == "host-8"
        assert "ContinueRetrievePropertiesEx" in lab.twin.methods


async def test_a_look_up_takes_at_most_ten_round_trips(tmp_path: Path) -> None:
    async with vcenter_lab(tmp_path) as lab:
        await lab.vcenter.find("app01")
        assert lab.twin.calls <= 10
        lab.twin.calls = 0
        await lab.vcenter.find("app01")
        assert lab.twin.calls <= 6


async def test_ten_look_ups_side_by_side_share_the_sweep_and_the_session(tmp_path: Path) -> None:
    async with vcenter_lab(tmp_path) as lab:
        found = await asyncio.gather(*(lab.vcenter.find("app01") for _ in range(10)))
        assert {location.vm.moid for location in found} == {"vm-101"}
        assert lab.twin.sessions == 1
        assert lab.twin.methods.count("CreateContainerView") == 1
        assert lab.twin.calls <= 5 + 10 * 5
        assert lab.twin.objects == {"views": 1, "collectors": 0, "filters": 0}


@pytest.mark.parametrize("tools_running", [True, False])
async def test_macs_side_by_side_share_their_sweeps(tmp_path: Path, *, tools_running: bool) -> None:
    world = small_world()
    world.vm("app01").tools_running = tools_running
    async with vcenter_lab(tmp_path, world) as lab:
        await lab.vcenter.find("app01")
        lab.twin.methods.clear()
        asks = [lab.vcenter.find("00:50:56:9a:21:01") for _ in range(10)]
        found = await asyncio.gather(*asks)
        assert {location.vm.moid for location in found} == {"vm-101"}
        of_each = 3  # the VM, its host, its switch
        sweeps = lab.twin.methods.count("RetrievePropertiesEx") - of_each * len(asks)
        # Who joined a sweep that found nothing asks once more, again together.
        assert sweeps <= (1 if tools_running else 4)


async def test_an_address_that_the_index_does_not_know_is_found_in_what_the_guest_tells(
    tmp_path: Path,
) -> None:
    """A vCenter's index may know a VM by its first address only."""
    async with vcenter_lab(tmp_path) as lab:
        lab.twin.state.bend = lambda _, name, value: [] if name == "FindAllByIp" else value
        assert (await lab.vcenter.find("10.20.110.21")).vm.moid == "vm-101"
        lab.world.vm("web02").nics[0].ipv4.append("10.20.110.21/24")
        with pytest.raises(VmAmbiguous):
            await lab.vcenter.find("10.20.110.21")
