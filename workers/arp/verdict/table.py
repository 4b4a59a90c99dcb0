"""Everything heard turned into one judgement: the ordered table of rows, the first match decides.

The first law is never to blame the wrong owner. Every row names the points whose silence it needs;
where one of them was deaf the row is refused, the refusal is kept, and the next row is asked.
A new verdict is a new row (and its entry in ``codes.py`` and ``wording.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from workers.arp.exchange.control import controls_of
from workers.arp.exchange.conversation import conversation_of
from workers.arp.exchange.hearing import REPLY_TIME
from workers.arp.exchange.pairing import Asked
from workers.arp.exchange.traffic import Traffic, traffic_of
from workers.arp.model import (
    RX,
    TX,
    Case,
    Confidence,
    Heard,
    Judgement,
    Owner,
    Refusal,
    Verdict,
    Vnic,
)
from workers.arp.model.values import dataclass
from workers.arp.verdict import answers, losses, signs, undelivered
from workers.arp.verdict.codes import CODES
from workers.arp.verdict.evidence import Evidence
from workers.arp.verdict.findings import counts_of, side_findings_of
from workers.arp.verdict.parts import narrowed
from workers.arp.verdict.scene import Scene, scene_of
from workers.arp.verdict.signs import HIGH_REQUESTS, Sign
from workers.arp.verdict.wording import told

__all__ = ["judge"]

PORT_TX, PORT_RX, OUT, IN, ALL = "port tx", "port rx", "uplinks tx", "uplinks rx", "all uplinks"
OTHERS = "others"
STIMULUS = "port tx during the stimulus"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: the code, the points whose silence it needs, and its sign."""

    code: str
    needs: tuple[str, ...]
    sign: Callable[[Evidence], Sign | None]


ROWS: tuple[Row, ...] = (
    Row("CAPTURE_INCOMPLETE", (), signs.not_on_switch),
    Row("CAPTURE_INCOMPLETE", (), signs.wrong_files),
    Row("VM_MOVED", (), signs.moved),
    Row("VM_IP_CONFLICT", (), signs.conflict),
    Row("PROBES_ONLY", (), signs.only_probes),
    Row("GUEST_SILENT", (PORT_TX, STIMULUS), signs.guest_silent),
    Row("CAPTURE_INCOMPLETE", (), signs.port_deaf),
    Row("NO_STIMULUS", (), signs.nothing_asked),
    Row("FORGED_TX_DROP", (PORT_TX, OUT, ALL), signs.forged_dropped),
    Row("CAPTURE_INCOMPLETE", (), signs.forged_unheard),
    Row("GUEST_WRONG_SENDER", (PORT_RX, IN, ALL), signs.forged_unanswered),
    Row("DUPLICATE_RESPONDERS", (), answers.two_answer),
    Row("GUEST_IGNORES_REPLY", (PORT_TX, PORT_RX), answers.ignores),
    Row("LATE_REPLIES", (), answers.late),
    Row("TOO_FEW_REQUESTS", (), answers.known_entry_unanswered),
    Row("LOCAL_OK", (), answers.answered_here),
    Row("ANSWERED_LOCALLY", (), answers.answered_by_overlay),
    Row("ARP_OK", (), answers.answered),
    Row("PATH_CHANGED", (), answers.path_changed),
    Row("GUEST_OFFSUBNET_TARGET", (PORT_RX, IN, ALL), answers.off_subnet),
    Row("GUEST_WRONG_SENDER", (PORT_RX, IN, ALL), answers.wrong_sender_ip),
    Row("CAPTURE_INCOMPLETE", (), answers.incomplete),
    Row("TOO_FEW_REQUESTS", (), answers.too_few),
    Row("RECOVERED_DURING_CAPTURE", (PORT_RX, OUT, IN, ALL), answers.recovered),
    Row("PARTIAL_LOSS", (PORT_RX, OUT, IN, ALL), answers.partial),
    Row("TOO_FEW_REQUESTS", (), answers.few_for_a_share),
    Row("TARGET_DOWN", (PORT_RX, OTHERS), undelivered.local_down),
    Row("UNANSWERED_NO_CONTROL", (), undelivered.overlay_silent),
    Row("CAPTURE_INCOMPLETE", (), undelivered.uplink_unproven),
    Row("VSWITCH_DROP_TX", (PORT_TX, PORT_RX, OUT, ALL), undelivered.dropped_on_the_way_out),
    Row("REPLY_STALE_MAC", (PORT_RX, IN, ALL), undelivered.reply_to_stale_mac),
    Row("REPLY_WRONG_VLAN", (PORT_RX, IN, ALL), undelivered.reply_in_other_vlan),
    Row("CAPTURE_INCOMPLETE", (), undelivered.port_unproven),
    Row("TEAMING_MISMATCH", (PORT_RX, IN, ALL), undelivered.reply_on_other_uplink),
    Row("VSWITCH_DROP_RX", (PORT_RX, ALL), undelivered.reply_dropped),
    Row("VLAN_SUBNET_MISMATCH", (PORT_RX, IN, ALL, OTHERS), losses.wrong_port_group),
    Row("REPLY_LOST_VM_SPECIFIC", (PORT_RX, IN, ALL), losses.vm_specific),
    Row("TARGET_DOWN", (PORT_RX, IN, ALL, OTHERS), losses.target_down),
    Row("UPLINK_VLAN_NOT_CARRIED", (PORT_RX, IN, ALL, OTHERS), losses.uplink_vlan_missing),
    Row("UPLINK_PATH_LOSS", (PORT_RX, IN, ALL, OTHERS), losses.uplink_path_lost),
    Row("VLAN_DEAD", (PORT_RX, IN, ALL, OTHERS), losses.vlan_dead),
    Row("TARGET_DOWN", (PORT_RX, IN, ALL, OTHERS), losses.nobody_gets_it),
)


