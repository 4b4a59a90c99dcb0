from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from PIL import Image

from tests.arp.corpus import NAMES, expected
from tests.arp.drawn import eight_uplinks, judged, named, nothing, with_blind_point
from tests.arp.ways import sampled
from workers.arp.model import Judgement
from workers.arp.picture import alt_text, draw
from workers.arp.picture.ends import End, Shape, ends_of
from workers.arp.picture.sheet import figure_of
from workers.arp.picture.story import story_of


def some(usual: int) -> list[str]:
    """Of every verdict's cases one, then one in so many: drawing costs more than judging."""
    return sorted(sampled(NAMES, lambda name: expected(name)["verdict"], usual))


DRAWN, SKETCHED = some(5), some(3)
"""Made to pixels, and only laid out."""

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


def texts(figure: Figure) -> dict[str, str]:
    """The texts that have a name, by it."""
    found = (artist for artist in figure.get_children() if isinstance(artist, Text))
    return {str(text.get_gid()): text.get_text() for text in found if text.get_gid()}


def marks(figure: Figure, name: str) -> int:
    lines = (each for each in figure.get_children() if isinstance(each, Line2D))
    return sum(np.asarray(line.get_xdata()).size for line in lines if line.get_gid() == name)


def number(text: str) -> int:
    """The one that is written there; a blind point that saw nothing shows none."""
    match = re.search(r"\d+", text)
    assert match or text == "BLIND", text
    return int(match[0]) if match else 0


def counted(judgement: Judgement) -> dict[str, tuple[int, int, int]]:
    """Requests, replies and returned requests at each point, without those for other targets."""
    others = [
        each
        for each in judgement.exchanges
        if judgement.target is not None and each.request.target_ip != judgement.target
    ]
    counts = {}
    for point in judgement.points:
        thing, _, way = point.point.partition("-")
        if thing.startswith("vnic") and thing != judgement.nic:
            continue
        mixed = way in {"", "both"}
        if way == "tx" or mixed:
            gone = sum(thing in {*each.left_on, each.request.point.object} for each in others)
            back = point.reflections if mixed else 0
            counts[f"{thing}-tx"] = (point.vm_requests - back - gone, 0, 0)
        if way == "rx" or mixed:
            at_port = thing == judgement.nic
            replied = sum(e.delivered if at_port else thing in e.reply_on for e in others)
            back = point.reflections - sum(thing in each.reflected_on for each in others)
            counts[f"{thing}-rx"] = (0, point.vm_replies - replied, back)
    return counts


@pytest.mark.parametrize("name", DRAWN)
def test_a_picture_is_a_small_png_of_a_phones_width(name: str) -> None:
    png = draw(judged(name))
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert len(png) <= 200_000
    with Image.open(BytesIO(png)) as picture:
        picture.verify()
        assert picture.width == 1000
        assert 900 <= picture.height <= 1500


@pytest.mark.parametrize("name", SKETCHED)
def test_the_numbers_drawn_are_the_judgements(name: str) -> None:
    judgement = judged(name)
    drawn = texts(figure_of(judgement))
    for point, (requests, replies, returned) in counted(judgement).items():
        thing, _, way = point.partition("-")
        if point in drawn:
            assert number(drawn[point]) == (requests if way == "tx" else replies), point
        else:
            assert drawn[f"end {thing}"].endswith(f"({replies})")
        assert (f"{point} returned" in drawn) == (returned > 0)
        if returned:
            assert number(drawn[f"{point} returned"]) == returned
        sums = [int(each) for each in re.findall(r"\d+", drawn[f"sum {point}"])]
        seen = [n for n in (requests, replies, returned) if n]
        assert sums == (seen or ([] if drawn[f"sum {point}"] == "?" else [0]))


@pytest.mark.parametrize("name", SKETCHED)
def test_the_time_line_marks_every_exchange_where_it_was_seen(name: str) -> None:
    judgement = judged(name)
    figure = figure_of(judgement)
    ours = [e for e in judgement.exchanges if judgement.target in {None, e.request.target_ip}]
    at_port = sum(each.request.point.object == judgement.nic for each in ours)
    assert marks(figure, f"{judgement.nic}-tx request") == at_port
    assert marks(figure, f"{judgement.nic}-rx reply") == sum(each.delivered for each in ours)
    for uplink in judgement.case.host.uplinks:
        left = sum(uplink.device in each.left_on for each in ours)
        assert marks(figure, f"{uplink.device}-tx request") == left
        replied = sum(uplink.device in each.reply_on for each in ours)
        assert marks(figure, f"{uplink.device}-rx reply") == replied


