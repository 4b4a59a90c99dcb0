"""Counts turned into what they prove, intervals, odds and change points, and into words.

The formulas are Wilson's score interval (1927) and Fisher's exact test (1922). Both assume
independent trials; ARP requests of one burst are not, so callers ask for a minimum span as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import comb, sqrt

_Z95 = 1.959963984540054


def counted(number: int, things: str) -> str:
    """``2 replies`` or ``1 reply``, by the plural."""
    if number == 1:
        things = f"{things[:-3]}y" if things.endswith("ies") else things.removesuffix("s")
    return f"{number} {things}"


def were(number: int) -> str:
    """``1 reply was``, ``2 replies were``."""
    return "was" if number == 1 else "were"


def wilson(answered: int, asked: int) -> tuple[float, float]:
    """The 95 % interval of the true answer rate, as fractions; (0, 1) where nothing was asked."""
    if asked == 0:
        return 0.0, 1.0
    rate = answered / asked
    spread = _Z95 * sqrt(rate * (1 - rate) / asked + _Z95**2 / (4 * asked**2))
    centre = rate + _Z95**2 / (2 * asked)
    scale = 1 + _Z95**2 / asked
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def fisher(lost: int, answered: int) -> float:
    """The chance (two-sided) that ``lost`` of one group and ``answered`` of the other are luck.

    All of the first group were lost and all of the second answered, the only table asked for here.
    """
    if lost == 0 or answered == 0:
        return 1.0
    return 1 / comb(lost + answered, lost) if lost != answered else 2 / comb(2 * lost, lost)


def median(values: Iterable[int]) -> float:
    """The middle one, or the mean of the two in the middle; there must be one.

    The library's own imports decimal numbers and fractions, a tenth of a small run's time.
    """
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def change_point(answered: Sequence[bool], *, purity: float, least: int) -> int | None:
    """The index from which the outcome differs from what was before, None where there is none.

    Both sides hold at least ``least`` outcomes, and at least ``purity`` of each side agree.
    """
    total, seen, best = sum(answered), 0, None
    best_purity = purity
    for index in range(1, len(answered)):
        seen += answered[index - 1]
        if index < least or len(answered) - index < least:
            continue
        before = seen / index
        after = (total - seen) / (len(answered) - index)
        agreed = min(max(before, 1 - before), max(after, 1 - after))
        if (before > 1 / 2) != (after > 1 / 2) and agreed >= best_purity:
            best, best_purity = index, agreed
    return best
