"""Look-ups that need the same sweep at the same time turned into one sweep for all of them.

The cost of a sweep is the reading of its answer, which threads do not share.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from workers.vcenter.connection import Connection
from workers.vcenter.session import Session

T = TypeVar("T")


class Shared(Generic[T]):
    """One kind of sweep: nothing is kept once it has ended."""

    def __init__(self, session: Session, seconds: float) -> None:
        self._session = session
        self._seconds = seconds
        self._sweep: asyncio.Task[T] | None = None

    async def find(
        self, work: Callable[[Connection], T], pick: Callable[[T], Sequence[str]]
    ) -> tuple[Sequence[str], T]:
        """What ``pick`` finds in the sweep's result, and the result.

        A sweep that was joined may have begun before the VM was made: without a find it is repeated.
        """
        told, joined = await self._ask(work)
        found = pick(told)
        if not found and joined:
            told, _ = await self._ask(work)
            found = pick(told)
        return found, told

    async def _ask(self, work: Callable[[Connection], T]) -> tuple[T, bool]:
        sweep = self._sweep
        joined = sweep is not None and not sweep.done()
        if sweep is None or not joined:
            sweep = asyncio.create_task(
                self._session.run(work, seconds=self._seconds), name="vcenter sweep"
            )
            sweep.add_done_callback(_mark_seen)
            self._sweep = sweep
        return await asyncio.shield(sweep), joined

    def cancel(self) -> None:
        """End a sweep that is under way."""
        if self._sweep is not None:
            self._sweep.cancel()


def _mark_seen(sweep: asyncio.Task[T]) -> None:
    """A sweep whose askers were all cancelled ends unseen; its trouble is nobody's then."""
    if not sweep.cancelled():
        sweep.exception()
