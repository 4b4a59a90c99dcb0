"""A verdict → the commands for the switch side, in each vendor's own notation."""

from dataclasses import replace

import pytest

from tests.arp import judged
from tests.arp.captures import VM
from tests.arp.test_bundle import made
from workers.arp.model import Neighbour


@pytest.mark.parametrize(
    ("vendor", "lines"),
    {
        "nxos": [
            "show mac address-table address 0050.569a.2101",
            "show interface ethernet 1/10 trunk",
            "show spanning-tree vlan 110 interface ethernet 1/10 detail",
        ],
        "iosxe": ["show interfaces Ethernet1/10 trunk", "show ip arp 10.20.110.1"],
        "eos": ["show interfaces Ethernet1/10 counters errors", "show vlan 110"],
        "junos": [f"show ethernet-switching table vlan-name NAME | match {VM}"],
        "esxi": [
            "esxcli network nic get -n vmnic1",
            (
                f"pktcap-uw --uplink vmnic1 --capture UplinkRcvKernel --mac {VM} "
                "--ethtype 0x0806 -c 20 -o - | tcpdump-uw -enr -"
            ),
        ],
    }.items(),
)
def test_next_commands_are_filled_in(vendor: str, lines: list[str]) -> None:
    text = made()[f"next_commands/{vendor}.txt"].decode()
    assert set(lines) <= set(text.splitlines())
    assert "2026-01-01T00:00:00.000000Z to 2026-01-01T00:00:30.000000Z" in text
    assert "{" not in text
    assert "vmnic0" not in text


def test_the_vms_port_is_filled_in_where_the_check_named_it() -> None:
    case = judged.case()
    unknown = made()["next_commands/esxi.txt"].decode()
    assert "# ID and portset are in net-stats -l" in unknown
    assert "port stats get -p ID" in unknown
    commands = {
        "vmnic1": "pktcap-uw --switchport 9",
        "vnic0": "pktcap-uw --switchport 67108881 -o -",
    }
    captures = tuple(replace(c, command=commands.get(c.point.object)) for c in case.captures)
    known = made(judged.judgement(case=replace(case, captures=captures)))
    lines = known["next_commands/esxi.txt"].decode().splitlines()
    assert "esxcli network port stats get -p 67108881" in lines
    assert "vsish -e get /net/portsets/DvsPortset-0/ports/67108881/teamUplink" in lines
    assert "ID" not in " ".join(lines).split()


def test_next_commands_of_a_switch_that_tries_to_break_out() -> None:
    evil = Neighbour("lldp", "sw;reload", "Eth1/1\nreload\n{mac}")
    case = judged.case()
    uplinks = tuple(replace(uplink, neighbour=evil) for uplink in case.host.uplinks)
    judgement = judged.judgement(case=replace(case, host=replace(case.host, uplinks=uplinks)))
    for name, data in made(judgement).items():
        if name.startswith("next_commands/"):
            assert "reload" not in data.decode().splitlines()
            assert ";" not in data.decode().partition("Ethernet")[0].partition("Case")[2]
