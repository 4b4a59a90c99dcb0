"""Turns the corpus into ``docs/pictures.png``, every case's picture at a phone's width; run by hand."""

from __future__ import annotations

import sys
from io import BytesIO
from pathlib import Path

from PIL import Image

from tests.arp.corpus import NAMES
from tests.arp.drawn import eight_uplinks, judged
from workers.arp.picture import draw

SHEET = Path(__file__).parents[2] / "docs" / "pictures.png"
WIDTH, GAP, IN_A_ROW = 400, 16, 5
BACKGROUND = "#7A7A7A"


def main() -> None:
    judgements = [*map(judged, NAMES), eight_uplinks()]
    pictures = [_phone_sized(draw(each)) for each in judgements]
    columns: list[list[Image.Image]] = [pictures[n::IN_A_ROW] for n in range(IN_A_ROW)]
    height = max(sum(each.height + GAP for each in column) for column in columns) + GAP
    sheet = Image.new("RGB", (IN_A_ROW * (WIDTH + GAP) + GAP, height), BACKGROUND)
    for number, column in enumerate(columns):
        top = GAP
        for each in column:
            sheet.paste(each, (GAP + number * (WIDTH + GAP), top))
            top += each.height + GAP
    SHEET.parent.mkdir(exist_ok=True)
    sheet.quantize(64, dither=Image.Dither.NONE).save(SHEET, optimize=True)
    sys.stdout.write(f"{SHEET}: {len(pictures)} pictures, {SHEET.stat().st_size} bytes\n")


def _phone_sized(png: bytes) -> Image.Image:
    with Image.open(BytesIO(png)) as picture:
        size = (WIDTH, picture.height * WIDTH // picture.width)
        return picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)


if __name__ == "__main__":
    main()
