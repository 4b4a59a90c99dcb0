from __future__ import annotations

import os
import sys

import pytest

from tests.arp.corpus import NAMES, load
from tests.arp.degrade import degraded
from workers.arp.model import Owner
from workers.arp.verdict import judge

# Every single way of every case, and of the combined ways one in so many; 1 takes all of them.
STRIDE = int(os.environ.get("ARPCHECK_STRIDE", "60"))
HARMLESS = {Owner.INCONCLUSIVE, Owner.NONE}


def test_a_worse_capture_never_blames_another_owner(
    capsys: pytest.CaptureFixture[str],
) -> None:
    count, wrong = 0, []
    for name in NAMES:
        case, heard = load(name)
        before = judge(case, heard).verdict
        for index, (way, worse, less) in enumerate(degraded(case, heard)):
            if "+" in way and (index + len(name)) % STRIDE:
                continue
            after = judge(worse, less).verdict
            count += 1
            if after.owner not in {before.owner, *HARMLESS}:
                wrong.append(f"{name} {way}: {before.code} ({before.owner}) → {after.code}")
    with capsys.disabled():
        sys.stdout.write(f"\n{count} degraded cases, {len(wrong)} blame another owner\n")
    assert count >= 1500
    assert not wrong, "\n".join(wrong[:40])
