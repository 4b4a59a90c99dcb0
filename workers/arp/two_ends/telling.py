"""The way of the requests turned into one sentence, in the order a frame travels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Interface

from workers.arp.model import MILLISECOND, Host, Judgement, Passage
from workers.arp.two_ends.way import Way

_STEPS = {
    "request_left": "were handed to {where} of {here}",
    "request_arrived": "arrived on {where} of {there}",
    "request_delivered": "were delivered to {vm}'s port",
    "answered": "were answered by {vm}",
    "reply_left": "of the replies were handed to {where} of {there}",
    "reply_arrived": "arrived on {where} of {here}",
    "reply_delivered": "were delivered to {asker}",
}


def sentence_of(near: Judgement, way: Way) -> str:
    """How far the requests got, with the clocks' difference."""
    asker, vm, there = near.case.vm.name, way.far.vm.name, way.far.host.name
    if not way.asked:
        return f"{asker} sent no request for {vm} (on {there}) in that time{_routed(near, way)}."
    if not way.counted:
        return (
            f"None of {len(way.asked)} requests of {asker} for {vm} was heard out on both hosts,"
            f" {near.case.host.name} and {there}."
        )
    names = {"here": near.case.host.name, "there": there, "vm": vm, "asker": asker}
    steps = [_step(passage, way, names) for passage in _until_lost(way.passages)]
    return f"Of {len(way.counted)} requests of {asker} for {vm}: {', '.join(steps)}.{_clocks(way)}"


def _until_lost(passages: Sequence[Passage]) -> Sequence[Passage]:
    """The way up to the first place that nothing passed; the rest says the same again."""
    last = max((n for n, each in enumerate(passages) if each.seen), default=-1)
    heard = (n for n, each in enumerate(passages) if n > last and not each.why_blind)
    return passages[: next(heard, len(passages)) + 1]


def _step(passage: Passage, way: Way, names: dict[str, str]) -> str:
    where = " and ".join(passage.where) or either(way.uplinks)
    if passage.stage in {"request_left", "reply_arrived"} and not passage.where:
        where = "any uplink"
    words = _STEPS[passage.stage].format(where=where, **names)
    if passage.why_blind and not passage.seen:
        return f"not known how many {words} ({passage.why_blind})"
    return f"{passage.seen} {words}"


def _clocks(way: Way) -> str:
    clock = way.far.clock
    if clock is None:
        return " The two hosts' clocks were not compared."
    ahead = clock.ahead / MILLISECOND
    side = "ahead of" if ahead >= 0 else "behind"
    return (
        f" Its host's clock is {abs(ahead):.1f} ms {side} the near host's"
        f" (± {clock.uncertainty / MILLISECOND:.1f} ms)."
    )


def _routed(near: Judgement, way: Way) -> str:
    """Whether the far VM's addresses lie outside every subnet of the VM."""
    networks = [
        IPv4Interface(address).network
        for nic in near.case.vm.nics
        for address in nic.ipv4
        if "/" in address
    ]
    addresses = [
        IPv4Address(address.partition("/")[0]) for nic in way.far.vm.nics for address in nic.ipv4
    ]
    if not networks or not addresses or any(a in n for a in addresses for n in networks):
        return ""
    return ": it is in another subnet, so the VM asks for its gateway instead"


def either(names: Iterable[str]) -> str:
    """``vmnic0 or vmnic1``."""
    return " or ".join(names) or "any uplink"


def switch_port(host: Host, devices: Iterable[str]) -> str:
    """``sw-a Ethernet1/7 (vmnic1 of esx07.example.com)``, the device alone where nobody told its port."""
    wanted = set(devices)
    ports = [
        f"{u.neighbour.switch} {u.neighbour.port} ({u.device} of {host.name})"
        if u.neighbour
        else f"{u.device} of {host.name}"
        for u in host.uplinks
        if u.device in wanted
    ]
    return " and ".join(ports) or host.name
