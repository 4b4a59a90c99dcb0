"""The ESXi twin answers real SSH clients with real command lines as a host does."""

from __future__ import annotations

import asyncio
import re
import shutil
import struct
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import asyncssh
import pytest

from tests.lab import faults
from tests.lab.esxi import EsxiTwin
from tests.lab.network import Network
from tests.lab.world import Asking, World, small_world

HOST = "esx07.example.com"
APP = bytes.fromhex("0050569a2101")
READY = rb"Vsock connection from port \d+ cid \d+"
CAPTURE = "pktcap-uw --uplink vmnic1 --capture UplinkSndKernel --ethtype 0x0806 -s 0 -o -"
BOUNDED = f'echo "PID $$" >&2; exec timeout -t 20 -s INT {CAPTURE}'
Process = asyncssh.SSHClientProcess[bytes]


@dataclass
class Lab:
    world: World
    network: Network
    twin: EsxiTwin

    def behave(self, *names: str) -> None:
        self.world.host(HOST).behaviours = set(names)

    async def connect(self, **more: object) -> asyncssh.SSHClientConnection:
        options: dict[str, object] = {
            "username": "root", "client_keys": [asyncssh.import_private_key(self.twin.client_key)],
            "known_hosts": asyncssh.import_known_hosts(self.twin.host_key), "config": None,
        }  # fmt: skip
        options |= more
        return await asyncssh.connect("127.0.0.1", self.twin.port, **options)

    async def run(self, line: str, stdin: str = "") -> tuple[int | None, str, str]:
        async with await self.connect() as connection:
            done = await asyncio.wait_for(connection.run(line, input=stdin, errors="replace"), 10)
        return done.exit_status, str(done.stdout), str(done.stderr)


@pytest.fixture
async def lab() -> AsyncIterator[Lab]:
    world = small_world()
    world.vm("app01").asks = [Asking("10.20.110.1", interval=0.05)]
    network = Network(world)
    twin = EsxiTwin(world, network, HOST)
    await network.start()
    await twin.start()
    yield Lab(world, network, twin)
    await twin.stop()
    await network.stop()
    assert twin.alive("") == []


async def until(condition: Callable[[], bool], seconds: float = 5) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  (the world's values have no events)
            await asyncio.sleep(0.005)


async def begin(connection: asyncssh.SSHClientConnection, line: str) -> Process:
    return await connection.create_process(line, encoding=None)


async def read_until(reader: asyncssh.SSHReader[bytes], pattern: bytes) -> bytes:
    text = b""
    async with asyncio.timeout(5):
        while not re.search(pattern, text):
            part = await reader.read(4096)
            assert part, f"ended before {pattern!r}: {text!r}"
            text += part
    return text


def packets(stream: bytes) -> list[bytes]:
    magic, major, minor, _, _, _, link = struct.unpack_from("<IHHiIII", stream)
    assert (magic, major, minor, link) == (0xA1B2C3D4, 2, 4, 1)
    found, at = [], 24
    while at < len(stream):
        kept, length = struct.unpack_from("<II", stream, at + 8)
        found.append(stream[at + 16 : at + 16 + kept])
        assert kept <= length
        at += 16 + kept
    assert at == len(stream)
    return found


# --- the shell ---------------------------------------------------------------------------------

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


# --- facts -------------------------------------------------------------------------------------


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


# --- capturing ---------------------------------------------------------------------------------


async def test_a_capture_streams_pcap_and_ends_in_order(lab: Lab) -> None:
    async with await lab.connect() as connection:
        process = await begin(connection, BOUNDED)
        words = await read_until(process.stderr, READY)
        pid = int(re.findall(rb"PID (\d+)", words)[0])
        assert [alive.pid for alive in lab.twin.alive()] == [pid]
        assert lab.twin.alive()[0].argv[:3] == ("pktcap-uw", "--uplink", "vmnic1")
        stream = await process.stdout.readexactly(24 + 16 + 46)
        assert (await connection.run(f"kill -INT {pid}")).exit_status == 0
        done = await asyncio.wait_for(process.wait(), 5)
    assert isinstance(done.stdout, bytes)
    assert isinstance(done.stderr, bytes)
    found = packets(stream + done.stdout)
    assert all(data[6:12] in (APP, bytes.fromhex("0050569a3104")) for data in found)
    said = re.search(rb"Dumped (\d+) packet to file -, dropped 0 packets\.", done.stderr)
    assert said is not None
    assert int(said[1]) == len(found)
    assert b"Join with dump thread failed.\n" in done.stderr
    assert done.exit_status == 0


async def test_the_tag_is_in_the_bytes_unless_this_build_strips_it(lab: Lab) -> None:
    line = f"{CAPTURE} -c 1 --mac 00:50:56:9a:21:01"
    async with await lab.connect() as connection:
        done = await asyncio.wait_for(connection.run(line, encoding=None), 5)
        lab.behave("tags_stripped")
        bare = await asyncio.wait_for(connection.run(line, encoding=None), 5)
    assert isinstance(done.stdout, bytes)
    assert isinstance(bare.stdout, bytes)
    assert packets(done.stdout)[0][12:18].hex() == "8100006e0806"
    assert packets(bare.stdout)[0][12:14].hex() == "0806"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("--uplink vmnic1 --capture UplinkSndKernel", APP),
        ("--uplink vmnic1 --dir 1", APP),
        ("--uplink vmnic0 --dir 0 --vlan 110", APP),
        ("--uplink vmnic0 --srcmac 00:50:56:9a:21:01", APP),
        ("--switchport 67108881 --capture VnicTx", APP),
        ("--switchport 0x4000011 --dir 0", APP),
        ("--switchport=67108881 --capture=VnicRx --srcmac 00:00:0c:07:ac:6e", b"\x00\x00\x0c\x07\xac\x6e"),
    ],
)  # fmt: skip
async def test_direction_and_filters(lab: Lab, options: str, expected: bytes) -> None:
    async with await lab.connect() as connection:
        line = f"pktcap-uw {options} --dstmac "
        target = "00:50:56:9a:21:01" if expected != APP else "ff:ff:ff:ff:ff:ff"
        line += f"{target} --ethtype 0x0806 -s 60 -c 2 -o -"
        done = await asyncio.wait_for(connection.run(line, encoding=None), 8)
    assert isinstance(done.stdout, bytes)
    senders = [data[6:12] for data in packets(done.stdout)]
    assert len(senders) == 2
    assert expected in senders


