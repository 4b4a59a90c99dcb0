"""How far a check is, turned into a moving line on a terminal, or into plain lines in a pipe.

Everything here goes to stderr, so that stdout holds the report alone. Colours follow NO_COLOR, movement
needs a terminal that can move its cursor.
"""

from __future__ import annotations

import logging
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TextColumn
from rich.progress import Progress as MovingLine
from rich.text import Text

from workers.arp.case.shape import clean
from workers.arp.summary import Progress, progress_words
from workers.check import Quiet


class Terminal(Quiet):
    """The desk of a check that somebody watches; in use it also shows what the edges log."""

    def __init__(self) -> None:
        super().__init__()
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        moves = self._console.is_terminal and not self._console.is_dumb_terminal
        self._line = _moving_line(self._console) if moves else None
        self._task = self._line.add_task("", total=None) if self._line else None
        self._stage = "finding"  # in a pipe the first stage is no news
        self._log = _LogLines(self)

    def __enter__(self) -> Self:
        logging.getLogger().addHandler(self._log)
        if self._line is not None:
            self._line.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._line is not None:
            self._line.stop()
        logging.getLogger().removeHandler(self._log)

    def tell(self, progress: Progress) -> None:
        """Show the newest state: move the line, or write one where the stage is a new one."""
        words = clean(progress_words(progress))
        if self._line is not None and self._task is not None:
            total = progress.seconds if progress.stage == "capturing" else None
            self._line.update(
                self._task, description=words, completed=progress.elapsed, total=total
            )
        elif progress.stage != self._stage:
            self.say(words)
        self._stage = progress.stage

    def ask_for_traffic(self, vm: str, target: str | None) -> None:
        """Say what to type in the guest."""
        wanted = target or "GATEWAY"
        self.say(f"{vm} does not ask for {wanted}. In the guest: arping -b -c 15 -w 17 {wanted}")

    def say(self, sentence: str) -> None:
        """Write one line that stays."""
        self._console.print(Text(clean(sentence)))


class _LogLines(logging.Handler):
    """Warnings of the edges as lines of the terminal, above the moving one."""

    def __init__(self, terminal: Terminal) -> None:
        super().__init__(logging.WARNING)
        self._terminal = terminal

    def emit(self, record: logging.LogRecord) -> None:
        """Write the message, without a traceback."""
        self._terminal.say(record.getMessage())


def _moving_line(console: Console) -> MovingLine:
    return MovingLine(
        SpinnerColumn(),
        BarColumn(bar_width=24),
        TextColumn("{task.description}", markup=False),
        console=console,
        transient=True,
    )
