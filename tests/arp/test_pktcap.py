"""Command lines and the host's answers, against verbatim transcripts of ESXi 5.5 to 8.0."""

from __future__ import annotations

import shlex
import time
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.arp.model import Host, Role, Uplink, Vm, VmLocation, Vnic
from workers.arp.pktcap import (
    Dumped,
    Features,
    Pid,
    Planned,
    Progress,
    Prompt,
    Ready,
    Said,
    TimeoutSyntax,
    Trouble,
    capture_line,
    caveats,
    is_rarp,
    parse_clock,
    parse_net_stats,
    parse_nic_list,
    parse_nic_stats,
    parse_points,
    parse_processes,
    parse_status,
    parse_version,
    parse_vm_list,
    parse_vm_ports,
    plan_captures,
    printable,
    risen,
    usable,
)

MODERN = frozenset(
    {"UplinkRcvKernel", "UplinkSndKernel", "UplinkRcv", "UplinkSnd", "VnicTx", "VnicRx"}
)
ESXI_5_5 = (
    "UplinkRcv UplinkSnd Vmxnet3Tx Vmxnet3Rx PortInput IOChain EtherswitchDispath EtherswitchOutput"
    " PortOutput TcpipDispatch PreDVFilter PostDVFilter Drop VdrRxLeaf VdrTxLeaf VdrRxTerminal"
    " VdrTxTerminal PktFree"
)
MAC = "00:50:56:a2:ec:46"
DPU = "dvs-prod runs on a DPU, so what passes there may not show on the host"


def location(uplinks: int = 2, *nics: Vnic) -> VmLocation:
    adapters = nics or (Vnic("vnic0", "Network adapter 1", MAC),)
    devices = tuple(
        Uplink(f"vmnic{n}", "dvs-prod", Role.ACTIVE, link_up=True) for n in range(uplinks)
    )
    return VmLocation(
        Vm("app01", nics=adapters), Host("esx07", uplinks=devices), "host-7", "192.0.2.7"
    )


def features(points: frozenset[str] = MODERN, uplinks: int = 2, *, dirs: bool = False) -> Features:
    return Features(points, dirs, TimeoutSyntax.OPTION, {f"vmnic{n}": True for n in range(uplinks)})


def commands(plan: tuple[Planned, ...]) -> dict[str, str | None]:
    return {planned.point.name: planned.command for planned in plan}


def test_a_current_host_gets_the_documented_command_lines() -> None:
    plan = commands(plan_captures(location(), {MAC: 67108881}, features()))
    tail = "--ethtype 0x0806 -s 0 -c 50000 -o -"
    assert plan["vnic0-tx"] == f"pktcap-uw --switchport 67108881 --capture VnicTx {tail}"
    assert plan["vnic0-rx"] == f"pktcap-uw --switchport 67108881 --capture VnicRx {tail}"
    assert plan["vmnic1-tx"] == f"pktcap-uw --uplink vmnic1 --capture UplinkSndKernel {tail}"
    assert plan["vmnic1-rx"] == f"pktcap-uw --uplink vmnic1 --capture UplinkRcvKernel {tail}"
    assert plan["rarp.vmnic1-rx"] == (
        "pktcap-uw --uplink vmnic1 --capture UplinkRcvKernel --ethtype 0x8035 -s 0 -c 50000 -o -"
    )
    assert len(plan) == 10


@pytest.mark.parametrize(
    ("points", "dirs", "expected"),
    [
        (
            parse_points(ESXI_5_5),
            False,
            [
                "--capture Vmxnet3Tx",
                "--capture Vmxnet3Rx",
                "--capture UplinkSnd",
                "--capture UplinkRcv",
            ],
        ),
        (
            frozenset({"PortInput", "PortOutput", "UplinkRcv"}),
            True,
            [
                "--capture PortInput",
                "--capture PortOutput",
                "--dir 1 --stage 1",
                "--capture UplinkRcv",
            ],
        ),
        (frozenset(), True, ["--dir 0", "--dir 1", "--dir 1 --stage 1", "--dir 0"]),
    ],
)
def test_older_hosts_get_the_next_best_points(
    points: frozenset[str],
    dirs: bool,  # noqa: FBT001
    expected: list[str],
) -> None:
    probed = features(points, dirs=dirs)
    plan = commands(plan_captures(location(), {MAC: 7}, probed))
    for name, words in zip(
        ("vnic0-tx", "vnic0-rx", "vmnic0-tx", "vmnic0-rx"), expected, strict=True
    ):
        assert f" {words} --ethtype" in str(plan[name])
    assert usable(probed)


