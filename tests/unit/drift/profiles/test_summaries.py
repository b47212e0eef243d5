"""What a profile says of a column, against the same from its values."""

import math
from fractions import Fraction

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from clinical_assets.drift import profile
from clinical_assets.drift.profiles.binning import Binning
from clinical_assets.drift.profiles.cells import Cells, highest_of
from clinical_assets.drift.profiles.sums import exact_sums
from clinical_assets.errors import ClinicalError
from tests.unit.drift.profiles.tables import large

FINITE = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(st.tuples(FINITE, st.integers(1, 2**22)), min_size=1, max_size=40))
def test_sums_are_those_of_fractions(pairs: list[tuple[float, int]]) -> None:
    values, weights = np.array([v for v, _ in pairs]), np.array([w for _, w in pairs])
    first = sum((Fraction(v) * w for v, w in pairs), Fraction(0))
    second = sum((Fraction(v) ** 2 * w for v, w in pairs), Fraction(0))
    assert exact_sums(values, weights) == (first, second)
    alone = exact_sums(values)
    assert alone.first == sum(Fraction(v) for v, _ in pairs)
    assert alone.second == sum(Fraction(v) ** 2 for v, _ in pairs)


def test_sums_of_many_rows() -> None:
    rng = np.random.default_rng(0)
    for values in (rng.normal(120, 20, 50_000), rng.normal(0, 1e9, 50_000)):
        found = exact_sums(values)
        assert float(found.first) == math.fsum(values)
        assert found.second == sum(Fraction(v) ** 2 for v in values.tolist())


EDGES = arrays(np.float64, st.integers(0, 60), elements=st.floats(allow_nan=False), unique=True)


@settings(deadline=None)
@given(EDGES, arrays(np.float64, st.integers(0, 60), elements=st.floats(allow_nan=False)))
def test_bins_are_those_of_a_search(edges: np.ndarray, values: np.ndarray) -> None:
    edges = np.unique(edges + 0.0)
    values = np.concatenate([values, edges, np.nextafter(edges, np.inf)]) + 0.0
    expected = np.bincount(np.searchsorted(edges, values, "left"), minlength=len(edges) + 1)
    binning = Binning.over(edges)
    assert (binning.counts(values) == expected).all()


@given(arrays(np.float64, st.integers(1, 50), elements=st.floats(allow_nan=False)))
def test_cells_hold_what_they_say(values: np.ndarray) -> None:
    values = values + 0.0
    cells = Cells.of(values)
    ends = highest_of(cells.keys)
    assert (np.diff(ends) > 0).all()
    assert cells.upto(cells.keys).tolist() == [int((values <= end).sum()) for end in ends]
    assert cells.upto(cells.keys - 1).tolist() == [
        int((values <= end).sum()) for end in highest_of(cells.keys - 1)
    ]


@pytest.mark.parametrize("column", ["normal", "gaps", "nan", "rounded", "heavy", "mass", "whole"])
def test_numbers(column: str) -> None:
    table, other = large(30_000), large(30_000, seed=1, shift=0.3)
    known = profile(table.select(column))
    for frame in (table, other):
        found = profile(frame.select(column), known)[column]
        values = frame[column].drop_nulls().cast(pl.Float64).drop_nans().to_numpy()
        assert found.missing == len(frame) - len(values)
        assert (found.minimum, found.maximum) == (values.min(), values.max())
        assert found.mean == pytest.approx(math.fsum(values) / len(values), rel=1e-15)
        assert found.sd == pytest.approx(values.std(ddof=1), rel=1e-12)
        assert (np.cumsum(found.counts)[:-1] == [(values <= e).sum() for e in found.edges]).all()
        low, high = known[column].minimum, known[column].maximum
        assert found.outside_low == (values < low).sum()
        assert found.outside_high == (values > high).sum()
        p = np.array([0.0, 0.01, 0.25, 0.5, 0.9, 0.999, 1.0])
        order = np.sort(values)
        near = found.quantile(p)
        within = (near >= order[np.floor(p * (len(order) - 1)).astype(int)] - 0.017 * abs(near)) & (
            near <= order[np.ceil(p * (len(order) - 1)).astype(int)] + 0.017 * abs(near)
        )
        assert within.all()
        assert (found.quantile(0.0), found.quantile(1.0)) == (values.min(), values.max())


def test_a_change_of_unit_leaves_the_quantiles_known() -> None:
    table = large(30_000).select(pl.col("normal").abs() + 1)
    known = profile(table)
    found = profile(table * 88.42, known)["normal"]
    assert found.outside_high > 0.99 * found.rows
    assert found.median / known["normal"].median == pytest.approx(88.42, rel=0.016)


