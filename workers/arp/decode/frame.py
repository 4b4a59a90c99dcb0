"""Turns the bytes of one packet into the fields of its ARP message, or says that it holds none.

Linux cooked captures state no destination address. It is taken from the packet type where that is
"broadcast", else from the ARP message itself, whose target is whom a reply is sent to (RFC 826).
"""

from __future__ import annotations

import sys
from enum import Enum
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any, Final, NamedTuple

from workers.arp.decode.walk import ARP, ARP_BYTES, LINKS, MOST_DISTINCT, RARP, TAGS
from workers.arp.model import BROADCAST, Direction

_ETHERNET, _COOKED, _COOKED2 = LINKS
_ETHERNET_HARDWARE: Final = 1
_IPV4: Final = 0x0800
_OPERATIONS: Final = {ARP: frozenset({1, 2}), RARP: frozenset({3, 4})}
_COOKED_BROADCAST: Final = 1
_COOKED_OUTGOING: Final = 4


def _dpkt_arp() -> ModuleType:
    """Load dpkt's ARP alone: its package imports every protocol, which is half of a small run's time.

    The package stands in unexecuted while its module is loaded, and is taken away again, so that
    whoever imports dpkt later gets all of it.
    """
    spec = find_spec("dpkt")
    if spec is None or "dpkt" in sys.modules:
        return import_module("dpkt.arp")
    sys.modules["dpkt"] = module_from_spec(spec)
    try:
        return import_module("dpkt.arp")
    finally:
        del sys.modules["dpkt"]


_ARP: Final[Any] = _dpkt_arp()


class Nothing(Enum):
    """Why a packet gives no ARP fields."""

    NOT_ARP = "no ARP or RARP"
    UNREADABLE = "ARP that is cut, malformed, or not IPv4 over Ethernet"


class ArpFields(NamedTuple):
    """What one ARP frame says; ``direction`` is BOTH where the link layer does not state it."""

    op: int
    vlans: tuple[int, ...]
    eth_src: str
    eth_dst: str
    sender_mac: str
    sender_ip: str
    target_mac: str
    target_ip: str
    direction: Direction


@lru_cache(MOST_DISTINCT)
def read_arp(link: int, raw: bytes) -> ArpFields | Nothing:
    """Read a packet's beginning; ``link`` is its pcap link type, one of ``LINKS``.

    What was read is remembered for all readers: one broadcast is heard at many points.
    """
    header = LINKS[link]
    if len(raw) < header.header:
        return Nothing.NOT_ARP
    ethertype = int.from_bytes(raw[header.ethertype : header.ethertype + 2])
    position = header.header
    vlans: list[int] = []
    while ethertype in TAGS and position + 4 <= len(raw):
        vlans.append(int.from_bytes(raw[position : position + 2]) & 0xFFF)
        ethertype = int.from_bytes(raw[position + 2 : position + 4])
        position += 4
    if ethertype not in _OPERATIONS:
        return Nothing.NOT_ARP
    message = _message(raw[position : position + ARP_BYTES])
    if message is None or message.op not in _OPERATIONS[ethertype]:
        return Nothing.UNREADABLE
    target = _mac(message.tha)
    source, destination, direction = _link_fields(link, raw, target)
    return ArpFields(
        op=message.op,
        vlans=tuple(vlans),
        eth_src=source,
        eth_dst=destination,
        sender_mac=_mac(message.sha),
        sender_ip=_ip(message.spa),
        target_mac=target,
        target_ip=_ip(message.tpa),
        direction=direction,
    )


def _message(payload: bytes) -> Any:  # noqa: ANN401  dpkt states no types
    """The ARP message, None where it is cut or speaks of other addresses than MAC and IPv4."""
    try:
        message = _ARP.ARP(payload)
    except _ARP.dpkt.UnpackError:
        return None
    kind = (message.hrd, message.pro, message.hln, message.pln)
    return message if kind == (_ETHERNET_HARDWARE, _IPV4, 6, 4) else None


def _link_fields(link: int, raw: bytes, target: str) -> tuple[str, str, Direction]:
    """Source, destination and direction as far as the link layer states them."""
    if link == _ETHERNET:
        return _mac(raw[6:12]), _mac(raw[:6]), Direction.BOTH
    if link == _COOKED:
        packet_type, source = int.from_bytes(raw[:2]), raw[6:12]
    else:
        packet_type, source = raw[10], raw[12:18]
    direction = Direction.TX if packet_type == _COOKED_OUTGOING else Direction.RX
    blank = target == "00:00:00:00:00:00"
    everyone = packet_type == _COOKED_BROADCAST or blank
    return _mac(source), BROADCAST if everyone else target, direction


def _mac(raw: bytes) -> str:
    return raw.hex(":")


def _ip(raw: bytes) -> str:
    return ".".join(map(str, raw))
