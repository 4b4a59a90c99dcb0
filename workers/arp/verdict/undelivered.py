"""Facts about one target turned into signs: lost inside this host, or come back and not delivered.

Steps 9 and 10.
"""

from __future__ import annotations

from collections import Counter

from workers.arp.exchange.clock import Identity
from workers.arp.exchange.conversation import asked_by_a_timer, asked_in_threes
from workers.arp.exchange.pairing import Asked
from workers.arp.exchange.sighting import REPLY, REQUEST, Sighting, is_probe
from workers.arp.model import BROADCAST, RX, TX, UPLINK, VNIC, Confidence, Owner, Role
from workers.arp.verdict.evidence import Evidence
from workers.arp.verdict.scene import Scene
from workers.arp.verdict.signs import LEAST_REQUESTS, SHOWS_NOTHING, Sign, enough, silent

LEAST_CONTROLS = 3
LEAST_PAIRED = 5
_CHANCE = 0.05
_MOST = 0.8


# --- step 9: on no uplink


def local_down(e: Evidence) -> Sign | None:
    """The target is a VM of this host, and it shows no life."""
    if not silent(e) or e.replies or not e.local_target or e.alive(e.target):
        return None
    worked = e.answered(lambda ask: bool(ask.answered_on)) >= LEAST_CONTROLS
    return Sign(subject=e.target, owner=Owner.TARGET, controlled=worked, detail="local")


def overlay_silent(e: Evidence) -> Sign | None:
    """Overlay ARP travels inside a tunnel: silence on the uplinks says nothing."""
    if not silent(e) or not e.overlay:
        return None
    return Sign(confidence=Confidence.LOW, detail="overlay")


def dropped_on_the_way_out(e: Evidence) -> Sign | None:
    """Requests entered the virtual switch and were handed to no uplink."""
    if not silent(e) or e.seen_out or e.overlay or e.replies:
        return None
    if any(each.request.kind != VNIC for each in e.lost):
        return None
    out = e.scene.once(_handed_out)
    if any(each.request.key in out for each in e.asked) or _uplink_in_doubt(e):
        return None
    return Sign(controlled=_others_leave(e))


def _handed_out(scene: Scene) -> frozenset[Identity]:
    """All that left on any uplink."""
    return frozenset(each.key for each in scene.traffic.at(UPLINK, TX))


def uplink_unproven(e: Evidence) -> Sign | None:
    """Requests entered the switch, and an uplink they may have left on alone shows not one frame.

    Dropped, or not heard: where the fabric floods, what was handed to it would have come back on
    another. A host that sends no ARP on any uplink is quiet, and files without a frame as they should be.
    """
    shown = {each.object for each in e.traffic.at(UPLINK, TX)}
    mute = [uplink for uplink in _ways_out(e) if uplink not in shown]
    if not mute or not shown or e.floods or dropped_on_the_way_out(e) is None:
        return None
    return Sign(f"{mute[0]}-tx", confidence=Confidence.LOW, detail=SHOWS_NOTHING)


def _ways_out(e: Evidence) -> list[str]:
    """The uplinks on which the VM's frames may leave."""
    if e.case.host.teaming in {"iphash", "lacp"}:
        return list(e.talk.uplinks)
    if e.nic.pinned_uplink:
        return [e.nic.pinned_uplink]
    standby = {each.device for each in e.case.host.uplinks if each.role is Role.STANDBY}
    return [uplink for uplink in e.talk.uplinks if uplink not in standby]


def _others_leave(e: Evidence) -> bool:
    """Whether others' frames were seen to leave: on the VM's own uplink, or the fabric floods."""
    told = e.nic.pinned_uplink
    sent = e.traffic.at(UPLINK, TX)
    out = {each.object for each in sent if each.frame.eth_src not in e.talk.own_macs}
    return bool(out) and (e.floods or told is None or told in out)


def _uplink_in_doubt(e: Evidence) -> bool:
    """The VM's uplink shows nothing either way in the VM's VLAN, while another uplink hears it.

    In a bundle any member may be the VM's uplink, and one that shows nothing at all is in doubt.

    Then the VLAN is missing there, and the capture of what went out is the likelier thing to be deaf.
    """
    pinned = e.nic.pinned_uplink
    if e.case.host.teaming in {"iphash", "lacp"}:
        shown = {each.object for each in e.traffic.sightings}
        return not set(e.talk.uplinks) <= shown
    if pinned is None or any(each.object == pinned for each in e.traffic.at(UPLINK, TX)):
        return False
    heard = {each.object for each in e.incoming if each.vlan in e.vlans}
    return bool(heard) and pinned not in heard


# --- step 10: the reply came back and was not delivered


def reply_to_stale_mac(e: Evidence) -> Sign | None:
    """The reply names another MAC than the VM's."""
    return _undelivered_as(e, "stale")


def reply_in_other_vlan(e: Evidence) -> Sign | None:
    """The reply carries another tag than the request."""
    return _undelivered_as(e, "vlan")


def port_unproven(e: Evidence) -> Sign | None:
    """Replies came in, and others' broadcasts, and the VM's port shows none: dropped, or not heard.

    Only the VM can tell, by asking as a kernel does that gets nothing, or by leaving requests open. In
    a quiet VLAN a file without a frame is what a dropped reply leaves.
    """
    if _port_heard(e) or len(_flooded(e)) < LEAST_CONTROLS:
        return None
    if not (_undelivered_as(e, "drop") or _undelivered_as(e, "teaming")):
        return None
    if _asks_unanswered(e) or _leaves_unanswered(e):
        return None
    return Sign(subject=f"{e.nic.point}-rx", confidence=Confidence.LOW, detail=SHOWS_NOTHING)


