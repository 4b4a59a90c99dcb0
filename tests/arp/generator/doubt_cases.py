"""Cases in which a healthy part looks ill: skewed stamps, streams that stop, facts that nobody told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.arp.generator.files import stamp
from tests.arp.generator.guest_cases import GUEST_OK, Made, company
from tests.arp.generator.world import BROADCAST, Answer, Station, World

GATEWAY, SERVER = "10.20.110.1", "10.20.110.50"
NOTHING_PROVEN = ["UNANSWERED_NO_CONTROL", "inconclusive", None, "low"]
UNTOLD: dict[str, Any] = {"nic": {"ipv4": [], "gateway": None}}


def port_stream_stamped_early() -> Made:
    world = company("early port")
    world.asks(world.vm, GATEWAY, count=5, every=5.5)
    why = "The VM's port is stamped 3 ms early: every reply seems to come before its request"
    return world, {"why": why, "skew": {"vnic0-rx": -0.003}}, GUEST_OK


def no_shared_broadcast_and_port_stream_early() -> Made:
    world = World("suppression", floods=False)
    world.add(Station("gw-110", "00:00:0c:07:ac:6e", GATEWAY, 110))
    world.asks(world.vm, GATEWAY, count=5, every=5.5)
    why = "ARP suppression floods nothing to align by, and the VM's port is stamped 8 ms early"
    facts = {"why": why, "skew": {"vnic0-rx": -0.008}, "side_findings": ["CLOCK_SKEW"]}
    return world, facts, GUEST_OK


def reflections_stamped_early() -> Made:
    world = company("early reflections")
    world.answer = lambda who, asker, at: [] if asker is world.vm else [Answer()]
    world.asks(world.vm, GATEWAY, count=15)
    why = "The fabric drops replies to this MAC; the sibling, stamped 4 ms early, shows reflections"
    wanted = ["REPLY_LOST_VM_SPECIFIC", "network", "entered fabric", "high"]
    return world, {"why": why, "skew": {"vmnic0-rx": -0.004}}, wanted


def own_reflections_stamped_late() -> Made:
    world = World("late reflections")
    server = Station("srv50", "ac:1f:6b:50:50:50", SERVER, 110)
    world.add(server)
    world.background(server)
    world.asks(world.vm, GATEWAY, count=15)
    why = (
        "Only the VM's own reflections tie what is sent to what comes in, and they are stamped late"
    )
    skew = {"vmnic0-rx": 0.0035, "vmnic1-rx": 0.0035, "vnic0-rx": 0.0035}
    return world, {"why": why, "skew": skew}, NOTHING_PROVEN


def uplink_changes_and_nothing_floods() -> Made:
    world = World("load based", floods=False)
    world.add(Station("gw-110", "00:00:0c:07:ac:6e", GATEWAY, 110))
    world.asks(world.vm, GATEWAY, count=8, jitter=0)
    world.vm.uplink = "vmnic0"
    world.asks(world.vm, GATEWAY, start=10.0, count=12, jitter=0)
    world.vm.uplink = "vmnic1"
    facts: dict[str, Any] = {"why": "Load-based teaming moves the VM: two uplinks, one clock"}
    facts |= {"teaming": "lbt", "nic": {"pinned_uplink": None}}
    facts["stimulus"] = {"confirmed": True, "targets": [GATEWAY], "start": None, "end": None}
    return world, facts | {"side_findings": ["PATH_CHANGED"]}, GUEST_OK


def _half_answered(stopped: str) -> Made:
    world = company("half")
    turns = iter([True] * 5 + [False, False, True, False] * 5)
    world.answer = lambda who, asker, at: [Answer()] if asker is not world.vm or next(turns) else []
    world.asks(world.vm, GATEWAY, count=25, jitter=0)
    why = f"The gateway begins to lose replies as {stopped} stops: those after it count in no share"
    facts = {"why": why, "windows": {stopped: {"stopped_at": stamp(8)}}}
    return world, facts, ["TOO_FEW_REQUESTS", "inconclusive", None, "low"]


def half_answered_and_the_port_stops() -> Made:
    return _half_answered("vnic0-tx")


def half_answered_and_a_sibling_stops() -> Made:
    return _half_answered("vmnic0-tx")


def sender_of_another_subnet_untold() -> Made:
    world = company("wrong spa untold")
    world.answer = lambda who, asker, at: [] if asker is world.vm else [Answer()]
    world.asks(world.vm, GATEWAY, spa="172.16.9.9", count=15)
    why = "Nobody told the guest's address; it asks as one of another subnet and is not answered"
    return world, {"why": why} | UNTOLD, NOTHING_PROVEN


def target_of_another_subnet_untold() -> Made:
    world = company("off subnet untold")
    world.asks(world.vm, "192.168.77.9", count=15)
    why = "Nobody told the guest's prefix; it asks for an address of another subnet"
    return world, {"why": why, "targets": ["192.168.77.9"]} | UNTOLD, NOTHING_PROVEN


def alone_in_a_foreign_port_group() -> Made:
    world = company("foreign port group", tags=False)
    world.asks(world.vm, "10.216.2.1", spa="10.216.2.21", count=15)
    why = "The VM is in another subnet's port group, tags are stripped: its gateway is not down"
    nic = {"ipv4": ["10.216.2.21/24"], "gateway": "10.216.2.1"}
    facts = {"why": why, "nic": nic, "targets": ["10.216.2.1"], "side_findings": ["TAG_UNKNOWN"]}
    return world, facts, NOTHING_PROVEN


def entry_is_flushed_every_two_seconds() -> Made:
    world = company("flush loop")
    world.asks(world.vm, GATEWAY, count=13, every=2.0, jitter=0.03)
    return world, {"why": "A loop flushes the entry and pings: each reply was taken"}, GUEST_OK


def monitor_asks_every_second() -> Made:
    world = company("monitor")
    world.asks(world.vm, GATEWAY, count=25, jitter=0.01)
    facts: dict[str, Any] = {"why": "A monitor asks every second, whatever comes back"}
    facts["stimulus"] = {"confirmed": False, "targets": [], "start": None, "end": None}
    return world, facts | {"side_findings": ["GUEST_IGNORES_REPLY"]}, GUEST_OK


def server_answers_half() -> Made:
    world = company("flaky server")
    turns = iter([True, False, True, True, False] * 20)
    world.answer = lambda who, asker, at: [Answer()] if who.ip != SERVER or next(turns) else []
    world.asks(world.vm, SERVER, count=25)
    world.asks(world.vm, GATEWAY, start=2.4, count=5, every=5.1)
    why = "A server answers half of everybody's requests; the gateway answers all on the same way"
    facts = {"why": why, "targets": [SERVER]}
    return world, facts, ["PARTIAL_LOSS", "inconclusive", SERVER, "low"]


def server_starts_meanwhile() -> Made:
    world = company("boot")
    world.answer = lambda who, asker, at: [Answer()] if who.ip != SERVER or at > 14 else []
    world.asks(world.vm, SERVER, count=25)
    world.asks(world.vm, GATEWAY, start=2.4, count=5, every=5.1)
    facts = {"why": "A server boots; the way to it worked all the time", "targets": [SERVER]}
    return world, facts, ["RECOVERED_DURING_CAPTURE", "inconclusive", None, "low"]


def replies_after_the_next_request() -> Made:
    world = company("later than the next")
    delays = iter([2.2, 1.2, 2.5, 1.4, 1.15] * 10)
    world.answer = lambda who, asker, at: [
        Answer(after=next(delays) if asker is world.vm else 0.0005)
    ]
    world.asks(world.vm, GATEWAY, count=25, jitter=0, tha=BROADCAST)
    why = "A busy gateway answers every request, but after the next one: nothing is lost"
    return world, {"why": why}, ["LATE_REPLIES", "inconclusive", GATEWAY, "medium"]


def reply_on_sibling_and_nothing_floods() -> Made:
    world = World("learned elsewhere", floods=False)
    world.add(Station("gw-110", "00:00:0c:07:ac:6e", GATEWAY, 110))
    world.returns[world.vm.mac] = "vmnic0"
    world.answer = lambda who, asker, at: [Answer(delivered=False)]
    world.asks(world.vm, GATEWAY)
    why = "The VM's MAC is frozen on the sibling's port; no broadcast tells whether it is a bundle"
    return world, {"why": why}, NOTHING_PROVEN


CASES: dict[str, Callable[[], Made]] = {
    make.__name__.replace("_", "-"): make
    for make in (
        port_stream_stamped_early,
        no_shared_broadcast_and_port_stream_early,
        reflections_stamped_early,
        own_reflections_stamped_late,
        uplink_changes_and_nothing_floods,
        half_answered_and_the_port_stops,
        half_answered_and_a_sibling_stops,
        sender_of_another_subnet_untold,
        target_of_another_subnet_untold,
        alone_in_a_foreign_port_group,
        entry_is_flushed_every_two_seconds,
        monitor_asks_every_second,
        server_answers_half,
        server_starts_meanwhile,
        replies_after_the_next_request,
        reply_on_sibling_and_nothing_floods,
    )
}
