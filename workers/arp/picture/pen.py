"""Lines, boxes and words turned into artists of one matplotlib Figure, in pixels from the top left.

Nothing here obeys a person's matplotlib settings: they are set to the defaults once, on import.
No pyplot: it keeps figures between threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, FancyBboxPatch, Polygon, Rectangle, RegularPolygon
from matplotlib.text import Text
from matplotlib.transforms import Affine2D

from workers.arp.picture.ends import Shape
from workers.arp.picture.letters import DOTS_PER_INCH, SMALLEST, fitted, font, width_of

mpl.rcdefaults()  # the import lock makes this happen once, before any thread draws

# Okabe and Ito, "Color Universal Design" (2008): told apart by colour-blind people too.
BLUE, GREEN, RED = "#0072B2", "#00795A", "#C64500"
INK, GREY, PALE, PAPER = "#1A1A1A", "#5A5A5A", "#EEF1F4", "#FFFFFF"
MARGIN = 28
Align = Literal["left", "center", "right"]
SHAPE_COLOURS = {Shape.STOP: RED, Shape.UNKNOWN: "#4A4A4A", Shape.FINE: GREEN}


@dataclass(frozen=True, slots=True)
class Face:
    """How words look; ``smallest`` is how far they may shrink before they are cut."""

    size: int
    colour: str = INK
    bold: bool = False
    align: Align = "left"
    smallest: int = SMALLEST


@dataclass(frozen=True, slots=True)
class Look:
    """How a box looks; a higher ``order`` lies on top (lines 2, words 5)."""

    face: str = PALE
    edge: str = GREY
    line: float = 2
    order: int = 1


PLAIN, BLAMED = Look(), Look("#FBE6DA", RED, 5)
ERASED = Look(PAPER, "none", order=3)


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
        face: Face,
        *,
        width: float | None = None,
        name: str | None = None,
    ) -> float:
        """Words on the line at ``at``; gives their width. ``name`` finds them again in the Figure."""
        room, bold = width or self.width, face.bold
        words, size = fitted(words, face.size, room, bold=bold, smallest=face.smallest)
        artist = Text(
            *at,
            words,
            color=face.colour,
            fontproperties=font(size, bold=bold),
            horizontalalignment=face.align,
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
        """A line from point to point."""
        x, y = zip(*points, strict=True)
        artist = Line2D(x, y, color=colour, linewidth=width, solid_capstyle="butt")
        if dashed:
            artist.set_linestyle((0, (3, 2)))
        self._add(artist, 2)

    def dots(
        self,
        points: Sequence[tuple[float, float]],
        marker: str,
        colour: str,
        name: str | None = None,
    ) -> None:
        """Many marks of one shape; hollow for requests that came back."""
        if not points:
            return
        x, y = zip(*points, strict=True)
        hollow = marker == "D"
        artist = Line2D(
            x,
            y,
            linestyle="none",
            marker=marker,
            markersize=11 if hollow else 15,
            markerfacecolor=PAPER if hollow else colour,
            markeredgecolor=colour if hollow else PAPER,
            markeredgewidth=2.5 if hollow else 1,
        )
        artist.set_gid(name)
        self._add(artist, 4)

    def box(
        self, corner: tuple[float, float], size: tuple[float, float], look: Look = PLAIN
    ) -> None:
        """A box with round corners."""
        style = "round,pad=0,rounding_size=10"
        patch = FancyBboxPatch(
            corner, *size, boxstyle=style, facecolor=look.face, edgecolor=look.edge
        )
        patch.set_linewidth(look.line)
        self._add(patch, look.order)

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
            self.text((x, y), "?", Face(round(r * 1.3), colour=ink, bold=True, align="center"))

    def _stroke(self, points: Sequence[tuple[float, float]], colour: str, radius: float) -> None:
        x, y = zip(*points, strict=True)
        self._add(Line2D(x, y, color=colour, linewidth=radius * 0.24), 5)

    def _add(self, artist: Artist, order: int) -> None:
        artist.set_transform(self._place)
        artist.set_zorder(order)
        self.figure.add_artist(artist)
