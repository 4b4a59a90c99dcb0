"""What VMware Tools say turned into the addresses and the gateway of each of the VM's adapters.

An entry of ``guest.net`` belongs to the adapter whose key is its ``deviceConfigId``; interfaces that
only the guest knows (bridges, tunnels) carry -1. A default route names its interface by its index in
``guest.net``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

UNUSABLE_STATES = {"duplicate", "invalid", "inaccessible", "tentative"}


def addresses(net: Sequence[Any], key: int, mac: str) -> tuple[str, ...]:
    """The IPv4 addresses (``address/prefix``) of the adapter with this device key, else this MAC."""
    entry = _entry(net, key, mac)
    return _ipv4(entry) if entry is not None else ()


def _entry(net: Sequence[Any], key: int, mac: str) -> Any:
    by_key = next((nic for nic in net if nic.deviceConfigId == key), None)
    if by_key is not None:
        return by_key
    same = (n for n in net if n.deviceConfigId <= 0 and (n.macAddress or "").lower() == mac)
    return next(same, None)


def _ipv4(entry: Any) -> tuple[str, ...]:
    if entry.ipConfig is not None:
        return tuple(
            f"{told.ipAddress}/{told.prefixLength}" if told.prefixLength else told.ipAddress
            for told in entry.ipConfig.ipAddress
            if "." in (told.ipAddress or "") and str(told.state or "") not in UNUSABLE_STATES
        )
    return tuple(ip for ip in entry.ipAddress if "." in ip)


def gateways(net: Sequence[Any], stacks: Sequence[Any]) -> dict[int, str]:
    """The IPv4 default gateway by the device key of the adapter it is reached through."""
    found: dict[int, str] = {}
    for stack in stacks:
        routes = stack.ipRouteConfig.ipRoute if stack.ipRouteConfig else ()
        for route in routes:
            gateway = route.gateway
            if route.network != "0.0.0.0" or route.prefixLength != 0:  # noqa: S104
                continue
            if gateway is None or not gateway.ipAddress:
                continue
            index = gateway.device or ""
            if index.isascii() and index.isdigit() and int(index) < len(net):
                found.setdefault(net[int(index)].deviceConfigId, gateway.ipAddress)
    return found
