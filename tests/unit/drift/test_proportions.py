"""Whether shares are one: against scipy, and how often it is denied where they are."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import fisher_exact, hypergeom

from clinical_assets.drift import compare, profile
from clinical_assets.drift.proportions import Counts, more_p, two_proportions_p
from clinical_assets.drift.windows import compare_windows

SIZES = st.integers(1, 300)


@given(SIZES, SIZES, st.integers(0, 300), st.integers(0, 300))
def test_few_are_held_against_each_other_as_fisher_does(n: int, m: int, a: int, b: int) -> None:
    hits, others = min(a, n), min(b, m)
    found = two_proportions_p(hits, n, others, m)
    if Counts(hits, n, others, m).few:
        exact = fisher_exact([[hits, n - hits], [others, m - others]]).pvalue
        assert found == pytest.approx(exact, rel=1e-6, abs=1e-12)
    assert found == pytest.approx(two_proportions_p(others, m, hits, n), rel=1e-6)


def test_what_is_exact_meets_what_is_not_where_they_change_over() -> None:
    # 10 expected, of a thousandth: the normal stand-in is off by little, and never by a factor.
    exact, normal = (two_proportions_p(k, 10_000, k + 9, 10_000) for k in (5, 6))
    assert Counts(5, 10_000, 14, 10_000).few
    assert not Counts(6, 10_000, 15, 10_000).few
    assert math.isclose(exact, normal, rel_tol=0.7)


def rare_levels(rng: np.random.Generator, rows: int, columns: int) -> pl.DataFrame:
    weights = 1 / np.arange(1, 501) ** 2.0
    names = np.array([f"L{i}" for i in range(500)])
    drawn = rng.choice(500, (columns, rows), p=weights / weights.sum())
    return pl.DataFrame({f"c{i}": names[each] for i, each in enumerate(drawn)})


def mostly_missing(rng: np.random.Generator, rows: int, columns: int) -> pl.DataFrame:
    there = rng.random((columns, rows)) < 0.001
    return pl.DataFrame({f"c{i}": np.where(each, 1.0, None) for i, each in enumerate(there)})


def now_and_then_infinite(rng: np.random.Generator, rows: int, columns: int) -> pl.DataFrame:
    values = rng.normal(size=(columns, rows))
    values[rng.random((columns, rows)) < 0.005] = np.inf
    return pl.DataFrame({f"c{i}": each for i, each in enumerate(values)})


@pytest.mark.parametrize("made", [rare_levels, mostly_missing, now_and_then_infinite])
def test_a_small_table_of_the_same_patients_has_seldom_drifted(made) -> None:
    rng = np.random.default_rng(1)
    reference = made(rng, 10_000, 20)
    alarms = sum(compare(reference, made(rng, 50, 20)).drifted for _ in range(20))
    assert alarms <= 4  # of 20; all of them before such tests were exact


def test_a_rare_level_that_all_have_now_is_seen() -> None:
    rng = np.random.default_rng(2)
    reference, current = rare_levels(rng, 10_000, 1), pl.DataFrame({"c0": ["L400"] * 60})
    assert compare(reference, current).drifted


def test_one_ward_in_the_place_of_many_is_seen_however_few_the_rows() -> None:
    rng = np.random.default_rng(5)
    wards = np.array([f"W{i:02d}" for i in range(25)])
    before = pl.DataFrame({"ward": wards[rng.integers(0, 25, 2000)]})
    days = np.repeat(np.datetime64("2026-01-01") + np.arange(10), 60)
    later = np.where(np.arange(600) < 300, rng.integers(0, 25, 600), 3)
    after = pl.DataFrame({"ward": wards[later], "day": days})
    for known in (before, profile(before)):
        assert compare(known, after.select("ward").tail(50)).drifted
    windows = compare_windows(before, after, "day")
    assert [window.drifted for window in windows] == [False] * 5 + [True] * 5


@pytest.mark.parametrize("rows", [200, 20_000, 100_000])
def test_levels_that_a_profile_does_not_name_are_new_by_their_share(rows: int) -> None:
    rng = np.random.default_rng(4)
    levels = np.array([f"L{i}" for i in range(4000)])
    reference = pl.DataFrame({"c": levels[rng.integers(0, 4000, 20_000)]})
    same = pl.DataFrame({"c": levels[rng.integers(0, 4000, rows)]})
    other = pl.DataFrame({"c": np.where(rng.random(rows) < 0.5, "new", same["c"].to_numpy())})
    known = profile(reference)
    (found,) = compare(known, same).columns
    assert not [reason for reason in found.reasons if "levels" in reason]
    (found,) = compare(known, other).columns
    if found.statistics.get("new_levels") is not None:
        assert [reason for reason in found.reasons if "levels" in reason]


@given(SIZES, SIZES, st.integers(0, 300), st.integers(0, 300))
def test_more_is_the_upper_tail_of_a_hypergeometric(n: int, m: int, a: int, b: int) -> None:
    hits, others = min(a, n), min(b, m)
    tail = hypergeom.sf(others - 1, n + m, hits + others, m)
    assert more_p(hits, n, others, m) == pytest.approx(tail, rel=1e-6, abs=1e-12)
