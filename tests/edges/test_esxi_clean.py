"""Leaving no trace: whatever ends a check, nothing of ours runs on afterwards, or a sentence says so."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncssh
import pytest

from tests.edges.esxi_scene import HOST, Scene, lab, until
from workers.errors import CaptureImpossible
from workers.esxi import EsxiHost, Listening
from workers.esxi.listen import READY_SECONDS, STOP_SECONDS, remote_seconds

QUICK_STEPS = (("INT", 1.0), ("TERM", 1.0), ("KILL", 2.0))


@asynccontextmanager
async def listening_on(scene: Scene, host: EsxiHost) -> AsyncIterator[Listening]:
    plan = await scene.plan(host)
    async with host.listen(plan, seconds=20, heard=scene.hear) as listening:
        await listening.ready()
        yield listening


@pytest.mark.parametrize(
    ("behaviours", "signals"),
    [
        ((), ["INT"]),
        (("no_channel_signals",), ["INT"]),
        (("ignores_int",), ["INT", "TERM"]),
        (("ignores_int", "ignores_term"), ["INT", "TERM", "KILL"]),
    ],
)
async def test_a_capture_is_ended_step_by_step_and_by_its_own_id(
    tmp_path: Path,
    behaviours: tuple[str, ...],
    signals: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("workers.esxi.listen.STOP_STEPS", QUICK_STEPS)
    async with lab(tmp_path, *behaviours) as scene, scene.open() as host:
        async with listening_on(scene, host) as listening:
            ours = {alive.pid for alive in scene.twin.alive()}
            captures = await listening.stop()
        assert scene.twin.alive() == []
        assert await host.clean_up() == ()
        kills = [sent.line.split() for sent in scene.twin.commands if sent.line.startswith("kill")]
        assert [kill[1] for kill in kills] == [f"-{name}" for name in signals]
        assert all({int(pid) for pid in kill[2:]} <= ours for kill in kills)
        assert {fact.dropped for fact in captures} == ({None} if "KILL" in signals else {0})
        assert {fact.failure for fact in captures} == {None}


async def test_where_no_further_session_is_let_in_the_channels_carry_the_signal(
    tmp_path: Path,
) -> None:
    async with lab(tmp_path, "max_sessions_1") as scene, scene.open() as host:
        async with listening_on(scene, host) as listening:
            scene.behave("permission_denied")
            captures = await listening.stop()
        assert {fact.failure for fact in captures} == {None}
        assert scene.twin.alive() == []
        assert await host.clean_up() == ()


async def test_other_peoples_captures_are_left_alone(tmp_path: Path) -> None:
    async with lab(tmp_path) as scene, asyncssh.connect(
        "127.0.0.1", scene.twin.port, known_hosts=None, username="root",
        client_keys=[str(scene.settings.key_file)], config=None,
    ) as somebody:  # fmt: skip
        theirs = await somebody.create_process("pktcap-uw --uplink vmnic0 -o -", encoding=None)
        await until(lambda: len(scene.twin.alive()) == 1)
        async with scene.open() as host:
            async with listening_on(scene, host):
                assert len(scene.twin.alive()) > 1
            assert await host.clean_up() == ()
        assert [alive.argv[-1] for alive in scene.twin.alive()] == ["-"]
        assert len(scene.twin.alive()) == 1
        theirs.send_signal("INT")
        await until(lambda: scene.twin.alive() == [])


async def test_a_cancelled_check_ends_its_captures(tmp_path: Path) -> None:
    async with lab(tmp_path) as scene:
        running = asyncio.Event()

        async def check() -> None:
            async with scene.open() as host, listening_on(scene, host) as listening:
                running.set()
                await listening.ended()

        task = asyncio.create_task(check())
        await running.wait()
        assert scene.twin.alive()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert scene.twin.alive() == []
        await until(lambda: scene.twin.connections == 0)


async def test_a_check_cancelled_while_it_starts_ends_its_captures(tmp_path: Path) -> None:
    async with lab(tmp_path, "late_ready:5") as scene:

        async def check() -> None:
            async with scene.open() as host, listening_on(scene, host):
                raise AssertionError("it cannot be ready yet")

        task = asyncio.create_task(check())
        await until(lambda: len(scene.twin.alive()) > 2)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert scene.twin.alive() == []


async def test_a_connection_cut_in_mid_stream_is_a_failure_and_leftovers_are_ended(
    tmp_path: Path,
) -> None:
    async with lab(tmp_path, "orphan") as scene, scene.open() as host:
        async with listening_on(scene, host) as listening:
            await until(lambda: len(scene.heard["vnic0-tx"]) > 24)
            await scene.twin.cut()
            await listening.ended()
            captures = await listening.stop()
        assert all("connection to the host was lost" in str(fact.failure) for fact in captures)
        assert all(fact.ready_at is not None and fact.stopped_at is not None for fact in captures)
        assert scene.twin.alive()
        assert await host.clean_up() == ()
        assert scene.twin.alive() == []


async def test_what_cannot_be_proven_is_said_with_the_time_it_ends(tmp_path: Path) -> None:
    async with lab(tmp_path, "orphan") as scene, scene.open() as host:
        async with listening_on(scene, host) as listening:
            scene.world.host(HOST).ssh_running = False
            await listening.ended()
        (sentence,) = await host.clean_up()
        assert sentence.startswith(f"It could not be proven that no capture is left on {HOST}: ")
        assert " ends by itself by " in sentence
        assert sentence.endswith(" UTC.")
        scene.world.host(HOST).ssh_running = True
        while await host.clean_up():
            assert scene.twin.alive()
        assert scene.twin.alive() == []


async def test_a_worker_that_dies_leaves_captures_that_end_by_themselves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.esxi.listen.remote_seconds", lambda seconds: 2)
    async with lab(tmp_path, "orphan") as scene, scene.open() as host, listening_on(scene, host):
        await scene.twin.cut()
        assert scene.twin.alive()
        await until(lambda: scene.twin.alive() == [])


async def test_every_remote_command_is_bounded(tmp_path: Path) -> None:
    async with lab(tmp_path) as scene, scene.open() as host:
        async with listening_on(scene, host):
            await host.snapshot(["vmnic0"])
        limit = remote_seconds(20)
        assert limit == READY_SECONDS + 20 + STOP_SECONDS
        captures = [sent.line for sent in scene.twin.commands if "--ethtype" in sent.line]
        assert captures
        assert all(f"exec timeout -t {limit} -s INT pktcap-uw " in line for line in captures)
        others = {sent.line for sent in scene.twin.commands} - set(captures)
        short = ("echo ok", "date -u", "timeout ", "kill ")
        assert [line for line in others if not line.startswith(short)] == []


async def test_captures_whose_channels_stall_do_not_hang_the_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.esxi.listen.READY_SECONDS", 1)
    monkeypatch.setattr("workers.esxi.listen.STOP_STEPS", QUICK_STEPS)
    monkeypatch.setattr("workers.esxi.cleanup.ASK_SECONDS", 1)
    monkeypatch.setattr("workers.esxi.cleanup.SPARE_SECONDS", 0)
    async with lab(tmp_path) as scene, scene.open() as host:
        plan = await scene.plan(host)
        scene.behave("stalled_channel")
        async with host.listen(plan, seconds=5, heard=scene.hear) as listening:
            await listening.ready()
            captures = await listening.stop()
        assert all(fact.failure for fact in captures)
        (sentence,) = await host.clean_up()
        assert "could not be proven" in sentence


async def test_a_port_that_vanishes_shows_in_the_ports_afterwards(tmp_path: Path) -> None:
    async with lab(tmp_path) as scene, scene.open() as host:
        vm = scene.location().vm
        before = await host.switch_ports(vm)
        async with listening_on(scene, host):
            scene.network.renumber(scene.world.vm("app01"))
        after = await host.switch_ports(vm)
        assert set(before) == set(after)
        assert [p.number for p in before.values()] != [p.number for p in after.values()]
        scene.world.vm("app01").host = "esx08.example.com"
        assert await host.switch_ports(vm) == {}
        assert await host.clean_up() == ()


async def test_nothing_to_listen_to_is_impossible(tmp_path: Path) -> None:
    async with lab(tmp_path) as scene, scene.open() as host:
        async with host.listen((), seconds=5, heard=scene.hear) as listening:
            with pytest.raises(CaptureImpossible, match="nothing to capture"):
                await listening.ready()
        assert await host.clean_up() == ()