async def test_console_mode_prints_the_tag_as_a_word(lab: Lab) -> None:
    line = "pktcap-uw --uplink vmnic1 --capture UplinkSndKernel --mac 00:50:56:9a:21:01 -c 1"
    _, out, _ = await lab.run(line)
    assert "Captured at UplinkSndKernel point, TSO not enabled" in out
    assert "VLAN tag 110, length 42." in out
    assert "0x0000:  ffff ffff ffff 0050 569a 2101 0806 0001\n" in out
    assert "Dumped 1 packet to console, dropped 0 packets." in out


async def test_the_drop_point_names_the_reason(lab: Lab) -> None:
    faults.apply(lab.world, "drop-tx")
    _, out, _ = await lab.run("pktcap-uw --capture Drop --srcmac 00:50:56:9a:21:01 -c 1")
    assert "Port blocked" in out


@pytest.mark.parametrize(
    ("behaviour", "line", "said"),
    [
        ("no_pktcap", CAPTURE, "sh: pktcap-uw: not found"),
        ("no_capture_rights", CAPTURE, "Operation not permitted"),
        ("unknown_uplink:vmnic1", CAPTURE, "Unable to find uplink vmnic1"),
        ("exit_before_ready:vmnic1", CAPTURE, "Failed to connect"),
        ("", "pktcap-uw --uplink vmnic9 --capture UplinkRcvKernel -o -", "vmnic9"),
        ("", "pktcap-uw --switchport 12 --capture VnicTx -o -", "switch port 12"),
        ("", "pktcap-uw --upling vmnic0", "unrecognized option"),
        ("version_6_0", "pktcap-uw --uplink vmnic0 --dir 2 -o -", "Invalid direction"),
    ],
)
async def test_a_capture_that_cannot_be(lab: Lab, behaviour: str, line: str, said: str) -> None:
    lab.behave(*filter(None, [behaviour]))
    status, _, err = await lab.run(line)
    assert status in (1, 127)
    assert said in err
    assert "Vsock" not in err


async def test_older_builds_speak_without_prefix(lab: Lab) -> None:
    lab.behave("version_6_7")
    _, _, err = await lab.run(f"{CAPTURE} -c 1")
    assert re.search(r"(?m)^Accept\.\.\.Vsock connection from port \d+ cid 2$", err)
    assert "Join" not in err
    assert "pktcap:" not in err


