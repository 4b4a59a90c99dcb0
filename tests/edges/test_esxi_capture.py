"""Capturing on the lab's ESXi host: what differs between hosts, and what a capture may claim."""

from __future__ import annotations

import struct
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.edges.esxi_scene import HOST, Scene, lab, until
from workers.arp.model import SECOND, Capture, CapturePoint, PointKind
from workers.arp.pktcap import PACKET_LIMIT, TimeoutSyntax, is_rarp
from workers.errors import CaptureImpossible
from workers.esxi import Listening, counters_risen
from workers.esxi.ssh import Door

MAGIC = b"\xd4\xc3\xb2\xa1"


def records(pcap: bytes) -> list[tuple[int, bytes]]:
    """Time and bytes of each whole record of a little-endian pcap."""
    found, at = [], 24
    while at + 16 <= len(pcap):
        seconds, micros, length, _ = struct.unpack_from("<IIII", pcap, at)
        found.append((seconds * SECOND + micros * 1000, bytes(pcap[at + 16 : at + 16 + length])))
        at += 16 + length
    return found


def own_mac(scene: Scene) -> bytes:
    return bytes.fromhex(scene.world.vm("app01").nics[0].mac.replace(":", ""))


async def capture(scene: Scene) -> tuple[Capture, ...]:
    """One whole run: until the VM's own frames were heard at its port and on the pinned uplink."""
    own = own_mac(scene)
    async with scene.open() as host:
        plan = await scene.plan(host)
        async with host.listen(plan, seconds=20, heard=scene.hear) as listening:
            await listening.ready()
            await until(
                lambda: all(
                    own in scene.heard[name]
                    for name in ("vnic0-tx", "vmnic1-tx", "vnic0-rx", "vmnic1-rx")
                )
            )
            captures = await listening.stop()
        assert await host.clean_up() == ()
        assert scene.twin.alive() == []
    return captures


def check_sound(scene: Scene, captures: tuple[Capture, ...]) -> None:
    for fact in captures:
        assert fact.failure is None, fact
        assert fact.dropped == 0
        assert fact.ready_at is not None
        assert fact.stopped_at is not None
        assert fact.ready_at <= fact.stopped_at
        assert scene.heard[fact.point.name].startswith(MAGIC)
        assert fact.file == f"pcap/{fact.point}.pcap"


@pytest.mark.parametrize(
    "behaviours",
    [
        pytest.param((), id="a stock 8.0.3"),
        pytest.param(("version_5_5", "old_points"), id="5.5 with its old points"),
        pytest.param(("version_6_0",), id="6.0"),
        pytest.param(("version_6_7",), id="6.7"),
        pytest.param(("version_7_0",), id="7.0"),
        pytest.param(("version_9_0", "timeout_without_t"), id="9.0 with the new timeout"),
        pytest.param(("no_kernel_points",), id="driver points only"),
        pytest.param(("no_vnic_points",), id="the port's input and output only"),
        pytest.param(("prompt",), id="prompt on stdout"),
        pytest.param(("prompt:stderr",), id="prompt on stderr"),
        pytest.param(("stdout_noise",), id="noise before the magic"),
        pytest.param(("max_sessions_1",), id="MaxSessions 1"),
        pytest.param(
            ("max_sessions:3", "max_startups:2"), id="MaxSessions 3 under MaxStartups pressure"
        ),
        pytest.param(("truncated_vm_list:2", "bare_client_names"), id="cut vm list"),
        pytest.param(("no_channel_signals",), id="signals only by kill"),
        pytest.param(("timeout_lingers",), id="the watcher of timeout holds the channel"),
        pytest.param(("exit_status:143",), id="an odd exit status"),
    ],
)
async def test_every_kind_of_host_is_heard_and_left_clean(
    tmp_path: Path, behaviours: tuple[str, ...]
) -> None:
    async with lab(tmp_path, *behaviours) as scene:
        captures = await capture(scene)
        check_sound(scene, captures)
        assert len(captures) == 10
        assert all("pktcap-uw" in str(fact.command) for fact in captures)
        assert scene.twin.files == {}


async def test_eight_uplinks_with_one_session_a_connection(tmp_path: Path) -> None:
    async with lab(tmp_path, "max_sessions_1", "max_startups:4", uplinks=8) as scene:
        captures = await capture(scene)
        check_sound(scene, captures)
        assert sum(1 for fact in captures if not is_rarp(fact.point)) == 18
        assert len(captures) == 24
        await until(lambda: scene.twin.connections == 0)


async def test_a_vm_with_ten_adapters_where_one_session_is_allowed(tmp_path: Path) -> None:
    async with lab(tmp_path, "max_sessions_1") as scene:
        vm = scene.world.vm("app01")
        first = vm.nics[0]
        for number in range(1, 10):
            mac, port = f"00:50:56:9a:31:{number:02x}", first.switch_port + 1000 + number
            vm.nics.append(replace(first, mac=mac, switch_port=port, ipv4=[], port_key=str(port)))
        captures = await capture(scene)
        check_sound(scene, captures)
        assert sum(1 for fact in captures if fact.point.kind is PointKind.VNIC) == 20
        assert len(captures) == 24


