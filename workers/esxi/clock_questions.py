"""A host asked several times what time it is, turned into the offset of its clock against ours.

A busybox without nanoseconds tells whole seconds; questions at different moments narrow it down.
"""

from __future__ import annotations

import time

from workers.arp.pktcap import parse_clock
from workers.errors import CheckError
from workers.esxi.clock import HostClock, agree, sample
from workers.esxi.lines import Lines

SECONDS = 10

# The first form that is answered is kept.
FORMS = ("date -u '+%s %N'", "date -u")


class ClockQuestions:
    """The answers so far. A host that does not answer is asked no more."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._forms = list(FORMS)
        self._samples: list[HostClock] = []

    async def ask(self) -> None:
        """Ask once, in the other form where the first one is not understood."""
        while self._forms:
            asked = time.time_ns()
            try:
                answer = await self._lines.run(self._forms[0], seconds=SECONDS)
                told, grain = parse_clock(answer.out)
            except ValueError:
                self._forms.pop(0)
            except CheckError:
                self._forms.clear()
            else:
                self._samples.append(sample(asked, time.time_ns(), told, grain))
                return

    def agreed(self) -> HostClock:
        """What all answers allow; without any, the host's clock is taken for ours."""
        return agree(self._samples) if self._samples else HostClock()

    def untold(self) -> tuple[str, ...]:
        """A sentence where nothing is known."""
        if self._samples:
            return ()
        return (
            f"The clock of {self._lines.host} could not be read: it is taken to agree with ours.",
        )
