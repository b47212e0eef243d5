"""Exact answers from a grid, against sorting everything: on friendly and on hostile samples."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from clinical_assets.drift import gridded
from clinical_assets.drift.gridded import GriddedPair
from clinical_assets.drift.pairs import paired_samples
from clinical_assets.drift.tallied import TalliedPair

Numbers = NDArray[Any]
DECILES = np.arange(1, 10) / 10
RNG = np.random.default_rng(7)


def naive_ks(x: Numbers, y: Numbers) -> float:
    every = np.concatenate([x, y])
    f = np.searchsorted(np.sort(x), every, "right") / len(x)
    g = np.searchsorted(np.sort(y), every, "right") / len(y)
    return float(np.abs(f - g).max())


def naive_bins(x: Numbers, edges: Numbers) -> list[int]:
    return [
        int(n) for n in np.bincount(np.searchsorted(edges, x, "left"), minlength=len(edges) + 1)
    ]


def agrees(pair: TalliedPair | GriddedPair, x: Numbers, y: Numbers) -> None:
    assert pair.kolmogorov_smirnov() == naive_ks(x, y)
    with np.errstate(invalid="ignore", over="ignore"):
        expected = np.quantile(x, DECILES)
    edges = pair.quantiles(DECILES)
    assert np.array_equal(edges, expected, equal_nan=True)
    if np.isnan(edges).any():
        return
    unique = np.unique(edges)
    ours, theirs = pair.binned(unique)
    assert (ours.tolist(), theirs.tolist()) == (naive_bins(x, unique), naive_bins(y, unique))


SHAPES: dict[str, tuple[Numbers, Numbers]] = {
    "normal": (RNG.normal(size=40_000), RNG.normal(0.1, 1, 30_000)),
    "the same": (RNG.normal(size=30_000), RNG.normal(size=30_000)),
    "ties": (RNG.integers(0, 12, 40_000), RNG.integers(0, 13, 20_000)),
    "point mass": (
        np.where(RNG.random(40_000) < 0.9, 0.0, RNG.normal(size=40_000)),
        np.where(RNG.random(40_000) < 0.8, 0.0, RNG.normal(size=40_000)),
    ),
    "heavy tails": (RNG.standard_cauchy(40_000), RNG.standard_cauchy(40_000) * 2),
    "from 1e-300 to 1e300": (
        10 ** RNG.uniform(-300, 300, 40_000),
        10 ** RNG.uniform(-299, 299, 9_000),
    ),
    "two values": (RNG.integers(0, 2, 40_000) * 1.5, RNG.integers(0, 2, 40_000) * 1.5),
    "constant": (np.full(40_000, 3.25), np.full(10_000, 3.25)),
    "constants that differ": (np.full(40_000, 3.25), np.full(10_000, 3.5)),
    "integers beyond 2^53": (
        2**60 + RNG.integers(0, 4000, 40_000),
        2**60 + RNG.integers(0, 4001, 40_000),
    ),
    "infinities": (
        np.concatenate([RNG.normal(size=40_000), [np.inf, -np.inf]]),
        np.concatenate([RNG.normal(size=40_000), [np.inf] * 9]),
    ),
    "one row": (RNG.normal(size=40_000), np.array([0.25])),
    "a trend in the order of rows": (
        np.sort(RNG.normal(size=40_000)),
        np.sort(RNG.normal(size=40_000)),
    ),
    "far apart": (RNG.normal(size=40_000), RNG.normal(1e9, 1, 40_000)),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_as_sorting_finds_it(shape: str) -> None:
    for x, y in (SHAPES[shape], SHAPES[shape][::-1]):
        for pair in (TalliedPair(x, y), GriddedPair(x, y), GriddedPair(x, y, cells=3)):
            agrees(pair, x, y)


def test_rounded_values_are_tallied_and_others_laid_on_a_grid() -> None:
    assert isinstance(paired_samples(*SHAPES["ties"]), TalliedPair)
    assert isinstance(paired_samples(*SHAPES["normal"]), GriddedPair)
    assert isinstance(paired_samples(np.array([1.0]), np.array([2.0])), TalliedPair)


values = st.one_of(st.integers(-3, 3).map(float), st.floats(-1e3, 1e3), st.floats(allow_nan=False))


@given(
    arrays(np.float64, st.integers(1, 60), elements=values),
    arrays(np.float64, st.integers(1, 60), elements=values),
    st.sampled_from([1, 2, 7, 300]),
)
@settings(max_examples=120, deadline=None)
def test_any_values_on_any_grid(x: Numbers, y: Numbers, cells: int) -> None:
    patch = pytest.MonkeyPatch()
    patch.setattr(gridded, "FEW", 0)  # finer grids however few values are left
    edges = np.unique(x[: len(x) // 3])
    try:
        for pair in (GriddedPair(x, y, cells=cells), TalliedPair(x, y)):
            assert pair.kolmogorov_smirnov() == naive_ks(x, y)
            ours, theirs = pair.binned(edges)
            assert (ours.tolist(), theirs.tolist()) == (naive_bins(x, edges), naive_bins(y, edges))
    finally:
        patch.undo()


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_what_holds_of_kolmogorov_smirnov(data: st.DataObject) -> None:
    some = arrays(np.float64, st.integers(1, 80), elements=st.integers(-50, 50).map(float))
    x, y = data.draw(some), data.draw(some)
    distance = paired_samples(x, y).kolmogorov_smirnov()
    assert paired_samples(x, x).kolmogorov_smirnov() == 0
    assert paired_samples(y, x).kolmogorov_smirnov() == distance
    assert paired_samples(x[::-1].copy(), y).kolmogorov_smirnov() == distance
    bent = paired_samples(np.exp(x / 10), np.exp(y / 10))
    assert bent.kolmogorov_smirnov() == distance
    assert distance == naive_ks(x, y)


@given(
    arrays(np.float64, st.integers(1, 60), elements=values),
    arrays(np.float64, st.integers(1, 60), elements=values),
)
@settings(max_examples=100, deadline=None)
def test_order_and_range_are_the_same_either_way(x: Numbers, y: Numbers) -> None:
    pairs = GriddedPair(x, y), TalliedPair(x, y)
    for pair in pairs:
        assert pair.range() == (int((y < x.min()).sum()), int((y > x.max()).sum()))
    for one, other in zip(pairs[0].merged(), pairs[1].merged(), strict=True):
        assert np.array_equal(one, other)


def test_what_is_asked_later_is_taken_out_then() -> None:
    """The cells of a first question are kept; others must not be answered from them."""
    x, y = SHAPES["normal"]
    pair = GriddedPair(x, y)
    agrees(pair, x, y)
    edges = np.linspace(-2, 2, 90)
    ours, theirs = pair.binned(edges)
    assert (ours.tolist(), theirs.tolist()) == (naive_bins(x, edges), naive_bins(y, edges))
    agrees(pair, x, y)


@pytest.mark.parametrize("kind", [TalliedPair, GriddedPair])
def test_an_empty_sample_is_refused(kind: Any) -> None:
    with pytest.raises(ValueError, match="at least one observation"):
        kind(np.array([]), np.array([1.0]))