async def test_the_host_is_looked_at_before_anything_is_asked_of_it(tmp_path: Path) -> None:
    async with lab(tmp_path, "clock_offset:-37.5") as scene, scene.open() as host:
        view = await host.look()
        assert (view.version, view.build) == ("8.0.3", "24674464")
        assert view.features.timeout is TimeoutSyntax.OPTION
        assert view.features.links == {"vmnic0": True, "vmnic1": True}
        assert abs(view.clock_offset_ms + 37_500) < 1_000
        ports = await host.switch_ports(scene.location().vm)
        nic = scene.world.vm("app01").nics[0]
        assert ports[nic.mac].number == nic.switch_port
        assert ports[nic.mac].team_uplink == "vmnic1"


async def test_rarp_is_heard_beside_arp(tmp_path: Path) -> None:
    """The host that a VM moves to announces it by RARP."""
    async with lab(tmp_path) as scene, scene.open() as host:
        vm = next(vm for vm in scene.world.vms if vm.host != HOST)
        plan = await scene.plan(host)
        async with host.listen(plan, seconds=20, heard=scene.hear) as listening:
            await listening.ready()
            scene.network.move(vm, HOST)

            def announced() -> list[bytes]:
                heard = (bytes(data) for name, data in scene.heard.items() if "rarp" in name)
                return [frame for data in heard for _, frame in records(data)]

            await until(lambda: len(announced()) > 0)
        assert {frame[12:14] for frame in announced()} <= {b"\x80\x35", b"\x81\x00"}
        assert {frame[6:12].hex(":") for frame in announced()} == {vm.nics[0].mac}


async def test_aes_gcm_comes_first_and_nothing_is_compressed(tmp_path: Path) -> None:
    async with lab(tmp_path) as scene:
        connection = await Door(scene.location(), scene.settings, scene.keys).connect()
        told = {
            name: connection.get_extra_info(name)
            for name in ("send_cipher", "recv_cipher", "send_compression", "recv_compression")
        }
        connection.close()
        await connection.wait_closed()
    assert told["send_cipher"] == told["recv_cipher"] == "aes128-gcm@openssh.com"
    assert told["send_compression"] == told["recv_compression"] == "none"


async def test_windows_and_frames_are_on_the_hosts_clock(tmp_path: Path) -> None:
    async with lab(tmp_path, "clock_offset:3600") as scene:
        captures = await capture(scene)
        check_sound(scene, captures)
        for fact in captures:
            for at, _ in records(bytes(scene.heard[fact.point.name])):
                assert fact.ready_at is not None
                assert fact.ready_at - 2 * SECOND < at <= (fact.stopped_at or 0) + 2 * SECOND


@pytest.mark.parametrize("team", ["team_uplink_void", "lacp"])
async def test_a_team_without_a_single_uplink_names_none(tmp_path: Path, team: str) -> None:
    async with lab(tmp_path, team) as scene, scene.open() as host:
        if team == "lacp":
            scene.world.host(HOST).switches[0].teaming = "iphash"
        ports = await host.switch_ports(scene.location().vm)
        assert [port.team_uplink for port in ports.values()] == [None]


async def test_names_with_spaces_parentheses_and_any_letters(tmp_path: Path) -> None:
    async with lab(tmp_path) as scene:
        scene.world.vm("app01").name = "Größe 東京 (neu)  2"
        async with scene.open() as host:
            ports = await host.switch_ports(scene.location("Größe 東京 (neu)  2").vm)
        nic = scene.world.vm("Größe 東京 (neu)  2").nics[0]
        assert (ports[nic.mac].number, ports[nic.mac].team_uplink) == (nic.switch_port, "vmnic1")


async def test_a_name_that_tries_to_break_out_reaches_no_shell(tmp_path: Path) -> None:
    async with lab(tmp_path) as scene:
        evil = "a'; reboot #$(reboot)"
        scene.world.vm("app01").name = evil
        async with scene.open() as host:
            await host.switch_ports(scene.location(evil).vm)
        assert not [sent for sent in scene.twin.commands if "reboot" in sent.line]


async def test_dropped_packets_are_told(tmp_path: Path) -> None:
    async with lab(tmp_path, "drops:7") as scene:
        captures = await capture(scene)
        assert {fact.dropped for fact in captures} == {7}
        assert {fact.failure for fact in captures} == {None}


@pytest.mark.parametrize(
    ("behaviour", "sentence"),
    [
        ("exit_before_ready:vmnic0", "Connection refused"),
        ("unknown_uplink:vmnic0", "Unable to find uplink vmnic0"),
    ],
)
async def test_one_capture_that_fails_is_a_value(
    tmp_path: Path, behaviour: str, sentence: str
) -> None:
    async with lab(tmp_path, behaviour) as scene:
        captures = await capture(scene)
        failed = {fact.point.name: fact for fact in captures if fact.failure}
        assert set(failed) == {"vmnic0-tx", "vmnic0-rx", "rarp.vmnic0-tx", "rarp.vmnic0-rx"}
        assert all(sentence in str(fact.failure) for fact in failed.values())
        assert {(fact.ready_at, fact.stopped_at) for fact in failed.values()} == {(None, None)}


