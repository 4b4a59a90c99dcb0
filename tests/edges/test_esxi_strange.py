"""Hosts that nobody has seen: other words, other layouts, refusals and silence where an answer is due."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from tests.edges.esxi_scene import until
from tests.edges.strange_scene import (
    CLOSING,
    PORTS,
    READY,
    VM_LIST,
    check_heard,
    facts,
    pcap,
    strange,
)
from tests.lab.scripted_host import PLAIN, Reply, Step
from workers.errors import CaptureImpossible, CheckError, HostRefused, HostUnreachable


async def test_the_documented_commands_are_enough(tmp_path: Path) -> None:
    async with strange(tmp_path) as lab:
        view, captures, left = await lab.run()
        assert {type(sent) for sent in lab.host.commands} == {str}
    check_heard(captures)
    assert (view.version, view.build, left) == ("8.0.3", "24674464", ())
    assert abs(view.clock_offset_ms) < 1_500
    assert view.notes == ()
    assert len(lab.readers["vnic0-tx"].frames) == 1


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([Step(err=b"Accept...Vsock connection from port 1027 cid 2\n")], id="6.7"),
        pytest.param(
            [Step(err=b"PKTCAP: VSOCK Connection From Port 9, CID 2.\r\n")], id="capitals"
        ),
        pytest.param([Step(err=b"Vsock connection from port: 1096 cid: 2")], id="no line end"),
        pytest.param(
            [Step(err=b"pktcap: Vsock connection fr"), Step(err=b"om port 7 cid 2\n", after=0.05)],
            id="in two parts",
        ),
        pytest.param([Step(out=b"Vsock connection from port 1 cid 2\n")], id="on stdout"),
        pytest.param([Step(out=b"Continue? [y/N]: "), Step(err=READY)], id="prompt on stdout"),
        pytest.param([Step(err=b"Continue? [y/N]: "), Step(err=READY)], id="prompt on stderr"),
        pytest.param([Step(out=b"Careful!\r\r\n\r\r\n\r\r\n"), Step(err=READY)], id="line ends"),
        pytest.param([], id="no ready line but a packet"),
    ],
)
async def test_ready_is_told_in_many_ways(tmp_path: Path, steps: list[Step]) -> None:
    async with (
        strange(tmp_path, {}, *steps, Step(out=pcap(), after=0.1)) as lab,
        lab.open() as host,
    ):
        plan = await lab.plan(host)
        async with host.listen(plan, seconds=20, heard=lab.hear) as listening:
            await listening.ready()
            await until(lambda: len(lab.readers) == len(plan))
            captures = {c.point.name: c for c in await listening.stop()}
    check_heard(captures)
    assert {len(reader.frames) for reader in lab.readers.values()} == {1}


async def test_a_file_header_without_a_ready_line_proves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.esxi.ear.HEADER_GRACE_SECONDS", 0.2)
    steps = [Step(err=b"Listen on port 38100\nAccept...\n"), Step(out=pcap(frames=0))]
    async with strange(tmp_path, {}, *steps) as lab:
        _, captures, left = await lab.run()
    assert {c.ready_at for c in captures.values()} == {None}
    assert all(c.failure for c in captures.values())
    assert left == ()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("magic", [0xA1B2C3D4, 0xA1B23C4D])
async def test_every_kind_of_pcap_in_any_cut(tmp_path: Path, order: str, magic: int) -> None:
    stream = b"note\n" + pcap(order, magic, frames=2)
    cuts = [Step(out=stream[at : at + 3], after=0.001) for at in range(0, len(stream), 3)]
    async with strange(tmp_path, {}, *cuts) as lab:
        _, captures, _ = await lab.run()
    check_heard(captures)


@pytest.mark.parametrize("cut", [1, 7, 1000])
async def test_words_behind_the_packets_are_no_packets(tmp_path: Path, cut: int) -> None:
    stream = pcap(frames=2) + CLOSING
    cuts = [Step(out=stream[at : at + cut], after=0.001) for at in range(0, len(stream), cut)]
    async with strange(tmp_path, {}, Step(err=READY), *cuts) as lab, lab.open() as host:
        plan = await lab.plan(host)
        async with host.listen(plan, seconds=20, heard=lab.hear) as listening:
            await listening.ready()
            await until(lambda: {c.dropped for c in listening.captures()} == {3})
    for reader in lab.readers.values():
        reader.finish()
        assert (len(reader.frames), reader.damage) == (2, None)


@pytest.mark.parametrize("cut", [1, 13, 20])
async def test_a_record_that_is_cut_stays_cut(tmp_path: Path, cut: int) -> None:
    async with strange(tmp_path, {}, Step(err=READY), Step(out=pcap(frames=2)[:-cut])) as lab:
        await lab.run()
    for reader in lab.readers.values():
        reader.finish()
        assert len(reader.frames) == 1
        assert "cut" in str(reader.damage)


SHORT = {
    "workers.esxi.probe.BRIEF_SECONDS": 0,
    "workers.esxi.probe.COMMAND_SECONDS": 0,
    "workers.esxi.probe.SPARE_SECONDS": 0.3,
    "workers.esxi.clock_questions.SECONDS": 0.3,
    "workers.esxi.cleanup.ASK_SECONDS": 0,
    "workers.esxi.cleanup.SPARE_SECONDS": 0.3,
}


@pytest.mark.parametrize(
    "command",
    [
        "date -u",
        "vmware -vl",
        "pktcap-uw -A",
        "esxcli network nic list",
        "net-stats -l",
        "esxcli network vm list",
        PORTS,
        "ps -c",
    ],
)
@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(Reply(err="sh: not found\n", status=127), id="missing"),
        pytest.param(Reply(out="Error: Permission denied\n", status=1), id="denied"),
        pytest.param(Reply(refused=True), id="refused"),
        pytest.param(Reply(hangs=True), id="hangs"),
        pytest.param(Reply(), id="empty"),
        pytest.param(Reply("\x1b[1m what?\n" * 50), id="nonsense"),
    ],
)
async def test_no_single_command_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, reply: Reply
) -> None:
    for name, seconds in SHORT.items():
        monkeypatch.setattr(name, seconds)
    async with strange(tmp_path, {command: reply}) as lab:
        view, captures, left = await lab.run()
        check_heard(captures)
        if command == "pktcap-uw -A":
            assert "--dir" in str(captures["vnic0-tx"].command)
            assert any("--dir" in note for note in view.notes)
        if command == "date -u":
            assert any("clock" in note for note in view.notes)
        if command == "esxcli network nic list":
            assert any("physical NICs" in note for note in view.notes)
    assert ("could not be proven" in " ".join(left)) == (command == "ps -c")


async def test_all_that_can_be_missing_may_be_missing_at_once(tmp_path: Path) -> None:
    """One list of the VM's ports is all that is left beside ``timeout`` and ``pktcap-uw``."""
    needed = {"echo ok", "net-stats -l"}
    denied = dict.fromkeys(facts().keys() - needed, Reply(err="Access denied\n", status=1))
    async with strange(tmp_path, denied | {"date -u": Reply(status=1)}) as lab:
        view, captures, left = await lab.run()
    check_heard(captures)
    assert left == ()
    assert (view.version, view.features.links) == (None, {"vmnic0": True})
    assert [word for word in ("--dir", "physical NICs", "clock") if word in " ".join(view.notes)] == [
        "--dir", "physical NICs", "clock",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("commands", "reply", "sentence"),
    [
        (
            ["pktcap-uw -A", "pktcap-uw -h"],
            Reply(err="sh: not found\n", status=127),
            "no pktcap-uw",
        ),
        (["pktcap-uw -A", "pktcap-uw -h"], Reply(refused=True), "no pktcap-uw"),
        (
            ["pktcap-uw -A", "pktcap-uw -h"],
            Reply(err="pktcap-uw: Operation not permitted\n", status=1),
            "does not let root run pktcap-uw",
        ),
    ],
)
async def test_what_cannot_be_done_without_is_named(
    tmp_path: Path, commands: list[str], reply: Reply, sentence: str
) -> None:
    async with strange(tmp_path, dict.fromkeys(commands, reply)) as lab:
        with pytest.raises(CaptureImpossible, match=sentence):
            await lab.run()


