"""Checks that wait for a busy host, in a worker that may still work on another one."""

from pathlib import Path

from tests.lab.lab import Lab, bot_and_worker
from tests.lab.slack import INCIDENT


async def test_a_busy_host_keeps_no_check_of_another_host_waiting(tmp_path: Path) -> None:
    """Two of the three are on one host, which takes one at a time; the worker has two turns."""
    async with Lab(tmp_path / "lab") as lab:
        settings = {"WORKER_JOBS": "2", "HOST_JOBS": "1", "CAPTURE_SECONDS": "40"}
        await bot_and_worker(lab, **settings)
        lab.situation("no-control")
        await lab.slack.slash("app01")
        await lab.settled(lambda: any("esx07" in each for each in lab.captures_alive()))
        await lab.slack.slash("log04")
        await lab.settled(lambda: "waiting for esx07" in lab.slack.messages(INCIDENT)[-1].text)
        await lab.slack.slash("db03")
        await lab.settled(lambda: any("esx08" in each for each in lab.captures_alive()))
        assert any("esx07" in each for each in lab.captures_alive()), "the test came too late"
        assert "waiting for esx07" in lab.slack.messages(INCIDENT)[1].text
        for program in lab.programs:
            program.process.kill()
            await program.process.wait()
