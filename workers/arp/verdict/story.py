"""The evidence turned into the reasons under a verdict: what was counted where, and when.

The law: "handed to vmnic1", never "left the wire", unless a reflection or a reply proves more, and
a zero is only told for a point that listened.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from workers.arp.exchange.control import Ask
from workers.arp.exchange.hearing import REPLY_TIME
from workers.arp.exchange.sighting import Sighting
from workers.arp.model import MILLISECOND, RX, SECOND, TX, UPLINK, VNIC
from workers.arp.numbers import median
from workers.arp.verdict.evidence import Evidence
from workers.arp.verdict.scene import Scene, clock

_MOST_CONTROLS = 3
_SOON = SECOND // 2  # sooner than a kernel asks again
_TOGETHER = SECOND  # captures stop one after the other
_Asker = tuple[bool, str, str, str, int | None]


def story(e: Evidence) -> list[str]:
    """The reasons, in the order a frame travels."""
    sentences = [
        _nothing_asked(e),
        _went_out(e),
        _came_back(e),
        _heard_on_uplink(e),
        _reflections(e),
        *_controls(e),
    ]
    return [each for each in sentences if each]


def place(e: Evidence, device: str | None) -> str:
    """``vmnic1 (sw-a Ethernet1/10 per LLDP)``, without the port where nobody told it."""
    for uplink in e.case.host.uplinks:
        if uplink.device == device and uplink.neighbour is not None:
            near = uplink.neighbour
            return f"{device} ({near.switch} {near.port} per {near.protocol.upper()})"
    return device or "an unknown uplink"


def either(names: Iterable[str]) -> str:
    """``vmnic0 or vmnic1``."""
    return " or ".join(sorted(set(names))) or "any uplink"


def vlan_name(vlan: int | None) -> str:
    """``VLAN 110``, or that it is unknown or untagged."""
    return "VLAN unknown" if vlan is None else f"VLAN {vlan}" if vlan else "untagged"


def in_vlan(vlan: int | None) -> str:
    """``in VLAN 110``, ``without a tag``, or that the VLAN is unknown."""
    return "in an unknown VLAN" if vlan is None else f"in VLAN {vlan}" if vlan else "without a tag"


def share(e: Evidence) -> str:
    """``0 of 24``: delivered of those whose outcome is known."""
    return f"{e.answered_of_judged} of {len(e.judged)}"


def handed(e: Evidence) -> Counter[str]:
    """Requests by the uplink they were handed to."""
    return Counter(out for each in e.asked for out in {seen.object for seen in each.left})


def latency_ms(e: Evidence) -> float | None:
    """The median time from request to delivered reply."""
    times = [
        max(0, each.delivered.at - each.request.at)
        for each in e.asked
        if each.delivered is not None
    ]
    return median(times) / MILLISECOND if times else None


def arp_frames(count: int, vlan: int | None) -> str:
    """``14 ARP frames of VLAN 110``, or untagged ones."""
    return f"{count} ARP frames of VLAN {vlan}" if vlan else f"{count} untagged ARP frames"


def _nothing_asked(e: Evidence) -> str | None:
    ear = e.ear(e.nic.point, TX)
    if e.asked or ear.why_deaf is not None:
        return None
    delivered = sum(each.object == e.nic.point for each in e.traffic.at(VNIC, RX))
    towards = f" for {e.target}" if e.target else ""
    return (
        f"{clock(ear.start)}–{clock(ear.end)}, {vlan_name(e.vlan)}: 0 ARP requests{towards} of "
        f"{e.case.vm.name} ({e.nic.mac}) at {e.nic.point}-tx, {delivered} ARP frames delivered to it."
    )


def _went_out(e: Evidence) -> str | None:
    if not e.asked:
        return None
    first, last = e.asked[0], e.asked[-1]
    frame = first.frame
    when = f"{clock(first.request.at)}–{clock(last.request.at)}, {vlan_name(e.vlan)}"
    who = f"{e.case.vm.name} ({frame.eth_src}, {frame.sender_ip} → {e.target})"
    out = handed(e)
    if out:
        to = " and ".join(f"{out[device]} to {place(e, device)}" for device in sorted(out))
        whole = list(out.values()) == [len(e.asked)]
        what = f"were handed to {place(e, next(iter(out)))}" if whole else f"were handed out, {to}"
        late = _late(e)
        what += f", {len(late)} more came there too late to be matched" * bool(late)
    elif late := _late(e):
        where = " and ".join(sorted({each.object for each in late}))
        what = (
            f"were seen at {first.request.frame.point}, {len(late)} of them again on {where}, too "
            "late to be matched"
        )
    elif not e.talk.uplinks or not _surely_heard_out(e):
        what = f"were seen at {first.request.frame.point}"
    else:
        what = f"entered the virtual switch, 0 were handed to {either(e.talk.uplinks)}"
    return f"{when}: {len(e.asked)} ARP requests of {who} {what}{_judged(e)}."


def _late(e: Evidence) -> list[Sighting]:
    """The first copy on an uplink of each request that is matched with none: the host was busy."""
    matched = {id(seen) for each in e.talk.asked for seen in each.left}
    late: dict[int, Sighting] = {}
    for each in e.asked:
        if each.left:
            continue
        copies = e.traffic.copies(each.request, each.request.at, each.request.at + _SOON)
        sent = (c for c in copies if c.kind == UPLINK and c.direction == TX)
        fresh = next((c for c in sent if id(c) not in matched and id(c) not in late), None)
        if fresh is not None:
            late[id(fresh)] = fresh
    return list(late.values())


def _surely_heard_out(e: Evidence) -> bool:
    """Whether every uplink's sent frames were heard while the requests came."""
    ears = [e.ear(up, TX) for up in e.talk.uplinks]
    return all(ear.hears(each.request.at, 0) for ear in ears for each in e.asked)


