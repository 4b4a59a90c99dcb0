"""Sightings turned into the control group: what others on this host asked, and who answered them.

A local pair says nothing about an uplink, so only a request that left on an uplink counts, and only
a reply that came in on one answers it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from workers.arp.exchange.clock import TOLERANCE
from workers.arp.exchange.conversation import Conversation
from workers.arp.exchange.hearing import REPLY_TIME
from workers.arp.exchange.pairing import ANSWER_TIME
from workers.arp.exchange.sighting import COPY_TIME, REPLY, REQUEST, Sighting, is_probe
from workers.arp.exchange.traffic import Traffic
from workers.arp.model import BROADCAST, RX, TX, UPLINK, Case, Control, Direction
from workers.arp.model.values import dataclass


@dataclass(slots=True)
class Ask:
    """One request that left on an uplink, and the uplinks its reply and its reflection came on.

    ``fair`` is False where the uplink did not surely listen for the reply, or where a foreign reply may
    have been left out: then only an answer tells something. ``mine`` is the judged
    VM with another target; ``tagged`` that the VLAN was read from the frame, not from vCenter's facts.
    """

    requester: str
    mac: str
    target: str
    uplink: str
    vlan: int | None
    at: int
    broadcast: bool
    fair: bool
    mine: bool = False
    tagged: bool = True
    answered_on: tuple[str, ...] = ()
    reflected_on: tuple[str, ...] = ()
    answered_at: int | None = None


def unknown_tags(case: Case, traffic: Traffic) -> frozenset[tuple[str, Direction]]:
    """Uplink directions whose frames lost their tags on the way into the file.

    Where port groups or guests tag, or another uplink shows the tag of a copy, a point whose frames all
    lack one says nothing about VLANs: the NIC may have stripped them before the capture.
    """
    tagging = any(nic.vlan.mode in {"access", "pvlan"} and nic.vlan.id for nic in case.vm.nics)
    tagging = tagging or any(vm.vlan for vm in case.host.local_vms)
    seen: dict[tuple[str, Direction], bool] = {}
    for each in traffic.sightings:
        if each.kind == UPLINK:
            key = (each.object, each.direction)
            seen[key] = seen.get(key, False) or bool(each.frame.vlans)
    tagging = tagging or any(tagged for (_, way), tagged in seen.items() if way == TX)
    if not tagging and not any(seen.values()):
        return frozenset()
    bare = {key for key, tagged in seen.items() if not tagged}
    return frozenset(bare if tagging else {key for key in bare if _tagged_elsewhere(traffic, key)})


def _tagged_elsewhere(traffic: Traffic, key: tuple[str, Direction]) -> bool:
    """Whether a broadcast that came in here without a tag came in with one on another uplink."""
    return any(
        copy.frame.vlans and copy.kind == UPLINK and copy.direction == RX
        for each in traffic.at(UPLINK, RX)
        if (each.object, each.direction) == key and each.frame.eth_dst == BROADCAST
        for copy in traffic.copies(each, each.at - TOLERANCE, each.at + TOLERANCE)
    )


def asks_of(
    case: Case,
    traffic: Traffic,
    talk: Conversation,
    unknown: frozenset[tuple[str, Direction]],
) -> list[Ask]:
    """Every request that left on an uplink, the judged VM's own included."""
    told = {vm.mac: vm.vlan for vm in case.host.local_vms}
    own, own_macs, local = talk.nic.mac, talk.own_macs, traffic.local_macs
    sent = [
        each
        for each in traffic.at(UPLINK, TX)
        if each.frame.op == REQUEST and each.frame.eth_src in local and not is_probe(each.frame)
    ]
    back = {uplink: talk.ear(uplink, RX) for uplink in {each.object for each in sent}}
    asks = []
    for each in sent:
        frame = each.frame
        mine = frame.eth_src in own_macs or frame.sender_mac in own_macs
        stripped = (each.object, TX) in unknown
        fact = talk.nic.vlan.id if mine else told.get(frame.eth_src)
        asks.append(
            Ask(
                requester=frame.sender_ip,
                mac=frame.eth_src,
                target=frame.target_ip,
                uplink=each.object,
                vlan=fact if stripped else each.vlan,
                at=each.at,
                broadcast=frame.eth_dst == BROADCAST,
                fair=back[each.object].hears(each.at, REPLY_TIME)
                and (frame.eth_src == own or traffic.every_copy(frame, each.at + REPLY_TIME)),
                mine=mine,
                tagged=not stripped,
                reflected_on=_reflected(traffic, each),
            )
        )
    vlan = talk.nic.vlan
    pair = {vlan.id, vlan.primary} if vlan.mode == "pvlan" else set()
    _answer(asks, traffic, unknown, pair)
    return asks


def controls_of(asks: Iterable[Ask], target: str | None) -> tuple[Control, ...]:
    """The control group, counted by requester, target, uplink and VLAN."""
    counts: dict[tuple[str, str, str, int | None], list[int]] = {}
    for ask in asks:
        if (ask.mine and ask.target == target) or not (ask.fair or ask.answered_on):
            continue
        count = counts.setdefault((ask.requester, ask.target, ask.uplink, ask.vlan), [0, 0])
        count[0] += 1
        count[1] += bool(ask.answered_on)
    order = sorted(counts, key=lambda key: (key[2], key[3] or 0, key[0], key[1]))
    return tuple(Control(*key, asked=counts[key][0], answered=counts[key][1]) for key in order)


def _reflected(traffic: Traffic, left: Sighting) -> tuple[str, ...]:
    copies = traffic.copies(left, left.at - TOLERANCE, left.at + COPY_TIME)
    back = {
        each.object
        for each in copies
        if each.direction == RX and each.kind == UPLINK and each.object != left.object
    }
    return tuple(sorted(back)) if back else ()


def _answer(
    asks: Sequence[Ask],
    traffic: Traffic,
    unknown: frozenset[tuple[str, Direction]],
    pair: set[int | None],
) -> None:
    """One reply answers one request: the newest before it, in its own VLAN (or PVLAN pair)."""
    by_key: dict[tuple[str, str], list[Ask]] = {}
    for ask in asks:
        by_key.setdefault((ask.target, ask.requester), []).append(ask)
    times = {key: [ask.at for ask in group] for key, group in by_key.items()}
    for each in traffic.at(UPLINK, RX):
        frame = each.frame
        if frame.op != REPLY or (key := (frame.sender_ip, frame.target_ip)) not in by_key:
            continue
        index = bisect_right(times[key], each.at + TOLERANCE) - 1
        if index < 0 or each.at - times[key][index] > ANSWER_TIME:
            continue
        ask = by_key[key][index]
        same = ask.vlan == each.vlan or {ask.vlan, each.vlan} <= pair
        if not same and (each.object, RX) not in unknown:
            continue
        if each.object not in ask.answered_on:
            ask.answered_on = tuple(sorted([*ask.answered_on, each.object]))
            ask.answered_at = ask.answered_at or each.at
