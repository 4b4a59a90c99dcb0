"""``arpcheck doctor`` against a healthy lab, and with nothing set at all."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.cli.lab_calls import arpcheck, doctor, found
from tests.lab.lab import Lab
from tests.lab.slack import INCIDENT, NET_ONCALL

HOST = "esx07.example.com"


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with Lab(tmp_path / "lab") as lab:
        yield lab
        assert lab.vcenter.sessions == 0
        assert not lab.captures_alive()


def with_key(lab: Lab) -> dict[str, str]:
    """The lab's settings as a careful operator makes them: a key, and channels by id."""
    (lab.folder / "key").write_text(lab.esxi[HOST].client_key)
    settings = lab.environment(
        ESXI_SSH_KEY_FILE=str(lab.folder / "key"), ARPCHECK_CHANNELS=f"{INCIDENT},{NET_ONCALL}"
    )
    return {name: value for name, value in settings.items() if name != "ESXI_SSH_PASSWORD"}


async def test_a_healthy_setup_is_all_green(lab: Lab, tmp_path: Path) -> None:
    said = await doctor(with_key(lab), "--host", "esx07", cwd=tmp_path)
    assert {reading["state"] for reading in said["readings"]} == {"ok"}
    assert said["schema"] == "arpcheck-doctor/1"
    subjects = {(reading["peer"], reading["subject"]) for reading in said["readings"]}
    assert subjects >= {
        *(("redis", subject) for subject in ("connection", "version", "eviction", "persistence")),
        *(("slack", subject) for subject in ("token", "scopes", "Socket Mode")),
        ("slack", f"channel {INCIDENT}"),
        ("slack", f"channel {NET_ONCALL}"),
        *(("vcenter", subject) for subject in ("TLS", "login", "clock", "hosts")),
        ("vcenter", "privilege Host.Config.NetService"),
        *(("host", subject) for subject in ("key", "SSH service", "lockdown", "host key")),
        *(("host", subject) for subject in ("account", "pktcap-uw", "prompt", "timeout")),
        *(("host", subject) for subject in ("sessions", "clock", "clean-up")),
        ("host", "uplink vmnic0"),
        ("host", "uplink vmnic1"),
    }
    assert "UplinkSndKernel" in found(said, "host", "pktcap-uw")["found"]
    assert not lab.slack.messages(INCIDENT)
    assert lab.slack.socket.connections == []


async def test_a_machine_for_one_process_is_asked_for_its_settings_only(
    lab: Lab, tmp_path: Path
) -> None:
    everything = with_key(lab)
    others = ("VCENTER_", "ESXI_", "CAPTURE_", "ARPCHECK_NETWORK_")
    bots = {name: value for name, value in everything.items() if not name.startswith(others)}
    said = await doctor(bots, "--process", "bot", cwd=tmp_path)
    assert {reading["state"] for reading in said["readings"]} == {"ok"}
    assert {reading["peer"] for reading in said["readings"]} == {"settings", "redis", "slack"}
    assert found(said, "slack", "Socket Mode")["state"] == "ok"
    others = ("SLACK_APP_", "ARPCHECK_CHANNELS", "ARPCHECK_USERS", "PORT")
    workers = {name: value for name, value in everything.items() if not name.startswith(others)}
    said = await doctor(workers | {"PORT": "none"}, "--process", "worker", cwd=tmp_path)
    assert {reading["state"] for reading in said["readings"]} == {"ok"}
    assert found(said, "vcenter", "login")["state"] == "ok"
    assert found(said, "slack", f"channel {NET_ONCALL}")["state"] == "ok"
    assert "Socket Mode" not in {reading["subject"] for reading in said["readings"]}


