"""Settings: every problem at once, in one readable line each."""

import os
from pathlib import Path

import pytest

from bot.settings import read_bot_settings
from workers.errors import SettingsError
from workers.settings import environment, read_worker_settings

GOOD = {
    "SLACK_BOT_TOKEN": "xoxb-1",
    "VCENTER_HOST": "vc.example.com",
    "VCENTER_USER": "arpcheck@vsphere.local",
    "VCENTER_PASSWORD": "planted-vc-secret",
    "ESXI_SSH_PASSWORD": "planted-ssh-secret",
    "ESXI_HOST_KEYS": "accept-new",
}


def test_good_settings_have_the_documented_defaults() -> None:
    settings = read_worker_settings(GOOD)
    assert settings.redis_url == "redis://127.0.0.1:6379/0"
    assert (settings.capture_seconds, settings.worker_jobs, settings.host_jobs) == (30, 8, 1)
    assert (settings.esxi.user, settings.esxi.port, settings.evidence_days) == ("root", 22, 7)
    assert not settings.esxi.start_service


def test_a_value_in_the_settings_file_is_taken_as_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "environ", {"HOME": "/root"})
    Path(".env").write_text("VCENTER_PASSWORD='a${HOME}b'\nESXI_SSH_PASSWORD=$HOME\n", "utf-8")
    found = environment()
    assert (found["VCENTER_PASSWORD"], found["ESXI_SSH_PASSWORD"]) == ("a${HOME}b", "$HOME")


def test_what_is_missing_is_told_with_where_to_get_it() -> None:
    with pytest.raises(SettingsError) as caught:
        read_worker_settings({})
    told = {problem.partition(" ")[0]: problem for problem in caught.value.problems}
    assert "api.slack.com/apps → your app → OAuth & Permissions" in told["SLACK_BOT_TOKEN"]
    assert "Read-only role" in told["VCENTER_USER"]
    assert "ssh-keygen" in told["ESXI_SSH_KEY_FILE"]
    assert "ssh-keyscan" in told["ESXI_KNOWN_HOSTS"]


def test_a_line_that_was_not_filled_in_is_not_set() -> None:
    """``.env.example`` shows how a token begins; who needs only the other mode leaves it so."""
    with pytest.raises(SettingsError, match="SLACK_BOT_TOKEN is not set"):
        read_worker_settings(GOOD | {"SLACK_BOT_TOKEN": "xoxb-"})
    tokens = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-"}
    with pytest.raises(SettingsError, match="or SLACK_SIGNING_SECRET"):
        read_bot_settings(tokens)
    assert read_bot_settings(tokens | {"SLACK_SIGNING_SECRET": "s3cret"}).slack_app_token == ""


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("https://vc.example.com", "vc.example.com"),
        ("https://root:planted@vc.example.com:8443/ui/", "vc.example.com"),
        ("vc.example.com/sdk", "vc.example.com"),
        ("https://[2001:db8::1]/", "[2001:db8::1]"),
        ("https://", "vc.example.com"),
    ],
)
def test_a_url_in_place_of_vcenter_s_name_is_refused(typed: str, told: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_worker_settings(GOOD | {"VCENTER_HOST": typed})
    (problem,) = caught.value.problems
    assert f"write {told} without https://" in problem
    assert "planted" not in problem


FILES = ("VCENTER_CA_FILE", "ESXI_SSH_KEY_FILE", "ESXI_KNOWN_HOSTS", "ESXI_ADDRESS_MAP")


def test_a_tilde_in_a_path_is_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "file").write_text("esx01 10.0.0.1\n", "utf-8")
    settings = read_worker_settings(GOOD | dict.fromkeys(FILES, "~/file"))
    found = (settings.vcenter.ca_file, settings.esxi.key_file, settings.esxi.known_hosts)
    assert found == (tmp_path / "file",) * 3
    assert settings.esxi.addresses == {"esx01": ("10.0.0.1", 22)}


def test_a_file_that_is_not_there_is_told_with_where_it_was_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    paths = {"ESXI_KNOWN_HOSTS": "~/absent", "ESXI_SSH_KEY_FILE": "~no-such-account/key"}
    with pytest.raises(SettingsError) as caught:
        read_worker_settings(GOOD | paths)
    assert caught.value.problems == (
        "ESXI_SSH_KEY_FILE='~no-such-account/key' is no readable file",
        f"ESXI_KNOWN_HOSTS='{tmp_path}/absent' is no readable file",
    )


def test_secrets_stay_out_of_repr() -> None:
    assert "planted" not in repr(read_worker_settings(GOOD))


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        read_worker_settings({"CAPTURE_SECONDS": "301", "SLACK_BOT_TOKEN": "xapp-1"})
    told = "\n".join(caught.value.problems)
    for name in (
        "SLACK_BOT_TOKEN",
        "VCENTER_HOST",
        "VCENTER_USER",
        "VCENTER_PASSWORD",
        "ESXI_SSH_KEY_FILE",
        "ESXI_KNOWN_HOSTS",
        "CAPTURE_SECONDS",
    ):
        assert name in told


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("esx01 10.0.0.1", ("10.0.0.1", 22)),
        ("esx01 10.0.0.1:2222 # jump", ("10.0.0.1", 2222)),
        ("esx01 [2001:db8::1]:2222", ("2001:db8::1", 2222)),
        ("esx01 2001:db8::1", ("2001:db8::1", 22)),
    ],
)
def test_address_map(tmp_path: Path, line: str, expected: tuple[str, int]) -> None:
    path = tmp_path / "map"
    path.write_text(f"# labs\n\n{line}\n")
    settings = read_worker_settings(GOOD | {"ESXI_ADDRESS_MAP": str(path)})
    assert settings.esxi.addresses == {"esx01": expected}


def test_a_bad_line_of_the_address_map_is_named(tmp_path: Path) -> None:
    path = tmp_path / "map"
    path.write_text("esx01 10.0.0.1\nesx02\nesx03 10.0.0.3:99999\n")
    with pytest.raises(SettingsError, match=r"line 2.*line 3"):
        read_worker_settings(GOOD | {"ESXI_ADDRESS_MAP": str(path)})
