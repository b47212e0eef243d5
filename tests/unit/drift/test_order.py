"""Exact answers from a grid, against sorting everything: on friendly and on hostile samples."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.stats import ks_2samp, wasserstein_distance

from clinical_assets.drift import order
from clinical_assets.drift.order import Pair

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


def agrees(x: Numbers, y: Numbers, cells: int = order.CELLS) -> None:
    pair = Pair(x, y, cells=cells)
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
    x, y = SHAPES[shape]
    agrees(x, y)
    agrees(y, x)
    agrees(x, y, cells=3)


values = st.one_of(st.integers(-3, 3).map(float), st.floats(-1e3, 1e3), st.floats(allow_nan=False))


@given(
    arrays(np.float64, st.integers(1, 60), elements=values),
    arrays(np.float64, st.integers(1, 60), elements=values),
    st.sampled_from([1, 2, 7, 300]),
)
@settings(max_examples=400, deadline=None)
def test_any_values_on_any_grid(x: Numbers, y: Numbers, cells: int) -> None:
    patch = pytest.MonkeyPatch()
    patch.setattr(order, "_SMALL", 0)  # a grid however few they are
    try:
        pair = Pair(x, y, cells=cells)
        assert pair.kolmogorov_smirnov() == naive_ks(x, y)
        edges = np.unique(x[: len(x) // 3])
        ours, theirs = pair.binned(edges)
        assert (ours.tolist(), theirs.tolist()) == (naive_bins(x, edges), naive_bins(y, edges))
    finally:
        patch.undo()


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_what_holds_of_kolmogorov_smirnov(data: st.DataObject) -> None:
    some = arrays(np.float64, st.integers(1, 80), elements=st.integers(-50, 50).map(float))
    x, y = data.draw(some), data.draw(some)
    distance = Pair(x, y).kolmogorov_smirnov()
    assert Pair(x, x).kolmogorov_smirnov() == 0
    assert Pair(y, x).kolmogorov_smirnov() == distance
    assert Pair(x[::-1].copy(), y).kolmogorov_smirnov() == distance
    assert Pair(np.exp(x / 10), np.exp(y / 10)).kolmogorov_smirnov() == distance
    assert distance == pytest.approx(float(ks_2samp(x, y, method="asymp").statistic), abs=1e-12)
    assert Pair(x, y).wasserstein() == pytest.approx(float(wasserstein_distance(x, y)), abs=1e-9)


def test_published_wasserstein() -> None:
    """NannyML: seed 1, N(0, 1) x 10,000 against N(1, 1) x 1,000 gives 1.01."""
    np.random.seed(1)
    x, y = np.random.normal(0, 1, 10_000), np.random.normal(1, 1, 1_000)
    assert round(Pair(x, y).wasserstein() or 0, 2) == 1.01


def test_infinities_have_no_area() -> None:
    assert Pair(np.array([1.0, np.inf]), np.array([1.0])).wasserstein() is None


def test_an_empty_sample_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one observation"):
        Pair(np.array([]), np.array([1.0]))