async def test_nothing_set_is_told_line_by_line(tmp_path: Path, closed_port: int) -> None:
    env = {"REDIS_URL": f"redis://127.0.0.1:{closed_port}/0"}
    said = await doctor(env, "--host", HOST, cwd=tmp_path)
    told = "\n".join(r["found"] for r in said["readings"] if r["state"] == "fail")
    for name in ("SLACK_BOT_TOKEN", "VCENTER_HOST", "VCENTER_USER", "VCENTER_PASSWORD"):
        assert f"{name} is not set" in told
    for name in ("ESXI_SSH_KEY_FILE", "ESXI_KNOWN_HOSTS", "ARPCHECK_CHANNELS"):
        assert name in told
    assert "does not answer" in found(said, "redis", "connection")["found"]
    assert found(said, "slack", "way in")["state"] == "fail"
    assert found(said, "host", "host")["found"] == "not looked at, because settings are missing"
    assert all(reading["mend"] for reading in said["readings"] if reading["state"] == "fail")


async def test_a_host_that_the_process_never_sees_is_refused(tmp_path: Path) -> None:
    done = await arpcheck({}, "doctor", "--process", "bot", "--host", HOST, cwd=tmp_path)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("arpcheck: --host is what a worker logs in to")


async def test_a_person_reads_lines_grouped_by_peer(lab: Lab, tmp_path: Path) -> None:
    done = await arpcheck(lab.environment(REDIS_URL="nonsense"), "doctor", cwd=tmp_path)
    lines = done.out.splitlines()
    headings = [line for line in lines if not line.startswith(" ")]
    assert headings[:5] == ["Settings", "Redis", "Slack", "vCenter", "ESXi"]
    assert lines[3].startswith("  fail setting: REDIS_URL should start with redis://")
    assert lines[4].startswith("        → ")
    assert "--host NAME" in lines[-2]
    assert lines[-1].endswith("1 fail. Mend what failed.")
    assert (done.status, done.err) == (1, "")
    assert "\x1b" not in done.out


async def test_hosts_are_found_by_every_name(lab: Lab, tmp_path: Path) -> None:
    said = await doctor(with_key(lab), "--host", "esx99", cwd=tmp_path)
    host = found(said, "host", "host")
    assert (host["state"], host["found"]) == ("fail", "vCenter shows no host esx99")
    assert HOST in host["mend"]
    said = await doctor(with_key(lab), "--host", "host-8", cwd=tmp_path)
    assert "esx08.example.com" in found(said, "host", "host")["found"]


async def test_a_host_is_looked_at_without_vcenter_too(lab: Lab, tmp_path: Path) -> None:
    lab.vcenter.faults["down"] = True
    said = await doctor(with_key(lab), "--host", HOST, cwd=tmp_path)
    assert found(said, "vcenter", "connection")["state"] == "fail"
    assert found(said, "host", "host")["state"] == "warn"
    assert found(said, "host", "uplink vmnic1")["state"] == "ok"


async def test_a_redis_that_is_away_keeps_nobody_waiting_for_its_pins(
    lab: Lab, tmp_path: Path, closed_port: int
) -> None:
    """A check bears with it for a minute: here its absence has a line already."""
    settings = with_key(lab) | {"ESXI_HOST_KEYS": "accept-new"}
    settings["REDIS_URL"] = f"redis://127.0.0.1:{closed_port}/0"
    del settings["ESXI_KNOWN_HOSTS"]
    async with asyncio.timeout(50):
        said = await doctor(settings, "--host", HOST, cwd=tmp_path)
    assert found(said, "redis", "connection")["state"] == "fail"
    assert found(said, "host", "uplink vmnic1")["state"] == "ok"


async def test_pins_are_read_and_none_is_added(lab: Lab, tmp_path: Path) -> None:
    settings = with_key(lab) | {"ESXI_HOST_KEYS": "accept-new"}
    del settings["ESXI_KNOWN_HOSTS"]
    said = await doctor(settings, "--host", HOST, cwd=tmp_path)
    assert found(said, "host", "host keys")["state"] == "warn"
    assert found(said, "host", "host key")["state"] == "ok"
    assert lab.redis is not None
    assert lab.redis.command("EXISTS", "{arpcheck}:v1:pins") == ":0\r\n"
    lab.redis.command("HSET", "{arpcheck}:v1:pins", HOST, lab.esxi["esx08.example.com"].public_key)
    said = await doctor(settings, "--host", HOST, cwd=tmp_path)
    assert "has changed" in found(said, "host", "host key")["found"]
