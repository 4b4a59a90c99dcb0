"""A sign turned into what it does not prove, and into what to do next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from workers.arp.model import Owner
from workers.arp.numbers import counted
from workers.arp.verdict.codes import CODES
from workers.arp.verdict.commands import ask_for
from workers.arp.verdict.drops import see_drops, settings_in, settings_out
from workers.arp.verdict.evidence import Evidence
from workers.arp.verdict.signs import BYPASSING, SHOWS_NOTHING, Sign, move_of
from workers.arp.verdict.story import in_vlan, place, vlan_name
from workers.arp.verdict.subnet import at_home


def not_proven(e: Evidence, code: str, sign: Sign) -> list[str]:
    """What a reader may think and the evidence does not show."""
    open_ones = [CODES[code].does_not_mean]
    lossy = sign.owner == Owner.NETWORK or code == "UNANSWERED_NO_CONTROL"
    if lossy and e.uplink and not e.reflected and not e.replies:
        open_ones.append(_left_open(e, e.uplink))
    if code == "TARGET_DOWN" and not any(a.target == e.target and not a.mine for a in e.others):
        open_ones.append(
            f"That others get no answer from {e.target} either: only this VM asked for it."
        )
    if code == "UNANSWERED_NO_CONTROL" and not at_home(e):
        open_ones.append(
            f"That {e.target} and {e.asked[0].frame.sender_ip} belong {in_vlan(e.vlan)}: "
            "nothing else of their subnet was heard there."
        )
    if not e.talk.complete and e.lost:
        known = " and ".join(e.talk.uplinks) or "none"
        open_ones.append(
            f"That the host has no other uplink: nobody told which it has, captured: {known}."
        )
    if any(seen.inferred for each in e.asked for seen in each.left):
        open_ones.append("The direction of frames in merged files: it was inferred.")
    return open_ones


def _left_open(e: Evidence, uplink: str) -> str:
    """What a NIC may still hide: little where another VLAN's requests were answered over it."""
    worked = [a for a in e.others if a.uplink == uplink and uplink in a.answered_on]
    if not worked:
        return f"That the frames left {uplink}: NIC, optic or cable stay open."
    vlans = " and ".join(sorted({vlan_name(each.vlan) for each in worked}))
    return (
        f"That this VM's frames left {uplink}: {uplink}, its optic and its cable carried "
        f"{counted(len(worked), 'answered requests')} of {vlans}, so only a fault for "
        f"{vlan_name(e.vlan)} or this MAC alone stays open there."
    )


def next_step(e: Evidence, code: str, sign: Sign) -> str:
    """Who does what next, in the words of the one who does it."""
    special = _SPECIAL.get(code)
    step = (special and special(e, sign)) or CODES[code].next_step
    if code in {"PARTIAL_LOSS", "RECOVERED_DURING_CAPTURE"} and sign.owner == Owner.INCONCLUSIVE:
        then = step[0].lower() + step[1:]
        step = f"Ask the owner of {e.target} whether it was up and well. If it was: {then}"
    if code == "PARTIAL_LOSS" and _lost_elsewhere(e):
        return f"{step} Place: {e.target} and the way to it, which loses over several uplinks."
    if sign.owner == Owner.NETWORK and e.uplink:
        step = f"{step} Place: {place(e, e.uplink)}, {vlan_name(e.vlan)}, {e.nic.mac}."
    return step


def _lost_elsewhere(e: Evidence) -> bool:
    """Whether over another uplink somebody got no reply of the target either."""
    return any(
        a.target == e.target and a.fair and not a.answered_on and a.uplink != e.uplink
        for a in e.others
    )


