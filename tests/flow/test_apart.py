"""What computes for long runs beside the event loop, one piece at a time."""

import asyncio
import threading

import pytest

from tests.edges.jobs_lab import until
from workers.check.apart import apart


async def test_the_loop_goes_on_while_something_computes() -> None:
    begun, may_end = threading.Event(), threading.Event()

    def compute(number: int, *, times: int) -> int:
        begun.set()
        assert may_end.wait(10)
        return number * times

    running = asyncio.create_task(apart(compute, 21, times=2))
    await until(begun.is_set)
    may_end.set()
    assert await running == 42


async def test_two_never_compute_together() -> None:
    both = threading.Barrier(2)

    def meets_another() -> bool:
        try:
            both.wait(0.5)
        except threading.BrokenBarrierError:
            return False
        return True

    assert not any(await asyncio.gather(*(apart(meets_another) for _ in range(4))))


async def test_what_computing_raises_is_raised() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        await apart(int, "x")
