"""Judging and packing turned into awaited results: one at a time, beside the event loop.

Threads that compute share one interpreter. Several at once are done no sooner than one after the other,
and the event loop, where many checks end at once, then waits for all of them at every turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_ONE = ThreadPoolExecutor(1, "apart")


async def apart(compute: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What ``compute`` gives, without keeping the event loop from its work."""
    return await asyncio.get_running_loop().run_in_executor(_ONE, lambda: compute(*args, **kwargs))
