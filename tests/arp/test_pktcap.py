"""Command lines and the host's answers, against verbatim transcripts of ESXi 5.5 to 8.0."""

from __future__ import annotations

import shlex
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
