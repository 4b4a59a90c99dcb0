"""A picture as a file: small, readable, the same bytes every time, whatever names it is given."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.text import Text
from PIL import Image

from tests.arp.corpus import NAMES
from tests.arp.drawn import DRAWN, counted, eight_uplinks, judged, named, nothing, texts
from workers.arp.picture import alt_text, draw
from workers.arp.picture.sheet import figure_of

STRANGE_NAMES = [
    "$x_{1}^\\frac{a}{b}$",
    "$",
    "\\",
    "a\nb\tc\x00\x1b[31m",
    "שרת-ייצור مرحبا",
    "\u202egnp.exe\u2066",
    "数据库-01",
    "😀👩‍👩‍👧🇩🇪",
    "e\u0301\u0301\u0301 \u0e01\u0e33 \u0301",
    "\ud800",
    "\U000f0000\U0010ffff",
    "long-name-" * 300,
    "W" * 5000,
    "",
]


@pytest.mark.parametrize("name", DRAWN)
def test_a_picture_is_a_small_png_of_a_phones_width(name: str) -> None:
    png = draw(judged(name))
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert len(png) <= 200_000
    with Image.open(BytesIO(png)) as picture:
        picture.verify()
        assert picture.width == 1000
        assert 900 <= picture.height <= 1500


@pytest.mark.parametrize("name", [*DRAWN, "eight uplinks", "nothing"])
def test_no_words_lie_on_others_or_leave_the_page(name: str) -> None:
    special = {"eight uplinks": eight_uplinks, "nothing": nothing}
    figure = figure_of(special[name]() if name in special else judged(name))
    figure.canvas.draw()
    page = figure.bbox
    shown = [each for each in figure.get_children() if isinstance(each, Text) and each.get_text()]
    boxes = [(each.get_text(), each.get_window_extent()) for each in shown]
    for index, (words, box) in enumerate(boxes):
        assert page.x0 <= box.x0, words
        assert box.x1 <= page.x1, words
        assert page.y0 <= box.y0, words
        assert box.y1 <= page.y1, words
        for other, its in boxes[index + 1 :]:
            apart = (
                box.x1 <= its.x0 + 1
                or its.x1 <= box.x0 + 1
                or box.y1 <= its.y0 + 8  # a line's height has room for accents
                or its.y1 <= box.y0 + 8
            )
            assert apart, (words, other)


def test_eight_uplinks_stay_readable() -> None:
    judgement = eight_uplinks()
    png = draw(judgement)
    assert len(png) <= 200_000
    figure = figure_of(judgement)
    drawn = texts(figure)
    for uplink in judgement.case.host.uplinks:
        assert f"sum {uplink.device}-tx" in drawn
        assert f"sum {uplink.device}-rx" in drawn
    shown = [each for each in figure.get_children() if isinstance(each, Text)]
    assert min(float(each.get_fontsize()) for each in shown) >= 20
    words = {each.get_text() for each in shown}
    assert {"LINK DOWN", "not known"} <= words
    assert any(re.fullmatch(r"leaf-in-.*….*-8", each) for each in words)
    assert any(each.get_text().startswith("link down 00:00:05") for each in shown)


def test_the_same_judgement_gives_the_same_bytes_in_every_thread() -> None:
    judgements = [judged("C08"), judged("C16"), nothing()]
    wanted = [draw(each) for each in judgements]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(draw, judgements * 3)) == wanted * 3


def test_a_picture_takes_less_than_a_second() -> None:
    judgement = eight_uplinks()
    draw(judgement)
    took = []
    for _ in range(2):
        start = time.process_time()
        draw(judgement)
        took.append(time.process_time() - start)
    assert min(took) < 1


def test_a_persons_matplotlib_settings_change_nothing(tmp_path: Path) -> None:
    settings_file = tmp_path / "matplotlibrc"
    settings_file.write_text(
        "text.usetex: True\nfigure.dpi: 300\nfont.size: 40\nlines.linewidth: 9\n"
        "figure.facecolor: black\nfigure.autolayout: True\npath.effects: []\nbackend: pdf\n"
    )
    program = (
        "from hashlib import sha256\n"
        "from tests.arp.drawn import judged\n"
        "from workers.arp.picture import draw\n"
        "print(sha256(draw(judged('C08'))).hexdigest())\n"
    )
    environment = {
        **os.environ,
        "MATPLOTLIBRC": str(settings_file),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == sha256(draw(judged("C08"))).hexdigest()


def test_matplotlib_is_not_imported_before_a_picture_is_drawn() -> None:
    program = "import sys, workers.arp.picture; sys.exit('matplotlib' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    assert (
        subprocess.run([sys.executable, "-c", program], env=environment, check=False).returncode
        == 0
    )


@pytest.mark.parametrize("name", STRANGE_NAMES)
def test_strange_names_do_no_harm(name: str) -> None:
    assert draw(named(name)).startswith(b"\x89PNG")
    assert len(alt_text(named(name))) <= 1000
    assert alt_text(named(name)).isprintable()


@settings(max_examples=10, deadline=None)
@given(st.text(max_size=40))
def test_no_name_at_all_does_harm(name: str) -> None:
    assert draw(named(name)).startswith(b"\x89PNG")
    assert alt_text(named(name)).isprintable()


def test_mathematics_in_a_name_stays_as_it_is() -> None:
    figure = figure_of(named("$x_{1}^2$"))
    shown = [each for each in figure.get_children() if isinstance(each, Text)]
    assert any("$x_{1}^2$" in each.get_text() for each in shown)
    assert not any(each.get_parse_math() for each in shown)


def test_a_letter_without_a_glyph_is_a_square() -> None:
    shown = [
        each.get_text()
        for each in figure_of(named("数-db")).get_children()
        if isinstance(each, Text)
    ]
    assert any("□-db" in each for each in shown)


def test_nothing_heard_is_a_picture_too() -> None:
    words = [
        each.get_text() for each in figure_of(nothing()).get_children() if isinstance(each, Text)
    ]
    assert draw(nothing()).startswith(b"\x89PNG")
    assert {"NOT DECIDED", "Nothing was heard.", "No uplinks are known.", "BLIND"} <= set(words)
    assert "not decided" in alt_text(nothing())


@pytest.mark.parametrize("name", NAMES)
def test_the_words_tell_verdict_owner_and_counts(name: str) -> None:
    judgement = judged(name)
    told = alt_text(judgement)
    assert len(told) <= 1000
    assert judgement.verdict.code in told
    owner = {
        "guest": "the VM's owner (guest)",
        "virtualization": "the virtualization team",
        "network": "the network team",
        "target": "the target's owner",
        "none": "nobody",
        "inconclusive": "not decided",
    }[judgement.verdict.owner]
    assert f"Owner of the next move: {owner}." in told
    for point, (requests, replies, _) in counted(judgement).items():
        thing, _, way = point.partition("-")
        where = f"VM port {thing}" if thing == judgement.nic else rf"{thing}( at [^:]*)?:"
        what = rf"\b{requests}( seen)? requests" if way == "tx" else rf"\b{replies}( seen)? replies"
        assert re.search(rf"{where}.*?{what}", told), (point, told)


def test_the_words_keep_the_busy_uplink_where_not_all_find_room() -> None:
    told = alt_text(eight_uplinks())
    assert len(told) <= 1000
    assert "vmnic1 at sw-a Ethernet1/10: 24 requests out, 0 replies in." in told
    assert told.endswith("…")
