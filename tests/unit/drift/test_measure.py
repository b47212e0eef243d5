"""The statistics of one column: published answers, hostile shapes, and what must not matter."""

import json
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from clinical_assets.drift import distances
from clinical_assets.drift.kinds import kind_of
from clinical_assets.drift.measure import STATISTICS, measure
from clinical_assets.drift.result import Statistic

RNG = np.random.default_rng(11)
# Deciles of the reference, the first 500 rows against the last (feature-engine).
PUBLISHED_PSI = [
    *(0.043828484052281, 0.040929870747665, 0.043304184951569),
    *(0.037732865325482, 0.050473885156630, 0.014717735595712),
]


def measured(reference: Any, current: Any) -> dict[str, Statistic]:
    a, b = (s if isinstance(s, pl.Series) else pl.Series("x", s) for s in (reference, current))
    found = measure(a, b, kind_of(a.dtype if a.dtype != pl.Null else b.dtype), 10)
    json.dumps(found, allow_nan=False)
    assert tuple(found) == STATISTICS
    return found


def test_published_psi_to_the_last_digit() -> None:
    from sklearn.datasets import make_classification

    features, _ = make_classification(
        n_samples=1000,
        n_features=6,
        n_redundant=2,
        n_clusters_per_class=1,
        weights=[0.5],
        class_sep=2,
        random_state=1,
    )
    found = [measured(column[:500], column[500:])["psi"] for column in features.T]
    assert found == pytest.approx(PUBLISHED_PSI, abs=1e-14)


def test_published_distances_of_levels() -> None:
    """NannyML: {a, b, c, d} x 10,000 against {a, b, c, e} x 1,000."""
    found = measured(list("abcd") * 2_500, list("abce") * 250)
    assert found["jensen_shannon"] == pytest.approx(0.5)
    assert found["hellinger"] == pytest.approx(0.5)
    assert (found["new_levels"], found["vanished_levels"]) == (0.25, 0.25)


def test_levels_that_vanish_are_weighed_by_the_reference() -> None:
    found = measured(["a"] * 9 + ["b"], ["a"] * 5)
    assert (found["new_levels"], found["vanished_levels"]) == (0.0, 0.1)


def test_what_leaves_the_range_is_counted_on_either_side() -> None:
    found = measured([1.0, 2.0, 3.0], [0.5, 1.0, 3.0, 3.5, 4.0])
    assert (found["below_range"], found["above_range"]) == (0.2, 0.4)
    wide = measured(RNG.normal(size=30_000), np.append(RNG.uniform(-1, 1, 29_999), 99.0))
    assert (wide["below_range"], wide["above_range"]) == (0.0, 1 / 30_000)


def test_tests_on_counts_are_those_of_distances() -> None:
    found = measured(list("aabbbc"), list("abcccc"))
    table = [2, 3, 1], [1, 1, 4]
    assert found["g"] == distances.likelihood_ratio(*table).statistic
    assert found["g_pvalue"] == distances.likelihood_ratio(*table).p
    assert found["chi2"] == distances.chi_squared(*table).statistic


HOSTILE: dict[str, tuple[Any, Any]] = {
    "none": ([], []),
    "one row": ([1.0], [2.0]),
    "one against many": ([0.5], RNG.normal(size=100)),
    "all null": (pl.Series("x", [None, None], pl.Float64), [1.0]),
    "null type": ([None, None], [1.0, 2.0]),
    "all NaN": ([np.nan, np.nan], [1.0]),
    "constant": ([3.0] * 50, [3.0] * 40),
    "two values": ([0, 1] * 50, [0, 1, 1] * 50),
    "from 1e-300 to 1e300": (10 ** RNG.uniform(-300, 300, 900), 10 ** RNG.uniform(-300, 300, 900)),
    "the widest floats": ([-1.7e308, 1.7e308], [1.7e308, 0.0]),
    "infinities": ([np.inf, -np.inf, 1.0], [np.inf, 2.0, 3.0]),
    "integers beyond 2^53": ([2**62, 2**62 + 1, None], [2**62 + 2, -(2**62)]),
    "unsigned": (pl.Series("x", [2**64 - 1, 3], pl.UInt64), pl.Series("x", [1, 2], pl.UInt64)),
    "small floats": (pl.Series("x", [0.1, None], pl.Float32), pl.Series("x", [0.1], pl.Float32)),
    "booleans": ([True, None, False], [True, True]),
    "times": ([datetime(1, 1, 1), None], [datetime(9999, 1, 1)]),
    "durations": ([timedelta(1)], [timedelta(2), None]),
    "100,000 levels": (
        pl.select(x=pl.int_range(100_000).cast(pl.String)).to_series(),
        pl.select(x=pl.int_range(50_000, 150_000).cast(pl.String)).to_series(),
    ),
}