_MOST_TARGETS = 200
"""A VM that scans its network asks for thousands: those it asked for most often are judged."""


def judge(case: Case, heard: Sequence[Heard]) -> Judgement:
    """Judge every adapter and target; the headline is the worst, the rest is ``further``."""
    traffic = traffic_of(case, heard)
    found = [each for nic in case.vm.nics for each in _judge_nic(case, traffic, nic)]
    if not found:
        return _nothing_to_judge(case)
    found.sort(key=lambda each: each.rank)
    first = found[0]
    further = _distinct(found)
    talk = first.evidence.talk
    return Judgement(
        case,
        talk.nic.point,
        first.evidence.target or None,
        first.verdict,
        side_findings_of(first.evidence, first.verdict.code),
        first.refusals,
        counts_of(traffic, talk, heard, case),
        tuple(each.told() for each in talk.asked),
        controls_of(first.evidence.scene.asks, first.evidence.target),
        further,
    )


@dataclass(frozen=True, slots=True)
class _Found:
    evidence: Evidence
    verdict: Verdict
    refusals: tuple[Refusal, ...]

    @property
    def rank(self) -> tuple[int, int, int, str, str]:
        """The worst first: a fault or an open question, then the most unanswered requests."""
        code, e = self.verdict.code, self.evidence
        aside = code == "TOO_FEW_REQUESTS" and e.target not in e.case.stimulus.targets
        quiet = {"NO_STIMULUS", "PROBES_ONLY", "CAPTURE_INCOMPLETE"}
        named = any(e.inside(target) for target in e.case.stimulus.targets)
        unheard = code == "CAPTURE_INCOMPLETE" and named
        idle = code in quiet and not e.talk.asked and not unheard
        kind = (
            3
            if idle and len(e.case.vm.nics) > 1
            else 2
            if aside and e.case.stimulus.targets
            else int(self.verdict.owner == Owner.NONE)
        )
        unsure = int(self.verdict.owner == Owner.INCONCLUSIVE)
        return kind, -e.unanswered, unsure, e.nic.point, e.target


def _judge_nic(case: Case, traffic: Traffic, nic: Vnic) -> list[_Found]:
    talk = conversation_of(case, traffic, nic)
    scene = scene_of(case, traffic, talk)
    by_target: dict[str, list[Asked]] = {}
    for each in talk.asked:
        by_target.setdefault(each.frame.target_ip, []).append(each)
    found = by_target or {"": []}
    if target := _never_asked_for(scene, by_target):
        found[target] = []
    named = case.stimulus.targets
    judged = sorted(found, key=lambda each: (each not in named, -len(found[each]), each))
    return [_judge_target(scene, each, found[each]) for each in judged[:_MOST_TARGETS]]


def _never_asked_for(scene: Scene, asked: Collection[str]) -> str | None:
    """The target the check was for, where the adapter asked surely for others only.

    Who is asked to reach another subnet asks for its gateway: that is no other target.
    """
    targets = scene.case.stimulus.targets
    whole = Evidence(scene, "", ())
    near = [target for target in targets if whole.inside(target)]
    port = whole.ear(scene.talk.nic.point, TX)
    if not asked or not near or port.why_deaf is not None or not set(targets).isdisjoint(asked):
        return None
    return near[0]


def _judge_target(scene: Scene, target: str, asked: Sequence[Asked]) -> _Found:
    whole = Evidence(scene, target, asked)
    evidence = narrowed(whole)
    row, sign, refusals = _decide(evidence)
    confidence = _confidence(evidence, sign)
    owner = sign.owner or CODES[row.code].owner
    verdict = told(evidence, row.code, replace(sign, owner=owner, confidence=confidence), refusals)
    return _Found(evidence, verdict, refusals)


