"""What a server tells of its API versions turned into the one that is spoken with it."""

from __future__ import annotations

import re
from typing import Any

from pyVmomi import VmomiSupport

from workers.errors import VcenterRefused

_support: Any = VmomiSupport  # most of its names are not in its stubs
OLDEST = "vim.version.version10"  # vSphere 6.0: LAGs, opaque networks and lockdown mode are there
_NAMESPACE = re.compile(r"<namespace>\s*<name>\s*urn:vim25\s*</name>(.*?)</namespace>", re.DOTALL)
_VERSION = re.compile(r"<version>\s*([^<\s]+)\s*</version>")


def offered(document: str) -> str | None:
    """The newest version that both sides speak, by ``vimServiceVersions.xml``; None = it is none.

    Raises:
        VcenterRefused: the server is too old.
    """
    namespace = _NAMESPACE.search(document)
    if namespace is None:
        return None
    known = _known()
    told: list[str] = _VERSION.findall(namespace[1])
    for version_id in told:
        if version_id in known:
            return _checked(known[version_id], version_id)
    return nearest(told[0] if told else None)


def nearest(version_id: str | None) -> str:
    """The newest version that is not newer than this number, the oldest one where there is none.

    Raises:
        VcenterRefused: the server is too old.
    """
    wanted = _numbers(version_id or "")
    if not wanted:
        return OLDEST
    known = _known()
    older = [told for told in known if _numbers(told) and _numbers(told) <= wanted]
    newest = max(older, key=_numbers, default="")
    return _checked(known.get(newest, ""), str(version_id))


def _known() -> dict[str, str]:
    """Names that pyVmomi gives API versions, by the number a server tells."""
    return {
        _support.versionIdMap[version]: version
        for version in _support.nsMap
        if version.startswith("vim.version.")
    }


def _numbers(version_id: str) -> tuple[int, ...]:
    """Empty for a name that is no number."""
    digits = re.findall(r"\d+", version_id) if version_id[:1].isdigit() else ()
    return tuple(int(number) for number in digits)


def includes(spoken: str, version: str) -> bool:
    """Whether what came with an API version is part of the one that is spoken."""
    return bool(_support.IsChildVersion(spoken, version))


def _checked(version: str, version_id: str) -> str:
    if not version or not includes(version, OLDEST):
        raise VcenterRefused(
            f"This server speaks vSphere API {version_id}; arpcheck needs 6.0 or newer."
        )
    return version