async def test_some_builds_wait_for_a_yes(lab: Lab) -> None:
    lab.behave("prompt")
    async with await lab.connect() as connection:
        process = await begin(connection, f"{CAPTURE} -c 1")
        await read_until(process.stdout, rb"\[y/N\]")
        process.stdin.write(b"Y\n")
        await read_until(process.stderr, READY)
        await asyncio.wait_for(process.wait(), 5)
    assert (await lab.run(CAPTURE, stdin="n\n"))[0] == 1


async def test_noise_may_come_before_the_packets(lab: Lab) -> None:
    lab.behave("stdout_noise")
    async with await lab.connect() as connection:
        done = await connection.run(f"{CAPTURE} -c 1", encoding=None)
    assert isinstance(done.stdout, bytes)
    assert done.stdout.index(b"\xd4\xc3\xb2\xa1") > 0


async def test_one_point_may_be_ready_late(lab: Lab) -> None:
    lab.behave("late_ready:0.6@vmnic1")
    async with await lab.connect() as connection:
        started = asyncio.get_running_loop().time()
        await connection.run(f"{CAPTURE} -c 1", encoding=None)
        late = asyncio.get_running_loop().time() - started
        await connection.run(f"{CAPTURE.replace('vmnic1', 'vmnic0')} -c 1", encoding=None)
    assert late >= 0.6


async def test_drops_are_told_at_the_end(lab: Lab) -> None:
    lab.behave("drops:7")
    assert ", dropped 7 packets." in (await lab.run(f"{CAPTURE} -c 1"))[2]


async def test_a_slow_reader_costs_packets_and_not_memory(lab: Lab) -> None:
    lab.world.faults["flood"] = {"uplink": "vmnic0", "rate": 50_000, "vlan": 110}
    async with await lab.connect() as connection:
        line = "pktcap-uw --uplink vmnic0 --capture UplinkRcvKernel -s 0 -o -"
        process = await connection.create_process(line, encoding=None, window=65536)
        process.channel.pause_reading()
        capture = lab.twin.alive
        await until(lambda: len(capture()) == 1)
        await until(lambda: lab.network.counters[HOST, "vmnic0"]["rx"] > 60_000)
        lab.world.faults.clear()
        (await connection.run(f"kill -INT {capture()[0].pid}", check=True))
        process.channel.resume_reading()
        done = await asyncio.wait_for(process.wait(), 10)
    assert isinstance(done.stdout, bytes)
    assert isinstance(done.stderr, bytes)
    counts = re.findall(rb"Dumped (\d+) packet to file -, dropped (\d+) packets", done.stderr)[0]
    assert int(counts[0]) == len(packets(done.stdout))
    assert int(counts[1]) > 1000


async def test_a_file_on_the_host_is_seen(lab: Lab) -> None:
    assert (await lab.run(CAPTURE.replace("-o -", "-o /vmfs/volumes/ds/x.pcap -c 1")))[0] == 0
    assert len(packets(bytes(lab.twin.files["/vmfs/volumes/ds/x.pcap"].data))) == 1


# --- living and dying --------------------------------------------------------------------------


async def test_ps_shows_four_threads_with_the_process_in_column_two(lab: Lab) -> None:
    async with await lab.connect() as connection:
        process = await begin(connection, BOUNDED)
        await read_until(process.stderr, READY)
        listed = str((await connection.run("ps -c | grep pktcap-uw | grep -v timeout")).stdout)
        rows = [line.split(None, 3) for line in listed.splitlines()]
        pid = lab.twin.alive()[0].pid
        assert [row[1] for row in rows] == [str(pid)] * 4
        assert {row[3] for row in rows} == {CAPTURE}
        process.send_signal("INT")
        await asyncio.wait_for(process.wait(), 5)
    assert lab.twin.alive("") == []


@pytest.mark.parametrize("signal", ["INT", "TERM"])
async def test_a_signal_through_the_channel_ends_it_in_order(lab: Lab, signal: str) -> None:
    async with await lab.connect() as connection:
        process = await begin(connection, BOUNDED)
        await read_until(process.stderr, READY)
        process.send_signal(signal)
        done = await asyncio.wait_for(process.wait(), 5)
    assert done.exit_status == 0


async def test_kill_ends_it_at_once(lab: Lab) -> None:
    lab.behave("ignores_int", "ignores_term")
    async with await lab.connect() as connection:
        process = await begin(connection, BOUNDED)
        await read_until(process.stderr, READY)
        pid = lab.twin.alive()[0].pid
        await connection.run(f"kill -INT {pid}; kill {pid}")
        assert [alive.pid for alive in lab.twin.alive()] == [pid]
        await connection.run(f"kill -KILL {pid}")
        done = await asyncio.wait_for(process.wait(), 5)
    assert done.exit_signal is not None
    assert done.exit_signal[0] == "KILL"
    assert lab.twin.alive("") == []


