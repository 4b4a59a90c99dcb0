"""Processes on the twin outlive their channel and end by signals, time or a failed write."""

from __future__ import annotations

import asyncio
import re

import pytest

from tests.lab.esxi_scene import (
    BOUNDED,
    CAPTURE,
    HOST,
    READY,
    Lab,
    begin,
    read_until,
    until,
)
from tests.lab.world import Asking


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