@pytest.mark.parametrize("shape", HOSTILE)
@pytest.mark.filterwarnings("error")
def test_hostile_columns_give_numbers_or_none(shape: str) -> None:
    found = measured(*HOSTILE[shape])
    for name, value in found.items():
        if value is not None and name.endswith("pvalue"):
            assert 0 <= value <= 1, name


def test_hostile_columns_to_the_digit() -> None:
    assert measured(*HOSTILE["integers beyond 2^53"])["ks"] == 0.5
    assert measured(*HOSTILE["small floats"])["ks"] == 0
    assert measured(*HOSTILE["all NaN"])["missing_reference"] == 1.0
    assert measured(*HOSTILE["100,000 levels"])["vanished_levels"] == 0.5
    assert measured(*HOSTILE["100,000 levels"])["total_variation"] == pytest.approx(0.5)


numbers = st.lists(
    st.one_of(st.none(), st.floats(-100, 100), st.just(7.0)), min_size=1, max_size=80
)
levels = st.lists(st.sampled_from([None, "a", "b", "c", "ü"]), min_size=1, max_size=80)


@given(st.one_of(st.tuples(numbers, numbers), st.tuples(levels, levels)), st.integers(1, 79))
@settings(max_examples=60, deadline=None)
def test_neither_order_nor_partition_of_rows_matters(
    pair: tuple[list[Any], list[Any]], cut: int
) -> None:
    kind = pl.String if any(isinstance(v, str) for v in [*pair[0], *pair[1]]) else pl.Float64
    a, b = (pl.Series("x", values, kind) for values in pair)
    whole = measured(a, b)
    parts = measured(pl.concat([a[:cut], a[cut:]]), pl.concat([b[:cut], b[cut:]]))
    assert parts == whole
    turned = measured(a.reverse(), b.reverse())
    for name, value in whole.items():
        assert turned[name] == (value if value is None else pytest.approx(value, abs=1e-12)), name
    same = measured(a, a)
    for name in ("psi", "ks", "wasserstein", "energy", "hellinger", "chi2", "g", "new_levels"):
        assert same[name] in (None, pytest.approx(0, abs=1e-9)), name


def test_rows_that_span_many_blocks_lose_nothing() -> None:
    values = RNG.normal(size=300_000)
    holes = RNG.random(300_000) < 0.3
    series = pl.Series("x", np.where(RNG.random(300_000) < 0.1, np.nan, values)).set(
        pl.Series(holes), None
    )
    other = pl.Series("x", RNG.normal(0.01, 1, 200_000))
    found = measured(series, pl.concat([other[:7], other[7:150_000], other[150_000:]]))
    kept: NDArray[np.float64] = series.drop_nulls().drop_nans().to_numpy()
    every = np.concatenate([kept, other.to_numpy()])
    f = np.searchsorted(np.sort(kept), every, "right") / len(kept)
    g = np.searchsorted(np.sort(other.to_numpy()), every, "right") / len(other)
    assert found["ks"] == np.abs(f - g).max()
    assert found["missing_reference"] == 1 - len(kept) / 300_000