async def test_a_cut_connection_is_noticed_at_the_next_write_only(lab: Lab) -> None:
    lab.world.vm("app01").asks = []
    lab.world.vm("log04").asks = []
    async with await lab.connect() as connection:
        process = await begin(connection, BOUNDED)
        await read_until(process.stderr, READY)
        await lab.twin.cut()
        await connection.wait_closed()
    assert len(lab.twin.alive()) == 1
    lab.world.vm("app01").asks = [Asking("10.20.110.1", interval=0.05)]
    await until(lambda: lab.twin.alive() == [])


async def test_an_orphan_lives_until_its_time_is_up(lab: Lab) -> None:
    lab.behave("orphan")
    async with await lab.connect() as connection:
        process = await begin(connection, BOUNDED.replace("-t 20", "-t 1"))
        await read_until(process.stderr, READY)
    sent = lab.network.counters[HOST, "vmnic1"]["tx"]
    await until(lambda: lab.network.counters[HOST, "vmnic1"]["tx"] > sent + 2)
    assert len(lab.twin.alive()) == 1
    await until(lambda: lab.twin.alive("") == [])


async def test_a_child_holds_the_channel_after_its_shell_was_killed(lab: Lab) -> None:
    async with await lab.connect() as connection:
        process = await begin(connection, f"timeout -t 20 -s INT {CAPTURE}; echo never")
        await read_until(process.stderr, READY)
        process.send_signal("INT")
        done = await asyncio.wait_for(process.wait(), 5)
    assert isinstance(done.stderr, bytes)
    assert b"Dumped" in done.stderr
    assert b"never" not in (done.stdout or b"")


async def test_a_group_is_signalled_by_its_negative_number(lab: Lab) -> None:
    async with await lab.connect() as connection:
        process = await begin(connection, f'echo "PID $$" >&2; {CAPTURE}')
        words = await read_until(process.stderr, READY)
        pid = int(re.findall(rb"PID (\d+)", words)[0])
        await connection.run(f"kill -TERM -- -{pid}", check=True)
        await asyncio.wait_for(process.wait(), 5)


async def test_busyboxs_timeout_may_hold_the_channel_a_second_longer(lab: Lab) -> None:
    lab.behave("timeout_lingers")
    started = asyncio.get_running_loop().time()
    assert (await lab.run("timeout -t 5 echo x"))[1] == "x\n"
    assert asyncio.get_running_loop().time() - started >= 1


async def test_a_background_child_keeps_the_channel_and_ignores_int(lab: Lab) -> None:
    async with await lab.connect() as connection:
        process = await begin(connection, f"{CAPTURE} & echo $! >&2")
        words = await read_until(process.stderr, READY)
        pid = int(words.split()[0])
        await connection.run(f"kill -INT {pid}")
        assert [alive.pid for alive in lab.twin.alive()] == [pid]
        assert not process.exit_status
        await connection.run(f"kill -TERM {pid}")
        await asyncio.wait_for(process.wait(), 5)


async def test_a_vanished_port_leaves_the_capture_running_and_deaf(lab: Lab) -> None:
    async with await lab.connect() as connection:
        line = "timeout -t 20 -s INT pktcap-uw --switchport 67108881 --capture VnicTx -o -"
        process = await begin(connection, line)
        await read_until(process.stderr, READY)
        lab.network.renumber(lab.world.vm("app01"))
        _, out, _ = await lab.run("net-stats -l")
        assert "67108881" not in out
        await process.stdout.readexactly(24)
        await asyncio.sleep(0)
        assert len(lab.twin.alive()) == 1
        process.send_signal("INT")
        await asyncio.wait_for(process.wait(), 5)


# --- logging in --------------------------------------------------------------------------------


class Typist(asyncssh.SSHClient):
    def __init__(self, password: str) -> None:
        self._password = password

    def kbdint_auth_requested(self) -> str:
        return ""

    def kbdint_challenge_received(
        self, name: str, instructions: str, lang: str, prompts: object
    ) -> list[str]:
        return [self._password] if prompts else []


async def test_keyboard_interactive_is_offered_and_a_plain_password_is_not(lab: Lab) -> None:
    lab.behave("keyboard_only")
    with pytest.raises(asyncssh.PermissionDenied):
        await lab.connect()
    typist = {"client_keys": None, "client_factory": lambda: Typist(lab.twin.password)}
    connection = await lab.connect(preferred_auth="keyboard-interactive", **typist)
    connection.close()
    await connection.wait_closed()
    with pytest.raises(asyncssh.PermissionDenied):
        await lab.connect(client_keys=None, password=lab.twin.password, preferred_auth="password")


