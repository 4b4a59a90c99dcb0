"""The tables that a host's tools print, against verbatim transcripts and odder ones."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest

from workers.arp.pktcap import (
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
    risen,
)

MAC = "00:50:56:a2:ec:46"

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
