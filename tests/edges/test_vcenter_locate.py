"""From a VM's id to switch, VLAN, teaming and uplinks, on every kind of switch."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.edges.vcenter_lab import rewire, second_nic, vcenter_lab
from tests.lab.world import PortGroup, VirtualSwitch, small_world
from workers.arp.model import Neighbour, Vlan

BOTH = ["vmnic0", "vmnic1"]


async def test_the_small_world_is_located_in_full(tmp_path: Path) -> None:
    async with vcenter_lab(tmp_path) as lab:
        location = await lab.vcenter.locate("vm-101")
    nic = location.vm.nics[0]
    assert (nic.point, nic.label, nic.mac) == ("vnic0", "Network adapter 1", "00:50:56:9a:21:01")
    assert (nic.ipv4, nic.gateway) == (("10.20.110.21/24",), "10.20.110.1")
    assert (nic.portgroup, nic.switch, nic.switch_kind) == ("app-110", "dvs-prod", "vds")
    assert (nic.vlan, nic.port_key, nic.pinned_uplink) == (Vlan("access", 110), "101", None)
    host = location.host
    assert (host.name, host.version, host.build) == ("esx07.example.com", "8.0.3", "24674464")
    assert host.teaming == "portid"
    assert [(u.device, u.switch, u.role, u.link_up, u.lag) for u in host.uplinks] == [
        ("vmnic0", "dvs-prod", "active", True, None),
        ("vmnic1", "dvs-prod", "active", True, None),
    ]
    assert host.uplinks[1].neighbour == Neighbour(
        "lldp", "sw-a", "Ethernet1/7", None, "192.0.2.250"
    )
    assert [(v.name, v.mac, v.ipv4, v.vlan) for v in host.local_vms] == [
        ("web02", "00:50:56:9a:22:02", ("10.20.110.22",), 110),
        ("log04", "00:50:56:9a:31:04", ("10.20.120.31",), 120),
    ]
    assert host.local_macs == ("b0:7b:25:0e:07:00", "b0:7b:25:0e:07:01")
    assert (location.host_moid, location.address) == ("host-7", "127.0.0.1")
    assert location.vcenter_id == lab.world.vcenter_uuid
    assert location.vm.uuid == "4213b7a1-0000-4000-8000-000000000101"
    assert (location.tools_running, location.ssh_running) == (True, True)
    assert (location.lockdown, location.notes) == ("lockdownDisabled", ())


@pytest.mark.parametrize(
    ("group", "vlan"),
    [
        (PortGroup("web", "vSwitch0", "access", 110), Vlan("access", 110)),
        (PortGroup("web", "vSwitch0", "none"), Vlan("none")),
        (PortGroup("web", "vSwitch0", "trunk"), Vlan("trunk", ranges=((0, 4094),))),
    ],
)
async def test_a_standard_switch(tmp_path: Path, group: PortGroup, vlan: Vlan) -> None:
    world = small_world()
    switch = VirtualSwitch("vSwitch0", "vss", BOTH, ["vmnic1"], ["vmnic0"], teaming="failover")
    rewire(world, switch, group, PortGroup("web-2", "vSwitch0", "access", 112))
    async with vcenter_lab(tmp_path, world) as lab:
        location = await lab.vcenter.find("app01")
    nic = location.vm.nics[0]
    assert (nic.switch, nic.switch_kind, nic.vlan, nic.portgroup) == (
        "vSwitch0",
        "vss",
        vlan,
        "web",
    )
    assert nic.pinned_uplink == "vmnic1"
    assert location.host.teaming == "failover"
    roles = {u.device: u.role for u in location.host.uplinks}
    assert roles == {"vmnic0": "standby", "vmnic1": "active"}


@pytest.mark.parametrize("teaming", ["portid", "srcmac", "iphash", "lbt", "failover"])
@pytest.mark.parametrize("kind", ["vss", "vds"])
async def test_every_teaming_policy(tmp_path: Path, teaming: str, kind: str) -> None:
    world = small_world()
    switch = VirtualSwitch("sw", kind, BOTH, ["vmnic0"], [], teaming=teaming)
    rewire(world, switch, PortGroup("web", "sw", "access", 5))
    async with vcenter_lab(tmp_path, world) as lab:
        location = await lab.vcenter.find("app01")
    assert location.host.teaming == teaming
    assert [u.role for u in location.host.uplinks] == ["active", "unused"]
    assert location.vm.nics[0].pinned_uplink == "vmnic0"


@pytest.mark.parametrize(
    ("group", "vlan"),
    [
        (PortGroup("g", "dvs", "none"), Vlan("none")),
        (
            PortGroup("g", "dvs", "trunk", trunk=[(100, 120), (300, 300)]),
            Vlan("trunk", ranges=((100, 120), (300, 300))),
        ),
        (PortGroup("g", "dvs", "pvlan", 201, primary=200), Vlan("pvlan", 201, 200)),
    ],
)
async def test_vlans_of_a_distributed_port_group(
    tmp_path: Path, group: PortGroup, vlan: Vlan
) -> None:
    world = small_world()
    rewire(world, VirtualSwitch("dvs", "vds", BOTH, BOTH), group)
    async with vcenter_lab(tmp_path, world) as lab:
        assert (await lab.vcenter.find("app01")).vm.nics[0].vlan == vlan


async def test_a_vlan_set_on_the_very_port_wins(tmp_path: Path) -> None:
    world = small_world()
    world.vm("app01").nics[0].port_vlan = 777
    world.vm("app01").nics[0].blocked = True
    async with vcenter_lab(tmp_path, world) as lab:
        location = await lab.vcenter.find("app01")
    assert location.vm.nics[0].vlan == Vlan("access", 777)
    assert any("blocked" in note for note in location.notes)


async def test_members_of_a_lag_share_its_name_and_role(tmp_path: Path) -> None:
    world = small_world()
    rewire(world, VirtualSwitch("dvs", "vds", BOTH, ["lag1"]), PortGroup("g", "dvs", "access", 9))
    for pnic in world.hosts[0].pnics:
        pnic.lag = "lag1"
    async with vcenter_lab(tmp_path, world) as lab:
        location = await lab.vcenter.find("app01")
    assert [(u.device, u.role, u.lag) for u in location.host.uplinks] == [
        ("vmnic0", "active", "lag1"),
        ("vmnic1", "active", "lag1"),
    ]
    assert (location.host.teaming, location.vm.nics[0].pinned_uplink) == ("lacp", None)


async def test_the_old_lacp_without_lag_objects(tmp_path: Path) -> None:
    world = small_world()
    switch = VirtualSwitch("dvs", "vds", BOTH, BOTH, teaming="iphash", single_lag=True)
    rewire(world, switch, PortGroup("g", "dvs", "access", 9))
    async with vcenter_lab(tmp_path, world) as lab:
        location = await lab.vcenter.find("app01")
        assert lab.twin.calls <= 11
    assert {u.lag for u in location.host.uplinks} == {"lag"}
    assert location.host.teaming == "lacp"


async def test_a_dead_link_leaves_one_uplink_and_no_neighbour(tmp_path: Path) -> None:
    world = small_world()
    world.hosts[0].pnics[0].link_up = False
    async with vcenter_lab(tmp_path, world) as lab:
        location = await lab.vcenter.find("app01")
    dead, alive = location.host.uplinks
    assert (dead.link_up, dead.neighbour, alive.link_up) == (False, None, True)
    assert location.vm.nics[0].pinned_uplink == "vmnic1"


async def test_cdp_neighbours_with_a_native_vlan(tmp_path: Path) -> None:
    world = small_world()
    port = world.hosts[0].pnics[0].neighbour
    port.protocol, port.native_vlan = "cdp", 99
    world.hosts[0].pnics[1].neighbour.protocol = "none"
    async with vcenter_lab(tmp_path, world) as lab:
        first, second = (await lab.vcenter.find("app01")).host.uplinks
    assert first.neighbour == Neighbour("cdp", "sw-b", "Ethernet1/7", 99, "192.0.2.250")
    assert second.neighbour is None


async def test_a_host_that_gives_no_hints_is_located_all_the_same(tmp_path: Path) -> None:
    world = small_world()
    world.hosts[0].behaviours.add("no_hints")
    async with vcenter_lab(tmp_path, world) as lab:
        location = await lab.vcenter.find("app01")
    assert [u.neighbour for u in location.host.uplinks] == [None, None]


async def test_nsx_segments(tmp_path: Path) -> None:
    world = small_world()
    groups = [
        PortGroup("over", "nsx", overlay=True, mode="none"),
        PortGroup("vlan", "nsx", vlan=30),
    ]
    vm = rewire(world, VirtualSwitch("nsx", "nsx", BOTH, BOTH, ens=True), *groups)
    vm.nics.append(second_nic("vlan"))
    async with vcenter_lab(tmp_path, world) as lab:
        location = await lab.vcenter.find("app01")
    overlay, vlan = location.vm.nics
    assert (overlay.switch_kind, overlay.overlay, overlay.vlan) == ("nsx", True, Vlan("none"))
    assert (vlan.switch_kind, vlan.overlay, vlan.vlan) == ("nsx", False, Vlan("access", 30))
    assert {u.role for u in location.host.uplinks} == {"unknown"}
    told = " ".join(location.notes)
    assert "Geneve" in told
    assert "fast path" in told


@pytest.mark.parametrize(
    ("says", "spec", "offloaded"),
    [
        (True, "nvidia-bluefield", True),
        (True, None, True),
        (None, "pensando", True),
        (False, "nvidia-bluefield", False),
        (None, "None", False),
        (None, None, False),
    ],
)
async def test_a_switch_that_runs_on_a_dpu(
    tmp_path: Path,
    says: bool | None,  # noqa: FBT001
    spec: str | None,
    offloaded: bool,  # noqa: FBT001
) -> None:
    world = small_world()
    host = world.hosts[0]
    host.switches[0].offloaded, host.switches[0].offload_spec = says, spec
    for pnic in host.pnics:
        pnic.dpu = "dpu-0"
    async with vcenter_lab(tmp_path, world) as lab:
        location = await lab.vcenter.find("app01")
    assert location.offloaded == ((host.switches[0].name,) if offloaded else ())
    told = " ".join(location.notes)
    assert ("silence there proves nothing" in told) == offloaded
    assert ("Capture on the DPU itself" in told) == offloaded
    assert ("vmnic0, vmnic1: port of a DPU" in told) != offloaded


async def test_a_dpu_is_asked_for_only_where_the_api_knows_it(tmp_path: Path) -> None:
    world = small_world()
    world.hosts[0].switches[0].offload_spec = "pensando"
    async with vcenter_lab(tmp_path, world) as lab:
        lab.twin.versions = lab.twin.versions.replace("8.0.", "99.0.")
        location = await lab.vcenter.find("app01")
    assert location.offloaded == ()  # an older vCenter would refuse the whole question


async def test_opaque_networks(tmp_path: Path) -> None:
    world = small_world()
    rewire(world, VirtualSwitch("nvds", "nsx", BOTH, BOTH, opaque=True), PortGroup("seg", "nvds"))
    async with vcenter_lab(tmp_path, world) as lab:
        location = await lab.vcenter.find("app01")
    nic = location.vm.nics[0]
    assert (nic.backing, nic.switch, nic.switch_kind, nic.portgroup) == (
        "opaque",
        "nvds",
        "nsx",
        "seg",
    )
    assert [u.device for u in location.host.uplinks] == BOTH
    assert any("opaque network" in note for note in location.notes)


async def test_uplinks_are_those_of_all_switches_of_the_vm(tmp_path: Path) -> None:
    world = small_world()
    switch = VirtualSwitch("vSwitch0", "vss", ["vmnic0"], ["vmnic0"])
    vm = rewire(world, switch, PortGroup("web", "vSwitch0", "access", 110))
    host = world.hosts[0]
    host.switches.append(VirtualSwitch("vSwitch1", "vss", ["vmnic1"], ["vmnic1"]))
    host.portgroups.append(PortGroup("backup", "vSwitch1", "access", 50))
    vm.nics.append(second_nic("backup", ipv4=["10.9.9.9/16"]))
    async with vcenter_lab(tmp_path, world) as lab:
        location = await lab.vcenter.find("app01")
    assert [(u.device, u.switch) for u in location.host.uplinks] == [
        ("vmnic0", "vSwitch0"),
        ("vmnic1", "vSwitch1"),
    ]
    assert [n.pinned_uplink for n in location.vm.nics] == ["vmnic0", "vmnic1"]
    assert location.vm.nics[1].label == "Network adapter 2"


async def test_guest_interfaces_that_are_no_adapter_do_not_confuse(tmp_path: Path) -> None:
    world = small_world()
    world.vm("app01").guest_bridges = ["172.17.0.1/16", "172.18.0.1/16"]
    async with vcenter_lab(tmp_path, world) as lab:
        nic = (await lab.vcenter.find("app01")).vm.nics[0]
    assert (nic.ipv4, nic.gateway) == (("10.20.110.21/24",), "10.20.110.1")


async def test_without_tools_addresses_are_unknown_and_that_is_said(tmp_path: Path) -> None:
    world = small_world()
    world.vm("app01").tools_running = False
    async with vcenter_lab(tmp_path, world) as lab:
        location = await lab.vcenter.find("app01")
    assert (location.tools_running, location.vm.nics[0].ipv4) == (False, ())
    assert any("Tools" in note for note in location.notes)


async def test_one_unusable_adapter_does_not_spoil_the_others(tmp_path: Path) -> None:
    world = small_world()
    vm = world.vm("app01")
    vm.nics.append(second_nic("app-110", connected=False))
    vm.nics.append(second_nic("app-120", backing="sriov"))
    vm.nics.append(second_nic("app-120", backing="passthrough"))
    async with vcenter_lab(tmp_path, world) as lab:
        location = await lab.vcenter.find("app01")
    assert [(n.point, n.connected, n.backing) for n in location.vm.nics] == [
        ("vnic0", True, "port"),
        ("vnic1", False, "port"),
        ("vnic2", True, "sriov"),
    ]
    told = " ".join(location.notes)
    assert "SR-IOV" in told
    assert "passthrough" in told


async def test_a_hidden_port_group_leaves_vlan_and_roles_unknown(tmp_path: Path) -> None:
    async with vcenter_lab(tmp_path) as lab:
        lab.twin.hidden.add("dvportgroup-110")
        location = await lab.vcenter.find("app01")
    assert location.vm.nics[0].vlan == Vlan("access", None)
    assert [(u.device, u.role) for u in location.host.uplinks] == [
        ("vmnic0", "unknown"),
        ("vmnic1", "unknown"),
    ]
    assert any("hidden" in note for note in location.notes)
