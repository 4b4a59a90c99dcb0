"""A sign turned into what it does not prove, and into what to do next."""

from __future__ import annotations

from workers.arp.model import Owner
from workers.arp.verdict.codes import CODES
from workers.arp.verdict.evidence import Evidence
from workers.arp.verdict.signs import Sign
from workers.arp.verdict.story import place, vlan_name
from workers.arp.verdict.subnet import at_home


def not_proven(e: Evidence, code: str, sign: Sign) -> list[str]:
    """What a reader may think and the evidence does not show."""
    open_ones = [CODES[code].does_not_mean]
    lossy = sign.owner == Owner.NETWORK or code == "UNANSWERED_NO_CONTROL"
    if lossy and e.uplink and not e.reflected and not e.replies:
        open_ones.append(_left_open(e, e.uplink))
    if code == "REPLY_LOST_VM_SPECIFIC" and not e.is_gateway:
        open_ones.append(f"That {e.target} does not filter this VM.")
    if code == "TARGET_DOWN" and not any(a.target == e.target and not a.mine for a in e.others):
        open_ones.append(f"That others miss {e.target}: only this VM asked for it.")
    if code == "UNANSWERED_NO_CONTROL" and not at_home(e):
        open_ones.append(
            f"That {e.target} and {e.asked[0].frame.sender_ip} belong in {vlan_name(e.vlan)}: "
            "nothing else of their subnet was heard there."
        )
    if not e.talk.complete and e.lost:
        known = " and ".join(e.talk.uplinks) or "none"
        open_ones.append(f"That the host has no other uplink: nobody told, {known} were captured.")
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
        f"That this VM's frames left {uplink}: it, its optic and its cable carried {len(worked)} "
        f"requests of {vlans} and their replies, so only a fault for {vlan_name(e.vlan)} or this MAC "
        "alone stays open there."
    )


def next_step(e: Evidence, code: str, sign: Sign) -> str:
    """Who does what next, in the words of the one who does it."""
    step = CODES[code].next_step
    if code == "TARGET_DOWN":
        step = _ask_target(e, sign)
    if code == "CAPTURE_INCOMPLETE" and e.traffic.misnamed:
        step = "Find out which file is of which point and direction, or run the check again."
    if code == "GUEST_SILENT" and sign.owner == Owner.VIRTUALIZATION:
        step = f"Connect {e.nic.label} of {e.case.vm.name} in vCenter, then run the check again."
    if code in {"PARTIAL_LOSS", "RECOVERED_DURING_CAPTURE"} and sign.owner == Owner.INCONCLUSIVE:
        step = f"Ask the owner of {e.target} whether it was up and well. If it was: {step}"
    if sign.owner == Owner.NETWORK and e.uplink:
        step = f"{step} Place: {place(e, e.uplink)}, {vlan_name(e.vlan)}, {e.nic.mac}."
    if code == "UNANSWERED_NO_CONTROL" and sign.detail == "overlay":
        step = "Compare the segment's ARP table in NSX with the target's MAC."
    return step


def _ask_target(e: Evidence, sign: Sign) -> str:
    if sign.detail == "local":
        return f"Check {e.target}, a VM on this host: its port, its guest, its own address."
    if sign.owner == Owner.INCONCLUSIVE:
        return f"Is {e.target} the gateway? Then ask the network team, else its owner, if it is up."
    if e.is_gateway:
        return f"Network: is the gateway {e.target} up in {vlan_name(e.vlan)}?"
    return f"Ask the owner of {e.target} whether it is up, and whether it filters ARP."
