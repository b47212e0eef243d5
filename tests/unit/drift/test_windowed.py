"""Windows held against a reference that is read once: the same numbers as from the values alone."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinical_assets.drift.kinds import Kind
from clinical_assets.drift.measure import measure
from clinical_assets.drift.windowed import WINDOWED, measure_windows

RNG = np.random.default_rng(2)
N, M, WINDOWS = 15_000, 900, 4
WHERE = np.array([-1, 0, 1, 3])[np.arange(M) % 4]  # one window is empty, some rows are in none


def same(before: pl.Series, after: pl.Series, kind: Kind, places: np.ndarray = WHERE) -> None:
    found = measure_windows(before, after, kind, places, WINDOWS, 10)
    for window, numbers in enumerate(found):
        alone = measure(before, after.filter(pl.Series(places == window)), kind, 10, WINDOWED)
        assert list(numbers) == list(alone)
        for name, expected in alone.items():
            near = expected is not None and pytest.approx(expected, rel=1e-9, abs=1e-12)
            assert numbers[name] is None if expected is None else numbers[name] == near, name


NUMBERS = {
    "plain": lambda n: RNG.normal(0, 1, n),
    "rounded": lambda n: np.round(RNG.normal(0, 1, n), 1),
    "heavy": lambda n: RNG.standard_cauchy(n) ** 3,
    "huge": lambda n: RNG.normal(0, 1, n) * 1e300,
    "gaps": lambda n: np.where(RNG.random(n) < 0.2, np.nan, RNG.normal(0, 1, n)),
    "infinite": lambda n: np.where(RNG.random(n) < 0.01, np.inf, RNG.normal(0, 1, n)),
    "whole": lambda n: RNG.integers(0, 50, n),
    "beyond 2^53": lambda n: RNG.integers(2**60, 2**61, n),
    "constant": lambda n: np.zeros(n),
    "zeros": lambda n: RNG.choice([0.0, -0.0, 1.0], n),
}


@pytest.mark.parametrize("shape", sorted(NUMBERS))
@pytest.mark.parametrize("size", [300, N])
def test_numbers(shape: str, size: int) -> None:
    before, after = (pl.Series("x", NUMBERS[shape](n)) for n in (size, M))
    same(before, after, "numeric")


def test_other_types_on_the_two_sides_and_nothing_at_all() -> None:
    whole, real = pl.Series("x", RNG.integers(0, 9, N)), pl.Series("x", RNG.normal(0, 9, M))
    same(whole, real, "numeric")
    same(pl.Series("x", [None] * N, dtype=pl.Float64), real, "numeric")
    same(whole, pl.Series("x", [None] * M, dtype=pl.Null), "numeric")


@pytest.mark.parametrize("levels", ["abc", "abd", "d"])
def test_levels(levels: str) -> None:
    before = pl.Series("x", RNG.choice(list("abc"), N))
    after = pl.Series("x", RNG.choice(list(levels), M))
    same(before, pl.select(pl.when(pl.Series(WHERE > 0)).then(after)).to_series(), "category")
    same(before == "a", after == "a", "boolean")


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.floats(allow_nan=True), min_size=1, max_size=30),
    st.lists(st.tuples(st.floats(allow_nan=True), st.integers(-1, 3)), min_size=1, max_size=30),
)
def test_any_numbers(before: list[float], after: list[tuple[float, int]]) -> None:
    places = np.array([place for _, place in after])
    found = measure_windows(
        pl.Series("x", before), pl.Series("x", [v for v, _ in after]), "numeric", places, 4, 10
    )
    for window, numbers in enumerate(found):
        current = pl.Series("x", [v for v, p in after if p == window], dtype=pl.Float64)
        alone = measure(
            pl.Series("x", before), current, "numeric", 10, ("psi", "ks", "missing_current")
        )
        assert {name: numbers[name] for name in alone} == pytest.approx(alone, nan_ok=True)
