"""Intervals equal those of a plain loop over resampled rows."""

import numpy as np
import pytest

from clinical_assets.modelling import bootstrap
from clinical_assets.modelling.bootstrap import (
    bootstrap_estimates,
    bootstrap_proportion,
    derive_seed,
    replicate_weights,
    with_interval,
)
from clinical_assets.modelling.comparison import paired_difference
from clinical_assets.modelling.metrics import METRICS
from tests.unit.modelling.oracle import naive, pima

SETTINGS = {"threshold": 0.3, "replicates": 60, "seed": 7, "minimum_events": 11}


def resamples(rows: int) -> list[np.ndarray]:
    """Row numbers of each replicate, drawn as the bootstrap draws them, one at a time."""
    generator = np.random.default_rng(7)
    return [generator.integers(0, rows, size=rows) for _ in range(60)]


@pytest.mark.parametrize("metric", METRICS)
def test_interval_equals_a_loop_over_scikit_learn(metric: str) -> None:
    y, p = pima()
    found = bootstrap_estimates(y, p, metrics=[metric], **SETTINGS)[metric]
    values = [naive(metric, y[rows], p[rows], 0.3) for rows in resamples(len(y))]
    assert found.value == pytest.approx(naive(metric, y, p, 0.3))
    assert (found.lower, found.upper) == pytest.approx(
        tuple(np.percentile(values, [2.5, 97.5])), rel=1e-7, abs=1e-9
    )
    assert (found.n, found.events, found.reason) == (332, 109, "")


@pytest.mark.parametrize("metric", ["auroc", "calibration_slope", "errors", "ppv"])
def test_paired_difference_equals_a_loop_over_scikit_learn(metric: str) -> None:
    (y, a), (_, b) = pima("logistic"), pima("discriminant")
    found = paired_difference(metric, y, a, b, **SETTINGS)
    values = [
        naive(metric, y[rows], a[rows], 0.3) - naive(metric, y[rows], b[rows], 0.3)
        for rows in resamples(len(y))
    ]
    assert found.value == pytest.approx(naive(metric, y, a, 0.3) - naive(metric, y, b, 0.3))
    assert (found.lower, found.upper) == pytest.approx(
        tuple(np.percentile(values, [2.5, 97.5])), rel=1e-6, abs=1e-9
    )


def test_pairing_narrows_the_interval_and_a_model_equals_itself() -> None:
    (y, a), (_, b) = pima("logistic"), pima("discriminant")
    same = paired_difference("auroc", y, a, a, **SETTINGS)
    assert (same.value, same.lower, same.upper) == (0.0, 0.0, 0.0)
    paired = paired_difference("auroc", y, a, b, **SETTINGS)
    alone = bootstrap_estimates(y, a, metrics=["auroc"], **SETTINGS)["auroc"]
    assert paired.upper - paired.lower < (alone.upper - alone.lower) / 4


def test_same_seed_same_numbers_other_seed_other_numbers() -> None:
    y, p = pima()
    first = bootstrap_estimates(y, p, **SETTINGS)
    assert bootstrap_estimates(y, p, **SETTINGS) == first
    assert bootstrap_estimates(y, p, **(SETTINGS | {"seed": 8})) != first


def test_the_size_of_a_block_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    y, p = pima()
    first = bootstrap_estimates(y, p, **SETTINGS)
    for cells in (1, 1000, 5000, 10**7):
        monkeypatch.setattr(bootstrap, "BLOCK_CELLS", cells)
        assert bootstrap_estimates(y, p, **SETTINGS) == first


def test_each_replicate_counts_as_many_rows_as_the_sample_holds() -> None:
    weights = np.concatenate(list(replicate_weights(37, 500, 1)))
    assert weights.shape == (500, 37)
    assert (weights.sum(axis=1) == 37).all()
    assert weights.mean() == 1.0
    assert weights.var() == pytest.approx(36 / 37, rel=0.05)  # binomial(37, 1/37)


def test_the_number_of_events_varies_between_replicates() -> None:
    y, _ = pima()
    weights = np.concatenate(list(replicate_weights(332, 2000, 1)))
    events = weights[:, y].sum(axis=1)
    assert events.std() == pytest.approx(np.sqrt(332 * 109 / 332 * 223 / 332), rel=0.1)


@pytest.mark.parametrize("flip", [False, True])
def test_too_few_events_or_non_events_give_no_value(flip: bool) -> None:
    y, p = pima()
    rows = np.concatenate([np.flatnonzero(y)[:10], np.flatnonzero(~y)])
    y, p = y[rows] ^ flip, p[rows]
    for estimate in bootstrap_estimates(y, p, **SETTINGS).values():
        assert (estimate.value, estimate.lower, estimate.upper) == (None, None, None)
        assert "too little evidence" in estimate.reason
        assert estimate.n == 233
    difference = paired_difference("auroc", y, p, p, **SETTINGS)
    assert difference.value is None
    assert "too little evidence" in difference.reason


def test_no_rows_and_nan_give_a_reason() -> None:
    y, p = pima()
    empty = bootstrap_estimates([], [], **SETTINGS)["auroc"]
    assert (empty.value, empty.n, empty.events, empty.reason) == (None, 0, 0, "no rows")
    broken = np.where(np.arange(332) == 5, np.nan, p)
    assert "NaN" in bootstrap_estimates(y, broken, **SETTINGS)["auroc"].reason
    assert "candidate: 1 of 332" in paired_difference("auroc", y, broken, p, **SETTINGS).reason
    assert "other model: 1" in paired_difference("auroc", y, p, broken, **SETTINGS).reason
    with pytest.raises(ValueError, match="equal vectors"):
        paired_difference("auroc", y, p, p[1:], **SETTINGS)


def test_a_metric_undefined_in_replicates_has_no_interval() -> None:
    replicates = np.arange(1000, dtype=float)
    replicates[:10] = np.nan  # 1 %: tolerated
    assert with_interval(5.0, replicates, 50, 20).reason == ""
    replicates[:11] = np.nan
    found = with_interval(5.0, replicates, 50, 20)
    assert (found.value, found.lower, found.upper) == (5.0, None, None)
    assert found.reason == "no interval: undefined in 11 of 1000 replicates"


def test_a_metric_undefined_on_the_sample_says_why() -> None:
    y, p = pima()
    found = bootstrap_estimates(y, p, **(SETTINGS | {"threshold": 0.9999}))
    assert found["ppv"].value is None
    assert "at or above" in found["ppv"].reason
    difference = paired_difference("ppv", y, p, p, **(SETTINGS | {"threshold": 0.9999}))
    assert "at or above" in difference.reason


def test_a_proportion_has_its_binomial_interval() -> None:
    y, _ = pima()
    hit = np.arange(332) < 299
    found = bootstrap_proportion(hit, y, replicates=4000, seed=1, minimum_events=30)
    error = 1.96 * np.sqrt(299 / 332 * 33 / 332 / 332)
    assert found.value == 299 / 332
    assert (found.upper - found.lower) / 2 == pytest.approx(error, rel=0.06)
    assert bootstrap_proportion([], [], replicates=9, seed=1, minimum_events=0).reason == "no rows"


def test_seeds_are_fixed_and_differ_by_name() -> None:
    assert derive_seed(1, "a") == derive_seed(1, "a")
    assert len({derive_seed(1, "a"), derive_seed(1, "b"), derive_seed(2, "a")}) == 3
    # Pinned: a rebuild years later must draw the same replicates.
    assert derive_seed(20261124, "metrics") == 5887918244059398886
