"""Facts about one unanswered target turned into signs: where its ARP goes missing, steps 11 to 16."""

from __future__ import annotations

from collections import Counter
from ipaddress import IPv4Interface

from workers.arp.exchange.control import Ask
from workers.arp.exchange.pairing import ANSWER_TIME
from workers.arp.exchange.sighting import UNSPECIFIED, Sighting
from workers.arp.model import RX, SECOND, Confidence, Owner
from workers.arp.numbers import fisher
from workers.arp.verdict.evidence import Evidence
from workers.arp.verdict.signs import HIGH_REQUESTS, LEAST_REQUESTS, Sign, silent
from workers.arp.verdict.subnet import at_home, one_subnet

LEAST_CONTROLS = 3
LEAST_PAIRED = 5
_CHANCE = 0.05
_SEVERAL = 3
_MOST = 0.8
_LONG = 22 * SECOND


# --- step 11: the wrong port group


def wrong_port_group(e: Evidence) -> Sign | None:
    """The VM's subnet lives in another VLAN."""
    if not _unanswered(e) or not e.networks or e.vlan is None or _own_subnet_heard(e):
        return None
    if any(not e.tags_known(up, RX) for up in e.talk.uplinks):
        return None
    lives = Counter(
        ask.vlan
        for ask in e.others
        if ask.answered_on
        and not ask.mine
        and ask.tagged
        and ask.vlan is not None
        and ask.vlan not in e.vlans
        and e.inside(ask.requester)
        and e.inside(ask.target)
    )
    if lives and lives.most_common(1)[0][1] >= LEAST_CONTROLS:
        vlan = lives.most_common(1)[0][0]
        return Sign(subject=f"{e.vlan}/{vlan}", confidence=Confidence.MEDIUM, detail=f"VLAN {vlan}")
    return _wrong_native(e)


def _wrong_native(e: Evidence) -> Sign | None:
    """Untagged port group: the switch port's native VLAN holds another subnet."""
    if e.nic.vlan.mode != "none" or e.vlan != 0:
        return None
    here = e.group or set(e.talk.uplinks)
    copies = [copy for each in e.foreign_broadcasts for up, copy in each.items() if up in here]
    heard = [each.frame.sender_ip for each in copies if each.vlan == 0]
    others = [sender for sender in heard if sender != UNSPECIFIED and not e.inside(sender)]
    if len(others) < LEAST_CONTROLS or (
        _several_nets(e, others) and not any(c.vlan for c in copies)
    ):
        return None  # several subnets without a tag: the NIC may have stripped all tags
    return Sign(
        subject="untagged", confidence=Confidence.MEDIUM, detail=f"untagged {min(set(others))}"
    )


def _several_nets(e: Evidence, senders: list[str]) -> bool:
    length = e.networks[0].network.prefixlen
    return len({IPv4Interface(f"{sender}/{length}").network for sender in senders}) > 1


def _own_subnet_heard(e: Evidence) -> bool:
    answered = any(
        ask.vlan in e.vlans and ask.answered_on and e.inside(ask.target) for ask in e.others
    )
    heard = (e.inside(each.frame.sender_ip) for each in _foreign(e) if each.vlan in e.vlans)
    return answered or any(heard)


def _foreign(e: Evidence) -> list[Sighting]:
    return [each for each in e.incoming if each.frame.eth_src not in e.traffic.local_macs]


# --- step 12: the uplink and the VLAN work


def vm_specific(e: Evidence) -> Sign | None:
    """On the same uplink and VLAN the target answers others, not this VM."""
    if not _path_works(e) or e.unproven(e.siblings) or not one_subnet(e):
        return None
    same = e.answered(lambda ask: e.on_group(ask) and ask.target == e.target and not ask.mine)
    if same == 0 or fisher(len(e.lost), same) > _CHANCE:
        return None
    baseline = _reflected_others(e, e.group)
    back = "entered fabric" if e.reflected else None
    subject = back if e.came_back_at_all or not baseline else "not reflected"
    pairs = len(e.pairs(lambda ask: bool(ask.answered_on)))
    return Sign(subject=subject, controlled=pairs > 1, assumption=subject is None)


def target_down(e: Evidence) -> Sign | None:
    """The uplink and the VLAN work, and the target answered nobody."""
    if not _path_works(e) or _shows_life(e) or not at_home(e):
        return None
    if e.nic.vlan.mode == "pvlan" and not e.is_gateway:
        return None
    asked_by_others = any(a.target == e.target and not a.mine and a.fair for a in e.others)
    if asked_by_others:
        pairs = len(e.pairs(lambda ask: bool(ask.answered_on)))
        return _down(e, Sign(controlled=pairs > 1, assumption=_split(e)))
    in_company = bool(e.foreign_broadcasts) or any(not ask.mine for ask in e.others)
    if not in_company or not (_heard_long(e) or e.is_gateway):
        return None
    if e.target in e.silent_targets and len(e.silent_targets) > 1:
        return Sign(e.target, Owner.INCONCLUSIVE, Confidence.LOW, detail="scan")
    return _down(e, Sign(confidence=Confidence.MEDIUM))


