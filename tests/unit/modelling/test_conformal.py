"""Prediction sets equal the split-conformal quantile by hand, and cover as promised."""

import numpy as np
import pytest

from clinical_assets.modelling.conformal import evaluate_sets, prediction_sets

SETTINGS = {"replicates": 100, "seed": 1, "minimum_events": 11}


def draw(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    p = random.beta(0.6, 0.6, rows)
    return random.random(rows) < p, p


@pytest.mark.parametrize("confidence", [0.8, 0.9, 0.95])
def test_sets_equal_the_quantile_rule(confidence: float) -> None:
    (held_out, q), (_, p) = draw(157, 1), draw(400, 2)
    scores = np.sort(1 - np.where(held_out, q, 1 - q))
    limit = scores[int(np.ceil((157 + 1) * confidence)) - 1]
    sets = prediction_sets(held_out, q, p, confidence=confidence)
    expected = np.column_stack([p <= limit, 1 - p <= limit])
    assert (sets == expected).all()


def test_coverage_and_counts() -> None:
    (held_out, q), (y, p) = draw(2000, 1), draw(2000, 2)
    found = evaluate_sets(held_out, q, y, p, confidence=0.9, **SETTINGS)
    assert found.coverage.value == pytest.approx(0.9, abs=0.02)
    assert found.coverage.lower < found.coverage.value < found.coverage.upper
    assert (found.coverage.n, found.coverage.events) == (2000, y.sum())
    assert found.empty + found.single + found.both == 2000
    assert found.single > 1000
    assert (found.confidence, found.calibration_rows) == (0.9, 2000)


@pytest.mark.parametrize(
    ("held_out", "q", "reason"),
    [
        ([], [], "no rows"),
        ([True, False] * 5, [0.5] * 10, "10, more than 10 are needed"),
        ([True] * 30, [0.5] * 30, "only one class"),
        ([True, False] * 10, [np.nan] * 20, "NaN"),
    ],
)
def test_unusable_calibration_rows_give_a_reason(held_out: list, q: list, reason: str) -> None:
    y, p = draw(50, 2)
    found = evaluate_sets(np.array(held_out, dtype=bool), q, y, p, confidence=0.9, **SETTINGS)
    assert found.coverage.value is None
    assert reason in found.coverage.reason
    assert (found.empty, found.single, found.both) == (None, None, None)
    with pytest.raises(ValueError, match="calibration rows"):
        prediction_sets(np.array(held_out, dtype=bool), q, p, confidence=0.9)


def test_no_test_rows_give_a_reason() -> None:
    held_out, q = draw(100, 1)
    found = evaluate_sets(held_out, q, [], [], confidence=0.9, **SETTINGS)
    assert found.coverage.reason == "no rows"
