"""Pairwise moments of profiles: exact sums, and correlations within the stated bound."""

import random

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings

from clinical_assets.drift import Profile, merged, profile
from clinical_assets.drift.multivariate.correlation import (
    correlation_drift,
    correlation_drift_of_moments,
)
from clinical_assets.drift.profiles.pairwise import Units
from clinical_assets.errors import ClinicalError
from tests.unit.drift.profiles.tables import large, tables


def linked(rows: int, seed: int, slope: float) -> pl.DataFrame:
    """Four columns of numbers that move together, some values missing, and a ward."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1, rows)
    found = pl.DataFrame(
        {
            "x": 120 + 20 * x,
            "y": pl.Series(
                np.where(rng.random(rows) < 0.1, np.nan, slope * x + rng.normal(0, 1, rows))
            ),
            "large": 1e9 + x - rng.normal(0, 2, rows),
            "whole": (rng.poisson(5, rows) + np.rint(x)).astype(int),
            "ward": rng.choice(["a", "b"], rows),
        }
    )
    return found.with_columns(
        pl.when(pl.int_range(rows) % 7 > 0).then(pl.col("x")).alias("x"), pl.lit(1.5).alias("same")
    )


def naive(table: pl.DataFrame, units: Units) -> dict[str, list[list[int]]]:
    """Moments in Python's whole numbers, row by row."""
    k = range(len(units.names))
    found = {
        name: [[0 for _ in k] for _ in k] for name in ("counts", "sums", "squares", "products")
    }
    for row in table.select(units.names).rows():
        taken = [
            None
            if value is None or value != value
            else int(np.clip(np.rint((float(value) - o) / u), -(2**19), 2**19))
            for value, o, u in zip(row, units.origin, units.unit, strict=True)
        ]
        for i in k:
            for j in k:
                a, b = taken[i], taken[j]
                if a is not None and b is not None:
                    for name, more in zip(found, (1, a, a * a, a * b), strict=True):
                        found[name][i][j] += more
    return found


@pytest.mark.parametrize("make", [lambda: linked(300, 0, 1.0), lambda: large(300)])
def test_they_are_the_sums_of_whole_numbers(make: object) -> None:
    table = make()  # type: ignore[operator]
    found = profile(table, moments=True).pairwise
    for name, expected in naive(table, found.units).items():
        assert getattr(found, name).tolist() == expected, name


@settings(max_examples=15, deadline=None)
@given(tables(1), tables(), tables(), tables())
def test_parts_add_up(
    reference: pl.DataFrame, one: pl.DataFrame, two: pl.DataFrame, three: pl.DataFrame
) -> None:
    known = profile(reference, threads=1, moments=True)
    a, b, c = (profile(part, known, threads=1, moments=True) for part in (one, two, three))
    whole = profile(pl.concat([three, one, two]), known, threads=1, moments=True)
    assert a.merge(b).merge(c) == a.merge(b.merge(c)) == c.merge(b).merge(a) == whole
    assert Profile.from_bytes(whole.to_bytes()) == whole


def test_many_rows_in_parts() -> None:
    table = linked(30_000, 0, 1.0)
    known = profile(table, moments=True)
    parts = [profile(table[at : at + 7001], known, moments=True) for at in range(0, 30_000, 7001)]
    random.Random(0).shuffle(parts)
    assert merged(parts) == known
    assert known != profile(table, known)


def test_correlation_drift_is_that_of_the_rows() -> None:
    a, b = linked(20_000, 0, 1.0), linked(20_000, 1, 0.2)
    known = profile(a, moments=True)
    other = Profile.from_bytes(profile(b, known, moments=True).to_bytes())
    found = correlation_drift_of_moments(known.moments, other.moments)
    exact = correlation_drift(a, b, columns=["x", "y", "large", "whole"])
    expected = {frozenset((p.first, p.second)): p for p in exact.pairs}
    names = known.pairwise.units.names
    assert names == ("x", "y", "large", "whole")
    assert known.pairwise.clipped.tolist() == [0, 0, 0, 0]
    for pair in found.pairs:
        rows = expected[frozenset((pair.first, pair.second))]
        i, j = names.index(pair.first), names.index(pair.second)
        for ours, theirs, side in (
            (pair.before, rows.before, known),
            (pair.after, rows.after, other),
        ):
            bound = side.pairwise.error[i, j]
            assert 0 < bound < 1e-3
            assert abs(ours - theirs) <= bound + 1e-12
        assert pair.rows == rows.rows
    assert {p.first for p in found.changed()} | {p.second for p in found.changed()} >= {"x", "y"}


def test_coarse_values_stay_within_the_bound() -> None:
    """The bound holds where it matters: a spread of a few units only."""
    rng = np.random.default_rng(0)
    wide = pl.DataFrame({"x": rng.normal(0, 1, 4000), "y": rng.normal(0, 1, 4000)})
    known = profile(wide, moments=True)
    unit = float(known.pairwise.units.unit[0])
    x = rng.normal(0, 2 * unit, 4000)
    narrow = pl.DataFrame({"x": x, "y": x + rng.normal(0, unit, 4000)})
    found = profile(narrow, known, moments=True)
    r = float(found.moments.correlations()[0, 1])
    error = abs(r - np.corrcoef(narrow["x"], narrow["y"])[0, 1])
    assert 1e-4 < error < found.pairwise.error[0, 1]


def test_what_lies_far_beyond_is_counted() -> None:
    known = profile(pl.DataFrame({"x": np.arange(1000.0), "y": np.arange(1000.0)}), moments=True)
    table = pl.DataFrame({"x": [1e9, -np.inf, 5.0, np.nan, None], "y": [1.0] * 5})
    found = profile(table, known, moments=True).pairwise
    assert found.clipped.tolist() == [2, 0]
    assert found.counts.tolist() == [[3, 3], [3, 5]]


def test_without_moments_there_is_nothing_to_say() -> None:
    table = linked(50, 0, 1.0)
    known = profile(table)
    with pytest.raises(ClinicalError, match="no pairwise moments"):
        _ = known.moments
    assert "moments" not in known.to_dict()
    both = known.merge(profile(table, known, moments=True))
    assert both.pairwise is None
    none = profile(table.clear(), known)
    assert none.merge(profile(table, known, moments=True)).pairwise is not None
    nothing = profile(table.clear(), known, moments=True)
    assert nothing.merge(known).pairwise is None is known.merge(nothing).pairwise
    assert nothing.merge(none).pairwise is not None is not none.merge(nothing).pairwise
    without = profile(table.drop("y"), known, moments=True).pairwise
    assert without.counts.diagonal().tolist()[:2] == [50 - 8, 0]
