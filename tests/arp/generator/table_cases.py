"""Cases at the edges of the table's rows: the least evidence that still names an owner."""

from __future__ import annotations

from tests.arp.generator.guest_cases import Made, company
from tests.arp.generator.world import Station, World


def other_targets_over_the_sibling() -> Made:
    world = World("other targets", carried={"vmnic1": {120}})
    world.neighbours()
    for ip, target in (("10.20.110.22", "10.20.110.50"), ("10.20.120.31", "10.20.120.1")):
        who = world.station(ip)
        assert who is not None
        world.asks(who, target, start=3.3, count=5, every=4.3)
    world.asks(world.vm, "10.20.110.1", count=18)
    why = "VLAN 110 is missing on vmnic1; on vmnic0 others are answered, by another target only"
    return world, {"why": why}, ["UPLINK_VLAN_NOT_CARRIED", "network", "vmnic1/110", "high"]


def local_vm_claims_the_address() -> Made:
    world = company("local thief")
    thief = Station("copy01", "00:50:56:9a:44:44", world.vm.ip, 110, "vmnic1")
    world.add(thief)
    world.asks(world.vm, "10.20.110.1", count=5, every=5)
    world.asks(thief, "10.20.110.1", start=6.5, count=3, every=5)
    why = "A clone on the same host speaks with the VM's address; its own replies are not late ones"
    return world, {"why": why}, ["VM_IP_CONFLICT", "guest", "10.20.110.21", "high"]


def bundle_member_suspended() -> Made:
    world = company("suspended", bundle=True, lost_out={"vmnic1"}, lost_in={"vmnic1"})
    world.asks(world.vm, "10.20.110.1", count=16)
    facts = {"why": "vmnic1's port is suspended from the bundle; the host still hashes to it"}
    wanted = ["UPLINK_PATH_LOSS", "network", "vmnic1/all", "medium"]
    return world, facts | {"teaming": "lacp", "lag": "lag1"}, wanted


def asked_seven_times_by_this_vm_only() -> Made:
    world = company("seven")
    world.asks(world.vm, "10.20.110.99", count=7)
    facts = {"why": "An unused address, asked for seven times", "targets": ["10.20.110.99"]}
    return world, facts, ["TARGET_DOWN", "target", "10.20.110.99", "medium"]


CASES = {
    each.__name__.replace("_", "-"): each
    for each in (
        other_targets_over_the_sibling,
        local_vm_claims_the_address,
        bundle_member_suspended,
        asked_seven_times_by_this_vm_only,
    )
}