def _heard_long(e: Evidence) -> bool:
    """Whether others who asked for the target would have been heard, too."""
    span = e.talk.span
    heard = span[1] - max(span[0], e.start) if span else 0
    return len(e.lost) >= HIGH_REQUESTS or heard >= _LONG


def _down(e: Evidence, sign: Sign) -> Sign:
    """The gateway is the network's, another target its owner's; where nobody told, neither is named."""
    if e.nic.gateway is None:
        return Sign(e.target, Owner.INCONCLUSIVE, Confidence.LOW)
    owner = Owner.NETWORK if e.is_gateway else Owner.TARGET
    return Sign(e.target, owner, sign.confidence, sign.controlled, sign.assumption)


def _split(e: Evidence) -> bool:
    """Whether the VLAN may be cut in two: no broadcast of it comes on both uplinks, others' do."""
    inside = [copies for copies in e.foreign_broadcasts if _in_v(e, copies)]
    once = all(len(copies) == 1 for copies in inside)
    return once and len(inside) >= LEAST_CONTROLS and e.wired_apart


def _in_v(e: Evidence, copies: dict[str, Sighting]) -> bool:
    return any(copy.vlan in e.vlans for copy in copies.values())


def _path_works(e: Evidence) -> bool:
    """At least three controls came back over U in v while at least five requests were lost."""
    if not _unanswered(e) or e.uplink is None:
        return False
    if e.answered(e.on_group) < LEAST_CONTROLS:
        return False
    newest = max(ask.at for ask in e.others if e.on_group(ask))
    return len(e.lost) >= LEAST_REQUESTS and e.lost[LEAST_REQUESTS - 1].request.at <= newest


def _shows_life(e: Evidence) -> bool:
    """The target answered somebody, or spoke at all."""
    return e.alive(e.target) or any(ask.target == e.target and ask.answered_on for ask in e.others)


def _reflected_others(e: Evidence, uplinks: frozenset[str]) -> bool:
    back = [a for a in e.others if a.uplink in uplinks and a.vlan == e.vlan and a.reflected_on]
    return len(back) >= LEAST_CONTROLS


def _unanswered(e: Evidence) -> bool:
    lost = silent(e) and not e.replies and bool(e.seen_out)
    return lost and not e.overlay and not e.local_target and not e.unpaired


# --- steps 13 and 14: the uplink's path


def uplink_vlan_missing(e: Evidence) -> Sign | None:
    """Nothing of v comes in on U, other VLANs do."""
    sign = _deaf_uplink(e)
    return sign if sign and sign.detail == "vlan" else None


def uplink_path_lost(e: Evidence) -> Sign | None:
    """Nothing at all comes in on U, or nothing comes back although requests go out."""
    sign = _deaf_uplink(e) or _mute_uplink(e) or _dead_member(e)
    return sign if sign and sign.detail != "vlan" else None


def _deaf_uplink(e: Evidence) -> Sign | None:
    """V lives on siblings, and no frame of v came in on U."""
    if not _unanswered(e) or e.uplink is None or e.vlan is None or e.wired_as_bundle:
        return None
    on_u = [each for each in e.incoming if each.object in e.group]
    if any(not e.tags_known(each.object, RX) or each.vlan in e.vlans for each in on_u):
        return None
    missed = [copies for copies in e.foreign_broadcasts if _in_vlan(e, copies)]
    worked = e.pairs(e.on_sibling)
    same_target = sum(count for (_, target), count in worked.items() if target == e.target)
    if len(missed) < LEAST_PAIRED and sum(worked.values()) < LEAST_CONTROLS:
        return None
    if not missed and same_target < LEAST_CONTROLS and not e.floods:
        return None
    answered = len(e.pairs(lambda ask: bool(ask.answered_on)))
    controlled = answered > 1 or len(missed) >= LEAST_PAIRED
    what = "rx" if len(e.reflected) >= LEAST_CONTROLS else "vlan" if on_u else "all"
    name = str(e.vlan) if e.vlan else "untagged"
    subject = f"{e.uplink}/{name if what == 'vlan' else what}"
    return Sign(subject, controlled=controlled, detail=what)


def _in_vlan(e: Evidence, copies: dict[str, Sighting]) -> bool:
    return any(
        device in e.siblings and copy.vlan in e.vlans and e.tags_known(device, RX)
        for device, copy in copies.items()
    )