def _incomplete(e: Evidence, sign: Sign) -> str:
    if sign.detail == SHOWS_NOTHING:
        return _dropped_or_unheard(e, sign)
    if e.nic.backing in BYPASSING:
        return f"Listen inside the guest (tcpdump), and on the switch port behind {e.nic.label}."
    if e.traffic.misnamed:
        return "Find out which file is of which point and direction, or run the check again."
    if e.garbled:
        return "Capture again: one file an interface, with a snap length of at least 64 bytes."
    if not e.talk.complete:
        return (
            "Capture the VM's port and every uplink of its switch both ways, and name all the "
            "uplinks (arpcheck read: --uplinks)."
        )
    by_hand = "Capture again: the VM's port and every uplink, each in both directions."
    return _hear_again(e) if any(each.command for each in e.case.captures) else by_hand


def _dropped_or_unheard(e: Evidence, sign: Sign) -> str:
    what, settings = ("replies", settings_in) if e.undelivered else ("requests", settings_out)
    return (
        f"{see_drops(e.case.host.name, e.nic.mac)} If it prints {what}, the virtual switch drops "
        f"them. {settings(e.nic)} If it prints none, {sign.subject} did not hear: run the check again."
    )


def _hear_again(e: Evidence) -> str:
    """A check asks for every point, so what is missing is to be mended; files by hand may lack one."""
    deaf = [ear.name for key in e.talk.needed if (ear := e.ear(*key)).why_deaf is not None]
    if not deaf:
        return "Run the check again, and for longer: the points listened at different times."
    return (
        f"On {e.case.host.name}, mend what kept {', '.join(deaf)} from being heard, then run the "
        "check again."
    )


def _make_it_ask(e: Evidence, _: Sign) -> str | None:
    target = e.target or next(iter(e.case.stimulus.targets), e.nic.gateway)
    if not target:
        return None
    return (
        f"Run the check again, and meanwhile make the guest ask (Linux, as root): {ask_for(target)}"
    )


def _guest_silent(e: Evidence, sign: Sign) -> str | None:
    if sign.owner != Owner.VIRTUALIZATION:
        return None
    return f"Connect {e.nic.label} of {e.case.vm.name} in vCenter, then run the check again."


def _moved(e: Evidence, _: Sign) -> str | None:
    event = move_of(e)
    if event is None:
        step = CODES["VM_MOVED"].next_step
        return f"{step} If it did not move, have the network team look up which ports learn {e.nic.mac}."
    if event.event == "poweroff":
        return f"Run the check again once {e.case.vm.name} is up."
    if event.host:
        return f"Run the check again: it listens on {event.host} then."
    return None


def _lost_in_part(e: Evidence, _: Sign) -> str | None:
    if not e.outage:
        return None
    return "Look for a link or spanning-tree event at that time: policers do not lose in one piece."


def _ask_target(e: Evidence, sign: Sign) -> str:
    if sign.detail == "scan":
        return (
            f"Find out what in {e.case.vm.name} asks for these addresses: a scan, or old settings. "
            f"If {e.target} should exist, ask its owner."
        )
    if sign.detail == "local":
        return f"Check {e.target}, a VM on this host: its port, its guest, its own address."
    if sign.owner == Owner.INCONCLUSIVE:
        return (
            f"If {e.target} is the gateway, ask the network team whether it is up, else its owner."
        )
    if e.is_gateway:
        return f"Check that the gateway {e.target} is up {in_vlan(e.vlan)} and answers ARP there."
    return (
        f"Ask the owner of {e.target} whether it is up, and whether it filters ARP. If it is up and "
        "filters nothing, have the network team look at its switch port and the way there."
    )


def _dropped_out(e: Evidence, _: Sign) -> str:
    return f"{see_drops(e.case.host.name, e.nic.mac)} {settings_out(e.nic)}"


def _dropped_in(e: Evidence, _: Sign) -> str:
    return f"{see_drops(e.case.host.name, e.nic.mac)} {settings_in(e.nic)}"


