"""Judgements worth drawing: every case of the corpus, a host with eight uplinks, and nothing at all."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from tests.arp.corpus import load
from workers.arp.model import (
    SECOND,
    Case,
    Confidence,
    Host,
    HostEvent,
    Judgement,
    Neighbour,
    Owner,
    PointCount,
    Role,
    Uplink,
    Verdict,
    Vm,
)
from workers.arp.verdict import judge

LONG_HEADLINE = (
    "2026-01-01 00:00:05Z to 00:00:30Z, VLAN 110: 24 requests of app01 (00:50:56:9a:21:01) were "
    "handed to vmnic1 (sw-a Ethernet1/10 by LLDP), 0 replies came in on any of the eight uplinks "
    "and 0 frames of VLAN 110 were received on vmnic1, while web02 got 6 of 6 replies on vmnic0. "
) * 2


@cache
def judged(name: str) -> Judgement:
    return judge(*load(name))


def eight_uplinks() -> Judgement:
    """Case C08 on a host with eight uplinks, long names, host events and one blind point."""
    first = judged("C08")
    case = first.case
    more = tuple(
        Uplink(
            f"vmnic{number}",
            case.host.uplinks[0].switch,
            list(Role)[number % 4],
            link_up=number != 5,
            lag="lag1" if number > 8 else None,
            neighbour=None
            if number == 3
            else Neighbour("lldp", f"leaf-in-a-far-row-{number}.dc.example.com", f"Te1/0/{number}"),
        )
        for number in (2, 3, 5, 8, 9, 10)
    )
    deaf = "its capture failed: no such device"
    points = [
        PointCount(f"{uplink.device}-{way}", not why, why, 0, 0, 0, 7)
        for uplink in more
        for way in ("tx", "rx")
        for why in (deaf if (uplink.device, way) == ("vmnic8", "rx") else None,)
    ]
    start = min(capture.ready_at or 0 for capture in case.captures)
    events = (
        HostEvent(start + 5 * SECOND, "link_down"),
        HostEvent(start + 14 * SECOND, "failover"),
        HostEvent(start + 25 * SECOND, "vmotion_out"),
    )
    host = replace(case.host, uplinks=(*case.host.uplinks, *more))
    return replace(
        first,
        case=replace(case, host=host, events=events),
        points=(*first.points, *points),
        verdict=replace(first.verdict, headline=LONG_HEADLINE),
    )


def with_blind_point(name: str, point: str) -> Judgement:
    """The case where that point dropped frames, and so nothing can be decided."""
    first = judged(name)
    points = tuple(
        replace(each, heard=False, why_blind="its capture dropped 3 frames")
        if each.point == point
        else each
        for each in first.points
    )
    verdict = Verdict(
        "CAPTURE_INCOMPLETE", None, Owner.INCONCLUSIVE, Confidence.LOW, f"{point} was blind."
    )
    return replace(first, points=points, verdict=verdict)


def nothing() -> Judgement:
    verdict = Verdict(
        "CAPTURE_INCOMPLETE", None, Owner.INCONCLUSIVE, Confidence.LOW, "Nothing was heard."
    )
    return Judgement(Case("k3f9", None, Vm(""), Host("")), "", None, verdict)


def named(name: str) -> Judgement:
    """Case C08 of a VM, host, switch and port group that somebody named like that."""
    first = judged("C08")
    case = first.case
    nics = tuple(replace(nic, portgroup=name, switch=name) for nic in case.vm.nics)
    uplinks = tuple(
        replace(uplink, switch=name, neighbour=Neighbour("lldp", name, name))
        for uplink in case.host.uplinks
    )
    return replace(
        first,
        case=replace(
            case,
            vm=replace(case.vm, name=name, nics=nics),
            host=replace(case.host, name=name, uplinks=uplinks),
        ),
        verdict=replace(first.verdict, headline=f"{name} is not answered.", subject=name),
    )
