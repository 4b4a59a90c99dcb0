"""Cases with their cause behind the uplinks: ports, VLANs, the network's tables, the target."""

from __future__ import annotations

from tests.arp.generator.guest_cases import GUEST_OK, Made, chat, company
from tests.arp.generator.world import Answer, World

NO_CONTROL = ["UNANSWERED_NO_CONTROL", "inconclusive", None, "low"]


def vlan_missing_on_uplink() -> Made:
    world = company("vlan missing", carried={"vmnic1": {120}})
    world.asks(world.vm, "10.20.110.1", count=20)
    why = "VLAN 110 is not in the trunk of vmnic1's switch port"
    return world, {"why": why}, ["UPLINK_VLAN_NOT_CARRIED", "network", "vmnic1/110", "high"]


def uplink_receives_nothing() -> Made:
    world = company("dead rx", lost_in={"vmnic1"})
    world.asks(world.vm, "10.20.110.1", count=16)
    why = "vmnic1 sends well (its frames come back on vmnic0) and receives nothing"
    return world, {"why": why}, ["UPLINK_PATH_LOSS", "network", "vmnic1/rx", "high"]


def uplink_sends_nothing() -> Made:
    world = company("dead tx", lost_out={"vmnic1"})
    world.asks(world.vm, "10.20.110.1", count=16)
    why = "vmnic1 receives everything, what it sends never reaches the switch"
    return world, {"why": why}, ["UPLINK_PATH_LOSS", "network", "vmnic1/tx", "high"]


def uplink_dead() -> Made:
    world = company("dead", lost_out={"vmnic1"}, lost_in={"vmnic1"})
    world.asks(world.vm, "10.20.110.1", count=16)
    why = "vmnic1's port is err-disabled while the link stays up"
    return world, {"why": why}, ["UPLINK_PATH_LOSS", "network", "vmnic1/all", "high"]


def port_was_learning() -> Made:
    world = company("learning", heard_out=lambda who, at: at > 15 or who.uplink != "vmnic1")
    world.asks(world.vm, "10.20.110.1", count=24)
    why = "Spanning tree: the port forwards from 15 s on"
    return world, {"why": why}, ["RECOVERED_DURING_CAPTURE", "network", None, "medium"]


def port_died_meanwhile() -> Made:
    world = company("dies", lost_in=set())
    world.asks(world.vm, "10.20.110.1", count=24)
    world.frames["vmnic1-rx"] = [each for each in world.frames["vmnic1-rx"] if each[0] < 9]
    world.frames["vnic0-rx"] = [
        each for each in world.frames["vnic0-rx"] if each[0] < 9 or each[2].src[:8] == "00:50:56"
    ]
    world.frames["vmnic0-rx"] = [
        each for each in world.frames["vmnic0-rx"] if each[0] < 9 or each[2].src != world.vm.mac
    ]
    why = "ARP inspection err-disables vmnic1's port at 9 s: nothing comes in from then on"
    return world, {"why": why}, ["UPLINK_PATH_LOSS", "network", "vmnic1/all", "high"]


def vlan_pruned_upstream() -> Made:
    world = World("pruned", answer=lambda who, asker, at: [Answer()] if who.vlan == 120 else [])
    world.neighbours()
    chat(world)
    world.frames = {
        point: [each for each in frames if each[2].src != "ac:1f:6b:50:50:50"]
        for point, frames in world.frames.items()
    }
    world.asks(world.vm, "10.20.110.1")
    why = "VLAN 110 ends at the access switch: reflections, but nobody beyond it answers"
    return world, {"why": why}, ["VLAN_DEAD", "network", "110", "high"]


def storm_control_bursts() -> Made:
    world = company(
        "storm", answer=lambda who, asker, at: [] if int(at) % 7 in {2, 3, 4} else [Answer()]
    )
    world.asks(world.vm, "10.20.110.1", count=24)
    why = "Storm control drops bursts of broadcasts for everybody"
    return world, {"why": why}, ["PARTIAL_LOSS", "network", "10.20.110.1", "medium"]