@pytest.mark.parametrize("name", SKETCHED)
def test_an_arrow_reaches_the_switch_port_only_where_something_came_back(name: str) -> None:
    judgement = judged(name)
    drawn = texts(figure_of(judgement))
    ours = [e for e in judgement.exchanges if judgement.target in {None, e.request.target_ip}]
    for point in counted(judgement):
        uplink, _, way = point.partition("-")
        sent = [each for each in ours if uplink in each.left_on]
        proven = any(each.reflected_on or each.reply_on for each in sent)
        arrow = way == "tx" and re.match(r"\d*[1-9]\d* request", drawn.get(point, ""))
        doubted = bool(arrow) and uplink != judgement.nic and not proven
        assert (drawn.get(f"{point} arrival") == "?") == doubted, point


def test_another_count_is_another_number() -> None:
    judgement = judged("C08")
    points = tuple(
        replace(point, vm_requests=37) if point.point == "vmnic1-tx" else point
        for point in judgement.points
    )
    drawn = texts(figure_of(replace(judgement, points=points)))
    assert (drawn["vmnic1-tx"], drawn["sum vmnic1-tx"]) == ("37 requests", "37 req")


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("C01", {End("guest", Shape.FINE, "DELIVERED")}),
        ("C04", {End("guest", Shape.STOP, "NO REQUEST SENT")}),
        ("C06", {End("switch", Shape.STOP, "12 REQUESTS END HERE")}),
        ("C07", {End("switch", Shape.STOP, "12 REPLIES END HERE")}),
        ("C08", {End("vmnic1", Shape.STOP, "NO REPLY")}),
        ("C10", {End("vmnic0", Shape.STOP, "NO REPLY")}),
        ("C12", {End("switch", Shape.STOP, "14 REPLIES END HERE: wrong VLAN")}),
        ("C14", {End("vmnic1", Shape.UNKNOWN, "NO REPLY")}),
        ("C16", {End("vmnic1", Shape.STOP, "13 LOST")}),
        ("C17", {End("switch", Shape.UNKNOWN, "HANDED ON? BLIND")}),
        ("C19", {End("guest", Shape.UNKNOWN, "NO REQUEST SENT")}),
        ("probes-only", {End("guest", Shape.FINE, "ONLY PROBES")}),
        ("reply-to-stale-mac", {End("switch", Shape.STOP, "14 REPLIES END HERE: wrong MAC")}),
        ("C20", {End("switch", Shape.STOP, "16 REPLIES END HERE: wrong uplink")}),
    ],
)
def test_an_end_has_its_place_shape_and_words(name: str, wanted: set[End]) -> None:
    assert set(ends_of(story_of(judged(name)))) == wanted
    drawn = texts(figure_of(judged(name)))
    for end in wanted:
        assert drawn[f"end {end.place}"].startswith(end.words)


@pytest.mark.parametrize(
    ("name", "point"),
    [("C08", "vmnic1-rx"), ("C06", "vmnic0-tx"), ("C07", "vnic0-rx"), ("C04", "vnic0-tx")],
)
def test_nothing_ends_where_a_point_was_blind(name: str, point: str) -> None:
    judgement = with_blind_point(name, point)
    assert all(end.shape is Shape.UNKNOWN for end in ends_of(story_of(judgement)))
    figure = figure_of(judgement)
    assert texts(figure)[point] == "BLIND"
    words = [each.get_text() for each in figure.get_children() if isinstance(each, Text)]
    assert words.count("BLIND") == 2  # on the path and in the time line
    assert "BLIND (its capture dropped 3 frames), 0 seen" in alt_text(judgement)


def test_what_a_blind_point_saw_counts_all_the_same() -> None:
    drawn = texts(figure_of(with_blind_point("C08", "vmnic1-tx")))
    assert (drawn["vmnic1-tx"], drawn["sum vmnic1-tx"]) == ("BLIND, 24 seen", "BLIND 24")


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
