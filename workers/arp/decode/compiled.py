"""Gives the compiled walk over packet records where it was built; ``scan`` is None where it was not."""

from __future__ import annotations

from typing import Any

__all__ = ["scan"]

scan: Any = None
try:
    from workers.arp.decode import _scan
except ImportError:  # no compiler where this was installed: the walk in pure Python stands in
    pass
else:
    scan = _scan
