"""Workers killed at the very call that tells an answer, before it takes effect or after: told once."""

import os
import signal
from dataclasses import replace

import pytest
from redis import Redis

from tests.faults.scene import Scene
from tests.lab.slack.call import Call
from tests.lab.slack.state import ApiError, Json
from workers.jobs.connection import PREFIX

pytestmark = pytest.mark.asyncio(loop_scope="package")

TELLING = ("chat.postMessage", "files.completeUploadExternal", "chat.update")
POINTS = [(method, took_effect) for method in TELLING for took_effect in (False, True)]
COMMANDS = (
    "app01",
    "web02",
    "log04",
    "app01 10.20.110.7",
    "web02 10.20.110.7",
    "log04 10.20.120.7",
)


class Deadly:
    """Stands before Slack's methods: the worker that makes a job's appointed call dies of it."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._points: dict[str, tuple[str, bool]] = {}
        self.died_of: list[tuple[str, bool]] = []
        self._api = scene.lab.slack.api
        self._kept = dict(self._api.methods)
        deadly = {name: replace(self._kept[name], answer=self._answer) for name in TELLING}
        self._api.methods = self._kept | deadly

    def appoint(self, job_id: str, point: tuple[str, bool]) -> None:
        """From now on its worker dies of that call."""
        self._points[job_id] = point

    def leave(self) -> None:
        """Let all calls pass."""
        self._api.methods = self._kept

    def _answer(self, call: Call) -> Json:
        answer = self._kept[call.method].answer
        job_id = self._job_of(call)
        method, took_effect = self._points.get(job_id, ("", False))
        if method != call.method:
            return dict(answer(call))  # type: ignore[arg-type]
        self.died_of.append(self._points.pop(job_id))
        body = dict(answer(call)) if took_effect else {}  # type: ignore[arg-type]
        os.kill(self._worker_of(job_id), signal.SIGKILL)
        if not took_effect:
            raise ApiError("fatal_error")
        return body

    def _job_of(self, call: Call) -> str:
        """The job whose root message it is, or is below it; "" while it only shows progress."""
        if call.method == "chat.update" and "actions" in str(call.args.get("blocks")):
            return ""
        ts = call.text("ts") or call.text("thread_ts")
        roots = self._scene.ledger.roots()
        return next((job_id for job_id, root in roots.items() if root.ts == ts), "")

    def _worker_of(self, job_id: str) -> int:
        assert self._scene.lab.redis is not None
        with Redis(port=self._scene.lab.redis.port) as redis:
            worker = redis.hget(f"{PREFIX}job:{job_id}", "worker") or b""
        return int(bytes(worker).decode().rpartition(":")[2])


async def test_a_worker_that_dies_of_the_call_that_tells_leaves_one_answer(scene: Scene) -> None:
    deadly = Deadly(scene)
    try:
        asked = [await scene.ask(command) for command in COMMANDS]
        for job_id, point in zip(asked, POINTS, strict=True):
            deadly.appoint(job_id, point)
        for _ in asked:
            await scene.hire(HOST_JOBS="8", WORKER_JOBS="1")
        await scene.until(lambda: len(deadly.died_of) == len(POINTS))
        await scene.hire(HOST_JOBS="8")
        for job_id in asked:
            await scene.answered(job_id)
    finally:
        deadly.leave()
    assert sorted(deadly.died_of) == sorted(POINTS)
    assert sum(worker.running for worker in scene.workers) == 1
    assert scene.ledger.doubled() == []
    assert len(scene.lab.slack.files) == 2 * len(asked)