def _decide(e: Evidence) -> tuple[Row, Sign, tuple[Refusal, ...]]:
    """The first row that matches with every point it needs, and the rows refused on the way.

    An incomplete capture also names what the frames alone would have suggested further down.
    """
    chosen: tuple[Row, Sign] | None = None
    refusals: list[Refusal] = []
    for row in ROWS:
        if chosen and (chosen[0].code != "CAPTURE_INCOMPLETE" or not row.needs):
            continue
        sign = row.sign(e)
        deaf = _deaf(e, row.needs) if sign else []
        if sign and deaf:
            refusals.append(Refusal(row.code, "; ".join(deaf)))
        elif sign and not chosen:
            chosen = row, sign
    if chosen is None:
        code = "CAPTURE_INCOMPLETE" if refusals else "UNANSWERED_NO_CONTROL"
        why = next((each.why for each in refusals), "")
        chosen = Row(code, (), signs.nothing_asked), Sign(confidence=Confidence.LOW, detail=why)
    return *chosen, tuple(dict.fromkeys(refusals))


def _deaf(e: Evidence, needs: Sequence[str]) -> list[str]:
    """Sentences about the needed points whose silence proves nothing."""
    port, tx, rx = e.nic.point, TX, RX
    keys = {PORT_TX: [(port, tx)], PORT_RX: [(port, rx)]}
    keys[OUT] = [(uplink, tx) for uplink in e.talk.uplinks]
    keys[IN] = [(uplink, rx) for uplink in e.talk.uplinks]
    ears = [e.ear(*key) for need in needs for key in keys.get(need, [])]
    sentences = [f"{ear.name}: {ear.why_deaf}" for ear in ears if ear.why_deaf is not None]
    if ALL in needs and not (e.talk.complete or _team_seen(e)):
        sentences.append("nobody told which uplinks the host has")
    if needs and e.traffic.clock.unsure:
        sentences.append("the streams' clocks disagree and none is right by majority")
    if (
        OTHERS in needs
        and e.lost
        and not e.traffic.foreign_kept(e.lost[-1].request.at + REPLY_TIME)
    ):
        sentences.append("there was so much ARP that not all of what others sent could be kept")
    stimulus = e.case.stimulus
    if STIMULUS in needs and not (
        stimulus.start is not None
        and stimulus.end is not None
        and stimulus.end - stimulus.start >= REPLY_TIME
        and e.ear(port, tx).hears(stimulus.start, stimulus.end - stimulus.start)
    ):
        sentences.append(f"{port}-tx did not listen during the whole stimulus")
    return list(dict.fromkeys(sentences))


def _team_seen(e: Evidence) -> bool:
    """Whether the requests were seen to leave on one of several uplinks that were heard.

    Where nobody told the uplinks that is as good as a team gets; one alone may be anybody's.
    """
    return e.uplink is not None and len(e.talk.uplinks) > 1


def _confidence(e: Evidence, sign: Sign) -> Confidence:
    """High: ten requests, a positive control, all points complete and nothing assumed."""
    ears = [e.ear(*key) for key in e.talk.needed]
    broken = any(ear.damage is not None for ear in ears)
    if sign.confidence is not None:
        weak = broken and sign.confidence == Confidence.HIGH
        return Confidence.MEDIUM if weak else sign.confidence
    complete = e.talk.complete and not broken
    complete = complete and all(ear.why_deaf is None and not ear.merged for ear in ears)
    strong = len(e.lost) >= HIGH_REQUESTS and sign.controlled and not sign.assumption
    clear = complete and not e.traffic.clock.off and e.uplink_untold is None
    return Confidence.HIGH if strong and clear else Confidence.MEDIUM


def _distinct(found: Sequence[_Found]) -> tuple[tuple[str, str | None, Verdict], ...]:
    """The other verdicts, each adapter's own only once."""
    seen = {(found[0].evidence.nic.point, found[0].verdict.code, found[0].verdict.headline)}
    further = []
    for each in found[1:]:
        key = (each.evidence.nic.point, each.verdict.code, each.verdict.headline)
        if key not in seen:
            seen.add(key)
            further.append((each.evidence.nic.point, each.evidence.target or None, each.verdict))
    return tuple(further)


def _nothing_to_judge(case: Case) -> Judgement:
    info = CODES["CAPTURE_INCOMPLETE"]
    verdict = Verdict(
        "CAPTURE_INCOMPLETE",
        None,
        info.owner,
        Confidence.LOW,
        f"{case.vm.name} has no network adapter that could be heard.",
        next_step="Check the VM's adapters in vCenter.",
    )
    return Judgement(case, "", None, verdict)