def test_a_host_without_any_way_to_listen_is_not_usable() -> None:
    assert not usable(features(frozenset({"UplinkRcv", "VnicTx", "VnicRx"})))


def test_port_output_and_dir_are_told_as_caveats() -> None:
    said = caveats(features(frozenset({"PortInput", "PortOutput", "UplinkRcv"}), dirs=True))
    assert "PortOutput" in said[0]
    assert "--dir" in said[1]
    assert caveats(features(frozenset(), dirs=True)) == said  # --dir 1 is the output of the port
    assert caveats(features()) == ()


@pytest.mark.parametrize(
    ("uplinks", "arp", "rarp"), [(2, 6, 4), (4, 10, 8), (8, 18, 6), (16, 34, 0)]
)
def test_arp_always_gets_its_captures_and_rarp_what_is_left(
    uplinks: int, arp: int, rarp: int
) -> None:
    plan = plan_captures(location(uplinks), {MAC: 7}, features(uplinks=uplinks))
    assert sum(1 for p in plan if not is_rarp(p.point)) == arp
    assert sum(1 for p in plan if is_rarp(p.point)) == rarp


def test_what_cannot_be_heard_is_listed_with_its_reason() -> None:
    place = location(
        3, Vnic("vnic0", "Network adapter 1", MAC), Vnic("vnic1", "2", "00:50:56:00:00:01")
    )
    probed = replace(features(), links={"vmnic0": True, "vmnic1": False})
    reasons = {p.point.name: p.why_not for p in plan_captures(place, {MAC: 7}, probed) if p.why_not}
    assert reasons == {
        "vnic1-tx": "the host lists no switch port with MAC 00:50:56:00:00:01",
        "vnic1-rx": "the host lists no switch port with MAC 00:50:56:00:00:01",
        "vmnic1-tx": "the link of vmnic1 is down",
        "vmnic1-rx": "the link of vmnic1 is down",
        "vmnic2-tx": "the host does not list vmnic2",
        "vmnic2-rx": "the host does not list vmnic2",
    }


def test_on_a_dpu_everything_is_captured_and_no_silence_counts() -> None:
    place = replace(
        location(1, Vnic("vnic0", "1", MAC, switch="dvs-prod"), Vnic("vnic1", "2", MAC)),
        offloaded=("dvs-prod",),
    )
    plan = plan_captures(place, {MAC: 7}, features())
    doubted = {p.point.name for p in plan if p.doubt == DPU}
    assert all(p.argv for p in plan)
    assert doubted == {"vnic0-tx", "vnic0-rx", "vmnic0-tx", "vmnic0-rx"}
    assert {p.doubt for p in plan if p.point.name not in doubted} == {None}


def test_adapters_of_opaque_networks_are_heard_at_their_port() -> None:
    nic = Vnic("vnic0", "1", MAC, backing="opaque")
    assert "vnic0-tx" in commands(plan_captures(location(1, nic), {MAC: 7}, features()))


def test_adapters_that_hang_on_no_port_are_not_planned() -> None:
    nics = (
        Vnic("vnic0", "1", MAC),
        Vnic("vnic1", "2", "00:50:56:00:00:01", connected=False),
        Vnic("vnic2", "3", "00:50:56:00:00:02", backing="sriov"),
    )
    plan = plan_captures(location(1, *nics), {MAC: 7}, features())
    assert {p.point.object for p in plan} == {"vnic0", "vmnic0", "rarp.vmnic0"}


@pytest.mark.parametrize("device", ["vmnic0; reboot", "$(reboot)", "../vmnic0", "-w", "vmnic0\nx"])
def test_a_device_name_that_tries_to_break_out_is_refused(device: str) -> None:
    place = location()
    host = replace(place.host, uplinks=(Uplink(device, "dvs-prod", link_up=True),))
    with pytest.raises(ValueError, match="names no capture point"):
        plan_captures(
            replace(place, host=host), {MAC: 7}, replace(features(), links={device: True})
        )


