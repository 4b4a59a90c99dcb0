"""Ears that others contradict: a file that holds no frame at all though frames passed its point.

The law: a silence that another point's frames contradict proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from workers.arp.exchange.hearing import REPLY_TIME, Ear, EarKey
from workers.arp.exchange.sighting import COPY_TIME, REPLY, REQUEST, Copies, Sighting, is_probe
from workers.arp.model import (
    BROADCAST,
    RX,
    SECOND,
    TX,
    UPLINK,
    VNIC,
    Case,
    Direction,
    PointKind,
    Vnic,
)
from workers.arp.model.values import dataclass
from workers.arp.numbers import counted, were

_TWICE = 2
_ASKED_BEFORE = 5 * SECOND


def contradicted(
    case: Case,
    sightings: Sequence[Sighting],
    copies: Copies,
    ears: Mapping[EarKey, Ear],
    local: frozenset[str],
) -> dict[EarKey, str]:
    """The points that hold no frame at all although another one shows that frames passed them."""
    shown = {(each.object, each.direction) for each in sightings}
    mute = {
        key: ear
        for key, ear in ears.items()
        if ear.why_deaf is None and not ear.merged and key not in shown
    }
    if not mute:
        return {}
    scene = _Scene(case, sightings, local, ears, frozenset(mute), copies)
    found = {}
    for nic in case.vm.nics:
        for way, ask in ((TX, _port_sent), (RX, _port_got)):
            ear = mute.pop((nic.point, way), None)
            why = ask(scene, nic, ear) if ear else None
            if why is None and way == RX and ear and (nic.point, TX) in found:
                why = f"{nic.point}-tx shows that it was not this VM's port"
            if why is not None:
                found[nic.point, way] = why
    for key, ear in mute.items():
        why = _handed_out(scene, ear) if key[1] == TX else _let_in(scene, ear)
        if why is not None:
            found[key] = why
    return {key: f"it holds no frame, although {why}" for key, why in found.items()}


@dataclass(frozen=True, slots=True)
class _Scene:
    case: Case
    sightings: Sequence[Sighting]
    local: frozenset[str]
    ears: Mapping[EarKey, Ear]
    mute: frozenset[EarKey]
    copies: Copies

    def at(
        self, kind: PointKind, way: Direction, ear: Ear, wanted: Callable[[Sighting], bool]
    ) -> list[Sighting]:
        """What passed there well inside the ear's time."""
        return [
            each
            for each in self.sightings
            if each.kind == kind
            and each.direction == way
            and ear.start + COPY_TIME <= each.at <= ear.end - COPY_TIME
            and wanted(each)
        ]

    def while_all(self, ear: Ear) -> Ear:
        """The ear, in the time in which every uplink's ear of its direction listened."""
        ports = {nic.point for nic in self.case.vm.nics}
        others = [
            each
            for (thing, way), each in self.ears.items()
            if way == ear.direction and thing not in ports and each.why_deaf is None
        ]
        start, end = (max(e.start for e in others), min(e.end for e in others))
        return replace(ear, start=start, end=end)

    def ports_on(self, ear: Ear) -> set[str]:
        """The VM's ports that may get frames by this uplink: by what was told, or by what left on it."""
        hashed = self.case.host.teaming in {"iphash", "lacp"}
        sent = {
            seen.frame.eth_src
            for seen in self.sightings
            if seen.object == ear.object and seen.direction == TX
        }
        return {
            nic.point
            for nic in self.case.vm.nics
            if hashed or nic.pinned_uplink in {None, ear.object} or nic.mac in sent
        }

    def elsewhere(self, seen: Sighting, way: Direction, back: int = COPY_TIME) -> bool:
        """Whether a copy passed an uplink that way shortly before or after."""
        near = self.copies.within(seen.key, seen.at - back, seen.at + COPY_TIME)
        return any(each.kind == UPLINK and each.direction == way for each in near)


