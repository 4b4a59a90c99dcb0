"""vCenter down, silent, slow, distrusted, refusing, forgetful: one sentence each, and nothing left open."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.edges.vcenter_lab import Lab, settings_for, until, vcenter_lab
from tests.lab.vcenter import VcenterTwin
from tests.lab.vcenter_tls import make_certificate, make_self_signed
from tests.lab.world import small_world
from workers.errors import CheckError, VcenterRefused, VcenterUnreachable
from workers.settings import VcenterSettings
from workers.vcenter import Vcenter


async def _refusal(settings: VcenterSettings, kind: type[CheckError]) -> CheckError:
    vcenter = Vcenter(settings, wait_seconds=0.5, call_seconds=5)
    try:
        with pytest.raises(kind) as caught:
            await vcenter.find("app01")
        return caught.value
    finally:
        await vcenter.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2"])
async def test_tls_is_verified_by_the_ca_file(tmp_path: Path, host: str) -> None:
    async with vcenter_lab(tmp_path, host=host) as lab:
        assert (await lab.vcenter.find("app01")).vm.moid == "vm-101"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2"])
async def test_a_certificate_of_another_ca_is_refused(tmp_path: Path, host: str) -> None:
    async with vcenter_lab(tmp_path, host=host) as lab:
        other = tmp_path / "other.pem"
        other.write_text(make_certificate("localhost").ca_pem)
        settings = lab.vcenter.settings
        for ca_file in (other, None):
            trouble = await _refusal(replace(settings, ca_file=ca_file), VcenterUnreachable)
            assert "not trusted" in trouble.sentence
            assert "VCENTER_CA_FILE" in trouble.next_step
        assert lab.twin.calls == 0


async def test_a_certificate_for_another_name_is_refused(tmp_path: Path) -> None:
    twin = VcenterTwin(small_world(), certificate=make_certificate("vc.example.com"))
    await twin.start()
    try:
        trouble = await _refusal(settings_for(twin, tmp_path), VcenterUnreachable)
        assert "another name" in trouble.sentence
        assert "VCENTER_HOST" in trouble.next_step
    finally:
        await twin.stop()


@pytest.mark.parametrize(
    ("changes", "said", "mend"),
    [
        ({"starts_days": -40}, "has expired", "Renew"),
        ({"starts_days": 5}, "is not valid yet", "clock"),
        ({"bits": 1024}, "is too weak", "2048 bits"),
    ],
)
async def test_each_flaw_of_a_certificate_is_named(
    tmp_path: Path, changes: dict[str, int], said: str, mend: str
) -> None:
    twin = VcenterTwin(small_world(), certificate=make_certificate("127.0.0.1", **changes))
    await twin.start()
    try:
        trouble = await _refusal(settings_for(twin, tmp_path), VcenterUnreachable)
        assert said in trouble.sentence
        assert mend in trouble.next_step
    finally:
        await twin.stop()


async def test_a_self_signed_certificate_is_trusted_by_itself(tmp_path: Path) -> None:
    twin = VcenterTwin(small_world(), certificate=make_self_signed("127.0.0.1"))
    await twin.start()
    try:
        settings = settings_for(twin, tmp_path)
        trouble = await _refusal(replace(settings, ca_file=None), VcenterUnreachable)
        assert "self-signed" in trouble.next_step
        vcenter = Vcenter(settings)
        assert (await vcenter.find("app01")).vm.moid == "vm-101"
        await vcenter.close()
    finally:
        await twin.stop()


async def test_verification_can_be_turned_off(tmp_path: Path) -> None:
    async with vcenter_lab(tmp_path, ca_file=None, insecure=True, host="127.0.0.2") as lab:
        assert (await lab.vcenter.find("app01")).vm.moid == "vm-101"


async def test_a_ca_file_that_is_none(tmp_path: Path) -> None:
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate")
    settings = VcenterSettings("127.0.0.1", "u", "p", ca_file=broken)
    assert "PEM" in (await _refusal(settings, VcenterUnreachable)).sentence


async def test_a_wrong_password_is_refused_without_telling_it(tmp_path: Path) -> None:
    async with vcenter_lab(tmp_path) as lab:
        settings = replace(lab.vcenter.settings, password="planted-secret")
        trouble = await _refusal(settings, VcenterRefused)
        assert "refuses the login of arpcheck@vsphere.local" in trouble.sentence
        assert "planted-secret" not in f"{trouble.sentence}{trouble.next_step}{trouble!r}"


async def test_nobody_listens(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        settings = VcenterSettings("127.0.0.1", "u", "p", port=unused.getsockname()[1])
        assert "cannot be reached" in (await _refusal(settings, VcenterUnreachable)).sentence


async def test_a_name_that_does_not_resolve(tmp_path: Path) -> None:
    settings = VcenterSettings("vc.invalid", "u", "p")
    assert "vc.invalid" in (await _refusal(settings, VcenterUnreachable)).sentence


async def test_a_server_that_accepts_and_keeps_silent_before_tls(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        settings = VcenterSettings("127.0.0.1", "u", "p", port=deaf.getsockname()[1])
        begun = time.monotonic()
        trouble = await _refusal(settings, VcenterUnreachable)
        assert "does not answer in time" in trouble.sentence
        assert trouble.retry
        assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    "method",
    ["vimServiceVersions.xml", "Login", "RetrievePropertiesEx", "FetchDVPorts", "FindAllByIp"],
)
async def test_silence_at_any_call_ends_with_the_deadline(tmp_path: Path, method: str) -> None:
    async with vcenter_lab(tmp_path, wait_seconds=30, call_seconds=0.6) as lab:
        lab.twin.faults |= {"silent": True, "only": {method}}
        asked = "10.20.110.21" if method == "FindAllByIp" else "app01"
        with pytest.raises(VcenterUnreachable, match="does not answer in time"):
            await lab.vcenter.find(asked)
        lab.twin.faults.clear()
        await until(_no_busy_thread)


def _no_busy_thread() -> bool:
    """Threads of the edge wait for work again; one that reads a socket would have a deeper stack."""
    return all(
        not thread.name.startswith("vcenter") or not _in_http(thread.ident)
        for thread in threading.enumerate()
    )


def _in_http(ident: int | None) -> bool:
    import sys  # noqa: PLC0415 - only this helper looks into frames

    frame = sys._current_frames().get(ident or 0)
    while frame is not None:
        if "http/client" in frame.f_code.co_filename:
            return True
        frame = frame.f_back
    return False


async def test_a_cancelled_look_up_frees_its_thread_and_spares_the_others(tmp_path: Path) -> None:
    async with vcenter_lab(tmp_path, wait_seconds=30) as lab:
        await lab.vcenter.find("app01")
        lab.twin.faults |= {"silent": True, "only": {"FetchDVPorts"}}
        stuck = asyncio.create_task(lab.vcenter.locate("vm-101"))
        await until(lambda: lab.twin.methods[-1] == "FetchDVPorts")
        assert (await lab.vcenter.placement("vm-101")).host_moid == "host-7"
        stuck.cancel()
        await until(_no_busy_thread)
        lab.twin.faults.clear()
        assert (await lab.vcenter.locate("vm-101")).vm.name == "app01"


@pytest.mark.parametrize("status", [500, 503, 404])
async def test_a_web_page_instead_of_the_api(tmp_path: Path, status: int) -> None:
    async with vcenter_lab(tmp_path) as lab:
        await lab.vcenter.find("app01")
        lab.twin.faults["http_status"] = status
        with pytest.raises(VcenterUnreachable, match="something else"):
            await lab.vcenter.find("app01")
        lab.twin.faults.clear()
        assert (await lab.vcenter.find("app01")).vm.moid == "vm-101"


async def test_a_failing_call_is_told_with_vcenters_words(tmp_path: Path) -> None:
    async with vcenter_lab(tmp_path) as lab:
        lab.twin.faults |= {"fail_once": True, "only": {"RetrievePropertiesEx"}}
        with pytest.raises(VcenterUnreachable, match="general system error") as caught:
            await lab.vcenter.find("app01")
        assert caught.value.retry
        assert (await lab.vcenter.find("app01")).vm.moid == "vm-101"


@pytest.mark.parametrize("method", ["RetrievePropertiesEx", "FetchDVPorts", "QueryNetworkHint"])
async def test_an_expired_session_is_renewed_unnoticed(tmp_path: Path, method: str) -> None:
    async with vcenter_lab(tmp_path) as lab:
        await lab.vcenter.find("app01")
        lab.twin.faults |= {"session_expires": True, "only": {method}}
        assert len((await lab.vcenter.find("app01")).host.uplinks) == 2
        assert lab.twin.methods.count("Login") == 2
        assert lab.twin.sessions == 1


async def test_a_connection_that_was_closed_is_made_again(tmp_path: Path) -> None:
    async with vcenter_lab(tmp_path) as lab:
        await lab.vcenter.find("app01")
        lab.twin.faults |= {"cut_once": True, "only": {"RetrievePropertiesEx"}}
        assert (await lab.vcenter.find("app01")).vm.moid == "vm-101"
        assert lab.twin.sessions == 1


async def test_vcenter_restarts_between_two_look_ups(tmp_path: Path) -> None:
    async with vcenter_lab(tmp_path, wait_seconds=1) as lab:
        await lab.vcenter.find("app01")
        await lab.twin.stop()
        lab.twin.state.sessions.clear()
        with pytest.raises(VcenterUnreachable):
            await lab.vcenter.find("app01")
        await lab.twin.start()
        assert (await lab.vcenter.find("app01")).vm.moid == "vm-101"


async def test_expiry_under_ten_look_ups_side_by_side(tmp_path: Path) -> None:
    async with vcenter_lab(tmp_path) as lab:
        await lab.vcenter.find("app01")
        lab.twin.faults |= {"session_expires": True}
        found = await asyncio.gather(*(lab.vcenter.locate("vm-101") for _ in range(10)))
        assert len(found) == 10
        assert lab.twin.sessions == 1


async def test_an_old_api_is_named(tmp_path: Path) -> None:
    async with vcenter_lab(tmp_path) as lab:
        _speak(lab, "4.1")
        with pytest.raises(VcenterRefused, match=r"API 4\.1"):
            await lab.vcenter.find("app01")


async def test_a_newer_vcenter_is_spoken_to_in_the_newest_words_both_know(tmp_path: Path) -> None:
    async with vcenter_lab(tmp_path) as lab:
        _speak(lab, "12.0.0.0")
        assert (await lab.vcenter.find("app01")).vm.moid == "vm-101"


def _speak(lab: Lab, version: str) -> None:
    newest = "<version>8.0.2.0</version>"
    told = lab.twin.versions.replace(newest, f"<version>{version}</version>")
    if version.startswith("4"):
        told = told[: told.index("<priorVersions>")] + told[told.index("</priorVersions>") + 16 :]
    lab.twin.versions = told
