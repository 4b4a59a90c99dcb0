"""Every trouble that ``arpcheck doctor`` knows, provoked once in the lab."""

import re
from collections.abc import AsyncIterator
from itertools import zip_longest
from pathlib import Path

import pytest

from tests.cli.lab_calls import arpcheck, doctor, found
from tests.cli.troubles import HOST, HOSTS, SLACK, VCENTER
from tests.lab.lab import Lab
from tests.lab.redis import RedisServer


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with Lab(tmp_path / "lab") as lab:
        yield lab


TOGETHER = list(zip_longest(SLACK, VCENTER, HOSTS))
"""A look goes on after a trouble, so one run may meet one of each peer."""


def test_no_trouble_hides_another() -> None:
    hidden = len(VCENTER)
    needing = [name for name, one in HOSTS.items() if one.subject in {"SSH service", "lockdown"}]
    assert all(list(HOSTS).index(name) >= hidden for name in needing)


@pytest.mark.parametrize("names", TOGETHER, ids=lambda names: ", ".join(filter(None, names)))
async def test_trouble_is_told(lab: Lab, tmp_path: Path, names: tuple[str | None, ...]) -> None:
    known = SLACK | VCENTER | HOSTS
    troubles = [known[name] for name in names if name]
    settings = lab.environment()
    for trouble in troubles:
        trouble.spoil(lab, settings)
    said = await doctor(settings, "--host", HOST, cwd=tmp_path)
    for trouble in troubles:
        reading = found(said, trouble.peer, trouble.subject)
        assert reading["state"] == trouble.state
        assert trouble.told in reading["found"]
        assert reading["mend"] or reading["state"] == "ok" or "link is down" in reading["found"]
    assert "planted" not in str(said)
    assert not lab.captures_alive()


@pytest.mark.parametrize(
    "way_in", [{"SLACK_APP_TOKEN": "xapp-1"}, {"SLACK_SIGNING_SECRET": "s3cret"}, {}]
)
async def test_a_slack_out_of_reach_hides_no_setting(
    way_in: dict[str, str], tmp_path: Path, closed_port: int
) -> None:
    settings = {
        "REDIS_URL": f"redis://127.0.0.1:{closed_port}/0",
        "SLACK_API_URL": f"http://127.0.0.1:{closed_port}/api/",
        "SLACK_BOT_TOKEN": "xoxb-1",
        "ARPCHECK_CHANNELS": "C0123456789,#net",
        "ARPCHECK_NETWORK_CHANNEL": "net-oncall",
        **way_in,
    }
    said = await doctor(settings, cwd=tmp_path)
    token = found(said, "slack", "token")
    assert token["state"] == "fail"
    assert "SLACK_API_URL" in token["mend"]
    assert "bot token" not in token["mend"]
    for name in ("#net", "net-oncall"):
        assert "wants ids, not names" in found(said, "slack", f"channel {name}")["found"]
        assert "C0123456789" in found(said, "slack", f"channel {name}")["mend"]
    assert "not looked at" in found(said, "slack", "channel C0123456789")["found"]
    told = {r["subject"]: r["state"] for r in said["readings"] if r["peer"] == "slack"}
    ways = {"SLACK_APP_TOKEN": ("Socket Mode", "warn"), "SLACK_SIGNING_SECRET": ("HTTP", "ok")}
    subject, state = ways[next(iter(way_in))] if way_in else ("way in", "fail")
    assert told[subject] == state


async def test_numbers_that_are_none(tmp_path: Path, closed_port: int) -> None:
    settings = {
        "REDIS_URL": f"redis://127.0.0.1:{closed_port}/0",
        "CAPTURE_SECONDS": "soon",
        "PORT": "0",
        "ESXI_SSH_PORT": "x",
    }
    said = await doctor(settings, cwd=tmp_path)
    told = [r["found"] for r in said["readings"] if r["peer"] == "settings"]
    assert [line.partition("=")[0] for line in told] == ["PORT", "CAPTURE_SECONDS"]
    assert any("ESXI_SSH_PORT" in r["found"] for r in said["readings"] if r["peer"] == "host")
    verbs = {"Set": set[str](), "Correct": set[str]()}
    for reading in said["readings"]:
        if reading["subject"] == "setting":
            verbs[reading["mend"].split()[0]].add(re.split(r"[= ]", reading["found"])[0])
    assert verbs["Correct"] == {"PORT", "CAPTURE_SECONDS", "ESXI_SSH_PORT"}
    assert verbs["Set"] >= {"SLACK_BOT_TOKEN", "VCENTER_HOST", "ESXI_SSH_KEY_FILE"}


async def test_misspelt_settings_are_told(tmp_path: Path, closed_port: int) -> None:
    settings = {
        "REDIS_URL": f"redis://127.0.0.1:{closed_port}/0",
        "ARPCHECK_USER": "",
        "VCENTER_PASSWROD": "planted",
        "SLACK_WHATEVER": "planted",
        "OTHER_HOST": "somebody else's",
    }
    said = await doctor(settings, cwd=tmp_path)
    told = {r["found"].split()[0]: r for r in said["readings"] if r["state"] == "warn"}
    assert told["ARPCHECK_USER"]["mend"].startswith("Is ARPCHECK_USERS meant?")
    assert told["VCENTER_PASSWROD"]["mend"].startswith("Is VCENTER_PASSWORD meant?")
    assert told["SLACK_WHATEVER"]["mend"].startswith("Remove it.")
    assert "OTHER_HOST" not in told
    assert "planted" not in str(said)


async def test_a_redis_that_forgets_and_evicts(tmp_path: Path) -> None:
    options = ("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
    server = RedisServer(tmp_path / "redis", persistence=False, options=options).start()
    try:
        said = await doctor({"REDIS_URL": server.url}, cwd=tmp_path)
    finally:
        server.stop()
    assert "allkeys-lru" in found(said, "redis", "eviction")["found"]
    assert found(said, "redis", "eviction")["state"] == "fail"
    assert "appendonly" in found(said, "redis", "persistence")["found"]
    assert found(said, "redis", "persistence")["state"] == "warn"


async def test_a_redis_that_wants_a_password(tmp_path: Path) -> None:
    options = ("--requirepass", "planted")
    server = RedisServer(tmp_path / "redis", options=options).start()
    try:
        url = f"redis://:planted-wrong@127.0.0.1:{server.port}/0"
        done = await arpcheck({"REDIS_URL": url}, "doctor", cwd=tmp_path)
    finally:
        server.stop()
    assert "fail connection: Redis at 127.0.0.1" in done.out
    assert "refuses the login" in done.out
    assert "planted" not in done.out + done.err