@pytest.mark.parametrize(
    ("behaviour", "sentence"),
    [
        ("no_pktcap", "has no pktcap-uw"),
        ("no_capture_rights", "Operation not permitted"),
        ("exit_before_ready", "Connection refused"),
    ],
)
async def test_a_host_where_nothing_can_be_captured(
    tmp_path: Path, behaviour: str, sentence: str
) -> None:
    async with lab(tmp_path, behaviour) as scene:
        with pytest.raises(CaptureImpossible, match=sentence):
            await capture(scene)


async def test_nothing_counts_before_the_last_ear_is_open(tmp_path: Path) -> None:
    async with lab(tmp_path, "late_ready:2@vmnic0") as scene, scene.open() as host:
        plan = await scene.plan(host)
        async with host.listen(plan, seconds=20, heard=scene.hear) as listening:
            await until(lambda: any(fact.ready_at for fact in listening.captures()))
            early = {f.point.name: f for f in listening.captures()}
            assert early["vmnic0-rx"].ready_at is None
            assert early["vmnic0-rx"].failure == "it did not say that it listens"
            await listening.ready()
            ready = {f.point.name: f.ready_at or 0 for f in listening.captures()}
            assert ready["vmnic0-rx"] > ready["vmnic1-rx"] + SECOND


async def test_a_flood_ends_at_the_packet_limit_and_says_when(tmp_path: Path) -> None:
    async with lab(tmp_path) as scene:
        scene.world.faults["flood"] = {"uplink": "vmnic1", "rate": 50_000, "vlan": 110}
        async with scene.open() as host:
            plan = [planned for planned in await scene.plan(host) if not is_rarp(planned.point)]
            async with host.listen(plan, seconds=30, heard=scene.hear) as listening:
                await listening.ready()
                facts = await _flooded(listening)
                scene.world.faults.clear()
            flooded = facts["vmnic1-rx"]
            frames = records(bytes(scene.heard["vmnic1-rx"]))
            assert len(frames) == PACKET_LIMIT
            assert str(flooded.failure).startswith("the limit of 50000 packets was reached at ")
            assert flooded.stopped_at == frames[-1][0]
            assert facts["vmnic1-tx"].failure is None
            assert await host.clean_up() == ()


async def test_a_slow_reader_holds_the_host_back_and_the_loss_is_told(tmp_path: Path) -> None:
    """What the reader cannot take waits on the host, and is dropped and counted there."""
    async with lab(tmp_path) as scene:
        scene.world.faults["flood"] = {"uplink": "vmnic1", "rate": 20_000, "vlan": 110}
        kept = 0

        def hear(point: CapturePoint, data: bytes) -> None:
            nonlocal kept
            kept += len(data)
            time.sleep(len(data) / 400_000)

        async with scene.open() as host:
            plan = [p for p in await scene.plan(host) if p.point.name == "vmnic1-rx"]
            async with host.listen(plan, seconds=30, heard=hear) as listening:
                await listening.ready()
                await until(lambda: kept > 1_000_000, 30)
                scene.world.faults.clear()
                (fact,) = await listening.stop()
            assert fact.dropped or "limit" in str(fact.failure), fact
            assert await host.clean_up() == ()


async def _flooded(listening: Listening) -> dict[str, Capture]:
    def facts() -> dict[str, Capture]:
        return {fact.point.name: fact for fact in listening.captures()}

    await until(lambda: "limit" in str(facts()["vmnic1-rx"].failure), 40)
    return facts()


async def test_the_hosts_own_view_goes_into_the_bundle(tmp_path: Path) -> None:
    async with lab(tmp_path, "rx_errors:5") as scene, scene.open() as host:
        await host.switch_ports(scene.location().vm)
        files = await host.snapshot(["vmnic0", "vmnic1", "vmnic9; reboot"])
        port = scene.world.vm("app01").nics[0].switch_port
        assert set(files) == {
            "version.txt", "nic_list.txt", "clock.txt", f"portstats_{port}.txt",
            "nic_vmnic0.txt", "nic_vmnic1.txt", "nicstats_vmnic0.txt", "nicstats_vmnic1.txt",
        }  # fmt: skip
        scene.behave("rx_errors:9")
        scene.world.host(HOST).behaviours.discard("rx_errors:5")
        later = await host.snapshot(["vmnic0"])
        assert counters_risen(files, later) == (
            "vmnic0: Total receive errors +4",
            "vmnic0: Receive CRC errors +4",
        )
        assert b"build-24674464" in files["version.txt"]
        assert b"Receive CRC errors: 5" in files["nicstats_vmnic0.txt"]