def test_the_shell_line_is_quoted_and_bounded() -> None:
    planned = Planned(
        plan_captures(location(), {MAC: 7}, features())[0].point, ("pktcap-uw", "a b;c")
    )
    line = capture_line(planned, 60, TimeoutSyntax.OPTION)
    assert line == "echo \"PID $$\" >&2; exec timeout -t 60 -s INT pktcap-uw 'a b;c'"
    plain = capture_line(planned, 60, TimeoutSyntax.PLAIN)
    assert shlex.split(plain.split("exec ")[1])[:4] == ["timeout", "-s", "INT", "60"]


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("Accept...Vsock connection from port 1027 cid 2", Ready()),
        ("pktcap: Vsock connection from port 1096 cid 2.", Ready()),
        ("PKTCAP: VSOCK CONNECTION FROM PORT 1 CID 2", Ready()),
        ("Vsock connection from port: 1096, cid: 2", Ready()),
        (
            "vsock  connection from port 1096 on cid two",
            Said("vsock connection from port 1096 on cid two"),
        ),
        ("Dumped 4 packet to console, dropped 0 packets.", Dumped(4, 0)),
        ("Dumped 10241 packet to file /a b/vmnic0.pcap, dropped 7 packets.", Dumped(10241, 7)),
        ("pktcap: Dumped 9 packets to file -, dropped 2 packets.", Dumped(9, 2)),
        ("Dump: 385949, broken : 0, drop: 3, file err: 0", Progress(385949, 3)),
        (
            "Dump: 1, broken : 0, drop: 0, file err: 0error: Error writing 16 bytes of pkt header to file",
            Trouble("Error writing 16 bytes of pkt header to file"),
        ),
        (
            "error: No such capture point: UplinkRcvKernel0",
            Trouble("No such capture point: UplinkRcvKernel0"),
        ),
        ("PID 2101234", Pid(2101234)),
        ("PID 12345678901234", Said("PID 12345678901234")),
        ("Do you want to continue? [y/N]:", Prompt("Do you want to continue? [y/N]:")),
        ("sh: pktcap-uw: not found", Trouble("sh: pktcap-uw: not found")),
        ("Operation not permitted", Trouble("Operation not permitted")),
        (
            "No server port specifed, select 38100 as the port",
            Said("No server port specifed, select 38100 as the port"),
        ),
        ("Join with dump thread failed.", Said("Join with dump thread failed.")),
        ("pktcap: Join with recvthread failed.", Said("pktcap: Join with recvthread failed.")),
        ("The dir is Rx", Said("The dir is Rx")),
        ("", Said("")),
    ],
)
def test_status_lines(line: str, status: object) -> None:
    assert parse_status(line) == status


@given(st.text())
def test_no_status_line_can_break_the_reader(line: str) -> None:
    parse_status(line)
    parse_points(line)
    parse_vm_ports(line)
    parse_nic_stats(line)
    parse_version(line)
    assert "\n" not in printable(line)


@given(st.text())
def test_no_table_raises_anything_but_value_error(text: str) -> None:
    for read in (parse_net_stats, parse_vm_list, parse_nic_list, parse_processes, parse_clock):
        try:
            read(text)
        except ValueError:
            continue


def test_printable_takes_the_forging_characters_out() -> None:
    assert printable("a\x1b[31mb\r\nc\u202ed\x00e") == "a[31mb cde"
    assert printable("x" * 400) == "x" * 299 + "…"
    assert printable("Größe 東京 (neu)") == "Größe 東京 (neu)"


def test_points_are_whole_words() -> None:
    points = parse_points("  1: UplinkRcvKernel0 -- x\n  2: VnicTx (obsoleted)\n")
    assert "UplinkRcvKernel" not in points
    assert "VnicTx" in points


NET_STATS = """\
PortNum          Type SubType SwitchName       MACAddress         ClientName
2214592518          4       0 DvsPortset-0     00:50:56:01:10:01  vmnic0
67108874            3       0 DvsPortset-0     00:50:56:01:10:01  vmk0
67108881            5       9 DvsPortset-0     00:50:56:a2:ec:46  vedge3.eth4
67108882            5       9 DvsPortset-0     00:50:56:A2:EC:47  Größe 東京 (neu) 2.eth0
67108883            5       9 vSwitch0         00:50:56:a2:ec:48  bare name
67108884            5       9 vSwitch0         00:50:56:a2:ec:49
this line is broken
"""


