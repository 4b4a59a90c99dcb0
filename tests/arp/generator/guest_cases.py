"""Cases with their cause in the guest or in the virtual switch."""

from __future__ import annotations

from typing import Any

from tests.arp.generator.world import BROADCAST, NOBODY, Answer, Frame, Station, World

Made = tuple[World, dict[str, Any], list[Any]]

GUEST_OK = ["ARP_OK", "none", None, "high"]


def company(name: str, **facts: Any) -> World:  # noqa: ANN401 - World's own fields
    """A world in which the other VMs ask and are answered, and the network chatters."""
    world = World(name, **facts)
    world.neighbours()
    chat(world)
    return world


def chat(world: World) -> None:
    for ip, target, start in (
        ("10.20.110.22", "10.20.110.1", 3.3),
        ("10.20.110.23", "10.20.110.1", 4.1),
        ("10.20.110.22", "10.20.110.50", 6.2),
        ("10.20.120.31", "10.20.120.1", 5.4),
    ):
        who = world.station(ip)
        if who is not None:
            world.asks(who, target, start, count=5, every=4.3)
    for ip in ("10.20.110.50", "10.20.120.1"):
        who = world.station(ip)
        if who is not None:
            world.background(who)


def guest_ignores_reply() -> Made:
    world = company("guest ignores")
    at = 2.0
    for wait in (0.42, 0.77, 0.35, 0.6, 0.51):  # until the next packet for the gateway
        world.asks(world.vm, "10.20.110.1", at, count=3)
        at += 3.07 + wait
    why = "A filter in the guest drops the delivered replies; the kernel asks thrice, and again"
    return world, {"why": why}, ["GUEST_IGNORES_REPLY", "guest", None, "high"]


def guest_ignores_reply_and_never_pauses() -> Made:
    world = company("guest ignores on")
    world.asks(world.vm, "10.20.110.1", count=16)
    why = "The guest drops the delivered replies, and always has a packet that makes its kernel ask"
    return world, {"why": why}, ["GUEST_IGNORES_REPLY", "guest", None, "medium"]


def arping_asks_every_second() -> Made:
    world = company("arping")
    world.asks(world.vm, "10.20.110.1", count=15, jitter=0, tha=BROADCAST)
    return world, {"why": "arping -b asks on whatever comes back: the guest is well"}, GUEST_OK


def vnic_disconnected() -> Made:
    world = company("disconnected")
    why = "The adapter is disconnected in vCenter: nothing leaves although arping runs"
    wanted = ["GUEST_SILENT", "virtualization", None, "high"]
    return world, {"why": why, "nic": {"connected": False}}, wanted


def static_entry_hides_all() -> Made:
    world = company("static")
    gateway = world.station("10.20.110.1")
    assert gateway is not None
    for at in (5.0, 9.0, 14.0):
        ask = Frame(1, gateway.mac, BROADCAST, gateway.mac, gateway.ip, NOBODY, world.vm.ip)
        world.floods_in(gateway, ask, at)
        vm = world.vm
        reply = Frame(2, vm.mac, gateway.mac, vm.mac, vm.ip, gateway.mac, gateway.ip)
        world.send(vm, reply, at + 0.0003)
    facts: dict[str, Any] = {"why": "A static ARP entry: the guest answers others and asks nobody"}
    facts["stimulus"] = {"confirmed": False, "targets": [], "start": None, "end": None}
    return world, facts, ["NO_STIMULUS", "inconclusive", None, "low"]


def guest_not_answering() -> Made:
    world = company("not answering")
    world.asks(world.vm, "10.20.110.1", count=4, every=6)
    gateway = world.station("10.20.110.1")
    assert gateway is not None
    for at in (4.5, 5.5, 6.5, 15.5, 16.5):
        ask = Frame(1, gateway.mac, BROADCAST, gateway.mac, gateway.ip, NOBODY, world.vm.ip)
        world.floods_in(gateway, ask, at)
    facts = {"why": "arp_ignore: the guest asks and is answered, but does not answer for itself"}
    return world, facts | {"side_findings": ["GUEST_NOT_ANSWERING"]}, GUEST_OK


