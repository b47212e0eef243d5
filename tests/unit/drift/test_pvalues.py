"""Probabilities, against scipy's exact ones and statsmodels' way of adjusting them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import cramervonmises_2samp, false_discovery_control

from clinical_assets.drift.areas import cramer_von_mises, merged
from clinical_assets.drift.pvalues import (
    benjamini_hochberg,
    cramer_von_mises_p,
)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_adjusting_as_scipy_does(p: list[float]) -> None:
    assert benjamini_hochberg(p) == pytest.approx(false_discovery_control(p).tolist())


def test_nothing_to_adjust() -> None:
    assert benjamini_hochberg([]) == []


@pytest.mark.parametrize(("n", "m"), [(25, 40), (500, 300), (3_000, 3_000)])
@pytest.mark.parametrize("shift", [0.0, 0.1, 0.3])
def test_cramer_von_mises_as_scipy_has_it(n: int, m: int, shift: float) -> None:
    rng = np.random.default_rng(n + m)
    x, y = rng.normal(size=n), rng.normal(shift, 1, m)
    theirs = cramervonmises_2samp(x, y, method="asymptotic")
    ours = cramer_von_mises(merged(x, y))
    assert ours == pytest.approx(theirs.statistic, abs=1e-9)
    # scipy ends its series at 1e-7.
    assert cramer_von_mises_p(ours, n, m) == pytest.approx(theirs.pvalue, abs=1e-7)


def test_published_points_of_the_limit_of_cramer_von_mises() -> None:
    """Anderson and Darling (1952), table 1: 0.46136 is exceeded with 5 %, 0.74346 with 1 %."""
    n = 10**9  # at which the statistic is its limit's
    assert cramer_von_mises_p(0.46136, n, n) == pytest.approx(0.05, abs=1e-6)
    assert cramer_von_mises_p(0.74346, n, n) == pytest.approx(0.01, abs=1e-6)
    assert cramer_von_mises_p(0.0, n, n) == 1.0
    assert cramer_von_mises_p(1e6, n, n) == 0.0


def test_cramer_von_mises_is_near_the_exact_probability() -> None:
    rng = np.random.default_rng(5)
    for shift in (0.0, 0.4, 0.8):
        x, y = rng.normal(size=20), rng.normal(shift, 1, 30)
        exact = cramervonmises_2samp(x, y, method="exact")
        assert cramer_von_mises_p(exact.statistic, 20, 30) == pytest.approx(exact.pvalue, abs=0.01)
