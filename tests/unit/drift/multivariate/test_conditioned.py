"""A changed mix told from a changed measurement, against repeating rows and plain averages."""

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from clinical_assets.drift import compare
from clinical_assets.drift.multivariate import conditioned
from clinical_assets.drift.multivariate.weighted import kolmogorov_smirnov
from clinical_assets.errors import ClinicalError


def wards(icu: float, seed: int, shift: float = 0.0, rows: int = 4_000) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    inside = rng.random(rows) < icu
    rate = rng.normal(np.where(inside, 100.0, 75.0) + shift, 10)
    return pl.DataFrame({"ward": np.where(inside, "icu", "med"), "rate": rate})


def test_a_changed_mix_is_the_mix() -> None:
    found = conditioned(wards(0.2, 1), wards(0.7, 2), ["ward"]).columns[0]
    assert found.mean.mix == pytest.approx(12.5, abs=1)
    assert found.mean.within == pytest.approx(0, abs=1.3)
    assert found.psi.whole > 0.5 > 0.02 > found.psi.within


def test_false_alarms_within_strata_are_as_many_as_stated() -> None:
    p = []
    for seed in range(200):
        found = conditioned(wards(0.2, 2 * seed, rows=400), wards(0.7, 2 * seed + 1), ["ward"])
        p.append(found.columns[0].p or 0.0)
    assert 0.02 <= np.mean(np.array(p) < 0.05) <= 0.09


def test_a_changed_measurement_is_the_measurement() -> None:
    found = conditioned(wards(0.2, 1), wards(0.2, 2, shift=8), ["ward"])
    column = found.columns[0]
    assert column.mean.mix == pytest.approx(0, abs=1)
    assert column.mean.within == pytest.approx(8, abs=1)
    assert column.p is not None
    assert column.p < 1e-9
    assert [s.difference for s in column.strata] == pytest.approx([8, 8], abs=1.5)
    assert "remains within strata (p < 0.0001)" in found.explain()
    json.dumps(found.to_dict(), allow_nan=False)


def test_the_whole_is_what_the_plain_comparison_finds() -> None:
    before, after = wards(0.2, 1), wards(0.5, 2)
    found = conditioned(before, after, ["ward"]).columns[0]
    plain = compare(before, after)["rate"].statistics
    assert found.psi.whole == pytest.approx(plain["psi"])
    assert found.ks.whole == pytest.approx(plain["ks"])


weights = st.lists(st.tuples(st.integers(-4, 4), st.integers(1, 5)), min_size=1, max_size=30)


@given(weights, weights)
@settings(max_examples=100, deadline=None)
def test_a_weight_is_a_row_repeated(x: list[tuple[int, int]], y: list[tuple[int, int]]) -> None:
    sides = [np.array(side, dtype=np.float64) for side in (x, y)]
    found = kolmogorov_smirnov(*(column for side in sides for column in side.T))
    repeated = [np.repeat(side[:, 0], side[:, 1].astype(int)) for side in sides]
    assert found == pytest.approx(ks_2samp(*repeated, method="asymp").statistic)


@given(st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_the_parts_of_a_mean_add_up_and_within_is_the_average_over_strata(seed: int) -> None:
    before, after = wards(0.3, seed, rows=60), wards(0.6, seed + 1, rows=50)
    column = conditioned(before, after, ["ward"]).columns[0]
    assert column.mean.mix + column.mean.within == pytest.approx(column.mean.whole)
    total = sum(s.current for s in column.strata)
    average = sum(s.current * s.difference for s in column.strata) / total
    assert column.mean.within == pytest.approx(average)


def test_strata_of_one_side_are_named() -> None:
    before = pl.DataFrame({"w": ["a", "a", "b"], "x": [1.0, 2.0, 9.0]})
    after = pl.DataFrame({"w": ["a", "a", None], "x": [1.0, 2.0, 5.0]})
    found = conditioned(before, after, ["w"])
    assert found.only_reference == (("w = b", 1),)
    assert found.only_current == (("w = missing", 1),)
    assert found.columns[0].mean.within == 0
    assert "w = missing (1 rows)" in found.explain()


def test_missing_values_are_given_the_context_too() -> None:
    before = pl.DataFrame({"w": ["a"] * 4 + ["b"] * 2, "x": [1.0, 2.0, 3.0, 1.0, None, 2.0]})
    after = pl.DataFrame({"w": ["a"] * 2 + ["b"] * 4, "x": [1.0, 2.0, None, None, 2.0, 3.0]})
    missing = conditioned(before, after, ["w"]).columns[0].missing
    assert missing.within == pytest.approx(0)
    assert missing.mix == pytest.approx(1 / 3 - 1 / 6)


def test_numbers_are_cut_into_bands_and_hostile_columns_named() -> None:
    age = np.arange(100.0)
    frame = pl.DataFrame({"age": age, "x": age, "k": [1] * 100, "c": ["a"] * 100})
    found = conditioned(frame, frame, ["age"])
    assert found.columns[0].strata[0].name == "age = over 19.8 to 39.6"
    assert {c.name for c in found.unused} == {"k", "c"}
    with pytest.raises(ClinicalError, match="share no stratum"):
        conditioned(frame, frame.with_columns(c=pl.lit("z")), ["c"])
    with pytest.raises(ClinicalError, match="no context"):
        conditioned(frame, frame, [])
