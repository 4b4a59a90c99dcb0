"""Lines, boxes and words turned into artists of one matplotlib Figure, in pixels from the top left.

Nothing here reads a person's matplotlib settings: they are set to the defaults once, on import, and
every font is the one that matplotlib brings along. No pyplot: it keeps figures between threads.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, get_font
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, FancyBboxPatch, Polygon, Rectangle, RegularPolygon
from matplotlib.text import Text
from matplotlib.transforms import Affine2D

from workers.arp.picture.ends import Shape

mpl.rcdefaults()  # the import lock makes this happen once, before any thread draws

# Okabe and Ito, "Color Universal Design" (2008): told apart by colour-blind people too.
BLUE, GREEN, RED = "#0072B2", "#00795A", "#C64500"
INK, GREY, PALE, PAPER = "#1A1A1A", "#5A5A5A", "#EEF1F4", "#FFFFFF"
SHAPE_COLOURS = {Shape.STOP: RED, Shape.UNKNOWN: "#4A4A4A", Shape.FINE: GREEN}

DOTS_PER_INCH = 72  # a point is a pixel
SMALLEST = 20
_LONGEST = 600
_UNKNOWN_GLYPH = "\u25a1"
_FONTS = Path(mpl.get_data_path()) / "fonts" / "ttf"
_FILES = {False: _FONTS / "DejaVuSans.ttf", True: _FONTS / "DejaVuSans-Bold.ttf"}


@cache
def _font(size: int, *, bold: bool) -> FontProperties:
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


class Pen:
    """Draws on one Figure of a fixed width; ``finish`` gives it the height that was needed."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.figure = Figure(figsize=(width / 72, 1), dpi=DOTS_PER_INCH, facecolor=PAPER)
        FigureCanvasAgg(self.figure)
        self._place = Affine2D().scale(1, -1)

    def finish(self, height: int) -> Figure:
        """The Figure, as high as was needed."""
        self._place.translate(0, height)
        self.figure.set_size_inches(self.width / 72, height / 72)
        return self.figure

    def text(
        self,
        at: tuple[float, float],
        words: str,
        size: int,
        *,
        colour: str = INK,
        bold: bool = False,
        align: str = "left",
        width: float | None = None,
        smallest: int = SMALLEST,
        name: str | None = None,
    ) -> float:
        """Words in the middle of a line at ``at``; gives their width."""
        words, size = fitted(words, size, width or self.width, bold=bold, smallest=smallest)
        artist = Text(
            *at,
            words,
            color=colour,
            fontproperties=_font(size, bold=bold),
            horizontalalignment=align,
            verticalalignment="center_baseline",
            parse_math=False,
            usetex=False,
            antialiased=True,
        )
        artist.set_gid(name)
        self._add(artist, 5)
        return width_of(words, size, bold=bold)

    def line(
        self,
        points: Sequence[tuple[float, float]],
        colour: str,
        width: float = 3,
        *,
        dashed: bool = False,
    ) -> None:
        x, y = zip(*points, strict=True)
        style = (0, (3, 2)) if dashed else "solid"
        self._add(
            Line2D(x, y, color=colour, linewidth=width, linestyle=style, solid_capstyle="butt"), 2
        )

    def dots(self, points: Sequence[tuple[float, float]], marker: str, colour: str) -> None:
        """Many marks of one shape; hollow for requests that came back."""
        if not points:
            return
        x, y = zip(*points, strict=True)
        hollow = marker == "D"
        self._add(
            Line2D(
                x,
                y,
                linestyle="none",
                marker=marker,
                markersize=11 if hollow else 15,
                markerfacecolor=PAPER if hollow else colour,
                markeredgecolor=colour if hollow else PAPER,
                markeredgewidth=2.5 if hollow else 1,
            ),
            4,
        )

    def box(
        self,
        corner: tuple[float, float],
        size: tuple[float, float],
        *,
        face: str = PALE,
        edge: str = GREY,
        line: float = 2,
        dashed: bool = False,
        order: int = 1,
    ) -> None:
        style = "round,pad=0,rounding_size=10"
        patch = FancyBboxPatch(corner, *size, boxstyle=style, facecolor=face, edgecolor=edge)
        patch.set_linewidth(line)
        patch.set_linestyle((0, (4, 3)) if dashed else "solid")
        self._add(patch, order)

    def hatch(self, corner: tuple[float, float], size: tuple[float, float]) -> None:
        """Slanting lines over a place where nobody listened."""
        (x, y), (width, height) = corner, size
        area = Rectangle(corner, width, height, facecolor="#F4F4F4", edgecolor=GREY, linewidth=1)
        self._add(area, 1)
        slants: list[tuple[float, float]] = []
        start = -height
        while start < width:
            left, right = max(0.0, start), min(width, start + height)
            slants += [
                (x + left, y + height - (left - start)),
                (x + right, y + height - right + start),
            ]
            slants.append((float("nan"), float("nan")))
            start += 14
        if slants:
            xs, ys = zip(*slants, strict=True)
            self._add(Line2D(xs, ys, color="#9A9A9A", linewidth=2), 1)

    def head(self, tip: tuple[float, float], towards: tuple[int, int], colour: str) -> None:
        """An arrow's head."""
        (x, y), (dx, dy) = tip, towards
        back = (x - 20 * dx, y - 20 * dy)
        corners = [
            tip,
            (back[0] - 11 * dy, back[1] - 11 * dx),
            (back[0] + 11 * dy, back[1] + 11 * dx),
        ]
        self._add(Polygon(corners, closed=True, facecolor=colour, edgecolor="none"), 3)

    def sign(
        self, at: tuple[float, float], shape: Shape, radius: float, colour: str | None = None
    ) -> None:
        """An octagon with a cross, a diamond with a question mark or a disc with a tick."""
        colour = colour or SHAPE_COLOURS[shape]
        ink = PAPER if colour != PAPER else SHAPE_COLOURS[shape]
        (x, y), r = at, radius
        if shape is Shape.STOP:
            self._add(RegularPolygon(at, 8, radius=r, orientation=0.3927, facecolor=colour), 4)
            a = 0.4 * r
            self._stroke([(x - a, y - a), (x + a, y + a)], ink, r)
            self._stroke([(x - a, y + a), (x + a, y - a)], ink, r)
        elif shape is Shape.FINE:
            self._add(Circle(at, r * 0.95, facecolor=colour), 4)
            self._stroke(
                [(x - 0.45 * r, y), (x - 0.1 * r, y + 0.4 * r), (x + 0.5 * r, y - 0.4 * r)], ink, r
            )
        else:
            self._add(RegularPolygon(at, 4, radius=r * 1.1, facecolor=colour), 4)
            self.text((x, y), "?", round(r * 1.3), colour=ink, bold=True, align="center")

    def _stroke(self, points: Sequence[tuple[float, float]], colour: str, radius: float) -> None:
        x, y = zip(*points, strict=True)
        self._add(Line2D(x, y, color=colour, linewidth=radius * 0.24), 5)

    def _add(self, artist: Artist, order: int) -> None:
        artist.set_transform(self._place)
        artist.set_zorder(order)
        self.figure.add_artist(artist)
