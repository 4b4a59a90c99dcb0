r"""vCenter's spelling of a name turned into the one people type, and one typed into the closest others.

vCenter escapes ``%``, ``/`` and ``\`` as ``%25``, ``%2f`` and ``%5c`` (vSphere API, ManagedEntity.name); a
plus sign is a plus sign.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from urllib.parse import unquote

MOST = 5


def unescaped(name: str) -> str:
    """The name as people type it."""
    return unquote(name) if "%" in name else name


def closest(query: str, names: Iterable[str]) -> tuple[str, ...]:
    """Up to five names like the one typed, best first; those that contain it come before the others."""
    wanted = query.casefold()
    by_key: dict[str, str] = {}
    for name in names:
        by_key.setdefault(name.casefold(), name)
    inside = sorted((key for key in by_key if wanted in key), key=lambda key: (len(key), key))
    alike = difflib.get_close_matches(wanted, by_key, n=MOST, cutoff=0.6)
    return tuple(by_key[key] for key in dict.fromkeys([*inside[:MOST], *alike]))[:MOST]
