"""What lies between two distribution functions, against scipy and the published answers."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.stats import cramervonmises_2samp, energy_distance, wasserstein_distance

from clinical_assets.drift.areas import (
    cramer_von_mises,
    energy,
    merged,
    scaled,
    wasserstein,
)

Numbers = NDArray[Any]
some = arrays(np.float64, st.integers(2, 60), elements=st.integers(-40, 40).map(lambda i: i / 8))


def naive_energy(x: Numbers, y: Numbers) -> float:
    """2 E|X - Y| - E|X - X'| - E|Y - Y'|, over every pair."""

    def mean(a: Numbers, b: Numbers) -> float:
        return float(np.abs(a[:, None] - b[None, :]).mean())

    return float(np.sqrt(max(0.0, 2 * mean(x, y) - mean(x, x) - mean(y, y))))


@given(some, some)
@settings(max_examples=100, deadline=None)
def test_as_scipy_and_every_pair_have_it(x: Numbers, y: Numbers) -> None:
    pair = merged(x, y)
    assert wasserstein(pair) == pytest.approx(float(wasserstein_distance(x, y)), abs=1e-9)
    assert energy(pair) == pytest.approx(float(energy_distance(x, y)), abs=1e-6)
    assert energy(pair) == pytest.approx(naive_energy(x, y), abs=1e-6)
    theirs = cramervonmises_2samp(x, y, method="asymptotic").statistic
    assert cramer_von_mises(pair) == pytest.approx(float(theirs), abs=1e-9)


@given(some, some)
@settings(max_examples=100, deadline=None)
def test_what_holds_of_them(x: Numbers, y: Numbers) -> None:
    pair, turned, same = merged(x, y), merged(y, x), merged(x, x)
    assert wasserstein(same) == energy(same) == 0
    assert wasserstein(pair) == pytest.approx(wasserstein(turned), abs=1e-12)
    assert energy(pair) == pytest.approx(energy(turned), abs=1e-12)
    assert cramer_von_mises(pair) == pytest.approx(cramer_von_mises(turned), abs=1e-9)
    shuffled = merged(x[::-1].copy(), np.roll(y, 3))
    assert wasserstein(shuffled) == wasserstein(pair)
    bent = merged(np.exp(x), np.exp(y))  # it looks at ranks only
    assert cramer_von_mises(bent) == cramer_von_mises(pair)
    moved = merged(x, x + 2.5)
    assert wasserstein(moved) == pytest.approx(2.5)
    if np.std(x):
        assert scaled(2.5, pair) == pytest.approx(2.5 / float(np.std(x)))


@pytest.mark.parametrize("decimals", [1, 12])
def test_blocks_leave_nothing_out(decimals: int, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(5)
    x = np.round(draw.normal(size=300), decimals)
    y = np.round(draw.normal(0.3, 2.0, size=200), decimals)
    for block in (1, 7, 64, 1 << 16):
        monkeypatch.setattr("clinical_assets.drift.areas.BLOCK", block)
        pair = merged(x, y)
        area = float(wasserstein_distance(x, y))
        assert wasserstein(pair) == pytest.approx(area, rel=1e-9)
        assert scaled(area, pair) == pytest.approx(area / float(np.std(x)), rel=1e-9)
        assert energy(pair) == pytest.approx(float(energy_distance(x, y)), rel=1e-9)
        theirs = cramervonmises_2samp(x, y, method="asymptotic").statistic
        assert cramer_von_mises(pair) == pytest.approx(float(theirs), rel=1e-9)


def test_published_answers() -> None:
    """frouros: seed 31 before each draw, N(1, 1) against N(5, 2), 100 each."""
    np.random.seed(31)
    x = np.random.normal(1, 1, 100)
    np.random.seed(31)
    pair = merged(x, np.random.normal(5, 2, 100))
    assert wasserstein(pair) == pytest.approx(3.85346006, abs=1e-8)
    assert energy(pair) == pytest.approx(2.11059982, abs=1e-8)
    # NannyML: seed 1, N(0, 1) x 10,000 against N(1, 1) x 1,000 gives 1.01.
    np.random.seed(1)
    pair = merged(np.random.normal(0, 1, 10_000), np.random.normal(1, 1, 1_000))
    assert round(wasserstein(pair) or 0, 2) == 1.01


def test_integers_are_never_made_floats_before_they_are_compared() -> None:
    x = 2**60 + np.arange(5)
    assert wasserstein(merged(x, x + 1)) == 1.0
    assert wasserstein(merged(np.array([-(2**63)]), np.array([2**63 - 1]))) == float(2**64)


def test_what_is_beyond_numbers_is_not_given() -> None:
    endless = merged(np.array([1.0, np.inf]), np.array([1.0]))
    assert wasserstein(endless) is energy(endless) is scaled(1.0, endless) is None
    wide = merged(np.array([-1.7e308]), np.array([1.7e308]))
    assert wasserstein(wide) is energy(wide) is None
    assert cramer_von_mises(wide) == pytest.approx(0.25)
    large = merged(np.array([0.0, 1e300]), np.array([1e300, 1e300]))
    assert scaled(wasserstein(large), large) == pytest.approx(1.0)
    constant = merged(np.array([2.0, 2.0]), np.array([3.0]))
    assert scaled(wasserstein(constant), constant) is None


def test_far_values_of_the_current_sample_alone_leave_the_reference_s_deviation() -> None:
    pair = merged(np.array([0.0, 2.0]), np.array([1e302, 1.0]))
    with np.errstate(all="raise"):
        assert scaled(3.0, pair) == 3.0