def test_ports_are_read_by_mac() -> None:
    rows = parse_net_stats(NET_STATS)
    assert [(r.number, r.type, r.mac, r.client) for r in rows] == [
        (2214592518, 4, "00:50:56:01:10:01", "vmnic0"),
        (67108874, 3, "00:50:56:01:10:01", "vmk0"),
        (67108881, 5, "00:50:56:a2:ec:46", "vedge3.eth4"),
        (67108882, 5, "00:50:56:a2:ec:47", "Größe 東京 (neu) 2.eth0"),
        (67108883, 5, "00:50:56:a2:ec:48", "bare name"),
        (67108884, 5, "00:50:56:a2:ec:49", ""),
    ]
    with pytest.raises(ValueError, match="no table of ports"):
        parse_net_stats("sh: net-stats: not found")


VM_LIST = """\
World ID  Name           Num Ports  Networks
--------  -------------  ---------  --------
 2270220  fnOS_2                 2  VM Network, VM Network1
 2270221  fnOS                   1  VM Network
 2270222  Größe (neu) 2  1  app-110
"""


@pytest.mark.parametrize(
    ("name", "worlds"),
    [
        ("fnOS_2", [2270220]),
        ("fnOS", [2270221]),
        ("Größe (neu) 2", [2270222]),
        ("Größe (neu)", [2270222]),
        ("none", []),
    ],
)
def test_worlds_by_name(name: str, worlds: list[int]) -> None:
    assert [row.world_id for row in parse_vm_list(VM_LIST) if row.named(name)] == worlds


PORT_LIST = """\
   Port ID: 67108881
   vSwitch: vSwitch0
   Portgroup: VM Network: old
   DVPort ID:
   MAC Address: 00:0c:29:72:3F:E3
   IP Address: 0.0.0.0
   Team Uplink: vmnic0
   Uplink Port ID: 2214592517
   Active Filters:

   Port ID: 67108882
   vSwitch: vSwitch0
   MAC Address: 00:0c:29:72:3f:ed
   Team Uplink: void
   Uplink Port ID: 0

   Port ID: 67108883
   vSwi"""


def test_vm_ports_with_and_without_an_uplink_and_cut_short() -> None:
    ports = parse_vm_ports(PORT_LIST)
    assert [(p.number, p.mac, p.team_uplink, p.portgroup) for p in ports] == [
        (67108881, "00:0c:29:72:3f:e3", "vmnic0", "VM Network: old"),
        (67108882, "00:0c:29:72:3f:ed", None, ""),
    ]


NIC_LIST = """\
Name    PCI Device    Driver  Admin Status  Link Status  Speed  Duplex  MAC Address         MTU  Description
------  ------------  ------  ------------  -----------  -----  ------  -----------------  ----  -----------
vmnic0  0000:3b:00.0  ixgben  Up            Up           10000  Full    b0:7b:25:0e:07:00  1500  Intel X550
vmnic1  0000:3b:00.1  ixgben  Up            Down             0  Half    b0:7b:25:0e:07:01  9000  Intel X550
"""


def test_nics_and_their_links() -> None:
    rows = parse_nic_list(NIC_LIST)
    assert [(r.device, r.link_up, r.mtu, r.driver) for r in rows] == [
        ("vmnic0", True, 1500, "ixgben"),
        ("vmnic1", False, 9000, "ixgben"),
    ]
    with pytest.raises(ValueError, match="no NIC"):
        parse_nic_list("")


def test_only_errors_and_drops_that_rose_are_told() -> None:
    before = parse_nic_stats(
        "NIC statistics for vmnic0\n   Packets received: 10\n   Receive packets dropped: 1\n"
        "   Total receive errors: 5\n   Receive CRC errors: 9\n"
    )
    after = {
        **before,
        "Packets received": 99,
        "Receive packets dropped": 4,
        "Receive CRC errors": 0,
    }
    assert risen(before, after) == {"Receive packets dropped": 3}


def test_processes_with_their_cartels() -> None:
    rows = parse_processes(
        "WID    CID    WorldName    Command\n524288         idle0\n"
        "2101 2100 pktcap-uw pktcap-uw --uplink vmnic0 -o -\n"
    )
    assert [(r.world, r.cartel) for r in rows] == [(524288, 524288), (2101, 2100)]
    assert "pktcap-uw" in rows[1].command
    with pytest.raises(ValueError, match="no process"):
        parse_processes("WID CID WorldName")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("VMware ESXi 8.0.3 build-24674464\nVMware ESXi 8.0 Update 3\n", ("8.0.3", "24674464")),
        ("VMware ESXi 5.5.0 build-1331820", ("5.5.0", "1331820")),
        ("sh: vmware: not found", (None, None)),
    ],
)
def test_version(text: str, expected: tuple[str | None, str | None]) -> None:
    assert parse_version(text) == expected


