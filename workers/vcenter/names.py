r"""vCenter's spelling of a name turned into the one people type, and one typed into the closest others.

vCenter escapes ``%``, ``/`` and ``\`` as ``%25``, ``%2f`` and ``%5c`` (vSphere API, ManagedEntity.name); a
plus sign is a plus sign.
"""

from __future__ import annotations

import difflib
import heapq
from collections.abc import Iterable
from urllib.parse import unquote

MOST = 5
SHORT_LIST = 200


def unescaped(name: str) -> str:
    """The name as people type it."""
    return unquote(name) if "%" in name else name


def closest(query: str, names: Iterable[str]) -> tuple[str, ...]:
    """Up to five names like the one typed, best first; those that contain it come before the others."""
    wanted = query.casefold()
    by_key: dict[str, str] = {}
    for name in names:
        by_key.setdefault(name.casefold(), name)
    best = heapq.nsmallest(MOST, (k for k in by_key if wanted in k), key=lambda k: (len(k), k))
    if len(best) < MOST:
        pairs = _pairs(wanted)
        near = heapq.nlargest(SHORT_LIST, by_key, key=lambda key: len(pairs & _pairs(key)))
        best += difflib.get_close_matches(wanted, near, n=MOST, cutoff=0.6)
    return tuple(by_key[key] for key in dict.fromkeys(best))[:MOST]


def _pairs(name: str) -> set[str]:
    """Neighbouring characters: a cheap likeness, since difflib takes seconds for 10,000 names."""
    return {name[i : i + 2] for i in range(len(name) - 1)}
