"""Drift of correlations, from rows and from moments, against numpy and its own definition."""

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from clinical_assets.drift import compare
from clinical_assets.drift.multivariate import (
    Moments,
    correlation_drift,
    correlation_drift_of_moments,
)
from clinical_assets.errors import ClinicalError

NAMES = ("a", "b", "c")


def rows(n: int, seed: int, r: float = 0.0) -> NDArray[np.float64]:
    z = np.random.default_rng(seed).normal(size=(n, 3))
    z[:, 1] = r * z[:, 0] + np.sqrt(1 - r**2) * z[:, 1]
    return z


def frame(values: NDArray[np.float64]) -> pl.DataFrame:
    return pl.DataFrame(values, schema=list(NAMES))


@given(st.integers(0, 10**6), st.integers(1, 79), st.sampled_from([0.0, 1e6]))
@settings(max_examples=40, deadline=None)
def test_moments_of_parts_add_up_to_those_of_the_whole(seed: int, cut: int, far: float) -> None:
    values = rows(80, seed, 0.5) + far
    values[np.random.default_rng(seed).random(values.shape) < 0.2] = np.nan
    origin = np.nanmean(values, axis=0)
    parts = Moments.of(values[:cut], NAMES, origin) + Moments.of(values[cut:], NAMES, origin)
    found = parts.correlations()
    for i in range(3):
        for j in range(i):
            both = ~np.isnan(values[:, i]) & ~np.isnan(values[:, j])
            expected = np.corrcoef(values[both, i], values[both, j])[0, 1]
            assert found[i, j] == pytest.approx(expected, abs=1e-9)


def test_moments_about_another_origin_are_refused() -> None:
    one, other = (Moments.of(rows(9, 1), NAMES, np.full(3, k)) for k in (0.0, 1.0))
    with pytest.raises(ClinicalError, match="another origin"):
        _ = one + other


def test_fishers_score_and_jennrichs_chi_squared_written_out() -> None:
    x, y = rows(100, 1, 0.3), rows(150, 2, 0.8)
    found = correlation_drift_of_moments(*(Moments.of(v, NAMES, np.zeros(3)) for v in (x, y)))
    pair = found.pairs[0]
    r, s = np.corrcoef(x.T), np.corrcoef(y.T)
    assert (pair.first, pair.second) == ("a", "b")
    assert pair.score == pytest.approx(
        (np.arctanh(s[0, 1]) - np.arctanh(r[0, 1])) / np.sqrt(1 / 97 + 1 / 147)
    )
    pooled = (100 * r + 150 * s) / 250
    z = np.sqrt(100 * 150 / 250) * np.linalg.inv(pooled) @ (r - s)
    inner = np.linalg.inv(np.eye(3) + pooled * np.linalg.inv(pooled))
    expected = np.trace(z @ z) / 2 - np.diag(z) @ inner @ np.diag(z)
    assert found.jennrich is not None
    assert found.jennrich.statistic == pytest.approx(expected)
    assert found.jennrich.degrees == 3
    off = (s - r)[np.triu_indices(3, 1)]
    assert found.difference == pytest.approx(np.sqrt(np.mean(off**2)))


def test_a_changed_correlation_is_seen_where_every_column_is_blind() -> None:
    before, after = frame(rows(800, 3)), frame(rows(800, 4, 0.6))
    found = correlation_drift(before, after)
    assert [(p.first, p.second) for p in found.changed()] == [("a", "b")]
    assert not compare(before, after).drifted
    assert "a and b" in found.explain()
    json.dumps(found.to_dict(), allow_nan=False)


def test_false_alarms_are_as_many_as_stated() -> None:
    p, whole = [], []
    for seed in range(150):
        found = correlation_drift(frame(rows(200, 2 * seed)), frame(rows(150, 2 * seed + 1)))
        p += [pair.p for pair in found.pairs]
        whole.append(found.jennrich.p if found.jennrich else 0.0)
    assert 0.03 <= np.mean(np.array(p) < 0.05) <= 0.085
    assert np.mean(np.array(whole) < 0.05) <= 0.11


def test_heavy_tails_and_repeated_rows_raise_no_alarm_but_fishers_variance_does() -> None:
    ours, fishers = [], []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        sides = [np.repeat(rng.normal(size=(60, 3)), 4, axis=0) for _ in (0, 1)]
        frames = [frame(s).with_columns(g=np.repeat(np.arange(60), 4)) for s in sides]
        ours += [p.p for p in correlation_drift(*frames, group="g").pairs]
        moments = (Moments.of(side, NAMES, np.zeros(3)) for side in sides)
        fishers += [p.p for p in correlation_drift_of_moments(*moments).pairs]
    assert np.mean(np.array(ours) < 0.05) < 0.12
    assert np.mean(np.array(fishers) < 0.05) > 0.2


def test_a_few_extreme_rows_raise_no_more_alarms_than_stated() -> None:
    p = []
    for seed in range(200):
        sides = np.random.default_rng(seed).standard_t(2.5, size=(2, 100, 3))
        p += [pair.p for pair in correlation_drift(frame(sides[0]), frame(sides[1])).pairs]
    assert 0.03 <= np.mean(np.array(p) < 0.05) <= 0.065  # 0.078 with the first-order variance


def test_the_variance_is_that_of_leaving_out_each_unit() -> None:
    x, y = rows(60, 1, 0.4), rows(90, 2, 0.1)
    g, h = np.arange(60) // 3, 100 + np.arange(90) // 2

    def jackknife(values: NDArray[np.float64], unit: NDArray[np.int64]) -> float:
        left = [np.corrcoef(values[unit != u, :2].T)[0, 1] for u in np.unique(unit)]
        return float(np.var(np.arctanh(left)) * (len(left) - 1))

    frames = [frame(v).with_columns(g=u) for v, u in ((x, g), (y, h))]
    found = correlation_drift(*frames, columns=["a", "b", "g"], group="g").pairs[0]
    r, s = (np.corrcoef(v[:, :2].T)[0, 1] for v in (x, y))
    expected = (np.arctanh(s) - np.arctanh(r)) / np.sqrt(jackknife(x, g) + jackknife(y, h))
    assert found.score == pytest.approx(expected)


def test_a_unit_that_holds_all_the_spread_is_named() -> None:
    x = frame(rows(40, 1)).with_columns(c=pl.when(pl.int_range(40) == 0).then(1.0).otherwise(0.0))
    found = correlation_drift(x, x)
    assert ("a", "c", "without one row, or unit, a column has one value only") in found.skipped
    alone = frame(rows(40, 1)).with_columns(g=1)
    assert not correlation_drift(alone, alone, group="g").pairs


def test_hostile_columns_are_used_or_named() -> None:
    x = frame(rows(30, 1)).with_columns(
        same=pl.lit(1.0), copy=pl.col("a"), null=pl.lit(None, dtype=pl.Float64), word=pl.lit("x")
    )
    found = correlation_drift(x, x)
    assert {c.name for c in found.unused} == {"same", "null", "word"}
    assert all(p.score == 0 for p in found.pairs)
    assert "singular" in found.no_jennrich
    sparse = x.with_columns(pl.when(pl.int_range(30) < 5).then("c").alias("c"))
    assert ("a", "c", "5 rows have both on a side, fewer than 20") in correlation_drift(
        x, sparse
    ).skipped
    with pytest.raises(ClinicalError, match="1 rows"):
        correlation_drift(x, x.head(1))
    with pytest.raises(ClinicalError, match="One column alone"):
        correlation_drift(x.select("a"), x.select("a"))
