"""An adapter's exchanges with one target turned into the facts that the rows of the table ask for.

Cells (who asked, whom, over which uplink): C1 others, same target, sibling uplink; C2 others, same
target, same uplink; C3 this VM, other targets, same uplink; C4 others, other targets, same uplink;
C5 others, other targets, sibling; C6 anybody, other VLAN, same uplink. Empty cells are not zeros.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import cached_property
from ipaddress import IPv4Address, IPv4Interface

from workers.arp.exchange.clock import TOLERANCE
from workers.arp.exchange.control import Ask
from workers.arp.exchange.hearing import Ear
from workers.arp.exchange.pairing import ANSWER_TIME, Asked
from workers.arp.exchange.sighting import Sighting
from workers.arp.model import BROADCAST, RX, TX, UPLINK, Direction
from workers.arp.verdict.outcomes import Outcomes
from workers.arp.verdict.scene import Scene, is_virtual

MOST_OF_A_PAIR = 10
_EACH_SIDE = 2  # requests on one uplink, then on the other
_FLOODED = 3  # broadcasts that tell the wiring


class Evidence(Outcomes):
    """The facts about one target, from ``start`` on where only a part of the time is judged."""

    def __init__(self, scene: Scene, target: str, asked: Sequence[Asked], start: int = 0) -> None:
        super().__init__(scene.traffic, scene.talk, target, asked, start)
        self.scene, self.case = scene, scene.case

    def since(self, start: int) -> Evidence:
        """The same facts from this moment on only."""
        inside = [each for each in self.asked if each.request.at >= start]
        return Evidence(self.scene, self.target, inside, start)

    # --- the case itself

    @cached_property
    def uplink(self) -> str | None:
        """U: the one uplink the lost requests left on, None where that is unknown or several."""
        counts = Counter(out.object for each in self.lost or self.asked for out in each.left)
        return next(iter(counts)) if len(counts) == 1 else None

    @cached_property
    def group(self) -> frozenset[str]:
        """U and the uplinks bundled with it."""
        lags = {each.device: each.lag for each in self.case.host.uplinks}
        if self.uplink is None:
            return frozenset()
        if self.case.host.teaming in {"iphash", "lacp"}:
            return frozenset({self.uplink, *self.talk.uplinks})
        lag = lags.get(self.uplink)
        mates = {device for device, name in lags.items() if lag is not None and name == lag}
        return frozenset({self.uplink, *mates})

    @cached_property
    def uplink_changed(self) -> str | None:
        """``vmnic0 to vmnic1`` where all requests left on one uplink, then all on another."""
        if self.case.host.teaming in {"iphash", "lacp"}:
            return None
        path = [each.left[0].object for each in self.asked if len(each.left) == 1]
        turns = [i for i in range(1, len(path)) if path[i] != path[i - 1]]
        if len(turns) != 1 or min(turns[0], len(path) - turns[0]) < _EACH_SIDE:
            return None
        return f"{path[0]} to {path[-1]}"

    @cached_property
    def uplink_untold(self) -> str | None:
        """U where vCenter told another one: it changed meanwhile, or the files are another's."""
        told = self.nic.pinned_uplink
        hashed = self.case.host.teaming in {"iphash", "lacp"}
        return self.uplink if told and not hashed and self.uplink not in {None, told} else None

    @property
    def siblings(self) -> list[str]:
        """Uplinks outside U's bundle."""
        return [each for each in self.talk.uplinks if each not in self.group]

    # --- names, addresses, VLANs

    @property
    def overlay(self) -> bool:
        """ARP may be tunnelled or answered by the hypervisor: silence on an uplink says nothing."""
        return self.nic.overlay or self.nic.backing == "opaque"

    @cached_property
    def vlans(self) -> frozenset[int]:
        """The tags the VM's frames may carry on the wire; 0 is untagged, empty is unknown."""
        vlan = self.nic.vlan
        if vlan.mode in {"access", "pvlan"} and vlan.id is not None:
            return frozenset({vlan.id, vlan.id if vlan.primary is None else vlan.primary})
        sent = [out for each in self.asked for out in each.left]
        if not sent or any((out.object, TX) in self.scene.unknown for out in sent):
            return frozenset()
        return frozenset({out.vlan for out in sent})

    @property
    def vlan(self) -> int | None:
        """v: the tag the VM's frames leave with."""
        known = self.nic.vlan.id if self.nic.vlan.mode in {"access", "pvlan"} else None
        return known if known is not None else min(self.vlans, default=None)

    @property
    def is_gateway(self) -> bool:
        """Whether the target is the VM's gateway: then the network team owns it."""
        return self.target == self.nic.gateway

    @cached_property
    def is_router(self) -> bool:
        """Whether it is the gateway, or answers with a first-hop redundancy MAC."""
        return self.is_gateway or any(is_virtual(each.frame.sender_mac) for each in self.replies)

    @cached_property
    def networks(self) -> list[IPv4Interface]:
        """The IPv4 subnets the guest tools told, those with a prefix length."""
        found = []
        for each in self.nic.ipv4:
            with suppress(ValueError):
                found += [IPv4Interface(each)] if "/" in each else []
        return found

    def inside(self, address: str) -> bool:
        """Whether an IPv4 address is in one of the adapter's subnets."""
        with suppress(ValueError):
            return any(IPv4Address(address) in each.network for each in self.networks)
        return False

    @cached_property
    def local_target(self) -> bool:
        """Whether the target is a VM on this host, in the same VLAN as far as is known."""
        return any(
            self.target in [address.split("/")[0] for address in vm.ipv4]
            and (vm.vlan is None or self.vlan is None or vm.vlan in self.vlans)
            for vm in self.case.host.local_vms
        )

    # --- ears

    def ear(self, thing: str, way: Direction) -> Ear:
        """One ear."""
        return self.talk.ear(thing, way)

    def deaf(self, things: Iterable[str], way: Direction) -> list[Ear]:
        """Those of these ears whose silence proves nothing."""
        ears = (self.ear(thing, way) for thing in things)
        return [ear for ear in ears if ear.why_deaf is not None]

    @property
    def garbled(self) -> list[Ear]:
        """Needed ears that are deaf for how their files were written."""
        return [ear for key in self.talk.needed if (ear := self.ear(*key)).garbled]

    def tags_known(self, thing: str, way: Direction) -> bool:
        """Whether a frame without a tag was surely untagged there."""
        return (thing, way) not in self.scene.unknown

    # --- controls

    def answered(self, wanted: Callable[[Ask], bool]) -> int:
        """Answered controls that pass, at most ten of a pair, sent while requests were lost."""
        return sum(self.pairs(wanted).values())

    def pairs(self, wanted: Callable[[Ask], bool]) -> Counter[tuple[str, str]]:
        """The same by (requester, target)."""
        counts: Counter[tuple[str, str]] = Counter()
        if not self.lost:
            return counts
        start = self.lost[0].request.at - ANSWER_TIME
        for ask in self.others:
            if ask.answered_on and ask.at >= start and wanted(ask):
                key = (ask.requester, ask.target)
                counts[key] = min(MOST_OF_A_PAIR, counts[key] + 1)
        return counts

    @cached_property
    def others(self) -> list[Ask]:
        """Everybody's requests but the case's own."""
        asks = self.scene.asks
        if self.start:
            asks = [ask for ask in asks if ask.at >= self.start]
        return [ask for ask in asks if not (ask.mine and ask.target == self.target)]

    def on_group(self, ask: Ask) -> bool:
        """Sent on U and answered over it (or its bundle) in v."""
        return (
            ask.uplink == self.uplink
            and ask.vlan == self.vlan
            and bool(self.group & set(ask.answered_on))
        )

    def on_sibling(self, ask: Ask) -> bool:
        """Answered over another uplink in v."""
        return (
            ask.uplink not in self.group and ask.vlan == self.vlan and ask.uplink in ask.answered_on
        )

    @cached_property
    def silent_targets(self) -> frozenset[str]:
        """All that this VM alone asked for and nobody answered; those that somebody named left out."""
        answered = {each.frame.target_ip for each in self.talk.asked if each.replies}
        asked = {each.frame.target_ip for each in self.talk.asked}
        others = {ask.target for ask in self.scene.asks if not ask.mine}
        named = {*self.case.stimulus.targets, self.nic.gateway}
        return frozenset(asked - answered - others - named)

    # --- what came in from outside

    @cached_property
    def incoming(self) -> list[Sighting]:
        """Everything that came in on uplinks while the requests were lost or sent."""
        span = self.talk.span
        if span is None:
            return []
        seen = self.traffic.at(UPLINK, RX)
        return [each for each in seen if max(span[0], self.start) <= each.at <= span[1]]

    @cached_property
    def foreign_broadcasts(self) -> list[dict[str, Sighting]]:
        """Broadcasts from outside this host, each with its copies by uplink, where all were kept."""
        found: list[dict[str, Sighting]] = []
        open_ones: dict[tuple[object, ...], dict[str, Sighting]] = {}
        for each in self.incoming:
            frame = each.frame
            if frame.eth_dst != BROADCAST or frame.eth_src in self.traffic.local_macs:
                continue
            if not self.traffic.every_copy(frame, each.at + TOLERANCE):
                continue
            key = (frame.eth_src, frame.op, frame.sender_ip, frame.target_ip, frame.target_mac)
            copies = open_ones.get(key)
            first = min((one.at for one in copies.values()), default=0) if copies else 0
            if copies is None or each.at - first > TOLERANCE:
                copies = open_ones[key] = {}
                found.append(copies)
            copies.setdefault(each.object, each)
        return found

    def unproven(self, uplinks: Iterable[str]) -> bool:
        """Whether one of these was handed requests and shows nothing coming in: dead, or not heard."""
        heard = {each.object for each in self.traffic.at(UPLINK, RX)}
        return any(ask.uplink in uplinks and ask.uplink not in heard for ask in self.scene.asks)

    @cached_property
    def floods(self) -> bool:
        """Whether what this host broadcasts comes back on siblings, which some fabrics never do."""
        return any(ask.reflected_on for ask in self.scene.asks)

    @property
    def wired_apart(self) -> bool:
        """A flooded frame came on two uplinks: independent switch ports."""
        return any(len(copies) > 1 for copies in self.foreign_broadcasts)

    @property
    def wired_as_bundle(self) -> bool:
        """Every flooded frame came on exactly one uplink, now this and now that: a port-channel."""
        used = {device for copies in self.foreign_broadcasts for device in copies}
        return not self.wired_apart and len(self.foreign_broadcasts) >= _FLOODED and len(used) > 1

    def alive(self, address: str) -> bool:
        """Whether anything with this sender address was seen at all."""
        return any(
            each.frame.sender_ip == address
            and each.frame.eth_src not in self.talk.own_macs
            and each.at >= self.start
            for each in self.traffic.sightings
        )
