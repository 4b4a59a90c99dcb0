"""VMs that exist and cannot be checked: each is refused with its own reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.edges.vcenter_lab import rewire, vcenter_lab
from tests.lab.world import PortGroup, VirtualMachine, VirtualSwitch, small_world
from workers.errors import VmNotCheckable


def _power(word: str) -> Callable[[VirtualMachine], None]:
    return lambda vm: setattr(vm, "power", word)


def _backing(word: str) -> Callable[[VirtualMachine], None]:
    return lambda vm: setattr(vm.nics[0], "backing", word)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (_power("poweredOff"), "powered off"),
        (_power("suspended"), "suspended"),
        (lambda vm: setattr(vm, "template", True), "template"),
        (lambda vm: setattr(vm, "connection", "disconnected"), "disconnected"),
        (lambda vm: setattr(vm, "connection", "orphaned"), "orphaned"),
        (lambda vm: vm.nics.clear(), "no network adapter"),
        (lambda vm: setattr(vm.nics[0], "connected", False), "disconnected"),
        (_backing("sriov"), "SR-IOV"),
        (_backing("passthrough"), "passthrough"),
    ],
)
async def test_what_cannot_be_checked_is_refused_with_the_reason(
    tmp_path: Path, spoil: Callable[[VirtualMachine], None], told: str
) -> None:
    world = small_world()
    spoil(world.vm("app01"))
    async with vcenter_lab(tmp_path, world) as lab:
        with pytest.raises(VmNotCheckable, match=told) as caught:
            await lab.vcenter.find("app01")
    assert "app01" in caught.value.sentence


@pytest.mark.parametrize("kind", ["vss", "vds"])
async def test_a_switch_without_uplinks_is_refused(tmp_path: Path, kind: str) -> None:
    world = small_world()
    rewire(world, VirtualSwitch("lonely", kind, [], []), PortGroup("g", "lonely", "access", 4))
    async with vcenter_lab(tmp_path, world) as lab:
        with pytest.raises(VmNotCheckable, match=r"lonely.*no uplink"):
            await lab.vcenter.find("app01")


async def test_a_hidden_host_is_refused_as_a_matter_of_rights(tmp_path: Path) -> None:
    async with vcenter_lab(tmp_path) as lab:
        lab.twin.hidden.add("host-7")
        with pytest.raises(VmNotCheckable, match="may not see the host"):
            await lab.vcenter.find("app01")
