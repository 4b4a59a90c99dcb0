"""Untrusted text turned into text that the picture's own font can draw in the room there is.

The font is the one that matplotlib brings along, so that every machine draws the same.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from pathlib import Path

import matplotlib as mpl
from matplotlib.font_manager import FontProperties, get_font

DOTS_PER_INCH = 72  # a point is a pixel
SMALLEST = 20
_LONGEST = 600
_UNKNOWN_GLYPH = "\u25a1"
_FONTS = Path(mpl.get_data_path()) / "fonts" / "ttf"
_FILES = {False: _FONTS / "DejaVuSans.ttf", True: _FONTS / "DejaVuSans-Bold.ttf"}


def font(size: int, *, bold: bool) -> FontProperties:
    """The font as matplotlib wants it."""
    return FontProperties(family="DejaVu Sans", fname=_FILES[bold], size=size)


def drawable(text: str, *, bold: bool = False) -> str:
    """The text without what the font cannot draw: a square stands for a letter it lacks."""
    font = get_font(_FILES[bold])
    letters = []
    for letter in text[:_LONGEST]:
        kind = unicodedata.category(letter)
        if kind in {"Cc", "Zl", "Zp", "Zs"}:
            letters.append(" ")
        elif kind in {"Cf", "Cs"}:
            continue
        elif font.get_char_index(ord(letter)):
            letters.append(letter)
        elif kind not in {"Mn", "Me", "Sk"}:
            letters.append(_UNKNOWN_GLYPH)
    return " ".join("".join(letters).split())


@lru_cache(maxsize=4096)
def width_of(text: str, size: int, *, bold: bool = False) -> float:
    """Pixels of a drawable text."""
    font = get_font(_FILES[bold])
    font.set_size(size, DOTS_PER_INCH)
    font.set_text(text, 0.0)
    width: int = font.get_width_height()[0]
    return width / 64


def fitted(
    text: str, size: int, width: float, *, bold: bool = False, smallest: int = SMALLEST
) -> tuple[str, int]:
    """The drawable text and the size at which it fits: first smaller, then cut with an ellipsis."""
    text = drawable(text, bold=bold)
    while size > smallest and width_of(text, size, bold=bold) > width:
        size -= 1
    if width_of(text, size, bold=bold) <= width:
        return text, size
    short, long = 0, len(text)
    while short < long:
        middle = (short + long + 1) // 2
        if width_of(_middle_cut(text, middle), size, bold=bold) <= width:
            short = middle
        else:
            long = middle - 1
    return _middle_cut(text, short), size


def _middle_cut(text: str, keep: int) -> str:
    """Both ends tell names apart: ``very-long…-07``."""
    tail = keep // 3
    return text[: keep - tail] + "…" + (text[-tail:] if tail else "")


def wrapped(text: str, size: int, width: float, *, most: int, bold: bool = False) -> list[str]:
    """At most so many lines; what does not fit ends in an ellipsis."""
    lines: list[str] = []
    words = drawable(text, bold=bold).split()
    while words and len(lines) < most:
        line = words.pop(0)
        if width_of(line, size, bold=bold) > width:
            line = fitted(line, SMALLEST, width, bold=bold)[0]
        while words and width_of(f"{line} {words[0]}", size, bold=bold) <= width:
            line = f"{line} {words.pop(0)}"
        lines.append(line)
    if words:
        lines[-1] = lines[-1].rstrip(".,;:… ") + " …"
    return lines
