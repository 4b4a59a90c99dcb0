"""Each fault of the lab from command to verdict, as docs/practice-lab.md tells it; too long for every change.

``ARPCHECK_EVERY_FAULT=1 make test ARGS="-k every_fault"``.
"""

import json
import os
from pathlib import Path

import pytest

from tests.flow.test_whole_line import ask
from tests.lab.lab import Lab
from tests.papers.lab_faults import VERDICTS


@pytest.mark.skipif(
    "ARPCHECK_EVERY_FAULT" not in os.environ, reason="ARPCHECK_EVERY_FAULT is not set"
)
@pytest.mark.parametrize("fault", VERDICTS)
async def test_every_fault_leads_to_its_verdict(fault: str, tmp_path: Path) -> None:
    async with Lab(tmp_path / "lab") as lab:
        lab.situation(fault)
        _, _, files = await ask(lab, "app01")
        assert json.loads(files["report.json"])["verdict"]["code"] == VERDICTS[fault]
        await lab.settled(lambda: not lab.captures_alive())
