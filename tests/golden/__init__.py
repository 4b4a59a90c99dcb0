"""Messages as people read them, one text file a kind; ``ARPCHECK_GOLDEN=write`` writes them anew.

A changed file is shown by git: read it as the person in the channel would, then commit it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from tests.lab.slack.blocks import message_text_length, problems
from tests.lab.slack.state import Json, Message
from tests.lab.slack.text import as_text, pings
from tests.lab.slack.workspace import Workspace
from tests.slack_types import blocks_wrong

FOLDER = Path(__file__).parent
TEXT_LIMIT = 4_000
BLOCKS_BUDGET = 8_000  # undocumented; msg_blocks_too_long was seen from about 11,000
NOTIFICATION = "— as plain text —"


class Sayable(Protocol):
    """What the product gives to Slack."""

    @property
    def text(self) -> str: ...

    @property
    def blocks(self) -> tuple[Json, ...]: ...


def refused(message: Sayable) -> list[str]:
    """What Slack would not take of a message, by its limits and by its own types."""
    found = problems(list(message.blocks)) if message.blocks else []
    found += blocks_wrong(message.blocks)
    if message_text_length(message.blocks) > BLOCKS_BUDGET:
        found.append(f"blocks of {message_text_length(message.blocks)} characters")
    if not 0 < len(message.text) <= TEXT_LIMIT:
        found.append(f"text of {len(message.text)} characters")
    return found


def called(message: Sayable) -> set[str]:
    """Whom a message calls, shown as blocks or as plain text."""
    shown = Message("C1", "1.0", "U1", message.text, list(message.blocks))
    return pings(shown) | pings(Message("C1", "1.0", "U1", message.text))


def rendered(message: Sayable) -> str:
    """The message as the lab shows it, and below it what a notification or a screen reader gets."""
    shown = Message("C1", "1.0", "U1", message.text, list(message.blocks))
    body = as_text(shown, Workspace()).partition("\n")[2]
    plain = as_text(Message("C1", "1.0", "U1", message.text), Workspace()).partition("\n")[2]
    return f"{body}\n\n{NOTIFICATION}\n{plain}\n"


def same(name: str, message: Sayable) -> None:
    """Compare with ``tests/golden/NAME.txt``."""
    assert refused(message) == []
    path, now = FOLDER / f"{name}.txt", rendered(message)
    if os.environ.get("ARPCHECK_GOLDEN") == "write":
        path.write_text(now, encoding="utf-8")
    assert path.exists(), f"{path.name} is missing: run with ARPCHECK_GOLDEN=write, and read it"
    assert now == path.read_text(encoding="utf-8")
