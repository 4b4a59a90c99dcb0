"""The simulator: hosts ask and answer, switches tag, flood, drop; capture points note what passes."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

BROADCAST = "ff:ff:ff:ff:ff:ff"
NOBODY = "00:00:00:00:00:00"
POINTS = ("vnic0-tx", "vnic0-rx", "vmnic0-tx", "vmnic0-rx", "vmnic1-tx", "vmnic1-rx")


@dataclass
class Station:
    """A machine with one address: a VM of this host (with an uplink) or a host of the network."""

    name: str
    mac: str
    ip: str
    vlan: int = 110
    uplink: str | None = None
    speaks_as: str | None = None  # source MAC, where it is not its own
    sha: str | None = None  # sender MAC, where it is not the source
    answers: bool = True


@dataclass
class Frame:
    op: int
    src: str
    dst: str
    sha: str
    spa: str
    tha: str
    tpa: str


@dataclass
class Answer:
    """How a reply comes back, where it differs from the rule."""

    mac: str | None = None
    dst: str | None = None
    vlan: int | None = None
    uplinks: tuple[str, ...] = ()
    after: float = 0.0005
    delivered: bool = True


@dataclass
class World:
    """One host with two uplinks, and the network behind them."""

    seed: str
    uplinks: tuple[str, ...] = ("vmnic0", "vmnic1")
    carried: dict[str, set[int]] = field(default_factory=dict)  # uplink → VLANs; all where missing
    lost_out: set[str] = field(default_factory=set)  # uplinks whose frames never reach the switch
    lost_in: set[str] = field(default_factory=set)  # uplinks to which nothing arrives
    lost_vlan_in: set[tuple[str, int]] = field(default_factory=set)  # or nothing of one VLAN
    bundle: bool = False  # the switch treats both uplinks as one port-channel
    floods: bool = True  # the network floods broadcasts (not so in ACI or with suppression)
    returns: dict[str, str] = field(default_factory=dict)  # MAC → uplink its unicast comes to
    retag: dict[str, int] = field(default_factory=dict)  # uplink → tag on what comes in
    wire_vlan: dict[int, int] = field(default_factory=dict)  # port group VLAN → tag on the wire
    tags: bool = True
    port_drops_out: Callable[[float], bool] = lambda at: False
    port_drops_in: Callable[[float], bool] = lambda at: False
    answer: Callable[[Station, Station, float], list[Answer]] = lambda who, asker, at: [Answer()]
    heard_out: Callable[[Station, float], bool] = lambda sender, at: True
    frames: dict[str, list[tuple[float, tuple[int, ...], Frame]]] = field(default_factory=dict)
    stations: list[Station] = field(default_factory=list)
    vm: Station = field(init=False)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.vm = Station("app01", "00:50:56:9a:21:01", "10.20.110.21", 110, "vmnic1")
        self.stations.append(self.vm)

    # --- who is there

    def add(self, *stations: Station) -> None:
        self.stations += stations

    def neighbours(self) -> None:
        """The usual company: a gateway, a server, and three VMs on this host."""
        self.add(
            Station("gw-110", "00:00:0c:07:ac:6e", "10.20.110.1", 110),
            Station("srv50", "ac:1f:6b:50:50:50", "10.20.110.50", 110),
            Station("gw-120", "00:00:0c:07:ac:78", "10.20.120.1", 120),
            Station("web02", "00:50:56:9a:22:02", "10.20.110.22", 110, "vmnic0"),
            Station("db03", "00:50:56:9a:23:03", "10.20.110.23", 110, "vmnic1"),
            Station("log04", "00:50:56:9a:31:11", "10.20.120.31", 120, "vmnic1"),
        )

    def station(self, ip: str) -> Station | None:
        return next((each for each in self.stations if each.ip == ip), None)

    # --- what happens

    def asks(
        self,
        who: Station,
        target: str,
        start: float = 2.0,
        count: int = 14,
        every: float = 1.0,
        *,
        jitter: float = 0.04,
        unicast: str | None = None,
        tha: str = NOBODY,
        spa: str | None = None,
    ) -> None:
        """A kernel asks about once a second and a little more; arping exactly so (jitter 0)."""
        at = start
        for _ in range(count):
            source = who.speaks_as or who.mac
            frame = Frame(
                1, source, unicast or BROADCAST, who.sha or source, spa or who.ip, tha, target
            )
            self.send(who, frame, at)
            at += every + self.random.uniform(0.2, 1.0) * jitter

    def send(self, who: Station, frame: Frame, at: float) -> None:
        """A frame of a VM enters the virtual switch."""
        if who is self.vm:
            self.note("vnic0-tx", at, 0, frame)
            if self.port_drops_out(at):
                return
        elif who.vlan == self.vm.vlan and frame.dst in {BROADCAST, self.vm.mac}:
            self.note("vnic0-rx", at + 0.00002, 0, frame)
        if frame.dst == BROADCAST or self._outside(frame.dst):
            uplink = who.uplink or self.uplinks[0]
            self.note(f"{uplink}-tx", at + self._us(25, 40), self._wire(who.vlan), frame)
            self._network(who, frame, at + 0.00004, uplink)
        self._local(who, frame, at)

    def _local(self, who: Station, frame: Frame, at: float) -> None:
        """Another VM of this host hears it and answers without touching an uplink."""
        target = self.station(frame.tpa)
        if frame.op != 1 or target is None or target.uplink is None or target is who:
            return
        if target.vlan == who.vlan and target.answers:
            self._reply(target, who, frame, at + 0.00006, None)

    def _network(self, who: Station, frame: Frame, at: float, uplink: str) -> None:
        """A frame handed to an uplink, where the network hears it at all."""
        if uplink in self.lost_out or not self.heard_out(who, at) or not self._carries(uplink, who):
            return
        if frame.dst == BROADCAST and self.floods and not self.bundle:
            for sibling in self.uplinks:
                if sibling != uplink and self._carries(sibling, who):
                    self._in(sibling, at + self._us(60, 120), who.vlan, frame)
        target = self.station(frame.tpa)
        reached = target and target.uplink is None and target.vlan == who.vlan
        if frame.op == 1 and target and reached and target.answers:
            self._reply(target, who, frame, at, uplink)

    def _reply(
        self, target: Station, who: Station, asked: Frame, at: float, uplink: str | None
    ) -> None:
        for answer in self.answer(target, who, at):
            mac = answer.mac or target.mac
            dst = answer.dst or asked.sha
            reply = Frame(2, mac, dst, mac, target.ip, asked.sha, asked.spa)
            when = at + answer.after + self._us(0, 90)
            if uplink is None:
                self._deliver(who, when, reply, answer)
                continue
            for back in answer.uplinks or (self.returns.get(who.mac, uplink),):
                if self._in(back, when, who.vlan, reply, answer.vlan):
                    self._deliver(who, when, reply, answer, back)

    def _deliver(
        self, who: Station, at: float, reply: Frame, answer: Answer, back: str | None = None
    ) -> None:
        if who is not self.vm or not answer.delivered or self.port_drops_in(at):
            return
        right_tag = back is None or (answer.vlan is None and back not in self.retag)
        right_way = back is None or not self.bundle or back == who.uplink
        right_mac = reply.dst in {who.mac, who.speaks_as or who.mac}
        if right_tag and right_way and right_mac:
            self.note("vnic0-rx", at + 0.00003, 0, reply)

    def background(self, who: Station, *, every: float = 2.5, until: float = 30.0) -> None:
        """A host of the network looks for addresses nobody has."""
        at = self.random.uniform(0.1, 2.0)
        while at < until:
            asked = f"{who.ip.rsplit('.', 1)[0]}.{self.random.randint(100, 200)}"
            self.floods_in(who, Frame(1, who.mac, BROADCAST, who.mac, who.ip, NOBODY, asked), at)
            at += self.random.uniform(0.4, 1.6) * every

    def floods_in(self, who: Station, frame: Frame, at: float) -> None:
        """A broadcast of the network reaches every uplink that carries its VLAN."""
        ways = [up for up in self.uplinks if self._carries(up, who)]
        if self.bundle and ways:
            ways = [self.random.choice(ways)]
        for uplink in ways:
            came = self._in(uplink, at + self._us(0, 60), who.vlan, frame)
            right = came and uplink == self.vm.uplink and who.vlan == self.vm.vlan
            if (right or (came and self.bundle)) and uplink not in self.retag:
                self.note("vnic0-rx", at + self._us(70, 90), 0, frame)

    # --- what is noted

    def note(self, point: str, at: float, vlan: int, frame: Frame) -> None:
        tags = (vlan,) if vlan and self.tags else ()
        self.frames.setdefault(point, []).append((at, tags, frame))

    def _in(self, uplink: str, at: float, vlan: int, frame: Frame, tag: int | None = None) -> bool:
        if uplink in self.lost_in or (uplink, vlan) in self.lost_vlan_in:
            return False
        wire = tag if tag is not None else self.retag.get(uplink, self._wire(vlan))
        self.note(f"{uplink}-rx", at, wire, frame)
        return True

    def _carries(self, uplink: str, who: Station) -> bool:
        return who.vlan in self.carried.get(uplink, {who.vlan})

    def _wire(self, vlan: int) -> int:
        return self.wire_vlan.get(vlan, vlan)

    def _outside(self, mac: str) -> bool:
        return not any(each.mac == mac and each.uplink for each in self.stations)

    def _us(self, low: int, high: int) -> float:
        return self.random.randint(low, high) / 1_000_000
