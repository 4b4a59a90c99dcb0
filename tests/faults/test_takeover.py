"""Workers killed, frozen and stopped at every stage of a check: it ends once, and nothing is repeated."""

import signal

import pytest

from tests.faults.scene import LEASE_SECONDS, Scene, said

pytestmark = pytest.mark.asyncio(loop_scope="package")

LOST = ("Another worker has taken this check over", "This check was ended meanwhile")


def once(scene: Scene, *job_ids: str) -> None:
    assert scene.ledger.doubled() == []
    assert [len(scene.ledger.answers(job_id)) for job_id in job_ids] == [1] * len(job_ids)


async def test_killed_at_each_stage_a_check_goes_on_and_repeats_nothing(scene: Scene) -> None:
    slack = scene.lab.slack
    first = await scene.hire(HOST_JOBS="4")

    before_last_edit = await scene.ask("app01")
    await scene.until(lambda: scene.ledger.answers(before_last_edit))
    slack.fail("chat.update", kind="slow", seconds=30)
    await scene.until(lambda: len(slack.files) == 2)
    each = scene.captures_started()

    after_answer = await scene.ask("web02")
    slack.fail("files.getUploadURLExternal", kind="slow", seconds=30)
    await scene.until(lambda: scene.ledger.answers(after_answer))

    captures = scene.captures_started()
    capturing = await scene.ask("db03")  # silent: it is listened to for the whole time
    await scene.until(lambda: scene.captures_started() == captures + each)
    second = await scene.hire(HOST_JOBS="4")
    scene.lab.vcenter.faults["slow"] = 30_000
    finding = await scene.ask("log04")
    await scene.until(lambda: scene.root_shows(finding, "finding"))

    assert not scene.ledger.answers(capturing), "the test came too late"
    await scene.kill(first)
    slack.api.faults.clear()
    scene.lab.vcenter.faults.clear()
    asked = (before_last_edit, after_answer, capturing, finding)
    for job_id in asked:
        await scene.answered(job_id)
    once(scene, *asked)
    assert scene.captures_started() == captures + 3 * each, (
        "a check was repeated that had its answer"
    )
    assert len(slack.files) == 8
    assert said(second, "Ready")


async def test_frozen_workers_wake_up_and_stay_silent(scene: Scene) -> None:
    """One check is frozen while it captures, one while Slack makes its answer wait."""
    slack = scene.lab.slack
    frozen = await scene.hire(HOST_JOBS="4")
    waiting = await scene.ask("app01")
    slack.fail("chat.postMessage", kind="ratelimited", retry_after=2 * LEASE_SECONDS)
    await scene.until(lambda: slack.api.faults.struck[-1:] and not pending(scene))
    capturing = await scene.ask("db03")
    await scene.until(scene.captures_alive)
    frozen.signal(signal.SIGSTOP)
    await scene.hire(HOST_JOBS="4")
    await scene.answered(waiting)
    await scene.answered(capturing)
    shown = scene.ledger.history(waiting), scene.ledger.history(capturing)
    frozen.signal(signal.SIGCONT)
    for job_id in (waiting, capturing):
        await scene.until(lambda j=job_id: any(said(frozen, f"{j}: {lost}") for lost in LOST))
    assert await frozen.stop() == 0  # what it still had to say would have been said by now
    assert (scene.ledger.history(waiting), scene.ledger.history(capturing)) == shown
    once(scene, waiting, capturing)
    assert not scene.captures_alive(), "it left its host without cleaning up"


def pending(scene: Scene) -> bool:
    """Whether a fault still waits for its call."""
    return any(scene.lab.slack.api.faults._waiting.values())


async def test_three_dead_workers_are_the_end_of_a_check(scene: Scene) -> None:
    job_id = await scene.ask("db03")
    worker = await scene.hire()
    for _ in range(3):
        before = scene.captures_started()
        await scene.until(lambda before=before: scene.captures_started() > before)
        following = await scene.hire()
        await scene.until(lambda f=following: said(f, "Ready"))
        await scene.kill(worker)
        worker = following
    text = await scene.answered(job_id)
    assert "begun 3 times" in text
    assert "given up" in scene.ledger.roots()[job_id].text
    once(scene, job_id)


async def test_a_worker_told_to_stop_hands_its_check_back(scene: Scene) -> None:
    leaving = await scene.hire(ARPCHECK_GRACE_SECONDS="0", CAPTURE_SECONDS="30")
    job_id = await scene.ask("db03")
    await scene.capturing()
    assert await leaving.stop() == 0
    assert not scene.captures_alive(), "it left its host without cleaning up"
    assert scene.root_shows(job_id, "queued")
    record = await scene.jobs.get(job_id)
    assert record is not None
    assert (record.state, record.tries) == ("queued", 0)
    await scene.hire()
    await scene.answered(job_id)
    once(scene, job_id)
