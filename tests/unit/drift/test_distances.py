"""Distances over counts, against published answers and what must hold of any distance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2_contingency

from clinical_assets.drift.distances import (
    chi_squared,
    goodness_of_fit,
    hellinger,
    jensen_shannon,
    likelihood_ratio,
    psi,
    total_variation,
)

counts = st.lists(st.integers(0, 10_000), min_size=1, max_size=30).filter(any)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    p = draw(counts)
    q = draw(st.lists(st.integers(0, 10_000), min_size=len(p), max_size=len(p)).filter(any))
    return p, q


def test_published_answers() -> None:
    # Evidently's own tests; NannyML's {a, b, c, d} x 10,000 against {a, b, c, e} x 1,000.
    sixes = [16, 18, 16, 14, 12, 12], [16, 16, 16, 16, 16, 8]
    assert goodness_of_fit(*sixes).p == pytest.approx(0.67309, abs=5e-6)
    assert hellinger(*sixes) == pytest.approx(0.06812, abs=1e-5)
    before, after = [2500, 2500, 2500, 2500, 0], [250, 250, 250, 0, 250]
    assert jensen_shannon(before, after) == pytest.approx(0.5)
    assert hellinger(before, after) == pytest.approx(0.5)


def test_empty_bins_get_the_share_that_is_asked_for() -> None:
    """frouros: N(1, 1) against N(5, 2), bins of equal width, empty ones the smallest float."""
    np.random.seed(31)
    x = np.random.normal(1, 1, 100)
    np.random.seed(31)
    y = np.random.normal(5, 2, 100)
    edges = np.linspace(min(x.min(), y.min()), max(x.max(), y.max()), 11)
    p, q = np.histogram(x, edges)[0], np.histogram(y, edges)[0]
    assert psi(p, q, empty=np.finfo(float).tiny) == pytest.approx(461.20379435, abs=1e-8)


@given(pairs())
def test_what_holds_of_every_distance(pair: tuple[list[int], list[int]]) -> None:
    p, q = pair
    for distance in (psi, jensen_shannon, hellinger, total_variation):
        assert distance(p, p) == pytest.approx(0, abs=1e-12)
        assert distance(p, q) == pytest.approx(distance(q, p))
        assert distance(p, q) == pytest.approx(distance(p[::-1], q[::-1]))
        assert distance(p, q) >= 0
    for distance in (jensen_shannon, hellinger, total_variation):
        assert distance(p, q) <= 1 + 1e-12
    assert hellinger(p, q) ** 2 <= total_variation(p, q) + 1e-9  # Le Cam's inequalities
    assert total_variation(p, q) <= np.sqrt(2) * hellinger(p, q) + 1e-9


@given(pairs())
def test_as_scipy_computes_it(pair: tuple[list[int], list[int]]) -> None:
    p, q = pair
    assert jensen_shannon(p, q) == pytest.approx(float(jensenshannon(p, q, base=2)), abs=1e-7)
    table = np.array([p, q])[:, (np.array(p) + np.array(q)) > 0]
    if table.shape[1] > 1:
        for ours, kind in ((chi_squared, "pearson"), (likelihood_ratio, "log-likelihood")):
            theirs = chi2_contingency(table, correction=False, lambda_=kind)
            assert ours(p, q).statistic == pytest.approx(theirs.statistic, rel=1e-9, abs=1e-9)
            assert ours(p, q).p == pytest.approx(theirs.pvalue, rel=1e-9, abs=1e-12)
            assert ours(p, q).degrees == theirs.dof


def test_nothing_has_no_distribution() -> None:
    with pytest.raises(ValueError, match="at least one observation"):
        psi([0, 0], [1, 1])
