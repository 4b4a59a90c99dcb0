"""A Judgement turned into a picture (PNG) of where the ARP ends, and into the same story in words.

The picture never says more than the judgement: where a point was blind nothing ends, it is BLIND.
"""

from __future__ import annotations

from workers.arp.model import Judgement
from workers.arp.picture.alt import alt_text

__all__ = ["alt_text", "draw"]


def draw(judgement: Judgement) -> bytes:
    """A PNG, the same bytes for the same judgement; may be called from many threads at once."""
    from workers.arp.picture.sheet import png  # noqa: PLC0415  (matplotlib takes long to import)

    return png(judgement)