async def test_nobody_gets_in_where_all_are_refused(lab: Lab) -> None:
    lab.behave("permission_denied")
    with pytest.raises(asyncssh.PermissionDenied):
        await lab.connect()


async def test_another_host_key_is_shown(lab: Lab) -> None:
    lab.behave("changed_host_key")
    await until(lambda: lab.twin._shown == "changed")
    with pytest.raises(asyncssh.HostKeyNotVerifiable):
        await lab.connect()


async def test_a_stopped_service_refuses_and_comes_back_on_the_same_port(lab: Lab) -> None:
    lab.world.host(HOST).ssh_running = False
    await until(lambda: not lab.twin._shown)
    with pytest.raises(ConnectionRefusedError):
        await lab.connect()
    lab.world.host(HOST).ssh_running = True
    await until(lambda: bool(lab.twin._shown))
    assert (await lab.run("echo back"))[1] == "back\n"


async def test_a_connection_may_carry_one_channel_only(lab: Lab) -> None:
    lab.behave("max_sessions_1")
    async with await lab.connect() as connection:
        process = await begin(connection, BOUNDED)
        await read_until(process.stderr, READY)
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.run("echo second")
        process.send_signal("INT")
        await asyncio.wait_for(process.wait(), 5)
        assert (await connection.run("echo third")).stdout == "third\n"


async def test_too_many_that_have_not_logged_in_are_cut(lab: Lab) -> None:
    lab.behave("max_startups:1", "slow_login:0.2")
    results = await asyncio.gather(*[lab.connect() for _ in range(3)], return_exceptions=True)
    connections = [each for each in results if isinstance(each, asyncssh.SSHClientConnection)]
    assert len(connections) == 1
    connections[0].close()
    await connections[0].wait_closed()


async def test_a_channel_may_stall_after_the_login(lab: Lab) -> None:
    lab.behave("stalled_channel:1")
    async with await lab.connect() as connection:
        assert (await connection.run("echo first")).stdout == "first\n"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(connection.run("echo never"), 0.3)


async def test_a_connection_may_be_cut_in_mid_stream(lab: Lab) -> None:
    lab.behave("cut_after:0.3")
    async with await lab.connect() as connection:
        process = await begin(connection, BOUNDED)
        await asyncio.wait_for(connection.wait_closed(), 5)
        assert process.exit_status is None
    await until(lambda: lab.twin.connections == 0)


async def test_eighteen_captures_on_their_own_connections(lab: Lab) -> None:
    lab.behave("max_sessions_1")
    connections = [await lab.connect() for _ in range(18)]
    captures = [await begin(each, f"{CAPTURE} -c 1") for each in connections]
    done = await asyncio.wait_for(asyncio.gather(*[each.wait() for each in captures]), 20)
    assert [each.exit_status for each in done] == [0] * 18
    for each in connections:
        each.close()
        await each.wait_closed()


async def test_distance_costs_a_round_trip() -> None:
    world = small_world()
    network = Network(world)
    twin = EsxiTwin(world, network, HOST, rtt_seconds=0.1)
    await twin.start()
    lab = Lab(world, network, twin)
    async with await lab.connect() as connection:
        loop = asyncio.get_running_loop()
        started = loop.time()
        assert (await connection.run("echo far")).stdout == "far\n"
        assert loop.time() - started >= 0.1
    await twin.stop()


@pytest.mark.skipif(not shutil.which("ssh"), reason="no OpenSSH client here")
async def test_the_openssh_client_works_too(lab: Lab, tmp_path: Path) -> None:
    key, known = tmp_path / "key", tmp_path / "known"
    key.write_text(lab.twin.client_key)
    key.chmod(0o600)
    known.write_text(lab.twin.host_key + "\n")
    ssh = await asyncio.create_subprocess_exec(
        "ssh", "-F", "none", "-i", str(key), "-o", f"UserKnownHostsFile={known}", "-o", "BatchMode=yes",
        "-o", "StrictHostKeyChecking=yes", "-p", str(lab.twin.port), "root@127.0.0.1",
        f"timeout -t 5 -s INT {CAPTURE} -c 2",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, stdin=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    out, err = await asyncio.wait_for(ssh.communicate(), 20)
    assert ssh.returncode == 0, err
    assert re.search(READY, err)
    assert len(packets(out)) == 2
