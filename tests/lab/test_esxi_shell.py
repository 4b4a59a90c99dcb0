"""The twin's shell and its tools answer what people send, as a host's do."""

from __future__ import annotations

import re

import pytest

from tests.lab.esxi_scene import (
    HOST,
    Lab,
    until,
)

LINES = [
    ("echo ok", 0, "ok\n"),
    ("true && echo yes || echo no", 0, "yes\n"),
    ("false && echo yes || echo no", 0, "no\n"),
    ("nothing-here; echo $?", 0, "127\n"),
    ("echo one; echo two >/dev/null; echo 'a  b' \"c $HOME d\"", 0, "one\na  b c  d\n"),
    ("A=5; echo $A ${A} ${B:-none} \"$A\" '$A'", 0, "5 5 none 5 $A\n"),
    ('for i in a b; do echo "<$i>"; done', 0, "<a>\n<b>\n"),
    ("if [ 1 = 2 ]; then echo x; elif true; then echo y; else echo z; fi", 0, "y\n"),
    ("(exit 4); echo $?", 0, "4\n"),
    ("{ echo a; echo b; } | wc -l", 0, "2\n"),
    ("echo $(echo inner | grep -c inner)", 0, "1\n"),
    ("sh -c 'echo \"$1\"; exit 3' sh word", 3, "word\n"),
    ("! true; echo $?", 0, "1\n"),
    ("echo to-error >&2", 0, ""),
    ("exit 9", 9, ""),
    ("timeout -t 5 -s INT true; echo $?", 0, "0\n"),
    ("timeout -t 5 echo ran", 0, "ran\n"),
    ("sleep 0.01 & wait; echo done", 0, "done\n"),
    ("echo x > /tmp/f && cat /tmp/f && rm /tmp/f && ls /tmp", 0, "x\n"),
    ("date -u +%s | grep -c '^1'", 0, "1\n"),
    ("echo Y | cat", 0, "Y\n"),
    ("which pktcap-uw", 0, "/bin/pktcap-uw\n"),
    ("which nothing-here", 1, ""),
    ("uname", 0, "VMkernel\n"),
    ("echo 'unclosed", 2, ""),
]


@pytest.mark.parametrize(("line", "status", "out"), LINES)
async def test_the_shell_runs_what_people_send(lab: Lab, line: str, status: int, out: str) -> None:
    assert (await lab.run(line))[:2] == (status, out)
    assert [logged.line for logged in lab.twin.commands] == [line]


async def test_an_unknown_command_is_not_found(lab: Lab) -> None:
    assert await lab.run("id") == (127, "", "sh: id: not found\n")


@pytest.mark.parametrize(
    "line",
    ["sleep soon", "timeout -t soon true", "kill -s", "grep </dev/null", "echo a | head -n x",
     "pktcap-uw --uplink vmnic0 -c many", "esxcli", "esxcli network nic get -n", "net-stats",
     "vim-cmd", "echo >", "| cat", "if true"],
)  # fmt: skip
async def test_nonsense_is_answered_too(lab: Lab, line: str) -> None:
    status, _, _ = await lab.run(line)
    assert status is not None


async def test_lines_on_stdin_run_one_by_one(lab: Lab) -> None:
    async with await lab.connect() as connection:
        done = await connection.run(None, input="echo one\necho two\n")
    assert done.stdout == "one\ntwo\n"


@pytest.mark.parametrize(
    ("behaviours", "old", "new"), [((), 0, 127), (("timeout_without_t",), 1, 0)]
)
async def test_timeout_knows_one_syntax(
    lab: Lab, behaviours: tuple[str, ...], old: int, new: int
) -> None:
    lab.behave(*behaviours)
    assert (await lab.run("timeout -t 1 -s INT true"))[0] == old
    assert (await lab.run("timeout -s INT 1 true"))[0] == new


async def test_timeout_ends_its_command_by_the_signal(lab: Lab) -> None:
    status, _, _ = await lab.run("timeout -t 0.05 -s TERM sleep 10")
    assert status != 0
    await until(lambda: lab.twin.alive("") == [])


async def test_the_version_is_the_worlds_and_a_behaviour_overrules_it(lab: Lab) -> None:
    assert (await lab.run("vmware -v"))[1] == "VMware ESXi 8.0.3 build-24674464\n"
    assert (await lab.run("vmware -vl"))[1].splitlines()[1] == "VMware ESXi 8.0.0 Update 3"
    lab.behave("version_6_7")
    assert (await lab.run("vmware -v"))[1].startswith("VMware ESXi 6.7.0 build-")


