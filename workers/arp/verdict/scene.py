"""What all targets of one adapter share, and the small words that everything about a verdict uses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from datetime import UTC, datetime
from typing import TypeVar, cast

from workers.arp.exchange.control import Ask, asks_of, unknown_tags
from workers.arp.exchange.conversation import Conversation
from workers.arp.exchange.traffic import Traffic
from workers.arp.model import SECOND, Case, Direction
from workers.arp.model.values import dataclass

T = TypeVar("T")
_HAPPENED = {
    "vmotion_out": "left this host",
    "vmotion_in": "came to this host",
    "poweroff": "was powered off, suspended or restarted",
    "reconnect": "was reconnected to the virtual switch",
    "mac_change": "got another MAC",
    "link_down": "an uplink's link went down",
    "link_up": "an uplink's link came up",
    "failover": "its uplinks failed over or their redundancy changed",
}
VIRTUAL_MACS = ("00:00:0c:07:ac", "00:00:0c:9f:f", "00:00:5e:00:01", "00:07:b4")


@dataclass(slots=True)
class Scene:
    """What all targets of one adapter share."""

    case: Case
    traffic: Traffic
    talk: Conversation
    asks: list[Ask]
    unknown: frozenset[tuple[str, Direction]]
    _kept: dict[str, object] = field(default_factory=dict)

    def once(self, make: Callable[[Scene], T]) -> T:
        """What ``make`` finds in this scene: looked for once, however many targets ask for it."""
        if make.__name__ not in self._kept:
            self._kept[make.__name__] = make(self)
        return cast("T", self._kept[make.__name__])


def scene_of(case: Case, traffic: Traffic, talk: Conversation) -> Scene:
    """Gather the shared facts once."""
    unknown = unknown_tags(case, traffic)
    return Scene(case, traffic, talk, asks_of(case, traffic, talk, unknown), unknown)


def clock(at: int) -> str:
    """``09:30:05Z``."""
    return f"{datetime.fromtimestamp(at // SECOND, tz=UTC):%H:%M:%S}Z"


def happened(event: str) -> str:
    """One of the contract's events in words that follow the VM's or its uplinks' name."""
    return _HAPPENED.get(event, event.replace("_", " "))


def is_virtual(mac: str) -> bool:
    """A first-hop redundancy MAC: HSRP v1 and v2, VRRP, GLBP."""
    return mac.startswith(VIRTUAL_MACS)
