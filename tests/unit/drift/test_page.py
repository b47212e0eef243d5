"""The page of a comparison: self-contained, escaped, small, and without small counts."""

import re
from datetime import UTC, datetime
from xml.etree import ElementTree

import numpy as np
import polars as pl
import pytest

from clinical_assets.drift import Plan, compare
from clinical_assets.drift.by import compare_groups
from clinical_assets.drift.distributions import distribution
from clinical_assets.drift.drawing import histogram
from clinical_assets.drift.page import Input, Origin, render
from clinical_assets.drift.result import ColumnDrift, Comparison
from clinical_assets.small_cells import is_small, joined_counts

RNG = np.random.default_rng(7)
ORIGIN = Origin(
    Input("a.csv", "SHA-256 00"), Input("b.csv", "SHA-256 ff"), datetime(2026, 1, 1, tzinfo=UTC), {}
)


def page(reference: pl.DataFrame, current: pl.DataFrame) -> str:
    found = compare(reference, current, distributions=True)
    return render(found, Plan(), ORIGIN)


def test_nothing_of_the_data_is_markup_or_changes_the_order_of_reading() -> None:
    hostile = "<script>alert(1)</script>\u202e\"'&"
    reference = pl.DataFrame({hostile: [hostile] * 50, "n": range(50)})
    current = pl.DataFrame({hostile: ["</svg><b>"] * 50, "n": range(50), f"{hostile}2": 1})
    groups = compare_groups(reference, current, hostile)
    found = compare(reference, current, distributions=True)
    text = render(found, Plan(columns=(hostile,)), ORIGIN, groups=groups)
    assert "<script" not in text
    assert "<b>" not in text
    assert "\u202e" not in text
    assert "\\u202e" in text
    for drawing in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        ElementTree.fromstring(drawing)


def test_the_page_needs_nothing_else_and_is_small() -> None:
    rows = 5_000
    wide = pl.DataFrame(
        {f"number_{i}": RNG.normal(0, 10 ** (i % 7), rows) for i in range(60)}
        | {f"level_{i}": RNG.choice([f"level {k}" for k in range(25)], rows) for i in range(40)}
    )
    text = page(wide, wide.reverse())
    assert len(text.encode()) < 1_000_000
    assert not re.search(r"https?://|<script|<img|<link|url\(|@import", text)
    assert text.count("<article") == 100
    ids = re.findall(r' id="(c\d+)"', text)
    assert set(re.findall(r'href="#(c\d+)"', text)) == set(ids)
    assert len(set(ids)) == 100


def test_what_was_compared_how_and_what_not() -> None:
    reference = pl.DataFrame({"x": RNG.normal(0, 1, 900), "gone": 1, "y": ["a"] * 900})
    current = pl.DataFrame({"x": RNG.normal(2, 1, 700), "y": [1] * 700})
    text = page(reference, current)
    for words in ("1 of 1 columns has drifted", "900", "700", "SHA-256 ff", "not in the current"):
        assert words in text
    for words in ("PSI of 0.2 or more", "false discovery rate of 0.05", "2026-01-01 00:00 UTC"):
        assert words in text


def test_no_level_of_few_rows_and_no_identifier_stands_in_it() -> None:
    frame = pl.DataFrame(
        {
            "patient_id": [f"person-{i}" for i in range(400)],
            "ward": ["icu"] * 200 + ["er"] * 150 + ["rare-ward"] * 3 + ["small"] * 47,
        }
    )
    text = page(frame, frame)
    assert "person-" not in text
    assert "rare-ward" not in text
    assert "icu" in text
    assert "2 other" in text


def test_an_empty_side_one_value_and_infinities_are_drawn_or_said() -> None:
    reference = pl.DataFrame({"a": [None] * 20, "b": [1.0] * 20, "c": [float("inf")] * 20})
    current = pl.DataFrame({"a": [1.0] * 20, "b": [1.0] * 20, "c": [1e308] * 10 + [-1e308] * 10})
    text = page(reference.cast({"a": pl.Float64}), current)
    assert "the reference has no value" in text
    assert not re.search(r"[ \"=](nan|inf)", text)


def test_each_side_keeps_its_shape_and_no_bin_of_few_rows() -> None:
    rng = np.random.default_rng(1)
    before, after = rng.normal(120, 25, 5000), rng.normal(120, 25, 5000) / 18.016
    found = distribution(pl.Series(before), pl.Series(after), "numeric")
    assert found is not None
    assert found.edges
    for counts in (found.reference, found.current):
        spans = joined_counts(counts)
        held = [sum(counts[i] for i in span) for span in spans]
        assert sum(held) == sum(counts)
        assert not any(map(is_small, held))
    assert len(joined_counts(found.reference)) > 20
    assert histogram("glucose", found).count("V") > 40


def test_causes_are_listed_apart_from_reasons() -> None:
    column = ColumnDrift("x", "numeric", {"psi": 1.0}, ("it moved",), causes=("Unit <changed>.",))
    found = Comparison((column,), 5, 5)
    text = render(found, Plan(), ORIGIN)
    assert "<li>Unit &lt;changed&gt;.</li>" in text
    plain = found.to_dict()["columns"][0]
    assert (plain["causes"], plain["reasons"]) == (["Unit <changed>."], ["it moved"])
    assert found.explain().endswith("x: it moved. Likely cause: Unit <changed>.")


def test_no_number_of_the_json_is_infinite() -> None:
    found = ColumnDrift("x", "numeric", {"psi": float("inf"), "ks": float("nan"), "n": 2})
    assert found.to_dict()["statistics"] == {"psi": None, "ks": None, "n": 2}


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_contrast_is_that_of_wcag_aa(scheme: int) -> None:
    text = page(pl.DataFrame({"x": [1]}), pl.DataFrame({"x": [1]}))
    block = re.findall(r":root \{(.*?)\}", text, re.DOTALL)[scheme]
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block))
    pairs = [(ink, paper) for ink in ("ink", "muted", "link") for paper in ("paper", "sheet")]
    pairs += [(tone, f"{tone}-bg") for tone in ("good", "bad", "caution")]
    for ink, paper in pairs:
        high, low = sorted((luminance(colours[ink]), luminance(colours[paper])), reverse=True)
        assert (high + 0.05) / (low + 0.05) >= 4.5, (ink, paper)
    drawn = sorted((luminance(colours["now"]), luminance(colours["sheet"])), reverse=True)
    assert (drawn[0] + 0.05) / (drawn[1] + 0.05) >= 3
