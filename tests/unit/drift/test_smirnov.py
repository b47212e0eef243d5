"""The p-value of the two-sample Kolmogorov–Smirnov distance, against scipy and every order."""

import doctest
import itertools
import warnings
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special
from scipy.stats import ks_2samp

from clinical_assets.drift import smirnov
from clinical_assets.drift.smirnov import kolmogorov, limiting_p, smirnov_p


def test_examples() -> None:
    found = doctest.testmod(smirnov)
    assert (found.attempted > 0, found.failed) == (True, 0)


def distances(n: int, m: int) -> list[Fraction]:
    """The distance of every order in which the values of both samples may come."""
    found = []
    for places in itertools.combinations(range(n + m), n):
        i, most = 0, Fraction(0)
        for drawn in range(1, n + m + 1):
            i += drawn - 1 in places
            most = max(most, abs(Fraction(i, n) - Fraction(drawn - i, m)))
        found.append(most)
    return found


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 4), (2, 6), (3, 5), (4, 4), (5, 6)])
def test_it_is_the_share_of_all_orders(n: int, m: int) -> None:
    every = distances(n, m)
    for distance in set(every):
        share = sum(other >= distance for other in every) / len(every)
        assert smirnov_p(float(distance), n, m) == pytest.approx(share, rel=1e-12)
        assert smirnov_p(float(distance), m, n) == pytest.approx(share, rel=1e-12)


@pytest.mark.parametrize(
    ("n", "m"), [(300, 300), (300, 200), (1000, 997), (2000, 1000), (4000, 900), (4980, 20)]
)
@pytest.mark.parametrize("shift", [0.0, 0.1, 0.3, 1.0])
def test_it_is_scipys_exact_one(n: int, m: int, shift: float) -> None:
    rng = np.random.default_rng(n + m)
    found = ks_2samp(rng.normal(size=n), rng.normal(shift, size=m), method="exact")
    assert smirnov_p(found.statistic, n, m) == pytest.approx(found.pvalue, rel=1e-9)


@pytest.mark.parametrize(("n", "m"), [(10_000, 9001), (9000, 3000), (20_000, 10_000)])
@pytest.mark.parametrize("shift", [0.0, 0.01, 0.02])
def test_the_limit_is_within_what_is_said(n: int, m: int, shift: float) -> None:
    rng = np.random.default_rng(n)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # where scipy takes a limit itself
        found = ks_2samp(rng.normal(size=n), rng.normal(shift, size=m), method="exact")
    assert found.pvalue > 1e-3
    assert smirnov_p(found.statistic, n, m) == limiting_p(found.statistic, n, m)
    assert smirnov_p(found.statistic, n, m) == pytest.approx(found.pvalue, rel=0.03)


@given(st.integers(1, 40), st.integers(1, 40), st.floats(0, 1))
def test_a_probability_that_falls_with_the_distance(n: int, m: int, distance: float) -> None:
    upper = smirnov_p(distance, n, m)
    assert 0 <= smirnov_p(1.0, n, m) <= upper <= 1


def test_no_distance_is_certain_and_the_largest_impossible() -> None:
    assert smirnov_p(0.0, 20_000, 30_000) == 1.0
    assert smirnov_p(1.0, 20_000, 30_000) == 0.0


def test_the_limit_of_kolmogorov_is_scipys() -> None:
    for z in np.linspace(0.01, 12, 1200):
        assert kolmogorov(z) == pytest.approx(float(special.kolmogorov(z)), rel=1e-13)