def _port_sent(scene: _Scene, nic: Vnic, ear: Ear) -> str | None:
    """The VM spoke: an uplink shows its frames, or replies came for it."""
    others = scene.local - {nic.mac}
    own = {address.split("/")[0] for address in nic.ipv4}
    sent = scene.at(
        UPLINK,
        TX,
        ear,
        lambda seen: (
            seen.frame.op in {REQUEST, REPLY}
            and (
                seen.frame.eth_src == nic.mac
                or (seen.frame.sender_ip in own and seen.frame.eth_src not in others)
            )
        ),
    )
    if sent:
        return f"{_frames(sent)} of the VM {were(len(sent))} handed to {sent[0].object}"
    outs = {thing for thing, way in scene.mute if way == TX} - {nic.point}
    back = scene.at(
        UPLINK,
        RX,
        ear,
        lambda seen: bool(outs) and seen.frame.eth_src == nic.mac,
    )
    if len(back) >= _TWICE:
        return f"{len(back)} frames of the VM came in on {back[0].object}"
    wanted = [
        seen
        for kind in (VNIC, UPLINK)
        for seen in scene.at(
            kind,
            RX,
            ear,
            lambda seen: seen.frame.op == REPLY and seen.frame.eth_dst == nic.mac,
        )
        if seen.at >= ear.start + REPLY_TIME
    ]
    if len(wanted) < _TWICE:
        return None
    return f"{len(wanted)} replies for the VM were seen at {wanted[0].frame.point.name}"


def _port_got(scene: _Scene, nic: Vnic, ear: Ear) -> str | None:
    """The VM acts as if it got frames: it answers, or is content with what it asked for.

    A port that drops everything is silent, too; but then its VM answers nobody and asks on.
    """
    sent = scene.at(VNIC, TX, ear, lambda seen: seen.object == nic.point)
    sent = sent or scene.at(UPLINK, TX, ear, lambda seen: seen.frame.eth_src == nic.mac)
    if any(seen.frame.op == REPLY and seen.frame.eth_dst != BROADCAST for seen in sent):
        return "the VM answered requests"
    asked = [seen for seen in sent if seen.frame.op == REQUEST and not is_probe(seen.frame)]
    by_target: dict[str, list[int]] = {}
    for seen in asked:
        by_target.setdefault(seen.frame.target_ip, []).append(seen.at)
    repeated = sum(b - a <= REPLY_TIME for times in by_target.values() for a, b in pairwise(times))
    if len(asked) >= _TWICE and 2 * repeated < len(asked):
        return f"the VM repeated only {repeated} of its {len(asked)} requests, as if answered"
    return None


def _let_in(scene: _Scene, ear: Ear) -> str | None:
    """A VM's port got what can only have come in there."""
    ear = scene.while_all(ear)
    overlay = {nic.point for nic in scene.case.vm.nics if nic.overlay or nic.backing != "port"}
    got = scene.at(
        VNIC,
        RX,
        ear,
        lambda seen: seen.frame.eth_src not in scene.local and seen.object not in overlay,
    )
    if not got:
        return None
    alone = [seen for seen in got if not scene.elsewhere(seen, RX)]
    if alone:
        return f"{_frames(alone)} from outside {were(len(alone))} delivered that no uplink shows"
    works = scene.at(
        UPLINK,
        RX,
        ear,
        lambda seen: any(
            each.direction == TX and each.object == ear.object
            for each in scene.copies.within(seen.key, seen.at - COPY_TIME, seen.at)
        ),
    )
    here = [seen for seen in got if seen.object in scene.ports_on(ear)]
    if not works or not here:
        return None
    delivered = f"{_frames(here)} from outside {were(len(here))} delivered"
    return f"{delivered} while what was handed to it came back"


def _frames(seen: Sequence[Sighting]) -> str:
    return counted(len(seen), "frames")


def _handed_out(scene: _Scene, ear: Ear) -> str | None:
    """A broadcast of this host came back, or a reply came for one of its VMs, that nobody sent."""
    ear = scene.while_all(ear)
    back = scene.at(
        UPLINK,
        RX,
        ear,
        lambda seen: (
            seen.frame.eth_src in scene.local
            and seen.frame.eth_dst == BROADCAST
            and seen.frame.op == REQUEST
            and seen.object != ear.object
            and not scene.elsewhere(seen, TX)
        ),
    )
    if len(back) >= _TWICE:
        return f"{len(back)} broadcasts of this host came back that no uplink shows going out"
    asked: dict[tuple[str, str], list[int]] = {}
    for each in scene.sightings:
        if each.direction == TX and each.frame.op == REQUEST:
            asked.setdefault((each.frame.sender_ip, each.frame.target_ip), []).append(each.at)
    unasked = scene.at(
        UPLINK,
        RX,
        ear,
        lambda seen: (
            seen.frame.op == REPLY
            and seen.object == ear.object
            and seen.frame.eth_dst in scene.local
            and not any(
                0 <= seen.at - at <= _ASKED_BEFORE
                for at in asked.get((seen.frame.target_ip, seen.frame.sender_ip), ())
            )
        ),
    )
    unasked = [seen for seen in unasked if seen.at >= ear.start + _ASKED_BEFORE]
    if len(unasked) < _TWICE:
        return None
    return f"{len(unasked)} replies came in on {ear.object} that nobody was seen asking for"