def _mute_uplink(e: Evidence) -> Sign | None:
    """V is heard on U, but nothing U sends is seen again, while what siblings send is."""
    if not _unanswered(e) or e.uplink is None or e.wired_as_bundle:
        return None
    sent = [ask for ask in e.scene.asks if ask.broadcast and ask.vlan == e.vlan]
    ours = [ask for ask in sent if ask.uplink in e.group]
    back = [a for a in sent if a.uplink in e.siblings and set(a.reflected_on) & e.group]
    if e.came_back_at_all or any(ask.reflected_on or ask.answered_on for ask in ours):
        return None
    if len(ours) < LEAST_REQUESTS or len(back) < LEAST_CONTROLS:
        return None
    if e.answered(e.on_sibling) < LEAST_CONTROLS:
        return None
    answered = len(e.pairs(lambda ask: bool(ask.answered_on)))
    return Sign(f"{e.uplink}/tx", controlled=answered > 1 or len(back) >= LEAST_PAIRED, detail="tx")


def _dead_member(e: Evidence) -> Sign | None:
    """A bundle's member that nobody is answered on and nothing comes in on: suspended, or dead."""
    mates = e.group - {e.uplink}
    if not _unanswered(e) or e.uplink is None or not mates:
        return None
    heard = Counter(each.object for each in _foreign(e))
    if heard[e.uplink] or sum(heard[mate] for mate in mates) < LEAST_PAIRED:
        return None
    start = e.lost[0].request.at - ANSWER_TIME
    worked = Counter(
        a.target for a in e.others if a.uplink in mates and a.answered_on and a.at >= start
    )
    sent = [ask for ask in e.others if ask.uplink == e.uplink]
    if any(ask.answered_on for ask in sent):
        return None
    here = [ask for ask in sent if ask.fair]
    missed = sum(not ask.mine and worked[ask.target] >= LEAST_CONTROLS for ask in here)
    if min(missed, worked[e.target]) < LEAST_CONTROLS and not _all_over_mates(e, here, mates):
        return None
    return Sign(f"{e.uplink}/all", assumption=True, detail="all")


def _all_over_mates(e: Evidence, here: list[Ask], mates: frozenset[str]) -> bool:
    """Whether several missed several targets on U, while over its mates all were answered."""
    lost = [ask for ask in here if not ask.mine]
    targets = {ask.target for ask in lost} | {e.target}
    there = [ask for ask in e.others if ask.uplink in mates and ask.fair]
    if any(not ask.answered_on for ask in there) or len(lost) < LEAST_REQUESTS:
        return False
    inside = sum(ask.vlan == e.vlan for ask in there)
    return len(targets) >= _SEVERAL and len(there) >= HIGH_REQUESTS and inside >= LEAST_CONTROLS


# --- steps 15 and 16: the VLAN, the target


def vlan_dead(e: Evidence) -> Sign | None:
    """Nobody is answered in v on any uplink, another VLAN works."""
    if not _unanswered(e) or e.vlan is None or e.unproven(e.talk.uplinks):
        return None
    if any(not e.tags_known(up, RX) for up in e.talk.uplinks):
        return None
    inside = [ask for ask in e.scene.asks if ask.vlan == e.vlan]
    foreign = any(each.vlan in e.vlans for each in _foreign(e))
    if foreign or any(ask.answered_on for ask in inside):
        return None
    targets = {a.target for a in inside}
    # Two addresses may both be nobody's; a gateway is somebody, and one of them may be it where none is told.
    least = 2 if e.nic.gateway in {None, *targets} else _SEVERAL
    if len({a.requester for a in inside}) <= 1 or len(targets) < least:
        return None
    if e.answered(lambda ask: ask.vlan not in {e.vlan, None}) < LEAST_CONTROLS:
        return None
    return Sign(subject=str(e.vlan) if e.vlan else "untagged", assumption=not e.reflected)


def nobody_gets_it(e: Evidence) -> Sign | None:
    """Several requesters miss the target, one of them over a path that works."""
    if not _unanswered(e) or _shows_life(e) or not at_home(e):
        return None
    if e.nic.vlan.mode == "pvlan" and not e.is_gateway:
        return None
    missing = [a for a in e.others if a.target == e.target and a.fair and a.vlan == e.vlan]
    working = {a.uplink for a in e.others if a.answered_on and a.vlan == e.vlan}
    if not any(_same_way(ask, working) for ask in missing):
        return None
    if e.answered(lambda ask: ask.vlan == e.vlan) < LEAST_CONTROLS:
        return None
    return _down(e, Sign(confidence=Confidence.MEDIUM))


def _same_way(ask: Ask, working: set[str]) -> bool:
    return not ask.mine and ask.uplink in working
