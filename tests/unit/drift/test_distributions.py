"""What is drawn: every value counted once, no comb, no hump cut off, no identifier named."""

import doctest
from datetime import date, datetime, timedelta
from importlib import import_module

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinical_assets.drift.distributions import BINS, distribution
from clinical_assets.drift.drawing import drawn, sparkline
from clinical_assets.drift.level_counts import level_counts
from clinical_assets.drift.naming import identifying
from clinical_assets.small_cells import is_small

RNG = np.random.default_rng(11)
FLOATS = st.lists(st.floats(allow_nan=True, allow_infinity=True) | st.none(), max_size=60)


@pytest.mark.parametrize(
    "name",
    ["distributions", "drawing", "naming", "level_counts", "sentences", "result"],
)
def test_doctests(name: str) -> None:
    module = import_module(f"clinical_assets.drift.{name}")
    result = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert (result.attempted > 0, result.failed) == (True, 0)


@settings(deadline=None, max_examples=60)
@given(FLOATS, FLOATS)
def test_every_value_is_counted_once_and_anything_can_be_drawn(
    before: list[float | None], after: list[float | None]
) -> None:
    sides = [pl.Series("x", side, dtype=pl.Float64) for side in (before, after)]
    found = distribution(*sides, "numeric")
    present = tuple(len(side.drop_nulls().drop_nans()) for side in sides)
    if found is None:
        assert not any(side.is_finite().any() for side in sides)
        return
    assert found.totals == present
    assert len(found.edges) == len(found.reference) + 1 <= BINS + 2
    assert (np.diff(found.edges) > 0).all()
    assert "nan" not in drawn("x", found)
    assert "inf" not in drawn("x", found)


@settings(deadline=None)
@given(
    st.lists(st.sampled_from("abcdef"), min_size=1, max_size=200),
    st.lists(st.sampled_from("cdefgh"), min_size=1, max_size=200),
)
def test_no_level_of_few_rows_is_named(before: list[str], after: list[str]) -> None:
    found = distribution(pl.Series("w", before), pl.Series("w", after), "category")
    assert found is not None
    assert found.totals == (len(before), len(after))
    assert not any(map(is_small, (*found.reference, *found.current)))
    if found.levels:
        assert not any(map(is_small, found.other))


def test_bins_of_rounded_values_hold_the_same_number_of_possible_values() -> None:
    """Whole numbers in bins of 2.4 would show a comb that is not there."""
    values = pl.Series("hr", RNG.integers(40, 140, 50_000))
    found = distribution(values, values, "numeric")
    assert found is not None
    assert np.allclose(np.diff(found.edges), 3.0)
    inner = found.reference[1:-1]
    assert max(inner) < 1.3 * min(inner)
    tenths = distribution(values / 10, values / 10, "numeric")
    assert tenths is not None
    assert np.allclose(np.diff(tenths.edges), 0.3)


def test_a_second_hump_is_drawn_and_a_long_tail_is_not() -> None:
    """Calcium in mmol/L among mg/dL is the finding; one value of 1e9 is none."""
    before = pl.Series("calcium", RNG.normal(8.5, 0.7, 10_000).round(1))
    after = pl.Series("calcium", [*RNG.normal(8.5, 0.7, 8_000), *RNG.normal(1.1, 0.05, 2_000), 1e9])
    found = distribution(before, after, "numeric")
    assert found is not None
    assert found.edges[0] < 1.2
    assert found.edges[-1] < 15
    assert found.below[1] < 300  # of 2,000 in the hump


def test_times_end_in_words_and_other_kinds_are_left_out() -> None:
    days = pl.Series("d", [date(2026, 1, 1), date(2026, 1, 9)])
    found = distribution(days, days, "time")
    assert found is not None
    assert found.ends == ("2026-01-01", "2026-01-09")
    at = pl.Series("at", [datetime(2026, 1, 1, 8), None]).dt.replace_time_zone("UTC")
    assert distribution(at, at, "time") is not None
    long = pl.Series("t", [timedelta(hours=1), timedelta(hours=3)])
    assert distribution(long, long, "time") is not None
    assert distribution(days.clear(), days.clear(), "time") is None
    lists = pl.Series("l", [[1]])
    assert distribution(lists, lists, "other") is None


@pytest.mark.parametrize(
    ("name", "before", "after", "hidden"),
    [
        ("patient_id", ["a", "b"], ["a", "b"], True),
        ("NHSNumber", ["a", "b"], ["a", "b"], False),
        ("PatientID", ["a", "b"], ["a", "b"], True),
        ("ward", ["icu", "er"], ["icu", "er"], False),
        ("fluid", ["a"], ["a"], False),
        ("code", [f"x{i}" for i in range(300)], [f"x{i}" for i in range(300)], True),
        ("code", ["x"] * 200 + [f"{i}" for i in range(30)], ["x"] * 200, False),
        ("who", [f"a{i % 25}" for i in range(99)], [f"b{i % 25}" for i in range(99)], True),
    ],
)
def test_identifiers_are_told_by_name_and_by_counts(
    name: str, before: list[str], after: list[str], hidden: bool
) -> None:
    table = level_counts(pl.Series(name, before), pl.Series(name, after))
    assert identifying(name, table) is hidden
    found = distribution(pl.Series(name, before), pl.Series(name, after), "category")
    assert found is not None
    assert not (hidden and found.levels)


def test_a_sparkline_of_nothing() -> None:
    assert sparkline([]) == ""
    assert sparkline([0.0, None]) == "▁·"
