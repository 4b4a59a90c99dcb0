"""One worker, and what it talks to failing: answers come late or elsewhere, never twice, never not at all."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from tests.edges.jobs_lab import until
from tests.faults.ledger import key_of
from tests.faults.probe import fetched
from tests.faults.scene import CAPTURE_SECONDS, LEASE_SECONDS, Scene, records, said
from tests.lab.lab import Lab, Program
from tests.lab.slack import ALICE, BOB, INCIDENT, NET_ONCALL

pytestmark = pytest.mark.asyncio(loop_scope="package")


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def worker(shared_lab: Lab, ports: dict[str, int]) -> AsyncIterator[Program]:
    """A worker that none of these tests harms."""
    settings = {
        "ARPCHECK_LEASE_SECONDS": str(LEASE_SECONDS),
        "CAPTURE_SECONDS": str(CAPTURE_SECONDS),
        "ESXI_SSH_SERVICE": "start",
        "HOST_JOBS": "4",
        "ARPCHECK_METRICS_PORT": str(ports["workers"]),
    }
    program = await shared_lab.run("workers", shared_lab.environment(**settings))
    await shared_lab.settled(lambda: said(program, "Ready"))
    yield program
    assert await program.stop() == 0
    shared_lab.programs.remove(program)
    assert "Traceback" not in program.output()
    assert all(record["level"] != "ERROR" for record in records(program))


async def test_a_slack_that_is_down_delays_the_answer_and_loses_nothing(
    scene: Scene, worker: Program
) -> None:
    slack = scene.lab.slack
    job_id = await scene.ask("app01")
    slack.fail("chat.postMessage", times=100, kind="http503")
    await scene.until(lambda: said(worker, f"{job_id} is told again"))
    captures = scene.captures_started()
    slack.api.faults.clear()
    await scene.answered(job_id)
    assert scene.captures_started() == captures
    assert scene.ledger.doubled() == []


async def test_rate_limits_and_lost_answers_double_nothing(scene: Scene, worker: Program) -> None:
    slack = scene.lab.slack
    slack.api.rates.enforce("chat.postMessage", 2, 2, per_channel=True)
    slack.fail("chat.postMessage", kind="lost_answer")
    asked = [await scene.ask(vm) for vm in ("app01", "web02", "db03")]
    slack.fail("chat.postMessage", times=2, kind="lost_answer")
    slack.fail("chat.update", kind="lost_answer")
    slack.fail("files.completeUploadExternal", kind="lost_answer")
    slack.redeliver_next()
    try:
        for job_id in asked:
            await scene.answered(job_id)
        assert slack.api.rates.refused
    finally:
        slack.api.rates.limits.clear()
    assert scene.ledger.doubled() == []
    assert len(slack.files) == 6


async def test_an_answer_that_the_channel_refuses_reaches_the_asker_and_is_kept(
    scene: Scene, worker: Program
) -> None:
    """A message deleted meanwhile, a bot thrown out meanwhile; by response_url, else directly."""
    slack = scene.lab.slack
    deleted = await scene.ask("app01")
    thrown_out = await scene.ask("web02", channel=NET_ONCALL)
    mentioned = await scene.mention("log04", user=BOB, channel=NET_ONCALL)
    slack.delete(INCIDENT, scene.ledger.roots()[deleted].ts)
    slack.kick(NET_ONCALL)
    try:
        for job_id in (deleted, thrown_out, mentioned):
            assert (await scene.finished(job_id))["outcome"] == "verdict"
            assert await scene.jobs.evidence(job_id)
    finally:
        slack.invite(NET_ONCALL)
    # Where the root message is known to be gone the answer comes directly, else for her alone.
    alone = [message.text for message in (*slack.ephemerals(ALICE), *slack.dms(ALICE))]
    for vm in ("app01", "web02"):
        (told,) = [text for text in alone if f"ARP check of {vm}" in text]
        assert "The answer is kept" in told
    (direct,) = [m for m in slack.dms(BOB) if key_of(m) == f"{mentioned}:verdict"]
    assert "ARP check of log04" in direct.text
    assert scene.ledger.doubled() == []


async def test_a_redis_that_loses_its_data_is_told_and_the_host_left_as_it_was(
    scene: Scene, worker: Program
) -> None:
    host = scene.lab.world.host("esx08.example.com")
    host.ssh_running = False
    job_id = await scene.ask("db03")
    await scene.capturing()
    assert host.ssh_running
    assert scene.lab.redis is not None
    scene.lab.redis.command("FLUSHALL")
    await scene.until(lambda: scene.ledger.answered(job_id))
    assert "Redis lost its data" in scene.ledger.roots()[job_id].text
    assert not scene.captures_alive()
    await scene.until(lambda: not host.ssh_running)


async def test_a_check_is_cancelled_while_it_waits(scene: Scene, worker: Program) -> None:
    scene.lab.vcenter.faults["slow"] = 3000
    job_id = await scene.ask("db03")
    await scene.lab.slack.press(scene.ledger.roots()[job_id], "Cancel")
    assert "stopped by" in await scene.answered(job_id)
    assert scene.captures_alive() == []
    assert scene.ledger.doubled() == []


async def test_a_check_is_cancelled_while_it_captures(scene: Scene, worker: Program) -> None:
    job_id = await scene.ask("db03 for 60s")
    await scene.capturing()
    await scene.lab.slack.press(scene.ledger.roots()[job_id], "Cancel")
    text = await scene.answered(job_id)
    assert re.search(r"stopped by .*U01ALICE", text)
    assert "could not be proven" not in text
    assert not scene.captures_alive()
    assert (await scene.finished(job_id))["outcome"] == "cancelled"


async def test_an_ssh_service_that_was_off_is_stopped_when_its_worker_is_dead(
    scene: Scene, worker: Program
) -> None:
    """Only the duty is left of that worker; it is noted as a check notes it."""
    host = scene.lab.world.host("esx08.example.com")
    await scene.jobs.owe_ssh_stop(host.moid, "arp-dead")
    host.ssh_running = True
    await scene.until(lambda: not host.ssh_running)

    async def settled() -> bool:
        return not await scene.jobs.ssh_stops_owed()

    await until(settled)


async def test_bot_and_worker_tell_how_they_are(
    scene: Scene, worker: Program, ports: dict[str, int]
) -> None:
    await scene.answered(await scene.ask("app01"))
    for module in ("bot", "workers"):
        assert "200 OK" in await fetched(ports[module], "/healthz")
    metrics = await fetched(ports["workers"], "/metrics")
    for step in ("finding", "connecting", "capturing", "judging", "answering"):
        assert re.search(rf'arpcheck_step_seconds_count{{step="{step}"}} [1-9]', metrics), step
    assert re.search(r'arpcheck_checks_total{outcome="verdict",verdict="ARP_OK"} [1-9]', metrics)
    assert "arpcheck_live_captures 0.0" in metrics
    assert "arpcheck_queue_waiting 0.0" in await fetched(ports["bot"], "/metrics")
    assert scene.lab.redis is not None
    scene.lab.redis.freeze()
    try:
        assert "503" in await fetched(ports["workers"], "/healthz")
    finally:
        scene.lab.redis.thaw()


async def test_an_answer_that_stands_is_not_taken_back_when_redis_loses_its_data(
    scene: Scene, worker: Program
) -> None:
    """The verdict is posted, and its last edit hangs."""
    job_id = await scene.ask("app01")
    await scene.until(lambda: scene.ledger.answers(job_id))
    scene.lab.slack.fail("chat.update", kind="ratelimited", retry_after=LEASE_SECONDS)
    assert scene.lab.redis is not None
    scene.lab.redis.command("FLUSHALL")
    await scene.until(lambda: scene.ledger.answered(job_id))
    assert "ARP works" in scene.ledger.roots()[job_id].text
    assert len(scene.ledger.answers(job_id)) == 1


async def test_a_hand_off_that_redis_lost_leaves_the_verdict_as_it_was(
    scene: Scene, worker: Program
) -> None:
    checked = await scene.ask("app01")
    await scene.answered(checked)
    shown, record = scene.ledger.roots()[checked].text, await scene.jobs.get(checked)
    assert record is not None
    scene.lab.slack.fail("chat.postMessage", times=100, kind="http503")
    hand_off = replace(record.job, id="arp-handoff", kind="handoff", of=checked)
    await scene.jobs.enqueue(hand_off)
    await scene.jobs.announce(hand_off.id, hand_off.thread)
    await scene.until(lambda: said(worker, f"{hand_off.id} is told again"))
    assert scene.lab.redis is not None
    scene.lab.redis.command("FLUSHALL")
    await scene.until(lambda: said(worker, f"{hand_off.id}: Redis has lost its data"))
    scene.lab.slack.api.faults.clear()
    await scene.answered(await scene.ask("web02"))  # by then all else would have been said
    assert scene.ledger.roots()[checked].text == shown
    assert len(scene.lab.slack.thread(INCIDENT, scene.ledger.roots()[checked].ts)) == 3