def _judged(e: Evidence) -> str:
    """Why fewer requests are judged than were sent, where that is so."""
    judged = {id(each) for each in e.judged}
    left_out = [each for each in e.asked if id(each) not in judged]
    ears = [ear for key in e.talk.needed if (ear := e.ear(*key)).why_deaf is None]
    if not left_out or not ears:
        return ""
    end = max(ear.end for ear in ears)
    port = e.ear(e.nic.point, RX)
    if e.fine and port.why_deaf is None:
        ears = [port]
    first, last = max(ears, key=lambda ear: ear.start), min(ears, key=lambda ear: ear.end)
    stop = "the end" if end - last.end <= _TOGETHER else f"{last.name} stopped"
    unicast = sum(not each.broadcast for each in left_out)
    early = sum(each.broadcast and each.request.at < first.start for each in left_out)
    late = sum(each.broadcast and each.request.at + REPLY_TIME > last.end for each in left_out)
    reasons = [
        f"{early} came before every point listened" if early else "",
        f"{late} came less than 2 s before {stop}" if late else "",
        f"{unicast} only checked a known entry by unicast" if unicast else "",
    ]
    why = ", ".join(each for each in reasons if each)
    return f"; {len(e.judged)} of {len(e.asked)} can be judged ({why})"


def _came_back(e: Evidence) -> str | None:
    if not e.asked:
        return None
    heard = [up for up in e.talk.uplinks if e.ear(up, RX).why_deaf is None]
    on_uplinks = Counter(device for each in e.asked for device in each.reply_on)
    parts = []
    if e.ear(e.nic.point, RX).why_deaf is None:
        parts.append(f"{share(e)} requests were answered at {e.nic.point}")
    elif e.delivered:
        parts.append(f"{len(e.delivered)} requests were answered at {e.nic.point}")
    if on_uplinks:
        came = ", ".join(f"{count} on {device}" for device, count in sorted(on_uplinks.items()))
        tags = {
            copy.vlan
            for each in e.asked
            for reply in each.replies
            for copy in reply.on_uplinks
            if e.tags_known(copy.object, RX)
        }
        tagged = f" ({', '.join(vlan_name(tag) for tag in sorted(tags))})" if tags else ""
        parts.append(f"replies came in: {came}{tagged}")
    elif heard:
        parts.append(f"0 replies came in on {either(heard)}")
    return "; ".join(parts) + "." if parts else None


