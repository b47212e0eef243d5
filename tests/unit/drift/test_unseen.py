"""New levels: as many as chance brings, by every way of dealing and by drawing again."""

import doctest
import itertools
import math

import numpy as np
import pytest

from clinical_assets.drift import pvalues, unseen
from clinical_assets.drift.pvalues import pearson_three
from clinical_assets.drift.unseen import unseen_p

WEIGHTS = {
    "300 even": np.ones(300),
    "500, one over the root": 1 / np.sqrt(np.arange(1, 501)),
    "50 even": np.ones(50),
    "Zipf": 1 / np.arange(1, 301.0),
}


def test_examples() -> None:
    found = doctest.testmod(unseen)
    assert (found.attempted > 0, found.failed) == (True, 0)


@pytest.mark.parametrize("name", WEIGHTS)
@pytest.mark.parametrize(("n", "m"), [(1000, 1000), (1000, 20_000), (1000, 50), (150, 1000)])
def test_it_holds_its_size(name: str, n: int, m: int) -> None:
    rng, weights = np.random.default_rng(1), WEIGHTS[name] / WEIGHTS[name].sum()
    pairs = [(rng.multinomial(n, weights), rng.multinomial(m, weights)) for _ in range(800)]
    found = np.array([unseen_p(*pair) for pair in pairs])
    assert np.mean(found <= 0.05) <= 0.085
    assert np.mean(found <= 0.01) <= 0.02
    assert np.mean(found <= 0.001) <= 0.005


def test_moments_are_those_of_every_way_of_dealing(monkeypatch: pytest.MonkeyPatch) -> None:
    every, m = [1, 1, 2, 3, 4], 5
    values, ways = [], []
    for x in itertools.product(*(range(c + 1) for c in every)):
        if sum(x) == m:
            values.append(sum(k for k, c in zip(x, every, strict=True) if k == c))
            ways.append(math.prod(math.comb(c, k) for k, c in zip(x, every, strict=True)))
    shares = np.array(ways) / sum(ways)
    mean = float(np.array(values) @ shares)
    variance = float((np.array(values) - mean) ** 2 @ shares)
    asked = []
    monkeypatch.setattr(unseen, "pearson_three", lambda *moments: asked.append(moments) or 0.5)
    unseen_p([0, 1, 1, 2, 2], [1, 0, 1, 1, 2])
    assert asked[0][:3] == (1, pytest.approx(mean), pytest.approx(variance))


def test_many_new_values_of_few_levels_are_seen() -> None:
    reference = [100] * 10 + [0] * 3
    assert unseen_p(reference, [50] * 10 + [10] * 3) < 1e-6
    assert unseen_p(reference, [50] * 10 + [200_000, 0, 0]) < 1e-9
    assert unseen_p(reference, [50] * 10 + [0] * 3) == 1.0


def test_where_the_current_side_is_a_thousand_times_as_long_new_levels_are_no_news() -> None:
    weights = 1 / np.arange(1, 2001.0)
    rng = np.random.default_rng(3)
    p, q = (rng.multinomial(rows, weights / weights.sum()) for rows in (500, 500_000))
    assert q[p == 0].sum() > 50_000
    assert unseen_p(p, q) > 0.01


@pytest.mark.parametrize("skewness", [0.0, 5e-4, 0.5, 2.0])
def test_pearsons_third_type_is_a_moved_gamma(skewness: float) -> None:
    from scipy.stats import pearson3

    for value in (-1.0, 0.0, 1.0, 4.0, 9.0):
        found = pearson_three(3 + 2 * value, 3.0, 4.0, skewness * 8)
        assert found == pytest.approx(float(pearson3.sf(value, skewness)), rel=2e-2, abs=1e-18)


def test_what_does_not_vary_is_certain() -> None:
    assert (pearson_three(1.0, 1.0, 0.0, 0.0), pearson_three(1.1, 1.0, 0.0, 0.0)) == (1.0, 0.0)
    assert doctest.testmod(pvalues).failed == 0
