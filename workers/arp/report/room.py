"""Sections fitted into few lines: an item stands there whole or not at all, the least needed go first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

ALWAYS: Final = 0
"""The rank of what is told however little room there is."""


@dataclass(frozen=True, slots=True)
class Item:
    """Some lines under a section's title; those of a lower ``rank`` are kept rather."""

    title: str
    rank: int
    lines: Sequence[str]


def fitted(items: Sequence[Item], room: int) -> tuple[list[list[str]], int]:
    """The sections that fit, each as its lines, and how many items are left out.

    Where some are, a line of ``room`` stays free to say so.
    """
    kept = _kept(items, room)
    if len(kept) < len(items):
        kept = _kept(items, room - 1)
    sections: dict[str, list[str]] = {}
    for item in (items[index] for index in sorted(kept)):
        sections.setdefault(item.title, [item.title]).extend(item.lines)
    return list(sections.values()), len(items) - len(kept)


def _kept(items: Sequence[Item], room: int) -> list[int]:
    kept: list[int] = []
    titles: set[str] = set()
    for index in sorted(range(len(items)), key=lambda index: items[index].rank):
        item = items[index]
        lines = len(item.lines) + (item.title not in titles)
        if item.rank == ALWAYS or lines <= room:
            kept.append(index)
            titles.add(item.title)
            room -= lines
    return kept
