"""Both ends' captures turned into one judgement: the near end's verdict, and how far the request got.

The law: the near end's verdict stands unless the far end's frames show more. A frame is recognised
at the far end by its content and by its time within the clocks' uncertainty, never by time alone;
that it is missing counts only where every point it had to pass listened on both hosts and not one
such frame was seen there at any time. Without a far point the verdict is the near end's again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from workers.arp.model import Case, FarStory, Heard, Judgement
from workers.arp.two_ends.mixed import mixed_up, undecided
from workers.arp.two_ends.placing import placed
from workers.arp.two_ends.telling import sentence_of
from workers.arp.two_ends.way import way_of
from workers.arp.verdict import judge

__all__ = ["judge_both"]


def judge_both(case: Case, heard: Sequence[Heard], far_heard: Sequence[Heard] = ()) -> Judgement:
    """Judge the near end, then say how far its requests got where the far end was heard too."""
    near = judge(case, heard)
    far = case.far_end
    if far is None:
        return near
    if far.failure is not None:
        told = f"The far end was not captured: {far.failure}"
        return replace(near, far=FarStory(None, told))
    way = way_of(near, far, far_heard)
    mixed = mixed_up(case, heard, way, far_heard)
    verdict = placed(near, way) if mixed is None else undecided(near, mixed)
    story = FarStory(
        nic=way.nic.point if way.nic else None,
        sentence=sentence_of(near, way),
        points=way.points,
        passages=way.passages,
        near_code=near.verdict.code if verdict not in {None, near.verdict} else None,
    )
    return replace(near, verdict=verdict or near.verdict, far=story)
