"""What a picture counts and where it ends: the judgement's numbers, each end in its place."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

from tests.arp.drawn import SKETCHED, counted, judged, texts, with_blind_point
from workers.arp.picture import alt_text
from workers.arp.picture.ends import End, Shape, ends_of
from workers.arp.picture.sheet import figure_of
from workers.arp.picture.story import story_of


def marks(figure: Figure, name: str) -> int:
    lines = (each for each in figure.get_children() if isinstance(each, Line2D))
    return sum(np.asarray(line.get_xdata()).size for line in lines if line.get_gid() == name)


def number(text: str) -> int:
    """The one that is written there; a blind point that saw nothing shows none."""
    match = re.search(r"\d+", text)
    assert match or text == "BLIND", text
    return int(match[0]) if match else 0


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
