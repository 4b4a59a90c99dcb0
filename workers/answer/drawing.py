"""A kept answer turned into one with its picture.

Drawing takes longer than all else after a capture, so it is done when the verdict stands in the thread
already. The picture is drawn from the bundle: whoever takes over can draw it too.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from workers.answer.evidence import Kept
from workers.arp.bundle import judged_again
from workers.arp.picture import draw

_DRAWING = ThreadPoolExecutor(1, "drawing")
"""One at a time: a canvas takes some 30 MB, and two drawn at once are not done sooner."""

log = logging.getLogger(__name__)


async def with_picture(kept: Kept) -> Kept:
    """The answer with its picture, as it is where it has one or there is nothing to draw."""
    if kept.picture or not kept.bundle:
        return kept
    drawing = asyncio.get_running_loop().run_in_executor(_DRAWING, _drawn, kept.bundle)
    try:
        return replace(kept, picture=await drawing)
    except Exception:  # whatever it is, an answer without its picture is better than none
        log.exception("%s has no picture", kept.name)
        return kept


def _drawn(bundle: bytes) -> bytes:
    return draw(judged_again(bundle))
