"""The scene turned into what stands beside the verdict: counts per point and side findings."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from workers.arp.exchange.conversation import Conversation, asked_by_a_tool, asked_each_second
from workers.arp.exchange.sighting import REPLY, REQUEST, Sighting, is_probe
from workers.arp.exchange.traffic import Traffic
from workers.arp.model import (
    BOTH,
    MILLISECOND,
    RX,
    TX,
    UPLINK,
    VNIC,
    ArpFrame,
    Case,
    Heard,
    PointCount,
    SideFinding,
)
from workers.arp.verdict.evidence import Evidence
from workers.arp.verdict.scene import clock, happened
from workers.arp.verdict.signs import PATHS, while_listening

_LEAST_ASKED = 3
_ASKED_ON = 4
_LOOPED = 2


def counts_of(
    traffic: Traffic, talk: Conversation, heard: Sequence[Heard], case: Case
) -> tuple[PointCount, ...]:
    """What was heard at each point, in the case's order; frames are counted as the file holds them."""
    by_name = {each.capture.point.name: each for each in heard}
    names = dict.fromkeys([*(capture.point.name for capture in case.captures), *by_name])
    deaf: dict[str, str] = {}
    for ear in traffic.ears.values():
        if ear.why_deaf:
            deaf.setdefault(ear.point, ear.why_deaf)
    return tuple(_count(traffic, talk, name, by_name.get(name), deaf.get(name)) for name in names)


def _count(
    traffic: Traffic, talk: Conversation, name: str, heard: Heard | None, deaf: str | None
) -> PointCount:
    frames = heard.frames if heard else ()
    requests = sum(_is_request(talk, frame) for frame in frames)
    replies = sum(frame.op == REPLY and frame.target_ip in talk.own_ips for frame in frames)
    uplink = bool(frames) and frames[0].point.kind == UPLINK
    inward = heard is not None and heard.capture.point.direction == RX
    reflections = requests if uplink and inward else 0
    if uplink and heard and heard.capture.point.direction == BOTH:
        reflections = sum(
            each.object == heard.capture.point.object
            and each.direction == RX
            and _is_request(talk, each.frame)
            for each in traffic.at(UPLINK, RX)
        )
    why = deaf or (None if heard else "its capture file is missing")
    others = len(frames) - requests - replies + (heard.left_out if heard else 0)
    return PointCount(name, why is None, why, requests, replies, reflections, others)


def _is_request(talk: Conversation, frame: ArpFrame) -> bool:
    if frame.op != REQUEST:
        return False
    if frame.point.name == f"{talk.nic.point}-tx":
        return True
    return frame.eth_src in talk.own_macs or frame.sender_mac in talk.own_macs


def side_findings_of(e: Evidence, code: str) -> tuple[SideFinding, ...]:
    """Worth knowing, never blame."""
    makers: tuple[Callable[[Evidence], SideFinding | None], ...] = (
        _not_answering,
        _loop,
        _path,
        _proxy,
        _other_responder_move,
        _other_uplink,
        _tags,
        _skew,
        _duplicates,
        _inferred,
        _misnamed,
        _damaged,
        _untold,
        _pvlan,
    )
    makers = (_asks_on, *makers) if code == "ARP_OK" else makers
    found = [finding for make in makers if (finding := make(e)) is not None]
    return tuple(each for each in found if each.code != code)


def _not_answering(e: Evidence) -> SideFinding | None:
    asked = sum(_asks_for_vm(e, each) for each in e.traffic.at(VNIC, RX))
    answered = sum(
        each.frame.op == REPLY and each.object == e.nic.point and not is_probe(each.frame)
        for each in e.traffic.at(VNIC, TX)
    )
    ear = e.ear(e.nic.point, TX)
    if asked < _LEAST_ASKED or answered or ear.why_deaf is not None:
        return None
    return SideFinding(
        "GUEST_NOT_ANSWERING",
        f"{asked} requests for {', '.join(sorted(e.talk.own_ips))} were delivered to "
        f"{e.case.vm.name} and it answered 0 of {asked}.",
    )


def _asks_for_vm(e: Evidence, seen: Sighting) -> bool:
    frame = seen.frame
    return (
        frame.op == REQUEST
        and seen.object == e.nic.point
        and frame.target_ip in e.talk.own_ips
        and not is_probe(frame)
        and e.ear(e.nic.point, TX).hears(seen.at)
    )


def _asks_on(e: Evidence) -> SideFinding | None:
    """Asked again each second without a pause: a loop does, and a guest that ignores replies, too."""
    frames = [each.frame for each in e.delivered if each.broadcast]
    again = asked_each_second(frames)
    if again < _ASKED_ON or not e.fine or e.answered_of_judged < len(e.judged):
        return None
    if asked_by_a_tool(frames, confirmed=e.case.stimulus.confirmed):
        return None
    return SideFinding(
        "GUEST_IGNORES_REPLY",
        f"{e.case.vm.name} asked for {e.target} again {again} times, about a second after a reply was "
        "delivered: a tool that asks every second, or a guest that ignores replies. Its neighbour "
        "table tells which.",
    )


