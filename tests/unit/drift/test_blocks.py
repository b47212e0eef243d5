"""Samples in pieces: how they are cut must not matter, and nothing of them may be lost."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from clinical_assets.drift.blocks import BLOCK, in_blocks, size, spread, whole
from clinical_assets.drift.grid import Grid
from clinical_assets.drift.pairs import paired_samples
from clinical_assets.drift.runs import distinct
from clinical_assets.drift.samples import read
from clinical_assets.drift.tallied import Tally

RNG = np.random.default_rng(3)


def test_pieces_and_the_whole_are_the_same_sample() -> None:
    x, y = RNG.normal(size=3 * BLOCK + 7), RNG.normal(0.02, 1, BLOCK + 1)
    cut = tuple(np.split(x, [0, 5, 5, 90_000]))
    assert np.array_equal(whole(in_blocks(cut)), x)
    assert np.array_equal(spread(in_blocks(cut)), spread((x,)))
    one, other = paired_samples(x, y), paired_samples(cut, (y[:9], y[9:]))
    assert one.kolmogorov_smirnov() == other.kolmogorov_smirnov()
    assert np.array_equal(
        one.quantiles(np.array([0.1, 0.5])), other.quantiles(np.array([0.1, 0.5]))
    )
    assert one.range() == other.range()


TALLIES: dict[str, NDArray[Any]] = {
    "rounded": np.round(RNG.normal(80, 15, 200_000)),
    "rare values that no cell knows": np.append(
        np.round(RNG.normal(size=90_000), 1), [0.05, 1e300]
    ),
    "many in one cell": np.append(np.round(RNG.standard_cauchy(90_000), 2), [np.inf, -np.inf]),
    "nothing repeated": RNG.normal(size=70_000),
    "both zeros": np.array([0.0, -0.0, -0.0, 1.0]),
    "zero in a cell without a known value": np.append(np.full(9_999, 5.0), [0.0, 0.0, -1.0]),
    "integers beyond 2^53": 2**62 + RNG.integers(0, 3, 70_000),
}


@pytest.mark.parametrize("shape", TALLIES)
def test_a_tally_counts_as_numpy_does(shape: str) -> None:
    values, counts = np.unique(TALLIES[shape], return_counts=True)
    found = Tally.of(TALLIES[shape])
    assert np.array_equal(found.values, values)
    assert np.diff(found.upto).tolist() == counts.tolist()
    assert not np.signbit(found.values[found.values == 0]).any()


def test_cells_follow_the_order_of_values() -> None:
    values = np.sort(np.concatenate([RNG.standard_cauchy(70_000) * 1e9, [np.inf, -np.inf, 1e308]]))
    grid = Grid.over(spread((values,)), 65_534)
    cells = np.concatenate(list(grid.cells(in_blocks(values))))
    assert (np.diff(cells.astype(int)) >= 0).all()
    assert (cells.min(), cells.max()) == (0, 65_535)


@pytest.mark.parametrize("dtype", [pl.Int64, pl.Float64, pl.UInt64, pl.Float32])
def test_many_small_pieces_with_holes_are_read_whole(dtype: Any) -> None:
    pieces = [pl.Series("x", [i, None, 2], pl.Int64).cast(dtype) for i in range(300)]
    if dtype.is_float():
        pieces.append(pl.Series("x", [float("nan"), 7.5], dtype))
    table = pl.concat([piece.to_frame() for piece in pieces], rechunk=False)
    found = read(table.lazy(), "x", "numeric", len(table))
    assert (found.rows, found.present) == (len(table), 600 + dtype.is_float())
    kept = [v for v in table["x"].to_list() if v is not None and v == v]
    assert sorted(whole(found.values).tolist()) == sorted(kept)
    assert size(found.values) == found.present


def test_distinct_is_numpys_unique() -> None:
    for values in (np.array([3, 1, 3]), np.array([np.nan, 1.0, np.nan]), np.array([])):
        assert np.array_equal(distinct(values), np.unique(values), equal_nan=True)