def _unanswered(e: Evidence, sign: Sign) -> str | None:
    """What the frames point at, though they prove no cause."""
    if sign.detail == "overlay":
        return "Compare the segment's ARP table in NSX with the target's MAC."
    out = {seen.object for each in e.asked for seen in each.left}
    astray = Counter(up for each in e.undelivered for up in each.reply_on if up not in out)
    if astray and out:
        came = " and ".join(f"{astray[up]} on {place(e, up)}" for up in sorted(astray))
        return (
            f"Network: look up {e.nic.mac} in the MAC tables behind {' and '.join(sorted(out))} and "
            f"{' and '.join(sorted(astray))}: its requests leave on the former, and replies came "
            f"in elsewhere, {came}."
        )
    if e.local_target:
        return (
            f"Check the VM on this host that has {e.target}: its port, its guest, its ARP settings."
        )
    heard = Counter(each.object for each in e.incoming)
    mates = sorted(mate for mate in e.group - {e.uplink} if heard[mate])
    if e.uplink and mates and not heard[e.uplink]:
        return (
            f"Network: 0 ARP frames came in on {place(e, e.uplink)}, {heard[mates[0]]} on its mate "
            f"{mates[0]}: check that member's port and its place in the bundle."
        )
    if _only_speaks(e):
        return (
            f"Network: {e.target} speaks and gives no answer here, so look at its own switch port; "
            "its owner: does it filter ARP?"
        )
    return _compared(e) or (
        f"From another VM of the same port group, as root: {ask_for(e.target)} (Linux). Then ask for "
        "it from outside this host: whoever is answered narrows it down."
    )


def _conflict(_: Evidence, sign: Sign) -> str:
    other = sign.detail.partition(" (")[0]
    return (
        f"Ask address management who owns {sign.subject}, and have the network team find the port of "
        f"{other} in the switches' MAC tables."
    )


def _subnet(e: Evidence, sign: Sign) -> str | None:
    if not sign.detail.startswith("untagged") or not e.uplink:
        return None
    return (
        "Agree with the network team: the port group gets the VLAN of the VM's subnet, or the switch "
        f"port of {place(e, e.uplink)} gets it as its native VLAN."
    )


def _compared(e: Evidence) -> str | None:
    """What others on this host got of the same target, over other uplinks."""
    same = [ask for ask in e.others if ask.target == e.target and ask.fair and not ask.mine]
    got = sorted({ask.uplink for ask in same if ask.answered_on})
    if got and e.uplink not in got and e.uplink:
        return (
            f"{e.target} answers others over {' and '.join(got)}, so it is up. See whether it answers "
            f"another VM over {e.uplink} too, and network: look up {e.nic.mac} in the MAC tables "
            f"behind {place(e, e.uplink)}."
        )
    if same and not got:
        return (
            f"{e.target} answered nobody who asked here ({counted(len(same), 'requests')} of others): "
            "ask for it from elsewhere, and look at it and its switch port."
        )
    return None


def _only_speaks(e: Evidence) -> bool:
    """Whether the target is heard on U and seen to answer nobody, though it could."""
    if e.delivered or e.nic.vlan.mode == "pvlan" or not at_home(e):
        return False
    answers = any(ask.target == e.target and ask.answered_on for ask in e.others)
    heard = (each.frame.sender_ip for each in e.incoming if each.object == e.uplink)
    return not answers and e.target in heard


_SPECIAL: Mapping[str, Callable[[Evidence, Sign], str | None]] = {
    "CAPTURE_INCOMPLETE": _incomplete,
    "GUEST_SILENT": _guest_silent,
    "NO_STIMULUS": _make_it_ask,
    "PARTIAL_LOSS": _lost_in_part,
    "PROBES_ONLY": _make_it_ask,
    "TARGET_DOWN": _ask_target,
    "TOO_FEW_REQUESTS": _make_it_ask,
    "UNANSWERED_NO_CONTROL": _unanswered,
    "VLAN_SUBNET_MISMATCH": _subnet,
    "VM_IP_CONFLICT": _conflict,
    "VM_MOVED": _moved,
    "VSWITCH_DROP_RX": _dropped_in,
    "VSWITCH_DROP_TX": _dropped_out,
}