def _flooded(e: Evidence) -> list[Sighting]:
    """Broadcasts from outside that came in where the VM's requests leave, in its VLAN."""
    return [
        copies[uplink]
        for copies in e.foreign_broadcasts
        for uplink in sorted(e.group & copies.keys())
        if copies[uplink].vlan in e.vlans
    ]


def _port_heard(e: Evidence) -> bool:
    return any(each.object == e.nic.point for each in e.traffic.at(VNIC, RX))


def _asks_unanswered(e: Evidence) -> bool:
    """Whether it asks again as a kernel without an answer does; a tool asks on in any case."""
    frames = [each.frame for each in e.lost if each.broadcast]
    if all(frame.target_mac == BROADCAST for frame in frames):
        return False
    return max(asked_in_threes(frames), asked_by_a_timer(frames)) >= LEAST_CONTROLS


def _leaves_unanswered(e: Evidence) -> bool:
    """Whether requests for the VM came in where its own go out, in its VLAN, and it answered none."""
    mine = [
        each
        for each in e.incoming
        if each.frame.op == REQUEST
        and each.frame.target_ip in e.talk.own_ips
        and each.frame.eth_dst in {BROADCAST, e.nic.mac}
        and not is_probe(each.frame)
        and each.object in e.group
        and each.vlan in e.vlans
        and e.ear(e.nic.point, TX).hears(each.at)
    ]
    sent = (each.frame for each in e.traffic.at(VNIC, TX))
    return len(mine) >= LEAST_CONTROLS and not any(frame.op == REPLY for frame in sent)


def reply_on_other_uplink(e: Evidence) -> Sign | None:
    """The reply comes in on an uplink the request did not leave on."""
    return _undelivered_as(e, "teaming")


def reply_dropped(e: Evidence) -> Sign | None:
    """The reply came in where it should, tagged and addressed as it should."""
    return _undelivered_as(e, "drop")


def _undelivered_as(e: Evidence, kind: str) -> Sign | None:
    back = e.undelivered
    few = len(back) < max(LEAST_CONTROLS, _MOST * len(e.lost))
    if len(e.lost) < LEAST_REQUESTS or not enough(e) or few or e.overlay or e.delivered_unasked:
        return None
    kinds = Counter(_kind(e, each) for each in back)
    # Where the way out contradicts vCenter, nobody knows on which uplink a reply has to come in.
    untold = kind in {"teaming", "drop"} and e.uplink_untold is not None
    if kinds[kind] < _MOST * len(back) or untold:
        return None
    copies = [copy for each in back for reply in each.replies for copy in reply.on_uplinks]
    if kind == "vlan":
        tags = Counter(copy.vlan for copy in copies)
        tag = tags.most_common(1)[0][0]
        return Sign(subject=str(tag) if tag else "untagged")
    if kind == "stale":
        return Sign(subject=copies[0].frame.eth_dst)
    if kind == "teaming":
        ip_hash = e.case.host.teaming == "iphash"
        told = "IP hash without port-channel" if ip_hash else "port-channel without IP hash"
        return Sign(subject=told, assumption=not (ip_hash or e.wired_as_bundle))
    tagged = all(e.tags_known(copy.object, RX) for copy in copies)
    return Sign(subject=copies[0].object, assumption=not (_port_heard(e) and tagged))


def _kind(e: Evidence, asked: Asked) -> str:
    """Why one reply was not delivered, as far as its frame tells."""
    frame = asked.frame
    macs = {e.nic.mac, frame.eth_src, BROADCAST}
    copies = [copy for reply in asked.replies for copy in reply.on_uplinks]
    ours = [copy for copy in copies if copy.frame.eth_dst in macs]
    if not ours:
        return "stale"
    if not asked.left:
        return "unknown"
    out = {each.object for each in asked.left}
    on_path = [copy for copy in ours if _mates(e, out, copy.object)]
    near = on_path or ours
    told = [copy.vlan for copy in ours if e.tags_known(copy.object, RX)]
    if len(told) < len(ours) and any(tag not in e.vlans for tag in told):
        return "unknown"  # a sibling shows a foreign tag that the VM's own uplink lost
    if not e.vlans or not all(e.tags_known(copy.object, RX) for copy in near):
        return "drop" if on_path and _delivers_from(e, on_path[0].frame.eth_src) else "unknown"
    if not any(copy.vlan in e.vlans for copy in near):
        return "vlan"
    return "drop" if on_path else _off_path(e)


def _delivers_from(e: Evidence, mac: str) -> bool:
    """Whether broadcasts of the same machine reach the VM, so that it sends in the VM's VLAN."""
    got = [
        each
        for each in e.traffic.at(VNIC, RX)
        if each.object == e.nic.point and each.frame.eth_src == mac
    ]
    return len(got) >= LEAST_CONTROLS


def _off_path(e: Evidence) -> str:
    """A right reply on another uplink: the wiring tells whether the bundling is at fault."""
    apart = e.wired_apart or bool(e.reflected)
    if e.case.host.teaming == "iphash":
        return "teaming" if apart else "drop"
    # Without broadcasts from outside nothing tells a bundle from a fabric that floods none; and another
    # VLAN may be carried by one uplink only.
    flooded = sum(any(c.vlan in e.vlans for c in each.values()) for each in e.foreign_broadcasts)
    return "unknown" if apart or flooded < LEAST_CONTROLS else "teaming"


def _mates(e: Evidence, out: set[str], device: str) -> bool:
    """Whether a reply on this uplink came back the way the request went."""
    if device in out:
        return True
    if e.case.host.teaming == "lacp":
        return True
    lags = {each.device: each.lag for each in e.case.host.uplinks}
    return lags.get(device) is not None and any(lags.get(each) == lags[device] for each in out)
