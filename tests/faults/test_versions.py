"""A rolling upgrade: jobs that another version of the bot left in the queue, and this worker."""

import json
import time

import pytest
from redis import Redis

from tests.faults.scene import Scene
from workers.jobs.connection import PREFIX
from workers.jobs.queue import NEWER_MS

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_jobs_of_other_versions_work_or_are_refused_in_their_thread(scene: Scene) -> None:
    """An older one without later fields, a newer one whose minute is over, one that lacks its VM."""
    old, new, lame = [await scene.ask(vm) for vm in ("app01", "web02", "log04")]
    assert scene.lab.redis is not None
    with Redis(port=scene.lab.redis.port) as redis:
        for job_id, wanted in ((old, {"id", "vm", "asked_by", "asked_at"}), (lame, {"id"})):
            key = f"{PREFIX}job:{job_id}"
            data = json.loads(redis.hget(key, "data") or "")
            kept = {name: value for name, value in data.items() if name in wanted}
            redis.hset(key, "data", json.dumps(kept))
        asked_us = time.time() * 1e6 - NEWER_MS * 1000 - 1e6
        redis.hset(f"{PREFIX}job:{new}", mapping={"version": 99, "place": f"{asked_us:.0f}"})
    await scene.hire(HOST_JOBS="4")
    await scene.answered(old)
    assert "newer version of arpcheck" in await scene.answered(new)
    assert "lacks 'vm'" in await scene.answered(lame)
    assert (await scene.finished(old))["outcome"] == "verdict"
    assert scene.ledger.doubled() == []
