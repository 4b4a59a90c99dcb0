"""Facts about one target turned into signs: what each row of the table looks for, steps 1 to 8.

A sign is None or says what was found; it never asks whether the points were deaf, the row does.
"""

from __future__ import annotations

from collections import Counter

from workers.arp.exchange.clock import TOLERANCE
from workers.arp.exchange.hearing import Ear
from workers.arp.exchange.pairing import Asked
from workers.arp.exchange.sighting import UNSPECIFIED, Sighting
from workers.arp.model import RX, SECOND, TX, UPLINK, VNIC, Confidence, HostEvent, Owner
from workers.arp.model.values import dataclass
from workers.arp.verdict.evidence import Evidence
from workers.arp.verdict.scene import Scene, clock, is_virtual

LEAST_REQUESTS = 5
HIGH_REQUESTS = 10
LEAST_SPAN = 4 * SECOND
_MOVES = {"vmotion_out", "vmotion_in", "poweroff", "reconnect", "mac_change"}
PATHS = {"link_down", "link_up", "failover"}
BYPASSING = {"sriov", "passthrough"}
_RARP = {3, 4}
_ELSEWHERE = 2
SHOWS_NOTHING = "it shows no frame at all"


@dataclass(frozen=True, slots=True)
class Sign:
    """What a row found; ``owner`` and ``confidence`` only where they differ from the row's rule.

    ``controlled`` says that something comparable worked, ``assumption`` that one thing was taken
    for granted; both weigh on the confidence. ``detail`` is for the sentences.
    """

    subject: str | None = None
    owner: Owner | None = None
    confidence: Confidence | None = None
    controlled: bool = True
    assumption: bool = False
    detail: str = ""


def enough(e: Evidence) -> bool:
    """Five requests over four seconds name a fault; fewer are one burst."""
    counted = e.counted
    if len(counted) < LEAST_REQUESTS:
        return False
    return counted[-1].request.at - counted[0].request.at >= LEAST_SPAN


def silent(e: Evidence) -> bool:
    """Enough requests, and no reply of the target was delivered, to them or to any other."""
    return enough(e) and not e.delivered and not e.delivered_unasked


# --- step 1: the VM moved


def not_on_switch(e: Evidence) -> Sign | None:
    """The adapter bypasses the virtual switch."""
    bypass = e.nic.backing in BYPASSING
    return Sign(e.nic.backing, confidence=Confidence.LOW) if bypass else None


def wrong_files(e: Evidence) -> Sign | None:
    """Frames contradict the names of their files: then nobody knows which file is which."""
    wrong = sorted(f"{thing}-{way}" for thing, way in e.traffic.misnamed)
    return Sign(subject=", ".join(wrong), confidence=Confidence.LOW) if wrong else None


def moved(e: Evidence) -> Sign | None:
    """An event of the VM, or frames with its MAC that came from another place."""
    if move_of(e) is not None:
        return Sign(confidence=Confidence.LOW)
    outside = e.scene.once(_from_elsewhere)
    rarp = [each for each in outside if each.frame.op in _RARP]
    if rarp or len(outside) >= _ELSEWHERE:
        return Sign(confidence=Confidence.LOW)
    return None


def move_of(e: Evidence) -> HostEvent | None:
    """What happened to the VM while it was listened to; that it left says more than the rest."""
    moves = [x for x in e.case.events if x.event in _MOVES and while_listening(e, x.at)]
    return next((x for x in moves if x.event == "vmotion_out"), moves[0] if moves else None)


def while_listening(e: Evidence, at: int) -> bool:
    """Whether this moment lies inside the capture, or nobody knows when that was."""
    ears = [ear for ear in e.talk.ears.values() if ear.end]
    return not ears or min(ear.start for ear in ears) <= at <= max(ear.end for ear in ears)


def _from_elsewhere(scene: Scene) -> list[Sighting]:
    """Frames of this VM that came in although this host sent none like them just before."""
    seen = scene.traffic.at(UPLINK, RX)
    return [each for each in seen if _came_home(scene, each)]