@pytest.mark.parametrize(
    ("row", "port"),
    [
        (f"67108881 5 9 vSwitch0 {MAC} a b.eth0", (67108881, 5, "vSwitch0", "a b.eth0")),
        (f"67108881 5 vSwitch0 {MAC} x", (67108881, 5, "vSwitch0", "x")),
        (f"67108881 5 - - {MAC.upper()}  x", (67108881, 5, "-", "x")),
        (f"67108881 5 9 vSwitch 0 (old) {MAC}", (67108881, 5, "vSwitch 0 (old)", "")),
        (f"\t67108881\t5\t9\tDvsPortset-0\t{MAC}\t東京", (67108881, 5, "DvsPortset-0", "東京")),
        (f"67108881 5 9 DvsPortset-0 12 {MAC} x", (67108881, 5, "DvsPortset-0 12", "x")),
    ],
)
def test_ports_in_odd_columns(row: str, port: tuple[int, int, str, str]) -> None:
    (found,) = parse_net_stats(f"odd heading\n{row}\n")
    assert (found.number, found.type, found.switch, found.client) == port
    assert found.mac == MAC


@pytest.mark.parametrize(
    "line",
    [
        "1 1 a{}b",
        f"1 5 9 s {MAC} a{{}}b",
        "1 5 9 {}s",
        "--- ---\n1 a{}b",
        "{}",
        "a:{}b",
        "ESXi 1.1{}b",
    ],
)
def test_a_line_of_a_megabyte_of_blanks_takes_no_time(line: str) -> None:
    text = line.format(" " * 1_000_000)
    began = time.process_time()
    for read in (parse_net_stats, parse_vm_list, parse_nic_list, parse_processes, parse_clock):
        with suppress(ValueError):
            read(text)
    for tell in (parse_vm_ports, parse_nic_stats, parse_version, parse_points, parse_status):
        tell(text)
    assert time.process_time() - began < 5


def test_nics_of_esxi_5_5_have_one_column_for_the_link() -> None:
    rows = parse_nic_list(
        "Name    PCI Device     Driver  Link  Speed  Duplex  MAC Address         MTU  Description\n"
        "------  -------------  ------  ----  -----  ------  -----------------  ----  -----------\n"
        "vmnic0  0000:002:00.0  e1000   Up     1000  Full    00:50:56:01:02:03  1500  Intel 82545EM\n"
        "vmnic1  0000:002:01.0  e1000   Down      0  Half    00:50:56:01:02:04  1500  Intel 82545EM\n"
    )
    assert [(r.device, r.link_up, r.mtu) for r in rows] == [
        ("vmnic0", True, 1500),
        ("vmnic1", False, 1500),
    ]


@pytest.mark.parametrize(
    ("told", "uplink"),
    [("vmnic12", "vmnic12"), ("void", None), ("n/a", None), ("-", None), ("all(2)", None),
     ("TST_LAG1", None), ("vmnic0,vmnic1", None), ("", None)],
)  # fmt: skip
def test_what_a_team_may_print(told: str, uplink: str | None) -> None:
    (port,) = parse_vm_ports(f"Port ID: 7\nMAC Address: {MAC}\nTeam Uplink: {told}\n")
    assert (port.team_uplink, port.team) == (uplink, told)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1795378212 123456789\n", (1795378212_123456789, 1)),
        ("1795378212 %N\n", (1795378212_000000000, 1_000_000_000)),
        ("1795378212\n", (1795378212_000000000, 1_000_000_000)),
        ("Sun Nov 22 20:10:12 UTC 2026\n", (1795378212_000000000, 1_000_000_000)),
        ("Sun Nov  1 20:10:12 UTC 2026\n", (1793563812_000000000, 1_000_000_000)),
        ("2026-11-22T20:10:12Z\n", (1795378212_000000000, 1_000_000_000)),
        ("Welcome, 5 warnings\ndate -u\n1795378212\n", (1795378212_000000000, 1_000_000_000)),
    ],
)
def test_clock(text: str, expected: tuple[int, int]) -> None:
    assert parse_clock(text) == expected