def _heard_on_uplink(e: Evidence) -> str | None:
    """What else came in on the VM's uplink: a zero here is what a network engineer asks for."""
    if e.uplink is None or e.delivered or e.vlan is None:
        return None
    if e.ear(e.uplink, RX).why_deaf or not e.tags_known(e.uplink, RX):
        return None
    seen = [each for each in e.incoming if each.object == e.uplink]
    tags = Counter(each.vlan for each in seen)
    inside = sum(tags.pop(vlan, 0) for vlan in e.vlans)
    others = ", ".join(_of_vlan(count, vlan) for vlan, count in sorted(tags.items()))
    others = others or "0 of any other VLAN"
    if any(each.inferred for each in seen):
        return f"{arp_frames(inside, e.vlan)} on {e.uplink} are taken for incoming ({others} are)."
    return f"{arp_frames(inside, e.vlan)} came in on {e.uplink} ({others} did)."


def _of_vlan(count: int, vlan: int | None) -> str:
    return f"{count} of {vlan_name(vlan)}" if vlan else f"{count} {vlan_name(vlan)}"


def _reflections(e: Evidence) -> str | None:
    if not e.reflected:
        return None
    where = sorted({seen.object for each in e.reflected for seen in each.reflected})
    left = {seen.object for each in e.reflected for seen in each.left}
    near = place(e, next(iter(left))) if len(left) == 1 else "the uplinks they left on"
    seen = [seen for each in e.reflected for seen in (*each.left, *each.reflected)]
    if not all(e.tags_known(each.object, each.direction) for each in seen):
        network = "the network, in which VLAN is unknown"
    else:
        network = vlan_name(e.vlan) if e.vlan else "the untagged network"
    return (
        f"{len(e.reflected)} of {len(e.asked)} requests came back on {either(where)}: "
        f"NIC, cable and port of {near} pass this MAC into {network}."
    )


def _controls(e: Evidence) -> list[str]:
    """The most telling controls: the same target first, then the busiest."""
    if e.delivered and not e.lost:
        return []
    everybody = _counted(e.others) if e.start else e.scene.once(_all_controls)
    counts = {key[1:]: n for key, n in everybody.items() if not (key[0] and key[2] == e.target)}
    order = sorted(
        counts, key=lambda key: (key[1] != e.target, -counts[key][1], key[2], str(key[3]), key[0])
    )
    return [_control(e, key, counts[key]) for key in order[:_MOST_CONTROLS]]


def _all_controls(scene: Scene) -> dict[_Asker, list[int]]:
    return _counted(scene.asks)


def _counted(asks: Iterable[Ask]) -> dict[_Asker, list[int]]:
    """Asked and answered, by whether the judged VM asked, requester, target, uplink and VLAN."""
    counts: dict[_Asker, list[int]] = {}
    for ask in asks:
        if ask.fair or ask.answered_on:
            key = (ask.mine, ask.requester, ask.target, ask.uplink, ask.vlan)
            count = counts.setdefault(key, [0, 0])
            count[0] += 1
            count[1] += bool(ask.answered_on)
    return counts


def _control(e: Evidence, key: tuple[str, str, str, int | None], count: list[int]) -> str:
    requester, target, uplink, vlan = key
    names = {ip.split("/")[0]: vm.name for vm in e.case.host.local_vms for ip in vm.ipv4}
    names |= dict.fromkeys(e.talk.own_ips, f"{e.case.vm.name} itself")
    who = f"{names[requester]} ({requester})" if requester in names else requester
    return (
        f"Meanwhile {who} got {count[1]} of {count[0]} replies from {target} {in_vlan(vlan)} "
        f"over {place(e, uplink)}."
    )


def background(e: Evidence) -> str:
    """How many foreign broadcasts of the VLAN came in on siblings, and how many of them on U."""
    inside = [c for c in e.foreign_broadcasts if any(s.vlan in e.vlans for s in c.values())]
    if not inside:
        return f"no broadcast of {vlan_name(e.vlan)} was there to compare"
    seen = sum(e.uplink in copies for copies in inside)
    others = sorted({device for copies in inside for device in copies} - {e.uplink})
    heard = f" that {' and '.join(others)} received" if others else ""
    return f"{seen} of {len(inside)} broadcasts of {vlan_name(e.vlan)}{heard} came in on {e.uplink}"