async def test_a_host_that_lists_no_ports_at_all(tmp_path: Path) -> None:
    nothing = Reply(err="denied\n", status=1)
    answers = {"net-stats -l": nothing, "esxcli network vm list": nothing}
    async with strange(tmp_path, answers) as lab:
        with pytest.raises(HostUnreachable, match="did not list its switch ports"):
            await lab.run()


async def test_a_host_that_runs_nothing(tmp_path: Path) -> None:
    async with strange(tmp_path, {"echo ok": Reply(refused=True)}) as lab:
        with pytest.raises(HostRefused, match="refuses to run echo ok for root") as caught:
            await lab.run()
        assert "shellAccess" in caught.value.next_step
        assert lab.host.commands == ["echo ok"]


@pytest.mark.parametrize(
    "ways",
    [
        pytest.param({"syntax": PLAIN}, id="the other timeout"),
        pytest.param({"greeting": "Welcome!\nWARNING: 5 packets\n", "echoes": True}, id="chatty"),
        pytest.param({"banner": "Authorised use only.\r\n"}, id="banner"),
        pytest.param({"seconds_per_command": 0.5}, id="slow"),
        pytest.param({"obeys_kill": False}, id="no kill"),
        pytest.param({"tells_pid": False}, id="no process id"),
        pytest.param({"commands_at_a_time": 1}, id="one command, any channels"),
        pytest.param({"commands_at_a_time": 3}, id="three commands, any channels"),
    ],
)
async def test_ways_that_a_host_may_have(tmp_path: Path, ways: dict[str, object]) -> None:
    async with strange(tmp_path, {}, **ways) as lab:
        view, captures, left = await lab.run()
    check_heard(captures)
    assert view.version == "8.0.3"
    assert view.features.links == {"vmnic0": True, "vmnic1": False}
    assert abs(view.clock_offset_ms) < 1_500
    assert left == ()


