"""A Judgement turned into one Figure, from the verdict down to the time line, and into its PNG."""

from __future__ import annotations

from io import BytesIO

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from workers.arp.model import Judgement
from workers.arp.picture.head import draw_head
from workers.arp.picture.path import draw_path
from workers.arp.picture.pen import PAPER, Look, Pen
from workers.arp.picture.story import story_of
from workers.arp.picture.timeline import draw_timeline

WIDTH = 1000
_COLOURS = 64


def figure_of(judgement: Judgement) -> Figure:
    """The picture before it becomes pixels."""
    pen, story = Pen(WIDTH), story_of(judgement)
    y = draw_head(pen, story)
    y = draw_path(pen, story, y)
    height = round(draw_timeline(pen, story, y))
    pen.box((2, 2), (WIDTH - 4, height - 4), Look(PAPER, order=0))
    return pen.finish(height)


def png(judgement: Judgement) -> bytes:
    """Few colours and no metadata: small, and the same bytes for the same judgement."""
    canvas = FigureCanvasAgg(figure_of(judgement))
    pixels, size = canvas.print_to_buffer()
    picture = Image.frombytes("RGBA", size, pixels).convert("RGB")
    small = picture.quantize(_COLOURS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    out = BytesIO()
    small.save(out, "PNG", compress_level=6)
    return out.getvalue()
