"""The twin's pktcap-uw streams, filters, refuses and ends as published transcripts show."""

from __future__ import annotations

import asyncio
import re

import pytest

from tests.lab import faults
from tests.lab.esxi_scene import (
    APP,
    BOUNDED,
    CAPTURE,
    HOST,
    READY,
    Lab,
    begin,
    packets,
    read_until,
    until,
)


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