def test_rounded_values_are_known_exactly() -> None:
    values = np.round(np.random.default_rng(0).normal(37, 1, 5000), 1)
    found = profile(pl.DataFrame({"t": values}))["t"]
    p = np.linspace(0, 1, 57)
    assert (found.quantile(p) == np.quantile(values, p)).all()
    each, counts = np.unique(values, return_counts=True)
    assert found.commonest == (each[counts.argmax()], counts.max() / 5000)
    assert found.decimals["whole"] + found.decimals["1"] == 1.0
    assert profile(pl.DataFrame({"x": np.arange(1025.0)}))["x"].commonest is None


def test_decimals() -> None:
    values = [1.0, 0.5, 1e15, 36.6, 0.25, 0.125, 0.0625, 1 / 3, 1e300, 123456.789]
    expected = {"whole": 0.3, "1": 0.2, "2": 0.1, "3": 0.2, "more": 0.2}
    found = profile(pl.DataFrame({"x": values}))["x"].decimals
    assert found == pytest.approx(expected)
    single = profile(pl.DataFrame({"x": pl.Series([36.6, 0.1, 7.0], dtype=pl.Float32)}))["x"]
    assert single.decimals["more"] == 0


def test_awkward_columns() -> None:
    inf = math.inf
    table = pl.DataFrame(
        {
            "ends": [inf, -inf, inf, 1.0, math.nan, None],
            "empty": pl.Series([None] * 6, dtype=pl.Float64),
            "huge": [2**63 - 1, -(2**63), 2**53 + 1, 2**53, 0, None],
            "one": [3.5] * 6,
            "nothing": [None] * 6,
            "nested": [[1]] * 6,
        }
    )
    found = profile(table)
    ends = found["ends"]
    assert (ends.nulls, ends.nan, ends.finite, ends.mean) == (1, 1, 1, 1.0)
    assert (ends.negative_infinities, ends.positive_infinities) == (1, 2)
    assert (ends.minimum, ends.maximum, ends.quantile(0.5)) == (-inf, inf, inf)
    assert (found["empty"].median, found["empty"].missing_share) == (None, 1.0)
    assert found["huge"].minimum == -(2.0**63)
    assert (found["one"].sd, found["one"].commonest) == (0.0, (3.5, 1.0))
    assert (found["nothing"].missing, found["nothing"].obstacle) == (6, "")
    assert found["nested"].obstacle == "nothing is known about columns of type List"
    assert found.kinds["nested"] == "other"
    with pytest.raises(ClinicalError, match="no rows, so it can be no reference"):
        profile(table.clear())
    assert profile(table.clear(), found).merge(found) == found
    with pytest.raises(ClinicalError, match="no column named 'z'"):
        profile(table, columns=["z"])


def test_levels() -> None:
    levels = ["a"] * 5 + ["b"] * 3 + [None] * 2
    known = profile(pl.DataFrame({"ward": levels, "flag": [True, None] * 5}))
    table = pl.DataFrame({"ward": ["b", "new", "new", None], "flag": [False] * 4})
    found = profile(table, known)
    assert known["ward"].levels == {"a": 5, "b": 3}
    assert found["ward"].levels == {"b": 1}
    assert (found["ward"].other, found["ward"].new_levels) == (2, {"new": 2})
    assert found["flag"].new_levels == {"false": 4}
    assert found["ward"].missing_share == 0.25


def test_a_hundred_thousand_levels_are_bounded_and_estimated() -> None:
    rng = np.random.default_rng(3)
    codes = np.minimum(rng.zipf(1.3, 400_000), 10**7).astype(str)
    table = pl.DataFrame({"code": codes})
    found = profile(table)["code"]
    distinct = len(np.unique(codes))
    assert distinct > 20_000
    assert (len(found.grid.levels), len(found.new_levels)) == (1000, 256)
    assert found.distinct == pytest.approx(distinct, rel=0.2)
    counts = dict(zip(*np.unique(codes, return_counts=True), strict=True))
    assert all(counts[name] == number for name, number in found.new_levels.items())


@pytest.mark.parametrize("repeats", [1, 40])
def test_what_tells_patients_apart_is_not_in_the_file(repeats: int) -> None:
    ids = [f"Mrs-Canary-{i}" for i in range(5000)] * repeats
    known = profile(pl.DataFrame({"patient": ids}))
    assert known["patient"].levels == {}
    assert "Canary" not in str(known.to_dict())
    ward = profile(pl.DataFrame({"patient": ["a", "b"] * 500}))
    strayed = profile(pl.DataFrame({"patient": ids}), ward)
    assert "Canary" not in str(strayed.to_dict())
    assert strayed["patient"].other == len(ids)