def proxy_arp_answers() -> Made:
    world = company("proxy")
    world.add(Station("far", "00:00:0c:07:ac:6e", "10.20.115.9", 110))
    world.asks(world.vm, "10.20.115.9", count=4, every=6)
    facts = {"why": "Wrong mask in the guest, and the router does proxy ARP: it works for now"}
    return world, facts | {"targets": ["10.20.115.9"], "side_findings": ["PROXY_ARP"]}, GUEST_OK


def wrong_sender_address() -> Made:
    world = company("wrong spa")
    world.answer = lambda who, asker, at: [] if asker is world.vm else [Answer()]
    world.asks(world.vm, "10.20.110.1", spa="192.168.7.21")
    why = "The guest asks with an address of another subnet; the router drops it"
    return world, {"why": why}, ["GUEST_WRONG_SENDER", "guest", "192.168.7.21", "high"]


def forged_source_dropped() -> Made:
    world = company("forged")
    world.vm.speaks_as = "00:00:5e:00:53:02"
    world.port_drops_out = lambda at: True
    world.asks(world.vm, "10.20.110.1")
    why = "The guest sends with a foreign source MAC; forged transmits are rejected"
    return world, {"why": why}, ["FORGED_TX_DROP", "virtualization", "00:00:5e:00:53:02", "high"]


def foreign_source_not_delivered() -> Made:
    world = company("mac changes")
    world.vm.speaks_as = "00:00:5e:00:53:02"
    world.port_drops_in = lambda at: True
    world.asks(world.vm, "10.20.110.1")
    why = "Forged transmits pass, MAC changes are rejected: replies to that MAC are dropped"
    return world, {"why": why}, ["VSWITCH_DROP_RX", "virtualization", "vmnic1", "high"]


def reply_goes_to_other_mac() -> Made:
    world = company("sha")
    world.vm.sha = "00:00:5e:00:53:09"
    world.asks(world.vm, "10.20.110.1")
    why = "The sender MAC inside ARP is not the frame's source: replies go to the former"
    return world, {"why": why}, ["GUEST_WRONG_SENDER", "guest", "00:00:5e:00:53:09", "high"]


def probes_only() -> Made:
    world = company("probes")
    world.asks(world.vm, world.vm.ip, count=3, every=1.5, spa="0.0.0.0")
    world.asks(world.vm, world.vm.ip, start=8, count=2, every=2)
    why = "Address conflict detection of RFC 5227: three probes, two announcements"
    return world, {"why": why}, ["PROBES_ONLY", "none", None, "high"]


def unicast_revalidation_fails() -> Made:
    world = company("unicast")
    dead = "00:11:22:33:44:55"
    for start in (2.0, 12.0, 20.0):
        world.asks(world.vm, "10.20.110.9", start, count=3, unicast=dead)
        world.asks(world.vm, "10.20.110.50", start + 3.2, count=1)
        world.asks(world.vm, "10.20.110.50", start + 4.2, count=2, unicast="ac:1f:6b:00:00:00")
    facts = {"why": "Unicast checks of an old entry fail, every broadcast is answered"}
    return world, facts | {"targets": ["10.20.110.50"]}, GUEST_OK


CASES = {
    each.__name__.replace("_", "-"): each
    for each in (
        guest_ignores_reply,
        guest_ignores_reply_and_never_pauses,
        arping_asks_every_second,
        vnic_disconnected,
        static_entry_hides_all,
        guest_not_answering,
        proxy_arp_answers,
        wrong_sender_address,
        forged_source_dropped,
        foreign_source_not_delivered,
        reply_goes_to_other_mac,
        probes_only,
        unicast_revalidation_fails,
    )
}
