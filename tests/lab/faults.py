"""Names of faults to what they do to frames: the registry that the network model asks per frame.

A fault is an entry of ``World.faults``: its name and its arguments. ``name#anything`` is a further
one of the same name. Every fault also takes ``after`` and ``seconds``: it begins, or ends, that long
after a capture first listened while it was set, so that the change falls into somebody's check.
``apply(world, "blog")`` sets one of the ready-made situations of ``SITUATIONS``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.lab.world import World

SECOND = 1_000_000_000

FAULTS = {
    "vlan_not_carried": "uplink, vlan[, host]: the switch port's trunk lacks the VLAN, both ways",
    "vlan_half": "uplink, vlan, half[, host]: lost only half way: ingress (host to wire) or egress",
    "port_dead": "uplink[, host]: the switch port passes nothing although the link is up",
    "one_way_tx": "uplink[, host]: nothing the host sends arrives at the switch",
    "one_way_rx": "uplink[, host]: nothing the switch sends arrives at the host",
    "link_down": "uplink[, host]: the link is down; VMs fail over where the teaming lets them",
    "recovered_after": "uplink, seconds[, host]: the port is dead and then forwards (STP)",
    "vlan_dead": "vlan[, reflected]: the VLAN is pruned beyond the first switch (or, False, on it)",
    "hosts_apart": "a, b: nothing passes between these two hosts",
    "loop": "uplink[, host]: the switch sends the host's own broadcasts back on the same port",
    "no_flooding": ": broadcast ARP goes only to its target (EVPN suppression, ACI): no reflections",
    "teaming_mismatch": "host: the switch bundles all uplinks, the vSwitch does not",
    "no_port_channel": "host: the vSwitch expects a bundle that the switch does not have",
    "reply_lost": "vm[, reflected]: unicast to the VM dies; False: its own frames die at the port too",
    "reply_wrong_vlan": "vm, vlan: replies to the VM come back with another tag",
    "stale_mac": "vm, mac: replies to the VM are addressed to another MAC, and flooded",
    "duplicate_responder": "ip, mac: a second station answers for the address",
    "ip_conflict": "vm, mac: a station elsewhere claims the VM's address",
    "target_down": "ip: nobody answers for the address",
    "partial_loss": "ip, rate: that share of the requests for the address gets no answer",
    "late_replies": "ip, delay: the address answers only after that many seconds",
    "vswitch_drop_tx": "vm: the vSwitch drops what the VM sends",
    "vswitch_drop_rx": "vm[, broadcast]: the vSwitch delivers nothing to the VM; False: broadcasts still",
    "forged_sender": "vm, mac[, accepted]: the guest sends from a foreign MAC; rejected by default",
    "guest_silent": "vm: the guest sends nothing at all",
    "guest_ignores_replies": "vm: the guest asks on, like a kernel that never hears an answer",
    "guest_not_answering": "vm: the guest answers nobody's request",
    "probes_only": "vm: the guest only probes and announces its own address (RFC 5227)",
    "wrong_target": "vm, ip: the guest asks for this address instead",
    "overlay_suppression": "vm: the host answers ARP itself; nothing shows on an uplink",
    "no_control": "vm: nobody but this VM asks anything",
    "moved": "vm, to[, after]: vMotion: the old port vanishes, the new host sends RARP",
    "port_vanishes": "vm[, after]: the port gets a new number (reset); nothing passes the old one",
    "flood": "uplink, rate, vlan[, host]: that many foreign broadcasts per second arrive",
}

SITUATIONS: dict[str, tuple[str, dict[str, dict[str, object]]]] = {}


def situation(name: str, about: str, **faults: dict[str, object]) -> None:
    SITUATIONS[name] = (about, faults)


_VM, _HOST, _GATEWAY = "app01", "esx07.example.com", "10.20.110.1"
_PORT: dict[str, object] = {"uplink": "vmnic1", "host": _HOST}
_STALE = "00:50:56:9a:77:77"

situation("healthy", "all is well")
situation(
    "blog",
    "VLAN 110 is missing on the switch port behind vmnic1: requests leave, no reply comes",
    vlan_not_carried={**_PORT, "vlan": 110},
)
situation("drop-tx", "the vSwitch drops what app01 sends", vswitch_drop_tx={"vm": _VM})
situation(
    "drop-rx",
    "the vSwitch drops the replies to app01",
    vswitch_drop_rx={"vm": _VM, "broadcast": False},
)
situation("target-down", "the gateway of VLAN 110 is down", target_down={"ip": _GATEWAY})
situation("silent-guest", "app01's guest sends nothing", guest_silent={"vm": _VM})
situation("no-control", "app01 gets no reply and nobody else speaks",
          target_down={"ip": _GATEWAY}, no_control={"vm": _VM})  # fmt: skip
situation("dead-port", "the switch port behind vmnic1 passes nothing", port_dead=_PORT)
situation("one-way-tx", "what vmnic1 sends never arrives at the switch", one_way_tx=_PORT)
situation("one-way-rx", "what the switch sends never arrives on vmnic1", one_way_rx=_PORT)
situation("dead-vlan", "VLAN 110 is pruned beyond the first switch", vlan_dead={"vlan": 110})
situation("reply-lost", "replies to app01 alone get lost in the fabric", reply_lost={"vm": _VM})
situation("port-security", "the switch accepts nothing from app01's MAC",
          reply_lost={"vm": _VM, "reflected": False})  # fmt: skip
situation("wrong-vlan", "replies to app01 come back in VLAN 120",
          reply_wrong_vlan={"vm": _VM, "vlan": 120})  # fmt: skip
situation("stale-mac", "replies to app01 go to a MAC of the past",
          stale_mac={"vm": _VM, "mac": _STALE})  # fmt: skip
situation("two-responders", "two MACs answer for the gateway",
          duplicate_responder={"ip": _GATEWAY, "mac": "00:00:5e:00:53:02"})  # fmt: skip
situation("ip-conflict", "somebody else claims app01's address",
          ip_conflict={"vm": _VM, "mac": "00:00:5e:00:53:01"})  # fmt: skip
situation("partial-loss", "the gateway answers four requests of ten",
          partial_loss={"ip": _GATEWAY, "rate": 0.6})  # fmt: skip
situation("late-replies", "the gateway answers after about 1.4 seconds",
          late_replies={"ip": _GATEWAY, "delay": 1.4})  # fmt: skip
situation("teaming", "the switch bundles both uplinks, the vSwitch does not",
          teaming_mismatch={"host": _HOST, "unlucky": _VM})  # fmt: skip
situation("recovers", "the port behind vmnic1 begins to forward after 8 seconds",
          recovered_after={**_PORT, "seconds": 8})  # fmt: skip
situation("moves", "app01 is moved to another host after 4 seconds",
          moved={"vm": _VM, "to": "esx08.example.com", "after": 4})  # fmt: skip
situation("forged", "app01 sends from a MAC that its port does not allow",
          forged_sender={"vm": _VM, "mac": "00:00:5e:00:53:03"})  # fmt: skip
situation("deaf-guest", "app01 asks on although replies are delivered",
          guest_ignores_replies={"vm": _VM})  # fmt: skip
situation("probes", "app01 only probes its own address", probes_only={"vm": _VM})
situation("off-subnet", "app01 asks for an address outside its subnet",
          wrong_target={"vm": _VM, "ip": "10.20.99.9"})  # fmt: skip
situation("local-target", "app01 asks for web02, on the same host",
          wrong_target={"vm": _VM, "ip": "10.20.110.22"})  # fmt: skip
situation("overlay", "the host answers ARP itself", overlay_suppression={"vm": _VM})
situation("loop", "the switch sends app01's broadcasts back on vmnic1", loop=_PORT)
situation("flood", "5000 foreign broadcasts per second arrive on vmnic1",
          flood={**_PORT, "rate": 5000, "vlan": 110})  # fmt: skip


def apply(world: World, name: str) -> str:
    """Put the world into one of the ready-made situations, in place of all faults it has now.

    What they changed of the world is taken back: a VM that was moved is on its first host again.

    Returns what the situation is, in one line. Raises KeyError for a name not in ``SITUATIONS``.
    """
    about, faults = SITUATIONS[name]
    world.faults.clear()
    while world.undo:
        world.undo.pop()()
    world.faults.update({fault: dict(arguments) for fault, arguments in faults.items()})
    return about


@dataclass(frozen=True)
class Active:
    """A fault in force at one moment: its arguments, read by name."""

    arguments: dict[str, object]

    def text(self, name: str) -> str:
        return str(self.arguments[name])

    def number(self, name: str, default: float = 0.0) -> float:
        return float(str(self.arguments.get(name, default)))

    def flag(self, name: str, *, default: bool) -> bool:
        return bool(self.arguments.get(name, default))

    def matches(self, **wanted: object) -> bool:
        """Whether every argument given here is absent from the fault or equal."""
        return all(self.arguments.get(name, value) == value for name, value in wanted.items())


class Faults:
    """The world's faults at the model's clock."""

    def __init__(self, world: World, now: Callable[[], int]) -> None:
        self._world, self._now = world, now
        self._listened: dict[str, tuple[dict[str, object], int]] = {}

    def capture_listens(self) -> list[tuple[str, Active, int]]:
        """Note the moment for every fault set by now; gives those noted first, with their start."""
        fresh = []
        for name, arguments in self._world.faults.items():
            if self._since(name, arguments) is None:
                self._listened[name] = (arguments, self._now())
                active = Active(arguments)
                begins = self._now() + int(active.number("after") * SECOND)
                fresh.append((_kind(name), active, begins))
        return fresh

    def each(self, kind: str, **wanted: object) -> Iterator[Active]:
        """The faults of that kind in force now whose arguments do not contradict ``wanted``."""
        for name, arguments in self._world.faults.items():
            active = Active(arguments)
            if _kind(name) == kind and active.matches(**wanted) and self._in_force(name, active):
                yield active

    def first(self, kind: str, **wanted: object) -> Active | None:
        return next(self.each(kind, **wanted), None)

    def any(self, kind: str, **wanted: object) -> bool:
        return self.first(kind, **wanted) is not None

    def _since(self, name: str, arguments: dict[str, object]) -> int | None:
        known, at = self._listened.get(name, (None, 0))
        return at if known is arguments else None

    def _in_force(self, name: str, fault: Active) -> bool:
        since = self._since(name, fault.arguments)
        if since is None:
            return "after" not in fault.arguments
        elapsed = (self._now() - since) / SECOND
        return fault.number("after") <= elapsed < fault.number("seconds", float("inf"))


def _kind(name: str) -> str:
    return name.split("#", 1)[0]
