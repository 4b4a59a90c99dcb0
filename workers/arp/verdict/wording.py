"""A sign turned into the verdict's sentences: headline and reasons; ``advice`` has the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from workers.arp.model import Confidence, Owner, Refusal, Verdict
from workers.arp.verdict import shares
from workers.arp.verdict.advice import next_step, not_proven
from workers.arp.verdict.codes import CODES
from workers.arp.verdict.commands import typed_in
from workers.arp.verdict.evidence import Evidence
from workers.arp.verdict.scene import clock, happened
from workers.arp.verdict.signs import BYPASSING, SHOWS_NOTHING, Sign, move_of
from workers.arp.verdict.story import (
    background,
    either,
    in_vlan,
    latency_ms,
    place,
    share,
    story,
    vlan_name,
)

Headline = Callable[[Evidence, Sign], str]
_MOST_REFUSED = 3
_UNHEARD = {
    "no tx direction": "nothing that the host handed to its uplinks (tx) was heard",
    "no rx direction": "nothing that came in on the uplinks (rx) was heard",
}


def told(e: Evidence, code: str, sign: Sign, refusals: Sequence[Refusal]) -> Verdict:
    """Everything people read about one verdict."""
    step = next_step(e, code, sign)
    return Verdict(
        code,
        sign.subject,
        sign.owner or CODES[code].owner,
        sign.confidence or Confidence.LOW,
        HEADLINES[code](e, sign),
        tuple(story(e) + _refused(refusals)),
        tuple(not_proven(e, code, sign)),
        step,
        typed_in(step),
    )


def _refused(refusals: Sequence[Refusal]) -> list[str]:
    return [f"Not concluded: {each.code} ({each.why})." for each in refusals[:_MOST_REFUSED]]


def _ok(e: Evidence, _: Sign) -> str:
    back = {device for each in e.delivered for device in each.reply_on}
    took = latency_ms(e)
    via = f", via {' and '.join(sorted(back))}" if back else ""
    return f"ARP works: {share(e)} answered by {e.target}, median {took or 0:.1f} ms{via}."


def _local(e: Evidence, _: Sign) -> str:
    return f"ARP works: {share(e)} answered by {e.target}, a VM on the same host."


def _by_overlay(e: Evidence, _: Sign) -> str:
    return f"{share(e)} answered for {e.target} on this host by the overlay's ARP suppression."


def _no_stimulus(e: Evidence, _: Sign) -> str:
    who, cache = e.case.vm.name, "a warm ARP cache sends nothing"
    if not e.target:
        return f"{who} sent no ARP request, and nothing shows that it had to: {cache}."
    others = sorted({each.frame.target_ip for each in e.talk.asked})
    also = ", ".join(others[:2]) + (f" and {len(others) - 2} more" if len(others) > 2 else "")  # noqa: PLR2004
    return f"{who} asked for {also}, but never for {e.target}: {cache}."


def _probes(e: Evidence, _: Sign) -> str:
    count = len(e.talk.probes)
    return (
        f"{e.case.vm.name} only checked or announced its own address ({count} "
        f"frame{'s' * (count > 1)}): no answer is the good answer."
    )


def _guest_silent(e: Evidence, sign: Sign) -> str:
    start, end = e.case.stimulus.start or 0, e.case.stimulus.end or 0
    off = " Its adapter is disconnected." if sign.owner == Owner.VIRTUALIZATION else ""
    return (
        f"{e.case.vm.name} sent 0 ARP requests from {clock(start)} to {clock(end)}, although it was "
        f"made to ask.{off}"
    )


def _ignores(e: Evidence, sign: Sign) -> str:
    return (
        f"{share(e)} requests for {e.target} were answered at the port of {e.case.vm.name} "
        f"(median {latency_ms(e) or 0:.1f} ms), and yet it asked again {sign.detail} times."
    )


def _off_subnet(e: Evidence, _: Sign) -> str:
    nets = ", ".join(str(each.network) for each in e.networks)
    return f"{e.case.vm.name} asks for {e.target}, outside its {nets}: {share(e)} answered."


def _wrong_sender(e: Evidence, sign: Sign) -> str:
    return (
        f"{e.case.vm.name} sends as {sign.subject}, but its adapter has {e.nic.mac} "
        f"({', '.join(e.nic.ipv4) or 'address unknown'}): {share(e)} answered."
    )


def _conflict(e: Evidence, sign: Sign) -> str:
    return f"{e.case.vm.name} is not alone with {sign.subject}: also claimed by {sign.detail}."


def _drop_tx(e: Evidence, _: Sign) -> str:
    out = either(e.talk.uplinks)
    return (
        f"{len(e.lost)} requests of {e.case.vm.name} for {e.target} entered the virtual switch, "
        f"0 were handed to {out}."
    )


def _drop_rx(e: Evidence, sign: Sign) -> str:
    return (
        f"{len(e.undelivered)} replies for {e.case.vm.name} came in on {sign.subject} "
        f"{'with no tag in the file' if e.scene.unknown else in_vlan(e.vlan)}, "
        f"{share(e)} were delivered."
    )


def _forged(e: Evidence, sign: Sign) -> str:
    return (
        f"{e.case.vm.name} sends from {sign.subject}, its adapter is {e.nic.mac}; "
        f"0 of {len(e.lost)} such frames reached {either(e.talk.uplinks)}."
    )


def _subnet(e: Evidence, sign: Sign) -> str:
    return f"{e.case.vm.name} is in {vlan_name(e.vlan)}; its subnet is heard in {sign.detail}."


def _subnet_native(e: Evidence, sign: Sign) -> str:
    if not sign.detail.startswith("untagged"):
        return _subnet(e, sign)
    return (
        f"{e.case.vm.name}'s port group is untagged, and untagged frames come from another subnet "
        f"({sign.detail.removeprefix('untagged ')}): the switch port's native VLAN does not fit. The "
        "network team has a part in it."
    )


def _teaming(e: Evidence, sign: Sign) -> str:
    back = {device for each in e.undelivered for device in each.reply_on}
    return (
        f"Requests leave on {place(e, e.uplink)}, {len(e.undelivered)} replies came in on "
        f"{either(back)}: {sign.subject}. The network team has a part in it."
    )


def _not_carried(e: Evidence, _: Sign) -> str:
    return (
        f"{vlan_name(e.vlan)} does not come in on {place(e, e.uplink)}: "
        f"{share(e)} requests answered there, {background(e)}."
    )


def _path(e: Evidence, sign: Sign) -> str:
    near = place(e, e.uplink)
    told_by = {
        "all": f"0 ARP frames of any VLAN come in on {near}",
        "rx": f"What is handed to {near} enters the network, nothing of {vlan_name(e.vlan)} returns",
        "tx": f"{near} hears {vlan_name(e.vlan)}, but nothing handed to it is seen again",
    }
    return f"{told_by[sign.detail]}: {share(e)} answered. NIC, optic or cable are not excluded."


def _vlan_dead(e: Evidence, _: Sign) -> str:
    good = [each for each in e.others if each.answered_on and each.vlan not in {e.vlan, None}]
    works = " and ".join(vlan_name(vlan) for vlan in sorted({each.vlan or 0 for each in good}))
    return (
        f"{vlan_name(e.vlan)} is silent on {' and '.join(e.talk.uplinks)}: {share(e)} answered, "
        f"0 frames from outside; {works} got {len(good)} replies there."
    )


def _vm_specific(e: Evidence, sign: Sign) -> str:
    same = e.answered(lambda ask: e.on_group(ask) and ask.target == e.target and not ask.mine)
    fabric = {
        "entered fabric": "its requests enter the fabric",
        "not reflected": "its requests do not come back though others' do",
    }.get(sign.subject or "", "whether its requests enter the fabric is not known")
    who = "" if e.is_gateway else " It is the network, or a filter on the target."
    return (
        f"{e.target} answered others {same} times on {place(e, e.uplink)} and "
        f"{e.case.vm.name} {share(e)} times; {fabric}.{who}"
    )


def _wrong_vlan(e: Evidence, sign: Sign) -> str:
    tag = "untagged" if sign.subject == "untagged" else f"in VLAN {sign.subject}"
    back = {device for each in e.undelivered for device in each.reply_on}
    return (
        f"{len(e.undelivered)} replies of {e.target} came back {tag} instead of "
        f"{vlan_name(e.vlan)} on {either(place(e, each) for each in back)}."
    )


def _stale(e: Evidence, sign: Sign) -> str:
    return (
        f"{len(e.undelivered)} replies of {e.target} for {e.case.vm.name} were addressed to "
        f"{sign.subject}, its MAC is {e.nic.mac}."
    )


def _incomplete(e: Evidence, sign: Sign) -> str:
    if e.nic.backing in BYPASSING:
        how = {"sriov": "SR-IOV", "passthrough": "PCI passthrough"}[e.nic.backing]
        return f"{e.nic.label} bypasses the virtual switch ({how}): it cannot be heard."
    if e.traffic.misnamed:
        return f"The capture files contradict their names: {sign.subject}."
    if sign.subject in {ear.point for ear in e.garbled}:
        ear = e.garbled[0]
        return f"Not enough was captured to tell: {ear.point}, {ear.why_deaf}."
    if sign.detail == SHOWS_NOTHING:
        back, name = len(e.undelivered), e.case.vm.name
        what = (
            f"{back} replies for {name} came in" if back else f"{name} sent {len(e.lost)} requests"
        )
        return (
            f"{what}, and {sign.subject} shows no frame at all: the virtual switch drops everything, "
            "or that capture heard nothing."
        )
    what = sign.subject or sign.detail or "no request could be followed"
    return f"Not enough was captured to tell: {_unheard(e, what)}."


def _unheard(e: Evidence, what: str) -> str:
    """A point, or a direction of all uplinks, with why it could not tell."""
    ears = {ear.name: ear for key in e.talk.needed if (ear := e.ear(*key))}
    if what in _UNHEARD or what not in ears:
        return _UNHEARD.get(what, what)
    ear = ears[what]
    if ear.why_deaf is None:
        return f"{what} listened only from {clock(ear.start)} to {clock(ear.end)}"
    return f"{what}, {ear.why_deaf}"


def _moved(e: Evidence, _: Sign) -> str:
    name, here, event = e.case.vm.name, e.case.host.name, move_of(e)
    if event is None:
        return (
            f"{name} moved, or its MAC is used elsewhere too: frames from it came in from outside."
        )
    what = happened(event.event)
    if event.event == "vmotion_out":
        what = f"left {here}" if event.host else f"seems to have left {here}"
    now = f", and runs on {event.host} now" if event.host else ""
    return f"{name} {what} at {clock(event.at)}, during the capture{now}: this result is void."


HEADLINES: Mapping[str, Headline] = {
    "ARP_OK": _ok,
    "LOCAL_OK": _local,
    "ANSWERED_LOCALLY": _by_overlay,
    "PROBES_ONLY": _probes,
    "GUEST_SILENT": _guest_silent,
    "GUEST_IGNORES_REPLY": _ignores,
    "GUEST_OFFSUBNET_TARGET": _off_subnet,
    "GUEST_WRONG_SENDER": _wrong_sender,
    "VM_IP_CONFLICT": _conflict,
    "VSWITCH_DROP_TX": _drop_tx,
    "VSWITCH_DROP_RX": _drop_rx,
    "FORGED_TX_DROP": _forged,
    "VLAN_SUBNET_MISMATCH": _subnet_native,
    "TEAMING_MISMATCH": _teaming,
    "UPLINK_VLAN_NOT_CARRIED": _not_carried,
    "UPLINK_PATH_LOSS": _path,
    "VLAN_DEAD": _vlan_dead,
    "REPLY_LOST_VM_SPECIFIC": _vm_specific,
    "REPLY_WRONG_VLAN": _wrong_vlan,
    "REPLY_STALE_MAC": _stale,
    "PARTIAL_LOSS": shares.partial,
    "RECOVERED_DURING_CAPTURE": shares.recovered,
    "TARGET_DOWN": shares.target_down,
    "NO_STIMULUS": _no_stimulus,
    "TOO_FEW_REQUESTS": shares.too_few,
    "CAPTURE_INCOMPLETE": _incomplete,
    "UNANSWERED_NO_CONTROL": shares.no_control,
    "VM_MOVED": _moved,
    "LATE_REPLIES": shares.late,
    "DUPLICATE_RESPONDERS": lambda e, s: f"Two MACs answer for {e.target}: {s.detail}.",
    "PATH_CHANGED": lambda e, s: (
        f"The VM's path changed during the capture ({s.detail}); {share(e)} answered."
    ),
}
