"""Workers killed, frozen and stopped at every stage of a check: it ends once, and nothing is repeated."""

import signal
from functools import partial

import pytest

from tests.faults.scene import Scene, said
from tests.lab.lab import Program
from tests.lab.slack import INCIDENT

pytestmark = pytest.mark.asyncio(loop_scope="package")

LOST = ("Another worker has taken this check over", "This check was ended meanwhile")


def once(scene: Scene, *job_ids: str) -> None:
    assert scene.ledger.doubled() == []
    assert [len(scene.ledger.answers(job_id)) for job_id in job_ids] == [1] * len(job_ids)


async def test_killed_at_each_stage_a_check_goes_on_and_repeats_nothing(scene: Scene) -> None:
    slack = scene.lab.slack
    first, begun = await scene.hire(HOST_JOBS="4"), scene.captures_started()

    before_last_edit = await answered_but_held(scene, "app01", "chat.update")
    await scene.until(lambda: len(slack.files) == 2)
    each = scene.captures_started() - begun
    after_answer = await answered_but_held(scene, "web02", "files.getUploadURLExternal")

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


async def answered_but_held(scene: Scene, vm: str, method: str) -> str:
    """A check whose answer is posted, and whose next call of that method hangs."""
    job_id = await scene.ask(vm)
    if method != "chat.update":
        scene.lab.slack.fail(method, kind="slow", seconds=30)
    await scene.until(lambda: scene.ledger.answers(job_id))
    if method == "chat.update":  # earlier ones show the progress
        scene.lab.slack.fail(method, kind="slow", seconds=30)
    return job_id


async def test_frozen_workers_wake_up_and_stay_silent(scene: Scene) -> None:
    """One check is frozen while it captures, one while Slack makes its answer wait.

    The first is a silent guest's, which is heard out; the second is answered within that time.
    """
    slack = scene.lab.slack
    frozen = await scene.hire(HOST_JOBS="4", CAPTURE_SECONDS="120")
    capturing = await scene.ask("db03")
    root = scene.ledger.roots()[capturing]
    await scene.until(lambda: len(slack.thread(INCIDENT, root.ts)) > 1)  # it asks for traffic
    waiting = await scene.ask("app01")
    struck = len(slack.api.faults.struck)
    slack.fail("chat.postMessage", kind="ratelimited", retry_after=10)
    await scene.until(lambda: len(slack.api.faults.struck) > struck)
    frozen.signal(signal.SIGSTOP)
    assert scene.captures_alive(), "the test came too late"
    assert not scene.ledger.answers(waiting), "the test came too late"
    await scene.hire(HOST_JOBS="4")
    await scene.answered(waiting)
    await scene.answered(capturing)
    shown = scene.ledger.history(waiting), scene.ledger.history(capturing)
    frozen.signal(signal.SIGCONT)
    for job_id in (waiting, capturing):
        await scene.until(partial(gave_up, frozen, job_id))
    assert await frozen.stop() == 0  # what it still had to say would have been said by now
    assert (scene.ledger.history(waiting), scene.ledger.history(capturing)) == shown
    once(scene, waiting, capturing)
    assert not scene.captures_alive(), "it left its host without cleaning up"


def gave_up(worker: Program, job_id: str) -> bool:
    return any(said(worker, f"{job_id}: {lost}") for lost in LOST)


async def test_three_dead_workers_are_the_end_of_a_check(scene: Scene) -> None:
    job_id = await scene.ask("db03")
    worker = await scene.hire()
    for _ in range(3):
        await scene.another_capture()
        following = await scene.hire()
        await scene.until(partial(said, following, "Ready"))
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


async def test_a_check_cancelled_in_the_queue_is_closed_and_never_begun(scene: Scene) -> None:
    job_id = await scene.ask("app01")
    await scene.lab.slack.press(scene.ledger.roots()[job_id], "Cancel")
    await scene.until(lambda: scene.root_shows(job_id, "before it began"))
    assert (await scene.finished(job_id))["outcome"] == "cancelled"
    assert await scene.jobs.open_jobs() == ()
    assert scene.ledger.answers(job_id) == []
