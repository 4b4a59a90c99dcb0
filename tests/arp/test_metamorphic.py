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
PARTS = 4
HARMLESS = {Owner.INCONCLUSIVE, Owner.NONE}
TRUE_SILENCE = {
    ("C06", "empty vnic0-tx"),
    ("C17", "empty vnic0-tx"),
    ("arping-asks-every-second", "empty vnic0-rx"),
    ("forged-source-dropped", "empty vnic0-tx"),
    ("guest-ignores-reply", "empty vnic0-rx"),
    ("guest-ignores-reply-and-never-pauses", "empty vnic0-rx"),
    ("guest-tags-itself", "empty vnic0-tx"),
    ("half-answered-and-a-sibling-stops", "empty vnic0-rx"),
    ("half-answered-and-the-port-stops", "empty vnic0-rx"),
    ("kernel-ignores-replies", "empty vnic0-rx"),
    ("monitor-asks-every-second", "empty vnic0-rx"),
    ("overlay-unanswered", "empty vnic0-tx"),
    ("private-vlan-isolated", "empty vmnic1-rx"),
    ("tags-stripped", "empty vmnic1-rx"),
    ("uplink-file-empty-though-heard", "empty vnic0-rx"),
    ("uplink-sends-nothing", "empty vmnic1-tx"),
}
"""Empty files that no other point contradicts: frame for frame this is another fault's capture, a silent
guest's or a dead port's, and a capture that says it went well is taken at its word."""

TRUE_OWNER = {
    "half-answered-and-a-sibling-stops": Owner.NETWORK,
    "half-answered-and-the-port-stops": Owner.NETWORK,
    "one-stream-started-too-late": Owner.NETWORK,
    "target-behind-a-cut-trunk": Owner.NETWORK,
    "uplink-file-empty-though-heard": Owner.TARGET,
    "vm-port-files-exchanged": Owner.NETWORK,
}
"""Who it is in truth, where the case's own files lie, stop early, or cannot tell it: a second lie may undo
the first."""


@pytest.mark.parametrize("part", range(PARTS))
def test_a_worse_capture_never_blames_another_owner(
    part: int, capsys: pytest.CaptureFixture[str]
) -> None:
    count, wrong = 0, []
    for name in NAMES[part::PARTS]:
        case, heard = load(name)
        before = judge(case, heard).verdict
        for index, (way, worse, less) in enumerate(degraded(case, heard)):
            if (name, way) in TRUE_SILENCE or ("+" in way and (index + len(name)) % STRIDE):
                continue
            after = judge(worse, less).verdict
            count += 1
            if after.owner not in {before.owner, TRUE_OWNER.get(name), *HARMLESS}:
                wrong.append(f"{name} {way}: {before.code} ({before.owner}) → {after.code}")
    with capsys.disabled():
        sys.stdout.write(f"\n{count} degraded cases, {len(wrong)} blame another owner\n")
    assert count >= 1500
    assert not wrong, "\n".join(wrong[:40])
