"""Network hints of a host turned into the physical switch port behind each uplink (LLDP or CDP)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from workers.arp.model import Neighbour


def neighbours(hints: Iterable[Any]) -> dict[str, Neighbour]:
    """Neighbour by device; an uplink whose neighbour does not speak is missing."""
    found: dict[str, Neighbour] = {}
    for hint in hints or ():
        neighbour = _lldp(hint.lldpInfo) or _cdp(hint.connectedSwitchPort)
        if neighbour is not None:
            found[hint.device] = neighbour
    return found


def _lldp(info: Any) -> Neighbour | None:
    if info is None or not info.portId:
        return None
    told = {parameter.key.lower(): str(parameter.value) for parameter in info.parameter or ()}
    return Neighbour(
        protocol="lldp",
        switch=told.get("system name") or info.chassisId or "unknown",
        port=info.portId,
        vlan=_vlan(told.get("vlan id")),
        management_address=told.get("management address"),
    )


def _cdp(info: Any) -> Neighbour | None:
    if info is None or not info.portId:
        return None
    return Neighbour(
        protocol="cdp",
        switch=info.systemName or info.devId or "unknown",
        port=info.portId,
        vlan=_vlan(str(info.vlan or "")),
        management_address=info.mgmtAddr or None,
    )


def _vlan(text: str | None) -> int | None:
    number = int(text) if text and text.isascii() and text.isdigit() else 0
    return number if 0 < number < 4095 else None  # noqa: PLR2004 - 12 bits, 0 = not told
