"""A host's answers to ``date`` turned into the offset of its clock against ours, with bounds.

Frames carry the host's time, our windows are measured on our clock: both bounds are kept so that a
window is never claimed longer than it surely was.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HostClock:
    """The host's time is ours plus something from ``low`` to ``high`` (nanoseconds)."""

    low: int = 0
    high: int = 0

    @property
    def offset(self) -> int:
        """The best guess of the host's time minus ours."""
        return (self.low + self.high) // 2

    @property
    def uncertainty(self) -> int:
        """How far the guess may be off, either way."""
        return (self.high - self.low + 1) // 2

    def at_earliest(self, ours: int) -> int:
        """The host's time at a moment of ours, not later than it really was."""
        return ours + self.low

    def at_latest(self, ours: int) -> int:
        """The host's time at a moment of ours, not earlier than it really was."""
        return ours + self.high

    def host_time(self, ours: int) -> int:
        """The best guess of the host's time at a moment of ours."""
        return ours + self.offset


def sample(asked: int, answered: int, told: int, grain: int) -> HostClock:
    """One question: the host read its clock between ``asked`` and ``answered`` (our time)."""
    return HostClock(told - answered, told + grain - asked)


def agree(samples: list[HostClock]) -> HostClock:
    """What all samples allow; where they contradict (a clock was set), what any of them allows."""
    low, high = max(s.low for s in samples), min(s.high for s in samples)
    if low <= high:
        return HostClock(low, high)
    return HostClock(min(s.low for s in samples), max(s.high for s in samples))
