"""Drawings: clipping against a naive oracle, well-formed XML, escaped texts, even ticks."""

import itertools
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinical_assets.evidence.svg import (
    Axis,
    ForestRow,
    Series,
    clip_points,
    even_ticks,
    forest_plot,
    line_chart,
)

HEIGHTS = st.floats(-3, 3, allow_nan=False).map(lambda v: round(v, 2))


def height_at(points: list[tuple[float, float]], x: float) -> float:
    """Height of a line through points with rising x, the obvious way."""
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        if x0 <= x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    raise AssertionError("outside")


@given(st.lists(HEIGHTS, min_size=2, max_size=8))
def test_clipped_points_lie_on_the_line_and_inside(heights: list[float]) -> None:
    points = [(float(i), y) for i, y in enumerate(heights)]
    clipped = clip_points(points, -1.0, 1.0)
    assert all(-1.0 <= y <= 1.0 for _, y in clipped)
    assert [x for x, _ in clipped] == sorted(x for x, _ in clipped)
    for x, y in clipped:
        assert y == pytest.approx(height_at(points, x), abs=1e-9)
    assert {p for p in points if -1.0 <= p[1] <= 1.0} <= set(clipped)


def test_a_line_through_both_edges_keeps_both_crossings() -> None:
    assert clip_points([(0.0, -2.0), (4.0, 2.0)], -1.0, 1.0) == ((1.0, -1.0), (3.0, 1.0))
    assert clip_points([(0.0, 2.0), (4.0, -2.0)], -1.0, 1.0) == ((1.0, 1.0), (3.0, -1.0))


@given(st.floats(-100, 100), st.floats(0.001, 100))
def test_ticks_enclose_the_range_evenly(low: float, width: float) -> None:
    high = low + width
    ticks = even_ticks(low, high)
    assert 2 <= len(ticks) <= 8
    assert ticks[0] <= low + 1e-6
    assert ticks[-1] >= high - 1e-6
    steps = {round(b - a, 6) for a, b in itertools.pairwise(ticks)}
    assert len(steps) == 1


def test_a_single_point_still_gets_an_axis() -> None:
    assert len(even_ticks(0.5, 0.5)) >= 2


def test_a_chart_is_xml_with_title_description_and_escaped_text() -> None:
    axis = Axis("a < b & c", 0, 1, (0, 0.5, 1))
    series = (Series("<evil>", ((0, 0), (1, 1)), marks=True),)
    svg = line_chart('T "q" <t>', "d & d", axis, axis, series)
    root = ElementTree.fromstring(svg)
    space = "{http://www.w3.org/2000/svg}"
    assert [child.tag for child in root][:2] == [f"{space}title", f"{space}desc"]
    assert root[0].text == 'T "q" <t>'
    texts = [t.text for t in root.iter(f"{space}text")]
    assert "<evil>" in texts
    assert texts.count("a < b & c") == 2
    assert len(list(root.iter(f"{space}circle"))) == 2
    assert svg == line_chart('T "q" <t>', "d & d", axis, axis, series)


def test_a_forest_plot_draws_what_has_a_value_and_says_why_the_rest_has_not() -> None:
    axis = Axis("AUROC", 0.6, 1.0, (0.6, 0.8, 1.0))
    rows = (
        ForestRow("age", "young", 0.8, 0.7, 0.9, "100 (20)", "0.800"),
        ForestRow("age", "old", None, None, None, "–", "suppressed (n<11)"),
        ForestRow("bmi", "low", 0.7, None, None, "40 (9)", "0.700 (no interval)"),
    )
    root = ElementTree.fromstring(forest_plot("F", "d", axis, rows, 0.65, 0.79))
    space = "{http://www.w3.org/2000/svg}"
    assert len(list(root.iter(f"{space}rect"))) == 2
    texts = [t.text for t in root.iter(f"{space}text")]
    assert "suppressed (n<11)" in texts
    assert texts.count("age") == 1