def _loop(e: Evidence) -> SideFinding | None:
    blind = {ear.object for ear in e.traffic.ears.values() if ear.merged and ear.why_deaf}
    asked = [each for each in e.talk.asked if not blind & {out.object for out in each.left}]
    looped = [each for each in asked if each.looped]
    twice = [a for a in asked if len(a.reflected) > len({r.object for r in a.reflected})]
    if len(looped) + len(twice) < _LOOPED:
        return None
    where = sorted({seen.object for a in looped + twice for seen in a.looped + a.reflected})
    return SideFinding(
        "LOOP_SUSPECTED",
        f"{len(looped) + len(twice)} of the VM's own requests came back on the uplink they left on "
        f"or more than once ({', '.join(where)}): a loop, a hairpin or a flapping MAC.",
    )


def _path(e: Evidence) -> SideFinding | None:
    told = [x.event for x in e.case.events if x.event in PATHS and while_listening(e, x.at)]
    changed = e.uplink_changed
    if not told and not changed:
        return None
    what = ", ".join(dict.fromkeys(happened(each) for each in told))
    what = f"the VM's uplink changed from {changed}" if changed else what
    return SideFinding("PATH_CHANGED", f"During the capture: {what}.")


def _proxy(e: Evidence) -> SideFinding | None:
    by_mac: dict[str, set[str]] = {}
    for asked in e.talk.asked:
        for reply in asked.replies:
            by_mac.setdefault(reply.frame.sender_mac, set()).add(reply.frame.sender_ip)
    outside = e.fine and bool(e.networks) and not e.inside(e.target)
    for mac, addresses in sorted(by_mac.items()):
        if len(addresses) > 1 or (outside and e.target in addresses):
            return SideFinding(
                "PROXY_ARP",
                f"{mac} answers for {', '.join(sorted(addresses))}: proxy ARP or suppression; "
                f"it works until that is switched off.",
            )
    return None


def _other_responder_move(e: Evidence) -> SideFinding | None:
    macs = list(dict.fromkeys(reply.frame.sender_mac for reply in e.replies))
    if len(macs) <= 1 or not e.fine:
        return None
    return SideFinding(
        "DUPLICATE_RESPONDERS",
        f"{e.target} was answered by {' and then by '.join(macs)}: the address may have moved.",
    )


def _other_uplink(e: Evidence) -> SideFinding | None:
    for asked in e.delivered:
        out = {seen.object for seen in asked.left}
        back = set(asked.reply_on)
        if out and back and not out & back and not back <= e.group:
            return SideFinding(
                "REPLY_ON_OTHER_UPLINK",
                f"Replies came in on {', '.join(sorted(back))}, requests left on "
                f"{', '.join(sorted(out))}; they were delivered.",
            )
    return None


def _tags(e: Evidence) -> SideFinding | None:
    if not e.scene.unknown:
        return None
    where = ", ".join(sorted(f"{thing}-{way}" for thing, way in e.scene.unknown))
    return SideFinding(
        "TAG_UNKNOWN",
        f"No frame at {where} carries a VLAN tag although port groups tag: the tag is unknown, "
        f"not absent, and no VLAN is blamed.",
    )


def _skew(e: Evidence) -> SideFinding | None:
    if not e.traffic.clock.off:
        return None
    told = ", ".join(
        f"{name} {late / MILLISECOND:+.1f} ms" for name, late in sorted(e.traffic.clock.off.items())
    )
    return SideFinding("CLOCK_SKEW", f"Streams were stamped off the host's clock: {told}.")


def _duplicates(e: Evidence) -> SideFinding | None:
    count = e.traffic.duplicates
    if not count:
        return None
    return SideFinding(
        "DUPLICATED_FRAMES", f"{count} frames were copies within 1 ms at the same point; left out."
    )


def _inferred(e: Evidence) -> SideFinding | None:
    points = sorted({seen.frame.point.name for seen in e.traffic.sightings if seen.inferred})
    if not points:
        return None
    hold = "hold" if len(points) > 1 else "holds"
    return SideFinding(
        "DIRECTION_INFERRED",
        f"{', '.join(points)} {hold} both directions without saying which frame went which way: "
        "the direction was inferred from where each source MAC lives.",
    )


def _misnamed(e: Evidence) -> SideFinding | None:
    if not e.traffic.misnamed:
        return None
    told = "; ".join(f"{thing}-{way}: {why}" for (thing, way), why in e.traffic.misnamed.items())
    return SideFinding(
        "FILES_MISNAMED",
        f"{told}. Left out, and nothing is concluded: nobody knows which file is which.",
    )


def _damaged(e: Evidence) -> SideFinding | None:
    broken = {ear.point: ear for ear in e.traffic.ears.values() if ear.damage is not None}
    if not broken:
        return None
    told = "; ".join(
        f"{name} {f'until {clock(ear.end)}' if ear.why_deaf is None else 'not at all'} ({ear.damage})"
        for name, ear in sorted(broken.items())
    )
    return SideFinding("FILE_DAMAGED", f"Files are broken; what counts as heard: {told}.")


def _untold(e: Evidence) -> SideFinding | None:
    if e.uplink_untold is None:
        return None
    return SideFinding(
        "OTHER_UPLINK_THAN_TOLD",
        f"vCenter named {e.nic.pinned_uplink} as the VM's uplink, but its requests were handed to "
        f"{e.uplink}: it changed meanwhile, or the uplinks' files bear each other's names.",
    )


def _pvlan(e: Evidence) -> SideFinding | None:
    if e.nic.vlan.mode != "pvlan":
        return None
    return SideFinding(
        "PVLAN",
        f"VLAN {e.nic.vlan.id} is a secondary VLAN of {e.nic.vlan.primary}: replies carry the "
        f"primary tag, and an isolated VM reaches promiscuous ports only.",
    )
