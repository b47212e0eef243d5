"""Moments of the dealt table against every table there is, and against many dealt ones."""

import doctest
import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinical_assets.drift import levels_moments
from clinical_assets.drift.levels_moments import dealt_moments


def test_examples() -> None:
    found = doctest.testmod(levels_moments)
    assert (found.attempted > 0, found.failed) == (True, 0)


def every_table(every: list[int], m: int) -> tuple[np.ndarray, np.ndarray]:
    """S of each table with these sums, and how many ways of dealing give it."""
    values, ways = [], []
    for x in itertools.product(*(range(c + 1) for c in every)):
        if sum(x) == m:
            values.append(sum(k * k / c for k, c in zip(x, every, strict=True)))
            ways.append(math.prod(math.comb(c, k) for k, c in zip(x, every, strict=True)))
    return np.array(values), np.array(ways) / sum(ways)


@given(st.lists(st.integers(1, 6), min_size=2, max_size=5), st.data())
def test_they_are_those_of_all_tables(every: list[int], data: st.DataObject) -> None:
    m = data.draw(st.integers(1, sum(every)))
    values, shares = every_table(every, m)
    mean = float(values @ shares)
    found = dealt_moments(np.array(every), m)
    assert found.mean == pytest.approx(mean)
    assert found.variance == pytest.approx(float((values - mean) ** 2 @ shares), abs=1e-9)
    assert found.third == pytest.approx(float((values - mean) ** 3 @ shares), abs=1e-9)


def test_large_tables_do_not_lose_their_third_moment() -> None:
    rng = np.random.default_rng(1)
    every = np.array([40_000_000, 9_000_000, *[7] * 300])
    m = 20_000
    dealt = rng.multivariate_hypergeometric(every, m, size=100_000, method="marginals")
    values = (dealt.astype(np.float64) ** 2 / every).sum(axis=1)
    found, moved = dealt_moments(every, m), values - values.mean()
    assert found.mean == pytest.approx(values.mean(), rel=1e-3)
    assert found.variance == pytest.approx(values.var(), rel=0.05)
    assert found.third == pytest.approx(float(np.mean(moved**3)), rel=0.3)