async def test_a_name_that_is_printed_otherwise_is_found_by_its_mac(tmp_path: Path) -> None:
    answers = {"esxcli network vm list": Reply(VM_LIST.replace("ü", "??"))}
    async with strange(tmp_path, answers) as lab, lab.open() as host:
        (port,) = (await host.switch_ports(lab.location.vm)).values()
    assert (port.number, port.team_uplink) == (67108881, "vmnic0")


async def test_a_host_without_exit_statuses(tmp_path: Path) -> None:
    answers = {command: replace(reply, status=None) for command, reply in facts().items()}
    async with strange(tmp_path, answers) as lab:
        _, captures, left = await lab.run()
    check_heard(captures)
    assert left == ()


async def test_a_capture_that_nothing_reaches_is_said_to_be_unproven(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = tuple((name, 0.1) for name in ("INT", "TERM", "KILL"))
    monkeypatch.setattr("workers.esxi.listen.STOP_STEPS", steps)
    monkeypatch.setattr("workers.esxi.listen.remote_seconds", lambda seconds: 2)
    ways = {"tells_pid": False, "obeys_signals": False}
    async with strange(tmp_path, {}, **ways) as lab:
        _, _, left = await lab.run()
        assert lab.host.alive
        await until(lambda: not lab.host.alive)
    (sentence,) = left
    assert "process id is not known" in sentence
    assert " ends by itself by " in sentence


async def test_errors_on_stdout_are_told(tmp_path: Path) -> None:
    answers = {"pktcap-uw": Reply()}
    steps = [Step(out=b"error: Unable to find uplink vmnic0\n")]
    async with strange(tmp_path, answers, *steps) as lab, lab.open() as host:
        plan = await lab.plan(host)
        async with host.listen(plan, seconds=20, heard=lab.hear) as listening:
            await until(lambda: len(lab.host.alive) == len(plan))
            for session in tuple(lab.host.sessions.values()):
                session.end(1)
            with pytest.raises(CaptureImpossible, match="Unable to find uplink vmnic0"):
                await listening.ready()


async def test_captures_that_end_in_the_moment_they_begin_are_told_as_what_they_said(
    tmp_path: Path,
) -> None:
    says = b"error: Unable to find uplink vmnic0\n"
    async with strange(tmp_path, {"pktcap-uw": Reply()}, ends_at_once=says) as lab:
        with pytest.raises(CaptureImpossible, match="Unable to find uplink vmnic0"):
            await lab.run()


@pytest.mark.parametrize(
    ("prompts", "wanted"),
    [
        ([[("Password: ", False)]], [["VMware1!"]]),
        ([[("Password: ", True)]], [["VMware1!"]]),
        ([[("Username: ", True), ("Password: ", False)]], [["root", "VMware1!"]]),
        ([[("login: ", True)], [("Passwort: ", False)]], [["root"], ["VMware1!"]]),
        ([[], [("Password: ", False)], []], [[], ["VMware1!"], []]),
    ],
)
async def test_questions_at_the_login(
    tmp_path: Path, prompts: list[list[tuple[str, bool]]], wanted: list[list[str]]
) -> None:
    async with strange(tmp_path, {}, prompts=prompts, wanted=wanted) as lab:
        lab.settings = replace(lab.settings, key_file=None, password="VMware1!")
        async with lab.open() as host:
            assert (await host.look()).version == "8.0.3"


@pytest.mark.parametrize(
    "prompts",
    [
        [[("Password: ", False), ("One-time passcode: ", False)]],
        [[("Password: ", False)], [("Verification code: ", False)]],
        [[("Password: ", False)], [("New password: ", False)]],
        [[("What is your quest? ", True)]],
    ],
)
async def test_a_question_that_no_setting_answers_is_refused(
    tmp_path: Path, prompts: list[list[tuple[str, bool]]]
) -> None:
    wanted = [["VMware1!"], ["4711"]]
    async with strange(tmp_path, {}, prompts=prompts, wanted=wanted) as lab:
        lab.settings = replace(lab.settings, key_file=None, password="VMware1!")
        with pytest.raises(CheckError, match="refused the SSH login of root") as caught:
            async with asyncio.timeout(10), lab.open():
                raise AssertionError("it let us in")
        assert isinstance(caught.value, HostRefused)
