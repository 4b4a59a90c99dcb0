"""Several questions to a host turned into one wait: each alone would cost its own round trips."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar, overload

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")

Ask = Coroutine[Any, Any, A]


@overload
async def together(first: Ask[A], second: Ask[B], /) -> tuple[A, B]: ...
@overload
async def together(first: Ask[A], second: Ask[B], third: Ask[C], /) -> tuple[A, B, C]: ...


async def together(*asked: Ask[Any]) -> tuple[Any, ...]:
    """All answers; the first trouble ends the other questions and is raised as it is."""
    tasks = [asyncio.ensure_future(each) for each in asked]
    try:
        return tuple(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
