from __future__ import annotations

import sys
from collections import defaultdict
from functools import cache

import pytest

from tests.arp.corpus import NAMES, expected, load
from tests.arp.ways import sampled, ways_of
from workers.arp.model import Owner, Verdict
from workers.arp.verdict import judge

# Over each verdict's cases every single kind of damage at least once, then one in so many; and one
# in so many of the combined ones.
SINGLE, COMBINED = 5, 60
CASES: dict[str, list[str]] = defaultdict(list)
for each in NAMES:
    CASES[expected(each)["verdict"]].append(each)
HARMLESS = {Owner.INCONCLUSIVE, Owner.NONE}
TRUE_SILENCE = {
    ("C06", "empty vnic0-tx"),
    ("C17", "empty vnic0-tx"),
    ("forged-source-dropped", "empty vnic0-tx"),
    ("guest-ignores-reply", "empty vnic0-rx"),
    ("guest-ignores-reply-and-never-pauses", "empty vnic0-rx"),
    ("guest-tags-itself", "empty vnic0-tx"),
    ("kernel-ignores-replies", "empty vnic0-rx"),
    ("overlay-unanswered", "empty vnic0-tx"),
    ("private-vlan-isolated", "empty vmnic1-rx"),
    ("reply-on-sibling-and-nothing-floods", "swapped vmnic0-rx, vmnic1-rx"),
    ("tags-stripped", "empty vmnic1-rx"),
    ("uplink-file-empty-though-heard", "empty vnic0-rx"),
    ("uplink-sends-nothing", "empty vmnic1-tx"),
}
"""Empty or exchanged files that no other point contradicts: frame for frame this is another fault's
capture, a silent guest's or a dead port's, and a capture that says it went well is taken at its word."""

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


@cache
def verdict_of(name: str) -> Verdict:
    return judge(*load(name)).verdict


@pytest.mark.parametrize("code", sorted(CASES))
def test_a_worse_capture_never_blames_another_owner(
    code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    every = [
        (name, way)
        for name in CASES[code]
        for way in ways_of(*load(name))
        if (name, way.name) not in TRUE_SILENCE
    ]
    single = [one for one in every if not one[1].combined]
    combined = [one for one in every if one[1].combined]
    tried = [
        *sampled(single, lambda one: (code, one[1].kind), SINGLE),
        *sampled(combined, lambda _: code, COMBINED),
    ]
    wrong = []
    for name, way in tried:
        before, after = verdict_of(name), judge(*way.change(*load(name))).verdict
        if after.owner not in {before.owner, TRUE_OWNER.get(name), *HARMLESS}:
            wrong.append(f"{name} {way.name}: {before.code} ({before.owner}) → {after.code}")
    with capsys.disabled():
        sys.stdout.write(f"\n{len(tried)} degraded cases, {len(wrong)} blame another owner\n")
    assert len(tried) >= 60
    assert not wrong, "\n".join(wrong[:40])
