"""Rare levels: seldom denied where nothing changed, and seen where much did."""

import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import fisher_exact

from clinical_assets.drift import compare, levels_test
from clinical_assets.drift.distances import chi_squared
from clinical_assets.drift.levels_test import levels_p
from clinical_assets.drift.proportions import two_proportions_p


def test_examples() -> None:
    found = doctest.testmod(levels_test)
    assert (found.attempted > 0, found.failed) == (True, 0)


def drawn(rng: np.random.Generator, weights: np.ndarray, rows: int) -> np.ndarray:
    return rng.multinomial(rows, weights / weights.sum())


WEIGHTS = {
    "25 levels": np.ones(25),
    "200 levels": np.ones(200),
    "Zipf 1": 1 / np.arange(1, 101.0),
    "Zipf 2": 1 / np.arange(1, 101.0) ** 2,
    "one and 200 rare": np.append(0.5, np.full(200, 0.0025)),
    "one in ten": np.array([0.9, 0.1]),
    "two of a hundredth": np.array([0.98, 0.01, 0.01]),
    "five": np.array([0.5, 0.3, 0.1, 0.05, 0.05]),
}


@pytest.mark.parametrize("name", WEIGHTS)
@pytest.mark.parametrize(("n", "m"), [(5000, 30), (1000, 1000), (200, 100), (20, 20)])
def test_it_holds_its_size(name: str, n: int, m: int) -> None:
    rng = np.random.default_rng(1)
    pairs = [(drawn(rng, WEIGHTS[name], n), drawn(rng, WEIGHTS[name], m)) for _ in range(800)]
    found = np.array([levels_p(*pair) for pair in pairs])
    assert np.mean(found <= 0.05) <= 0.07
    assert np.mean(found <= 0.01) <= 0.02
    assert np.mean(found <= 0.001) <= 0.0075


@pytest.mark.parametrize("name", ["200 levels", "Zipf 1", "one and 200 rare"])
def test_of_many_rare_levels_it_is_the_share_of_dealt_tables(name: str) -> None:
    rng = np.random.default_rng(2)
    p, q = drawn(rng, WEIGHTS[name], 2000), drawn(rng, WEIGHTS[name] ** 0.5, 40)
    every = (p + q)[p + q > 0]
    dealt = rng.multivariate_hypergeometric(every, 40, size=50_000, method="marginals")
    chance = (dealt.astype(np.float64) ** 2 / every).sum(axis=1)
    found = float((q[p + q > 0].astype(np.float64) ** 2 / every).sum())
    share = np.mean(chance >= found * (1 - 1e-12))
    assert levels_test._table_p(p[p + q > 0], q[p + q > 0]) == pytest.approx(share, rel=0.3)


@pytest.mark.parametrize(
    ("p", "q"),
    [([950, 50], [0, 40]), ([900, 100], [5, 15]), ([95_000, 5000], [20, 20]), ([10, 0], [3, 4])],
)
def test_two_levels_are_two_shares(p: list[int], q: list[int]) -> None:
    exact = fisher_exact([p, q]).pvalue
    assert levels_p(p, q) == pytest.approx(exact, rel=1e-6)
    assert levels_p(p, q) == two_proportions_p(p[0], sum(p), q[0], sum(q))


@pytest.mark.parametrize(
    ("p", "q"), [([480, 10, 10], [10, 5, 5]), ([900, 50, 50], [20, 0, 20]), ([99, 1, 0], [5, 0, 5])]
)
def test_a_rare_level_that_grew_is_seen(p: list[int], q: list[int]) -> None:
    assert levels_p(p, q) < 1e-4


def test_a_rare_flag_that_grew_has_drifted() -> None:
    before, after = ["no"] * 9900 + ["yes"] * 100, ["no"] * 70 + ["yes"] * 30
    import polars as pl

    for kind in (pl.String, pl.Boolean):
        sides = [pl.Series("flag", side) for side in (before, after)]
        if kind is pl.Boolean:
            sides = [side == "yes" for side in sides]
        assert compare(*(side.to_frame() for side in sides)).drifted


def test_a_change_of_frequent_levels_is_not_lost_among_rare_ones() -> None:
    rng, rare = np.random.default_rng(3), np.full(200, 0.001)
    before, after = np.append([0.4, 0.3, 0.1], rare), np.append([0.2, 0.5, 0.1], rare)
    found = [levels_p(drawn(rng, before, 1000), drawn(rng, after, 100)) for _ in range(50)]
    assert np.mean(np.array(found) < 0.05) >= 0.9


@pytest.mark.parametrize("levels", [25, 50, 200])
@pytest.mark.parametrize("rows", [50, 100, 300])
def test_it_sees_that_half_of_all_levels_are_gone(levels: int, rows: int) -> None:
    rng, half = np.random.default_rng(2), (np.arange(levels) < levels // 2).astype(float)
    before = [drawn(rng, np.ones(levels), 2000) for _ in range(20)]
    found = [levels_p(each, drawn(rng, half, rows)) for each in before]
    assert np.mean(np.array(found) < 0.01) >= 0.9 or rows <= levels / 2


@pytest.mark.parametrize("levels", [1999, 2001, 20_000])
def test_however_many_levels_there_are(levels: int) -> None:
    current = np.where(np.arange(levels) % 2, 0, 6)
    assert levels_p(np.full(levels, 400), current) < 1e-9


def test_where_no_level_is_rare_it_is_pearsons() -> None:
    p, q = [100, 200, 300], [30, 30, 60]
    assert levels_p(p, q) == chi_squared(p, q).p


@pytest.mark.parametrize(
    ("p", "q"), [([5], [7]), ([0, 3], [0, 4]), ([0, 0], [1, 2]), ([1, 2], [0, 0]), ([1, 0], [0, 1])]
)
def test_tables_that_say_nothing(p: list[int], q: list[int]) -> None:
    assert levels_p(p, q) == 1.0


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=2), st.randoms())
def test_names_make_no_difference_and_sides_none_to_speak_of(
    table: list[tuple[int, int]], random: object
) -> None:
    p, q = np.array(table).T
    order = np.array(sorted(range(len(table)), key=lambda _: random.random()))  # type: ignore[attr-defined]
    assert levels_p(p[order], q[order]) == pytest.approx(levels_p(p, q), rel=1e-9, abs=1e-15)
    assert levels_p(q, p) == pytest.approx(levels_p(p, q), rel=1e-6, abs=1e-12)
