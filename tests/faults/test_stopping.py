"""Workers that end while something hangs: within the time that is told, and nothing of theirs stays."""

import asyncio
import os
import re
import signal
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from tests.faults.scene import Scene
from tests.lab.lab import Program
from tests.lab.start import ROOT

pytestmark = pytest.mark.asyncio(loop_scope="package")

UNIT = ROOT / "docs" / "systemd" / "arpcheck-worker@.service"
(TIDYING,) = re.findall(r"up to (\d+) s to tidy", UNIT.read_text("utf-8"))
TIDYING_SECONDS = int(TIDYING)


def painters(worker: Program) -> list[int]:
    """The processes that this worker has draw pictures."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            parent = (process / "stat").read_text("ascii", "replace").rpartition(")")[2].split()[1]
            command = (process / "cmdline").read_bytes()
        except OSError:  # it has ended meanwhile
            continue
        if int(parent) == worker.pid and b"workers.painter" in command:
            found.append(int(process.name))
    return found


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def drawing(scene: Scene, worker: Program) -> tuple[str, int]:
    """A check whose answer is told and whose picture is just being drawn; its id, and by whom."""
    job_id = await scene.ask("app01")
    await scene.until(partial(painters, worker))
    (painter,) = painters(worker)
    return job_id, painter


async def test_a_worker_killed_while_it_draws_leaves_no_painter(scene: Scene) -> None:
    worker = await scene.hire()
    job_id, painter = await drawing(scene, worker)
    await scene.kill(worker)
    await scene.until(lambda: not alive(painter))
    await scene.hire()
    await scene.answered(job_id)
    await scene.until(lambda: len(scene.lab.slack.files) == 2)
    assert scene.ledger.doubled() == []


async def test_a_worker_told_to_stop_ends_though_its_painter_hangs(scene: Scene) -> None:
    worker = await scene.hire(ARPCHECK_GRACE_SECONDS="1")
    job_id, painter = await drawing(scene, worker)
    os.kill(painter, signal.SIGSTOP)
    worker.signal(signal.SIGTERM)
    assert await asyncio.wait_for(worker.process.wait(), 1 + TIDYING_SECONDS) == 0
    assert not alive(painter)
    record = await scene.jobs.get(job_id)
    assert record is not None
    assert (record.state, record.tries) == ("queued", 0)
    await scene.hire()
    await scene.answered(job_id)
    await scene.until(lambda: len(scene.lab.slack.files) == 2)
    assert scene.ledger.doubled() == []


async def test_a_painter_killed_while_it_draws_is_followed_by_another(scene: Scene) -> None:
    worker = await scene.hire()
    job_id, painter = await drawing(scene, worker)
    os.kill(painter, signal.SIGKILL)
    await scene.answered(job_id)
    await scene.until(lambda: len(scene.lab.slack.files) == 2)
    assert painters(worker) != [painter]
    assert "Traceback" not in worker.output()


async def test_a_thread_that_hangs_keeps_no_worker_from_ending(scene: Scene) -> None:
    """Python waits for the threads of its pools before it ends."""
    program = (
        "import sys, time\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from workers.__main__ import main\n"
        "ThreadPoolExecutor(1).submit(time.sleep, 3600)\n"
        "sys.exit(main())\n"
    )
    environment = scene.lab.environment(PYTHONPATH=os.pathsep.join(sys.path))
    worker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program), cwd=ROOT, env=environment, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert worker.stdout is not None
        while b"Ready" not in await worker.stdout.readline():
            assert worker.returncode is None
        worker.terminate()
        began = time.monotonic()
        rest = await asyncio.wait_for(worker.stdout.read(), TIDYING_SECONDS)
        assert await worker.wait() == 0, rest
        assert time.monotonic() - began < TIDYING_SECONDS
        assert b"Stopped" in rest
    finally:
        if worker.returncode is None:
            worker.kill()
            await worker.wait()