def _came_home(e: Scene, seen: Sighting) -> bool:
    frame = seen.frame
    if frame.eth_src != e.talk.nic.mac or seen.inferred:
        return False
    before = e.traffic.copies(seen, seen.at - SECOND // 2, seen.at + TOLERANCE)
    if any(each.direction == TX for each in before):
        return False
    if frame.op in _RARP:
        return True
    port = _heard_out(e, e.talk.nic.point, seen.at)
    tells_all = e.talk.complete or port or len(e.talk.uplinks) > 1
    return tells_all and all(_heard_out(e, uplink, seen.at) for uplink in e.talk.uplinks)


def _heard_out(e: Scene, thing: str, at: int) -> bool:
    return e.talk.ear(thing, TX).hears(at - SECOND // 2, SECOND)


# --- step 2: somebody else has the address


def conflict(e: Evidence) -> Sign | None:
    """A foreign MAC speaks with the VM's address."""
    claims = e.scene.once(_claims)
    if not claims:
        return None
    macs = sorted({each.frame.sender_mac for each in claims})
    where = sorted({each.object for each in claims})
    count = max(Counter((each.object, each.direction) for each in claims).values())
    return Sign(
        subject=claims[0].frame.sender_ip,
        confidence=Confidence.HIGH if count > 1 else Confidence.MEDIUM,
        detail=f"{', '.join(macs)} ({count} frame{'s' * (count > 1)} from {clock(claims[0].at)} on, "
        f"heard on {', '.join(where)})",
    )


def _claims(scene: Scene) -> list[Sighting]:
    """Frames of others that name the VM's address as their sender."""
    own = scene.talk.own_ips - {UNSPECIFIED}
    return [
        each
        for each in scene.traffic.sightings
        if each.frame.sender_ip in own and each.direction == RX and _is_foreign(scene, each)
    ]


def _is_foreign(scene: Scene, seen: Sighting) -> bool:
    frame = seen.frame
    own = scene.talk.own_macs | {nic.mac for nic in scene.case.vm.nics}
    here = seen.kind == UPLINK or seen.object == scene.talk.nic.point
    if frame.op in _RARP or frame.sender_mac in own or not here or seen.inferred:
        return False
    if is_virtual(frame.sender_mac):
        return False
    return _surely_not_sent(scene, seen) or _surely_from_outside(scene, seen)


def _surely_not_sent(scene: Scene, seen: Sighting) -> bool:
    """Whether the VM's port, which shows what the VM sends, listened then."""
    port = scene.talk.nic.point
    sent = any(each.object == port for each in scene.traffic.at(VNIC, TX))
    known = seen.frame.eth_src in {vm.mac for vm in scene.case.host.local_vms}
    return (sent or known) and scene.talk.ear(port, TX).hears(seen.at, 0)


def _surely_from_outside(scene: Scene, seen: Sighting) -> bool:
    """Whether nothing of this sender left on an uplink: else it lives here, and may be this VM."""
    macs = {seen.frame.eth_src, seen.frame.sender_mac}
    if macs & (scene.traffic.local_macs | scene.once(_left_from)):
        return False
    ears = [scene.talk.ear(uplink, TX) for uplink in scene.talk.uplinks]
    return scene.talk.complete and all(ear.hears(seen.at, 0) and not ear.merged for ear in ears)


def _left_from(scene: Scene) -> frozenset[str]:
    """All MACs that sent something out on an uplink, whenever."""
    out = [each.frame for each in scene.traffic.at(UPLINK, TX)]
    return frozenset({*(f.eth_src for f in out), *(f.sender_mac for f in out)})


# --- step 3: nothing asked


def only_probes(e: Evidence) -> Sign | None:
    """The guest only checked or announced its own address."""
    return Sign(confidence=Confidence.HIGH) if not e.talk.asked and e.talk.probes else None


def guest_silent(e: Evidence) -> Sign | None:
    """The stimulus ran, the VM's port was heard all the while, and no request came."""
    stimulus = e.case.stimulus
    if e.talk.asked or not stimulus.confirmed or not _stimulus_was_for(e):
        return None
    if _deaf_witnesses(e):
        return None
    owner = None if e.nic.connected else Owner.VIRTUALIZATION
    return Sign(owner=owner, confidence=Confidence.HIGH)


def _stimulus_was_for(e: Evidence) -> bool:
    """With several adapters only the one in the targets' subnet was asked to speak."""
    others = [nic for nic in e.case.vm.nics if nic.point != e.nic.point]
    if not others:
        return True
    near = [target for target in e.case.stimulus.targets if e.inside(target)]
    asked = any(
        each.frame.target_ip in near and each.object != e.nic.point
        for each in e.traffic.at(VNIC, TX)
    )
    return bool(near) and not asked


def _deaf_witnesses(e: Evidence) -> list[Ear]:
    """Where a port shows no frame at all: the uplinks that might have shown what it did not hear."""
    shown = any(each.object == e.nic.point for each in e.traffic.at(VNIC, TX))
    return [] if shown else e.deaf(e.talk.uplinks, TX)


def port_deaf(e: Evidence) -> Sign | None:
    """No request was seen, and nobody listened where the VM sends, or it is not sure that anybody did."""
    deaf = e.deaf([e.nic.point], TX)
    if not deaf and e.case.stimulus.confirmed:
        deaf = _deaf_witnesses(e)
    if e.talk.asked or not deaf:
        return None
    return Sign(subject=missing_direction(e) or deaf[0].name, confidence=Confidence.LOW)


def nothing_asked(e: Evidence) -> Sign | None:
    """No request at all, or none for the target that the check was for."""
    return None if e.asked or (e.talk.asked and not e.target) else Sign(confidence=Confidence.LOW)


def missing_direction(e: Evidence) -> str | None:
    """``no tx direction`` where no uplink was heard that way."""
    if e.garbled:
        return e.garbled[0].point
    for way in (TX, RX):
        if e.talk.uplinks and len(e.deaf(e.talk.uplinks, way)) == len(e.talk.uplinks):
            return f"no {way} direction"
    return None


# --- step 4: a foreign sender


def forged(e: Evidence) -> list[Asked]:
    """Lost requests that do not carry the adapter's MAC as source and sender."""
    return [each for each in e.lost if _is_forged(e, each)]


def _is_forged(e: Evidence, asked: Asked) -> bool:
    mac, frame = e.nic.mac, asked.frame
    return frame.eth_src != mac or frame.sender_mac != mac


def _all_forged(e: Evidence) -> bool:
    return silent(e) and all(_is_forged(e, each) for each in e.lost)


def forged_dropped(e: Evidence) -> Sign | None:
    """Frames with a foreign source reached no uplink."""
    if not _all_forged(e) or e.seen_out or e.overlay:
        return None
    return Sign(subject=_foreign_mac(e), controlled=_others_leave(e))


def forged_unheard(e: Evidence) -> Sign | None:
    """Frames with a foreign source were seen nowhere, but not every uplink was heard."""
    if not _all_forged(e) or e.seen_out or not e.deaf(e.talk.uplinks, TX):
        return None
    return Sign(subject=missing_direction(e), confidence=Confidence.LOW)


def forged_unanswered(e: Evidence) -> Sign | None:
    """Frames with a foreign sender left, and nobody answered, or answered another MAC."""
    if not _all_forged(e) or not e.seen_out:
        return None
    told_other = all(each.frame.eth_src == e.nic.mac for each in e.lost)
    if e.undelivered and not told_other:
        return None
    return Sign(subject=_foreign_mac(e))


def _foreign_mac(e: Evidence) -> str:
    frame = e.lost[0].frame
    return frame.eth_src if frame.eth_src != e.nic.mac else frame.sender_mac


def _others_leave(e: Evidence) -> bool:
    return any(each.frame.eth_src not in e.talk.own_macs for each in e.traffic.at(UPLINK, TX))
