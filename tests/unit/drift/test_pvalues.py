"""Probabilities, against scipy's exact ones and statsmodels' way of adjusting them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control, kstwo

from clinical_assets.drift.pvalues import benjamini_hochberg, kolmogorov_smirnov_p


@pytest.mark.parametrize("n", [10_000, 100_000, 1_000_000])
@pytest.mark.parametrize("z", [0.3, 0.5, 0.8, 1.0, 1.36, 1.63, 1.95])
def test_kolmogorov_is_near_the_exact_probability(n: int, z: float) -> None:
    size = n / 2
    distance = z / np.sqrt(size)
    assert kolmogorov_smirnov_p(distance, n, n) == pytest.approx(
        float(kstwo.sf(distance, round(size))), rel=6e-4
    )


def test_no_distance_is_certain_and_the_largest_impossible() -> None:
    assert kolmogorov_smirnov_p(0.0, 20_000, 30_000) == 1.0
    assert kolmogorov_smirnov_p(1.0, 20_000, 30_000) == 0.0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_adjusting_as_scipy_does(p: list[float]) -> None:
    assert benjamini_hochberg(p) == pytest.approx(false_discovery_control(p).tolist())


def test_nothing_to_adjust() -> None:
    assert benjamini_hochberg([]) == []
