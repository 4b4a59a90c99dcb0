"""What ``arpcheck doctor`` asks of each edge, beyond what a check asks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.edges import esxi_scene
from tests.edges.vcenter_lab import vcenter_lab
from tests.lab.slack import INCIDENT, VIRT, WAR_ROOM, SlackTwin
from workers.errors import HostRefused, SlackRefused
from workers.esxi import client_key_words
from workers.jobs import Jobs
from workers.settings import EsxiSettings
from workers.slack import SlackStanding


async def test_redis_tells_version_and_policy(redis_url: str) -> None:
    jobs = Jobs(redis_url)
    facts = await jobs.server_facts()
    await jobs.close()
    assert facts.version[0].isdigit()
    assert (facts.memory_policy, facts.too_old, facts.evicts) == ("noeviction", "", "")


async def test_vcenter_lists_hosts_with_what_ssh_needs(tmp_path: Path) -> None:
    async with vcenter_lab(tmp_path) as lab:
        lab.world.hosts[1].ssh_running = False
        lab.world.hosts[1].lockdown = "lockdownStrict"
        seven, eight = await lab.vcenter.hosts()
        assert (seven.name, seven.moid, seven.ssh_running) == ("esx07.example.com", "host-7", True)
        assert (seven.version, seven.lockdown) == ("8.0.3", "lockdownDisabled")
        assert (eight.ssh_running, eight.lockdown) == (False, "lockdownStrict")
        lab.twin.hidden.update({"host-7", "host-8"})
        assert await lab.vcenter.hosts() == ()
        assert lab.twin.objects["views"] == 0


async def test_a_host_names_its_uplinks_and_its_sessions(tmp_path: Path) -> None:
    async with esxi_scene.lab(tmp_path, "max_sessions:2", uplinks=3) as scene:
        host = scene.world.host(esxi_scene.HOST)
        host.switches[0].pnics.remove("vmnic1")
        host.pnics[2].link_up = False
        async with scene.open() as opened:
            uplinks = await opened.uplinks()
            connections, allowed = opened.connections
        # The host was asked two things at once; whether the third met the limit is its own affair.
        assert connections >= 1
        assert allowed in {None, 2}
        assert [(u.device, u.link_up) for u in uplinks] == [("vmnic0", True), ("vmnic2", False)]


async def test_our_own_key_is_named_as_ssh_keygen_names_it(tmp_path: Path) -> None:
    async with esxi_scene.lab(tmp_path) as scene:
        told = client_key_words(scene.settings)
    assert told is not None
    assert told.startswith("ecdsa-sha2-nistp256 SHA256:")
    assert client_key_words(EsxiSettings(password="x")) is None
    (tmp_path / "key").write_text("no key")
    with pytest.raises(HostRefused, match="cannot be read"):
        client_key_words(scene.settings)


@pytest.fixture
async def slack(twin: SlackTwin) -> AsyncIterator[SlackStanding]:
    slack = SlackStanding(twin.bot_token, twin.api_url)
    yield slack
    await slack.close()


async def test_slack_tells_scopes_and_memberships(twin: SlackTwin, slack: SlackStanding) -> None:
    assert await slack.scopes() == twin.space.scopes
    assert await slack.is_member(INCIDENT) is True
    assert await slack.is_member(VIRT) is False
    with pytest.raises(SlackRefused) as caught:
        await slack.is_member(WAR_ROOM)
    assert caught.value.reason == "channel_not_found"


async def test_membership_is_seen_by_history_too(twin: SlackTwin, slack: SlackStanding) -> None:
    twin.space.scopes.discard("channels:read")
    assert await slack.is_member(INCIDENT) is None
    twin.space.scopes.add("channels:history")
    assert await slack.is_member(INCIDENT) is True
    assert await slack.is_member(VIRT) is False


async def test_socket_mode_is_tried_and_left(twin: SlackTwin, slack: SlackStanding) -> None:
    await slack.try_socket_mode(twin.app_token)
    assert twin.socket.connections == []
    with pytest.raises(SlackRefused) as caught:
        await slack.try_socket_mode("xapp-wrong")
    assert caught.value.reason == "invalid_auth"