async def test_net_stats_gives_the_port_by_mac(lab: Lab) -> None:
    _, out, _ = await lab.run("net-stats -l")
    rows = [line.split(None, 5) for line in out.splitlines()]
    assert rows[0] == ["PortNum", "Type", "SubType", "SwitchName", "MACAddress", "ClientName"]
    assert ["67108881", "5", "9", "DvsPortset-0", "00:50:56:9a:21:01", "app01.eth0"] in rows
    assert [row[1] for row in rows if row[5].startswith("vmnic")] == ["4", "4"]


async def test_the_ports_of_a_vm_are_listed_by_world_id(lab: Lab) -> None:
    _, out, _ = await lab.run("esxcli network vm list")
    world = next(line.split()[0] for line in out.splitlines() if " app01 " in line)
    _, out, _ = await lab.run(f"esxcli network vm port list -w {world}")
    assert "   Port ID: 67108881\n" in out
    assert "   Team Uplink: vmnic1\n" in out
    assert (await lab.run("esxcli network vm port list -w 1"))[0] == 1


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("esxcli network nic list", r"(?m)^vmnic1  0000:3b:00.0  ixgben  Up +Up +10000  Full"),
        ("esxcli network nic get -n vmnic0", r"Driver Info:\n         Bus Info: 0000:3b:00:0\n"),
        ("esxcli network nic stats get -n vmnic0", r"Receive CRC errors: 0\n"),
        ("esxcli network port stats get -p 67108881", r"Packet statistics for port 67108881\n"),
        ("esxcli vm process list", r"(?m)^app01\n   World ID: 2000101\n"),
        ("esxcli network vswitch dvs vmware list", r"Uplinks: vmnic0, vmnic1\n"),
        ("esxcli system version get", r"   Version: 8.0.3\n"),
        ("esxcli --formatter=json network nic list", r'"LinkStatus": "Up"'),
        ("vim-cmd hostsvc/net/query_networkhint --pnic-name=vmnic1", r'portId = "Ethernet1/7"'),
        ("pktcap-uw -h", r"--switchport <PortID>"),
        ("date -u", r"^\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d UTC \d{4}\n$"),
    ],
)
async def test_the_host_tells_about_itself(lab: Lab, line: str, expected: str) -> None:
    status, out, err = await lab.run(line)
    assert (status, err) == (0, "")
    assert re.search(expected, out), out


async def test_the_statistics_are_the_networks_counters(lab: Lab) -> None:
    async def sent() -> int:
        _, out, _ = await lab.run("esxcli network nic stats get -n vmnic1")
        return int(re.findall(r"Packets sent: (\d+)", out)[0])

    before = await sent()
    lab.network.counters[HOST, "vmnic1"]["tx"] += 3
    assert await sent() >= before + 3


async def test_a_listing_may_come_cut_off(lab: Lab) -> None:
    lab.behave("truncated_vm_list")
    assert not (await lab.run("esxcli network vm list"))[1].endswith("\n")
    assert (await lab.run("esxcli network vm list"))[1].endswith("\n")


async def test_the_clock_may_be_wrong(lab: Lab) -> None:
    _, right, _ = await lab.run("date -u +%s")
    lab.behave("clock_offset:-120")
    _, wrong, _ = await lab.run("date -u +%s")
    assert -122 < int(wrong) - int(right) < -115


@pytest.mark.parametrize(
    ("behaviours", "there", "missing"),
    [
        ((), "UplinkSndKernel", "NoSuchPoint"),
        (("old_points",), "Vmxnet3Tx", "VnicTx"),
        (("version_5_5",), "Vmxnet3Tx", "UplinkRcvKernel"),
        (("no_kernel_points",), "UplinkSnd", "UplinkSndKernel"),
    ],
)
async def test_capture_points_differ_between_builds(
    lab: Lab, behaviours: tuple[str, ...], there: str, missing: str
) -> None:
    lab.behave(*behaviours)
    listed = re.findall(r"\w+", (await lab.run("pktcap-uw -A"))[1])
    assert there in listed
    assert missing not in listed
    status, _, err = await lab.run(f"pktcap-uw --uplink vmnic0 --capture {missing} -o -")
    assert status == 1
    assert err.startswith(f"error: No such capture point: {missing}\n")
