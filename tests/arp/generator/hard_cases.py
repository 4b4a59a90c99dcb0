"""Cases with two things at once, or with files that lie: where a quick reading names the wrong team."""

from __future__ import annotations

from tests.arp.generator.capture_cases import BLIND
from tests.arp.generator.guest_cases import GUEST_OK, Made, company
from tests.arp.generator.world import BROADCAST, Answer, Frame, Station, World


def ip_hash_splits_by_target() -> Made:
    world = company("hash by target", bundle=True)
    world.asks(world.vm, "10.20.110.1", count=5, every=5)
    world.vm.uplink = "vmnic0"
    world.asks(world.vm, "10.20.110.50", start=4.2, count=4, every=5)
    facts = {
        "why": "IP hash: the gateway is asked over vmnic1, the server over vmnic0; all is well"
    }
    return world, facts | {"teaming": "iphash"}, GUEST_OK


def ip_hash_member_dead() -> Made:
    world = World("dead member", bundle=True, lost_out={"vmnic1"}, lost_in={"vmnic1"})
    world.neighbours()
    for ip, target, start in (
        ("10.20.110.22", "10.20.110.1", 3.3),
        ("10.20.110.22", "10.20.110.50", 6.2),
        ("10.20.110.23", "10.20.110.50", 4.1),
    ):
        who = world.station(ip)
        assert who is not None
        world.asks(who, target, start, count=5, every=4.3)
    for who in world.stations[2:4]:
        world.background(who)
    world.asks(world.vm, "10.20.110.1", count=16)
    why = "IP hash over a port-channel; vmnic1's port is dead, its VMs fail with whomever they ask for"
    return (
        world,
        {"why": why, "teaming": "iphash"},
        [
            "UPLINK_PATH_LOSS",
            "network",
            "vmnic1/all",
            "medium",
        ],
    )


def vlan_comes_in_nowhere() -> Made:
    world = company("one way", lost_vlan_in={("vmnic1", 110)})
    world.asks(world.vm, "10.20.110.1", count=16)
    why = (
        "VLAN 110 passes vmnic1's port inwards only: requests come back on vmnic0, nothing comes in"
    )
    return world, {"why": why}, ["UPLINK_PATH_LOSS", "network", "vmnic1/rx", "high"]


def announces_its_address() -> Made:
    world = company("announces")
    world.asks(world.vm, world.vm.ip, start=1.5, count=4, every=2)
    world.asks(world.vm, "10.20.110.1", count=5, every=5)
    why = "Gratuitous ARP is no unanswered request: the gateway answers each real one"
    return world, {"why": why}, GUEST_OK


def gateway_is_spoofed() -> Made:
    world = company("spoofed")
    liar = "00:00:5e:00:53:66"
    world.answer = lambda who, asker, at: [Answer(), Answer(mac=liar, after=0.0009)]
    world.asks(world.vm, "10.20.110.1", count=5, every=5)
    world.asks(world.vm, "10.20.110.50", start=3.1, count=4, every=5)
    why = "One MAC answers for the gateway and the server beside their own replies: ARP spoofing"
    wanted = ["DUPLICATE_RESPONDERS", "inconclusive", "10.20.110.1", "high"]
    return world, {"why": why, "side_findings": ["PROXY_ARP"]}, wanted


def router_polices_arp() -> Made:
    def policed(who: Station, asker: Station, at: float) -> list[Answer]:
        router = who.ip.endswith(".1")
        return [] if router and int(at * 1.7) % 3 else [Answer()]

    world = company("policer", answer=policed)
    world.asks(world.vm, "10.20.110.1", count=26)
    world.asks(world.vm, "10.20.110.50", start=3.4, count=5, every=5)
    why = "The gateway's control plane polices ARP: a third is answered, hosts answer everything"
    return world, {"why": why}, ["PARTIAL_LOSS", "network", "10.20.110.1", "medium"]


def receive_drop_tags_stripped() -> Made:
    world = company("drop, no tags", tags=False)
    world.port_drops_in = lambda at: True
    gateway = world.station("10.20.110.1")
    assert gateway is not None
    world.background(gateway)
    world.asks(world.vm, "10.20.110.1")
    facts = {"why": "Replies are dropped before the port; the gateway's broadcasts get there"}
    wanted = ["VSWITCH_DROP_RX", "virtualization", "vmnic1", "medium"]
    return world, facts | {"side_findings": ["TAG_UNKNOWN"]}, wanted


def vm_port_in_one_file() -> Made:
    world = company("merged port")
    world.add(Station("app09", "00:50:56:9a:29:09", "10.20.110.29", 110, "vmnic0"))
    world.asks(world.vm, "10.20.110.29", count=5, every=5)
    points = ["vnic0", "vmnic0-tx", "vmnic0-rx", "vmnic1-tx", "vmnic1-rx"]
    facts = {
        "why": "The VM's port in one file of both directions: a neighbour's reply was delivered"
    }
    facts |= {"points": points, "targets": ["10.20.110.29"]}  # type: ignore[dict-item]
    facts |= {"side_findings": ["DIRECTION_INFERRED"]}  # type: ignore[dict-item]
    return world, facts, ["LOCAL_OK", "none", None, "high"]


def vm_port_files_exchanged() -> Made:
    world = company("exchanged", carried={"vmnic1": {120}})
    world.asks(world.vm, "10.20.110.1", count=16)
    frames = world.frames
    frames["vnic0-tx"], frames["vnic0-rx"] = frames["vnic0-rx"], frames["vnic0-tx"]
    facts = {"why": "vnic0-tx and vnic0-rx bear each other's names"}
    subject = "vnic0-rx, vnic0-tx"
    return world, facts | {"side_findings": ["FILES_MISNAMED"]}, [*BLIND, subject, "low"]


def uplink_file_empty_though_heard() -> Made:
    world = company("empty")
    world.asks(world.vm, "10.20.110.99", count=16)
    world.frames["vmnic1-rx"] = []
    facts = {"why": "vmnic1-rx holds a header only, and what came in there was delivered to the VM"}
    return world, facts | {"targets": ["10.20.110.99"]}, [*BLIND, "vmnic1-rx", "low"]


def file_breaks_off() -> Made:
    world = company("breaks off")
    world.asks(world.vm, "10.20.110.1", count=9, every=3)
    facts = {"why": "The last third of vnic0-rx is no capture", "broken": {"vnic0-rx": 0.67}}
    wanted = ["ARP_OK", "none", None, "medium"]
    return world, facts | {"side_findings": ["FILE_DAMAGED"]}, wanted


def moved_in_with_its_marker() -> Made:
    world = company("moved in")
    world.asks(world.vm, "10.20.110.1", start=12, count=4, every=4)
    mac = world.vm.mac
    marker = Frame(3, mac, BROADCAST, mac, "0.0.0.0", mac, "0.0.0.0")
    for at in (9.0, 9.5, 10.5):
        world.note("vmnic1-rx", at, 110, marker)
    facts = {"why": "RARP with the VM's MAC came in from another host at 9 s: it was elsewhere"}
    return world, facts, ["VM_MOVED", "inconclusive", None, "low"]


CASES = {
    each.__name__.replace("_", "-"): each
    for each in (
        ip_hash_splits_by_target,
        ip_hash_member_dead,
        vlan_comes_in_nowhere,
        announces_its_address,
        gateway_is_spoofed,
        router_polices_arp,
        receive_drop_tags_stripped,
        vm_port_in_one_file,
        vm_port_files_exchanged,
        uplink_file_empty_though_heard,
        file_breaks_off,
        moved_in_with_its_marker,
    )
}
