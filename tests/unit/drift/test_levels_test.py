"""Levels that are all rare: seldom denied where nothing changed, and seen where much did."""

import numpy as np
import pytest

from clinical_assets.drift.distances import chi_squared
from clinical_assets.drift.levels_test import levels_p


def drawn(rng: np.random.Generator, weights: np.ndarray, rows: int) -> np.ndarray:
    return rng.multinomial(rows, weights / weights.sum())


EVEN = {f"{k} levels": np.ones(k) for k in (25, 50, 200)}
SKEWED = {f"Zipf {a:g}": 1 / np.arange(1, 101) ** a for a in (1.0, 1.5, 2.0)}


@pytest.mark.parametrize("name", [*EVEN, *SKEWED])
@pytest.mark.parametrize("rows", [30, 100, 400])
def test_it_holds_its_size(name: str, rows: int) -> None:
    rng, weights = np.random.default_rng(1), {**EVEN, **SKEWED}[name]
    found = [levels_p(drawn(rng, weights, 5000), drawn(rng, weights, rows)) for _ in range(120)]
    assert np.mean(np.array(found) <= 0.05) <= 0.1
    assert np.mean(np.array(found) <= 0.005) <= 0.034


@pytest.mark.parametrize("levels", [25, 50, 200])
@pytest.mark.parametrize("rows", [50, 100, 300])
def test_it_sees_that_half_of_all_levels_are_gone(levels: int, rows: int) -> None:
    rng, half = np.random.default_rng(2), (np.arange(levels) < levels // 2).astype(float)
    before = [drawn(rng, np.ones(levels), 2000) for _ in range(20)]
    found = [levels_p(each, drawn(rng, half, rows)) for each in before]
    assert np.mean(np.array(found) < 0.01) >= 0.9 or rows <= levels / 2


def test_one_ward_of_many_is_seen_beside_a_hundred_other_columns() -> None:
    rng = np.random.default_rng(3)
    assert levels_p(drawn(rng, np.ones(25), 2000), np.eye(25)[3] * 50) < 1e-6


def test_where_no_level_is_rare_it_is_pearsons() -> None:
    p, q = [100, 200, 300], [30, 30, 60]
    assert levels_p(p, q) == chi_squared(p, q).p


@pytest.mark.parametrize(
    ("p", "q"), [([5], [7]), ([0, 3], [0, 4]), ([0, 0], [1, 2]), ([1, 2], [0, 0]), ([1, 0], [0, 1])]
)
def test_tables_that_say_nothing(p: list[int], q: list[int]) -> None:
    assert levels_p(p, q) == 1.0


def test_neither_names_nor_another_time_make_a_difference() -> None:
    rng = np.random.default_rng(4)
    p, q = drawn(rng, np.ones(40), 800), drawn(rng, np.arange(40.0), 60)
    assert levels_p(p, q) == levels_p(p, q)
    order = rng.permutation(40)
    assert levels_p(p[order], q[order]) == levels_p(p, q)
