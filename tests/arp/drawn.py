"""Judgements worth drawing (the corpus, eight uplinks, nothing at all), and what a figure has drawn."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from matplotlib.figure import Figure
from matplotlib.text import Text

from tests.arp.corpus import NAMES, expected, load
from tests.arp.ways import sampled
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


def some(usual: int) -> list[str]:
    """Of every verdict's cases one, then one in so many: drawing costs more than judging."""
    return sorted(sampled(NAMES, lambda name: expected(name)["verdict"], usual))


DRAWN, SKETCHED = some(5), some(3)
"""Made to pixels, and only laid out."""


def texts(figure: Figure) -> dict[str, str]:
    """The texts that have a name, by it."""
    found = (artist for artist in figure.get_children() if isinstance(artist, Text))
    return {str(text.get_gid()): text.get_text() for text in found if text.get_gid()}


def counted(judgement: Judgement) -> dict[str, tuple[int, int, int]]:
    """Requests, replies and returned requests at each point, without those for other targets."""
    others = [
        each
        for each in judgement.exchanges
        if judgement.target is not None and each.request.target_ip != judgement.target
    ]
    counts = {}
    for point in judgement.points:
        thing, _, way = point.point.partition("-")
        if thing.startswith("vnic") and thing != judgement.nic:
            continue
        mixed = way in {"", "both"}
        if way == "tx" or mixed:
            gone = sum(thing in {*each.left_on, each.request.point.object} for each in others)
            back = point.reflections if mixed else 0
            counts[f"{thing}-tx"] = (point.vm_requests - back - gone, 0, 0)
        if way == "rx" or mixed:
            at_port = thing == judgement.nic
            replied = sum(e.delivered if at_port else thing in e.reply_on for e in others)
            back = point.reflections - sum(thing in each.reflected_on for each in others)
            counts[f"{thing}-rx"] = (0, point.vm_replies - replied, back)
    return counts
