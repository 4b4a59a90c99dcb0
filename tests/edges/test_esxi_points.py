"""Where a host names no capture points: ``--dir`` tells the directions apart, and each is the right one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.edges.esxi_scene import Scene, lab
from tests.edges.test_esxi_capture import capture, check_sound, own_mac, records


@pytest.mark.parametrize("how", ["unknown", "fails", "empty", "hangs"])
@pytest.mark.parametrize("version", ["version_5_5", "version_8_0"])
async def test_without_a_list_of_points_directions_are_told_apart_by_dir(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, how: str
) -> None:
    monkeypatch.setattr("workers.esxi.probe.BRIEF_SECONDS", 1)
    async with lab(tmp_path, version, f"point_list:{how}") as scene:
        captures = await capture(scene)
        check_sound(scene, captures)
        commands = {fact.point.name: str(fact.command) for fact in captures}
        assert not any("--capture" in command for command in commands.values())
        # On a switch port 0 is what the VM sends, on an uplink 0 is what comes in from the wire.
        assert "--switchport" in commands["vnic0-tx"]
        assert " --dir 0 --ethtype" in commands["vnic0-tx"]
        assert " --dir 1 --ethtype" in commands["vnic0-rx"]
        assert " --dir 1 --stage 1 --ethtype" in commands["vmnic1-tx"]
        assert " --dir 0 --ethtype" in commands["vmnic1-rx"]
        check_directions(scene)


@pytest.mark.parametrize("how", ["quoted", "columns"])
async def test_points_are_found_in_any_layout(tmp_path: Path, how: str) -> None:
    async with lab(tmp_path, f"point_list:{how}") as scene:
        captures = await capture(scene)
        commands = {fact.point.name: str(fact.command) for fact in captures}
        assert " --capture VnicTx " in commands["vnic0-tx"]
        assert " --capture UplinkRcvKernel " in commands["vmnic1-rx"]
        check_directions(scene)


def check_directions(scene: Scene) -> None:
    """The VM's own requests are in what leaves, the replies to it in what comes in."""
    own = own_mac(scene)
    for name in ("vnic0-tx", "vmnic1-tx"):
        senders = {frame[6:12] for _, frame in records(bytes(scene.heard[name]))}
        assert own in senders
        assert name != "vnic0-tx" or senders == {own}
    for name in ("vnic0-rx", "vmnic1-rx"):
        frames = [frame for _, frame in records(bytes(scene.heard[name]))]
        assert any(frame[:6] == own for frame in frames)
        assert own not in {frame[6:12] for frame in frames}
