"""The corpus turned into one sheet to look at: a picture a verdict, as wide as a phone.

``python -m tests.arp.contact_sheet FILE.png``.
"""

from __future__ import annotations

import sys
from io import BytesIO
from pathlib import Path

from PIL import Image

from tests.arp.corpus import NAMES
from tests.arp.drawn import eight_uplinks, judged
from workers.arp.model import Judgement
from workers.arp.picture import draw
from workers.arp.verdict.codes import CODES

WIDTH, GAP, IN_A_ROW = 400, 16, 5
BACKGROUND = "#7A7A7A"


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("say into which file")
    file = Path(sys.argv[1])
    firsts: dict[str, Judgement] = {}
    for judgement in map(judged, NAMES):
        firsts.setdefault(judgement.verdict.code, judgement)
    missing = sorted(set(CODES) - set(firsts))
    pictures = [_phone_sized(draw(each)) for each in (*firsts.values(), eight_uplinks())]
    columns: list[list[Image.Image]] = [[] for _ in range(IN_A_ROW)]
    for each in pictures:
        min(columns, key=_height).append(each)
    sheet = Image.new(
        "RGB", (IN_A_ROW * (WIDTH + GAP) + GAP, max(map(_height, columns))), BACKGROUND
    )
    for number, column in enumerate(columns):
        for index, each in enumerate(column):
            left = GAP + number * (WIDTH + GAP)
            sheet.paste(each, (left, _height(column[:index])))
    small = sheet.quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    small.save(file, "PNG", optimize=True)
    sys.stdout.write(
        f"{file}: {len(pictures)} pictures, {file.stat().st_size} bytes; no case of {missing}\n"
    )


def _height(column: list[Image.Image]) -> int:
    return GAP + sum(each.height + GAP for each in column)


def _phone_sized(png: bytes) -> Image.Image:
    with Image.open(BytesIO(png)) as picture:
        size = (WIDTH, picture.height * WIDTH // picture.width)
        return picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)


if __name__ == "__main__":
    main()