def port_security() -> Made:
    world = company("port security")
    world.heard_out = lambda who, at: who is not world.vm
    world.asks(world.vm, "10.20.110.1")
    why = "Port security on vmnic1's port refuses this MAC only"
    return world, {"why": why}, ["REPLY_LOST_VM_SPECIFIC", "network", "not reflected", "high"]


def target_filters_this_host() -> Made:
    world = company("filter")
    db03 = world.station("10.20.110.23")
    assert db03 is not None
    world.asks(db03, "10.20.110.50", start=3.7, count=6, every=3.7)
    world.answer = lambda who, asker, at: [] if asker is world.vm else [Answer()]
    world.asks(world.vm, "10.20.110.50")
    facts = {"why": "The server answers others, not this VM", "targets": ["10.20.110.50"]}
    return world, facts, ["REPLY_LOST_VM_SPECIFIC", "network", "entered fabric", "high"]


def reply_on_sibling_delivered() -> Made:
    world = company("sibling")
    world.returns[world.vm.mac] = "vmnic0"
    world.asks(world.vm, "10.20.110.1", count=5, every=5)
    why = "The switch still knows the VM on vmnic0; its replies are delivered all the same"
    return world, {"why": why, "side_findings": ["REPLY_ON_OTHER_UPLINK"]}, GUEST_OK


def port_channel_without_hash() -> Made:
    world = company("port-channel", bundle=True)
    world.returns[world.vm.mac] = "vmnic0"
    world.asks(world.vm, "10.20.110.1", count=16)
    why = "Static port-channel on the switch, originating port ID on the virtual switch"
    subject = "port-channel without IP hash"
    return world, {"why": why}, ["TEAMING_MISMATCH", "virtualization", subject, "high"]


def ip_hash_without_port_channel() -> Made:
    world = company("ip hash")
    world.returns[world.vm.mac] = "vmnic0"
    world.port_drops_in = lambda at: True
    world.asks(world.vm, "10.20.110.1", count=16)
    facts = {"why": "IP hash on the virtual switch, independent ports on the switch"}
    subject = "IP hash without port-channel"
    wanted = ["TEAMING_MISMATCH", "virtualization", subject, "high"]
    return world, facts | {"teaming": "iphash"}, wanted


def lacp_bundle() -> Made:
    world = company("lacp", bundle=True)
    world.returns[world.vm.mac] = "vmnic0"
    world.asks(world.vm, "10.20.110.1", count=5, every=5)
    world.frames["vnic0-rx"] += [
        (at + 0.00003, (), f)
        for at, _, f in world.frames["vmnic0-rx"]
        if f.op == 2 and f.dst == world.vm.mac
    ]
    facts = {"why": "A healthy LACP bundle: no reflections, replies on either member"}
    return world, facts | {"teaming": "lacp", "lag": "lag1"}, GUEST_OK


def lacp_bundle_target_down() -> Made:
    world = company("lacp down", bundle=True)
    world.asks(world.vm, "10.20.110.99")
    web02 = world.station("10.20.110.22")
    assert web02 is not None
    world.asks(web02, "10.20.110.99", start=4.4, count=5, every=1.1)
    facts = {"why": "LACP bundle, the target is off", "targets": ["10.20.110.99"]}
    wanted = ["TARGET_DOWN", "target", "10.20.110.99", "high"]
    return world, facts | {"teaming": "lacp", "lag": "lag1"}, wanted


CASES = {
    each.__name__.replace("_", "-"): each
    for each in (
        vlan_missing_on_uplink,
        uplink_receives_nothing,
        uplink_sends_nothing,
        uplink_dead,
        port_was_learning,
        port_died_meanwhile,
        vlan_pruned_upstream,
        storm_control_bursts,
        port_security,
        target_filters_this_host,
        reply_on_sibling_delivered,
        port_channel_without_hash,
        ip_hash_without_port_channel,
        lacp_bundle,
        lacp_bundle_target_down,
    )
}
