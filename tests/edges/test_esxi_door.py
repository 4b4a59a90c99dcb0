"""Getting in: logins, host keys, refusals and silence, each with the sentence a person is told."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import logging
import os
import traceback
from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest

from tests.edges.esxi_scene import HOST, PASSWORD, Scene, lab, with_password
from workers.errors import CheckError, HostKeyRefused, HostRefused, HostUnreachable
from workers.esxi import MemoryHostKeys, open_host

WRONG = "planted-secret-4711"


async def refusal(scene: Scene) -> CheckError:
    with pytest.raises(CheckError) as caught:
        async with scene.open():
            raise AssertionError("it let us in")
    return caught.value


async def gets_in(scene: Scene) -> None:
    async with scene.open() as host:
        assert (await host.look()).version == "8.0.3"


@pytest.mark.parametrize("kind", ["ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384"])
async def test_keys_of_the_allowed_kinds_log_in(tmp_path: Path, kind: str) -> None:
    async with lab(tmp_path) as scene:
        key = asyncssh.generate_private_key(kind)
        key.write_private_key(tmp_path / "own")
        scene.twin.allow_key(key.export_public_key().decode())
        scene.settings = replace(scene.settings, key_file=tmp_path / "own")
        await gets_in(scene)


@pytest.mark.parametrize("behaviours", [("keyboard_only",), ("key_only", "password_allowed"), ()])
async def test_a_password_is_said_in_the_way_the_host_asks(
    tmp_path: Path, behaviours: tuple[str, ...]
) -> None:
    async with lab(tmp_path, *behaviours) as scene:
        scene.settings = with_password(scene.settings)
        await gets_in(scene)


async def test_a_refused_key_is_followed_by_the_password(tmp_path: Path) -> None:
    async with lab(tmp_path, "keyboard_only") as scene:
        scene.settings = replace(scene.settings, password=PASSWORD)
        await gets_in(scene)


async def test_a_wrong_password_is_said_once_and_shown_nowhere(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="asyncssh")
    asyncssh.set_debug_level(2)
    async with lab(tmp_path, "password_allowed") as scene:
        scene.settings = with_password(scene.settings, WRONG)
        trouble = await refusal(scene)
        assert scene.twin.passwords_tried == 1
    assert isinstance(trouble, HostRefused)
    assert trouble.sentence == f"{HOST} refused the SSH login of root with the password."
    told = "".join(traceback.format_exception(trouble)) + caplog.text + repr(scene.settings)
    asyncssh.set_debug_level(1)
    assert "Beginning auth" in told
    assert WRONG not in told


async def test_a_refused_ed25519_key_gets_the_hint_at_fips(tmp_path: Path) -> None:
    async with lab(tmp_path) as scene:
        asyncssh.generate_private_key("ssh-ed25519").write_private_key(tmp_path / "key")
        trouble = await refusal(scene)
    assert isinstance(trouble, HostRefused)
    assert trouble.sentence.endswith("with the SSH key.")
    assert "Ed25519" in trouble.next_step


async def test_lockdown_mode_is_named(tmp_path: Path) -> None:
    async with lab(tmp_path) as scene:
        scene.world.host(HOST).lockdown = "lockdownNormal"
        trouble = await refusal(scene)
    assert isinstance(trouble, HostRefused)
    assert "lockdown mode (lockdownNormal)" in trouble.sentence
    assert "Exception Users" in trouble.next_step


async def test_an_account_that_nobody_lets_in(tmp_path: Path) -> None:
    async with lab(tmp_path, "permission_denied") as scene:
        trouble = await refusal(scene)
    assert isinstance(trouble, HostRefused)
    assert trouble.sentence == f"{HOST} refused the SSH login of root with the SSH key."
    assert "Administrator role" in trouble.next_step


async def test_a_stopped_service_is_named_with_how_to_start_it(tmp_path: Path) -> None:
    async with lab(tmp_path, "service_stopped") as scene:
        scene.world.host(HOST).ssh_running = False
        trouble = await refusal(scene)
    assert isinstance(trouble, HostRefused)
    assert trouble.sentence == f"The SSH service (TSM-SSH) on {HOST} is stopped."
    assert "ESXI_SSH_SERVICE=start" in trouble.next_step


async def test_a_host_that_does_not_answer(tmp_path: Path) -> None:
    async with lab(tmp_path) as scene:
        await scene.twin.stop()
        trouble = await refusal(scene)
    assert isinstance(trouble, HostUnreachable)
    assert trouble.retry
    assert f"{HOST} does not answer on SSH (127.0.0.1 port {scene.twin.port})" in trouble.sentence


async def test_a_slow_login_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.esxi.ssh.LOGIN_SECONDS", 1)
    async with lab(tmp_path, "slow_login:30") as scene:
        trouble = await refusal(scene)
    assert isinstance(trouble, HostUnreachable)


async def test_a_channel_that_stalls_after_the_login_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.esxi.probe.FIRST_SECONDS", 1)
    async with lab(tmp_path, "stalled_channel") as scene:
        trouble = await refusal(scene)
    assert isinstance(trouble, HostUnreachable)
    assert "echo ok" in trouble.sentence
    assert trouble.retry


async def test_an_unreadable_key_file(tmp_path: Path) -> None:
    async with lab(tmp_path) as scene:
        (tmp_path / "key").write_text("no key at all: planted-secret")
        trouble = await refusal(scene)
    assert isinstance(trouble, HostRefused)
    assert trouble.sentence == "The SSH key file key cannot be read."


async def test_an_unknown_host_key_is_refused_with_its_fingerprint(tmp_path: Path) -> None:
    async with lab(tmp_path) as scene:
        (tmp_path / "known_hosts").write_text("# nobody\n")
        trouble = await refusal(scene)
        offered = asyncssh.import_public_key(scene.twin.host_key.split(" ", 1)[1])
    assert isinstance(trouble, HostKeyRefused)
    assert HOST in trouble.sentence
    assert offered.get_fingerprint() in trouble.sentence
    assert "is not in the known_hosts file known_hosts" in trouble.sentence


async def test_a_changed_host_key_is_refused_and_nothing_is_sent(tmp_path: Path) -> None:
    async with lab(tmp_path, "changed_host_key") as scene:
        scene.settings = with_password(scene.settings)
        trouble = await refusal(scene)
        expected = asyncssh.import_public_key(scene.twin.host_key.split(" ", 1)[1])
        assert scene.twin.passwords_tried == 0
    assert isinstance(trouble, HostKeyRefused)
    assert f"The host key of {HOST} has changed" in trouble.sentence
    assert expected.get_fingerprint() in trouble.sentence
    assert trouble.sentence.count("SHA256:") == 2


def _hashed(name: str) -> str:
    salt = os.urandom(20)
    digest = hmac.new(salt, name.encode(), hashlib.sha1).digest()
    return "|1|" + "|".join(base64.b64encode(part).decode() for part in (salt, digest))


@pytest.mark.parametrize(
    "entry", ["[{host}]:{port}", "{host}", "127.0.0.1", "hashed", "*.example.com", "other,{host}"]
)
async def test_known_hosts_is_read_as_openssh_reads_it(tmp_path: Path, entry: str) -> None:
    async with lab(tmp_path) as scene:
        key = scene.twin.host_key.split(" ", 1)[1]
        name = entry.format(host=HOST, port=scene.twin.port)
        name = _hashed(f"[{HOST}]:{scene.twin.port}") if entry == "hashed" else name
        (tmp_path / "known_hosts").write_text(f"{name} {key}\n")
        await gets_in(scene)


async def test_the_name_counts_before_the_address(tmp_path: Path) -> None:
    other = (
        asyncssh.generate_private_key("ecdsa-sha2-nistp256").export_public_key().decode().strip()
    )
    async with lab(tmp_path) as scene:
        (tmp_path / "known_hosts").write_text(f"{HOST} {other}\n{scene.twin.host_key}\n")
        assert isinstance(await refusal(scene), HostKeyRefused)


async def test_a_revoked_key_is_refused(tmp_path: Path) -> None:
    async with lab(tmp_path) as scene:
        line = scene.twin.host_key
        (tmp_path / "known_hosts").write_text(f"{line}\n@revoked {line}\n")
        trouble = await refusal(scene)
    assert isinstance(trouble, HostKeyRefused)
    assert "revoked" in trouble.sentence


async def test_the_first_key_is_pinned_and_a_changed_one_refused_from_then_on(
    tmp_path: Path,
) -> None:
    async with lab(tmp_path) as scene:
        scene.settings = replace(scene.settings, known_hosts=None, accept_new=True)
        await gets_in(scene)
        assert await scene.keys.pinned(HOST) == scene.twin.host_key.split(" ", 1)[1]
        await gets_in(scene)
        scene.behave("changed_host_key")
        await shows_another_key(scene)
        trouble = await refusal(scene)
    assert isinstance(trouble, HostKeyRefused)
    assert "has changed" in trouble.sentence
    assert "the pin has" in trouble.sentence


async def shows_another_key(scene: Scene) -> None:
    """The twin takes a moment to show its other key."""
    own = asyncssh.import_public_key(scene.twin.host_key.split(" ", 1)[1])
    while True:
        with contextlib.suppress(OSError, asyncssh.Error):
            shown = await asyncssh.get_server_host_key("127.0.0.1", scene.twin.port, config=None)
            if shown not in (None, own):
                return


async def test_of_two_that_pin_at_once_the_first_one_holds(tmp_path: Path) -> None:
    other = asyncssh.generate_private_key("ecdsa-sha2-nistp256").export_public_key().decode()

    class Overtaken(MemoryHostKeys):
        """Another worker pins between our look and our pin."""

        async def pin(self, host: str, key: str) -> str:
            await super().pin(host, " ".join(other.split()[:2]))
            return await super().pin(host, key)

    async with lab(tmp_path) as scene:
        settings = replace(scene.settings, known_hosts=None, accept_new=True)
        with pytest.raises(HostKeyRefused, match="has changed"):
            async with open_host(scene.location(), settings, Overtaken()):
                raise AssertionError("it let us in")
        assert scene.twin.commands == []


async def test_an_account_without_a_shell_is_told_so(tmp_path: Path) -> None:
    async with lab(tmp_path, "max_sessions:0") as scene:
        trouble = await refusal(scene)
    assert isinstance(trouble, HostRefused)
    assert trouble.sentence == f"{HOST} lets root log in but refuses to run commands."
    assert "shellAccess" in trouble.next_step
