"""One thing looked at, turned into one line: what was found, and how to mend it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from enum import StrEnum

from workers.errors import CheckError

_MISSING = re.compile(r"^[^=:]+ is (?:not set|needed)\b")


class State(StrEnum):
    """How good it is: ``warn`` = checks work and something may bite later; ``fail`` = mend it."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Reading:
    """``peer`` is settings, redis, slack, vcenter or host; ``subject`` what of it was looked at."""

    peer: str
    subject: str
    state: State
    found: str
    mend: str = ""


Readings = AsyncIterator[Reading]


@dataclass(frozen=True, slots=True)
class Notebook:
    """Readings of one peer, written without naming it each time."""

    peer: str

    def ok(self, subject: str, found: str) -> Reading:
        """As it should be."""
        return Reading(self.peer, subject, State.OK, found)

    def warn(self, subject: str, found: str, mend: str = "") -> Reading:
        """Checks work, and something may bite later."""
        return Reading(self.peer, subject, State.WARN, found, mend)

    def fail(self, subject: str, found: str, mend: str = "") -> Reading:
        """Checks do not work, or not all of them."""
        return Reading(self.peer, subject, State.FAIL, found, mend)

    def trouble(self, subject: str, trouble: CheckError) -> Reading:
        """The edge's own sentence and advice."""
        return self.fail(subject, trouble.sentence, trouble.next_step)

    def settings(self, problems: Iterable[str]) -> tuple[Reading, ...]:
        """A failing line for every setting that is missing or wrong."""
        where = "in the environment or in .env; README lists all settings."
        return tuple(
            self.fail(
                "setting", each, f"{'Set' if _MISSING.search(each) else 'Correct'} it {where}"
            )
            for each in problems
        )
