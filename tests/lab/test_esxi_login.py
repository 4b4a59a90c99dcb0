"""The twin lets in, refuses, limits and cuts connections as sshd on a host does."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import asyncssh
import pytest

from tests.lab.esxi import EsxiTwin
from tests.lab.esxi_scene import (
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
from tests.lab.network import Network
from tests.lab.world import small_world


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


async def test_the_service_may_be_stopped_by_a_behaviour(lab: Lab) -> None:
    lab.behave("service_stopped")
    await until(lambda: not lab.twin._shown)
    with pytest.raises(ConnectionRefusedError):
        await lab.connect()


async def test_a_port_may_vanish_by_itself(lab: Lab) -> None:
    lab.behave("port_vanishes:0.2")
    async with await lab.connect() as connection:
        line = "timeout -t 20 -s INT pktcap-uw --switchport 67108881 --capture VnicTx -o -"
        process = await begin(connection, line)
        await until(lambda: lab.world.vm("app01").nics[0].switch_port != 67108881)
        assert len(lab.twin.alive()) == 1
        process.send_signal("INT")
        await asyncio.wait_for(process.wait(), 5)


async def test_a_flood_may_come_by_itself(lab: Lab) -> None:
    lab.behave("flood:20000")
    line = CAPTURE.replace("UplinkSndKernel", "UplinkRcvKernel") + " -c 10000"
    async with await lab.connect() as connection:
        done = await asyncio.wait_for(connection.run(line, encoding=None), 10)
    assert isinstance(done.stdout, bytes)
    assert len(packets(done.stdout)) == 10_000


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


@pytest.mark.needs_ssh
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
