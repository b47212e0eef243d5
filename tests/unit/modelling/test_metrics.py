"""Every metric equals scikit-learn's, and says why where it has no value."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from clinical_assets.modelling.batch import Batch, Sample
from clinical_assets.modelling.metrics import METRICS, measure
from clinical_assets.modelling.recalibration import linear_predictor
from tests.unit.modelling.oracle import naive, pima

# Coarse values make ties; 0.5 and 0.3 are thresholds.
PROBABILITIES = st.sampled_from([0.02, 0.1, 0.25, 0.3, 0.4, 0.5, 0.500001, 0.7, 0.9, 0.97])

# But for the 0.000001 between two of them a cut would split the classes.
NEARLY_SEPARATED = (
    np.array([1] * 8 + [0] * 4 + [1] + [0] * 4, dtype=bool),
    np.array([0.02] * 8 + [0.5] * 4 + [0.500001] * 4 + [0.9]),
)


@st.composite
def rows(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    n = draw(st.integers(1, 40))
    y = draw(st.lists(st.booleans(), min_size=n, max_size=n))
    p = draw(st.lists(PROBABILITIES, min_size=n, max_size=n))
    return np.array(y), np.array(p)


@pytest.mark.parametrize(
    ("model", "errors", "auroc", "brier"),
    [("logistic", 66, 0.8660, 0.1393), ("discriminant", 67, 0.8632, None)],
)
def test_the_published_error_counts_of_the_pima_test_rows(
    model: str, errors: int, auroc: float, brier: float | None
) -> None:
    y, p = pima(model)
    assert (len(y), int(y.sum())) == (332, 109)
    assert measure("errors", y, p).value == errors  # Ripley 1996
    assert measure("auroc", y, p).value == pytest.approx(auroc, abs=5e-5)
    if brier is not None:
        assert measure("brier", y, p).value == pytest.approx(brier, abs=5e-5)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("model", ["logistic", "discriminant"])
def test_equals_scikit_learn_on_real_rows(metric: str, model: str) -> None:
    y, p = pima(model)
    assert measure(metric, y, p, threshold=0.3).value == pytest.approx(
        naive(metric, y, p, 0.3), rel=1e-9, abs=1e-12
    )


@settings(max_examples=80, deadline=None)
@given(rows(), st.sampled_from([0.1, 0.3, 0.5, 0.8]))
@example(NEARLY_SEPARATED, 0.1)
def test_equals_scikit_learn_with_ties_and_rare_classes(
    data: tuple[np.ndarray, np.ndarray], threshold: float
) -> None:
    y, p = data
    for metric in METRICS:
        found, expected = measure(metric, y, p, threshold=threshold), naive(metric, y, p, threshold)
        if np.isnan(expected):
            assert found.value is None, metric
            assert found.reason, metric
        else:
            assert found.value == pytest.approx(expected, rel=1e-6, abs=1e-7), metric


@settings(max_examples=50, deadline=None)
@given(rows(), st.integers(0, 2**32 - 1))
def test_a_count_weight_is_a_repeated_row(data: tuple[np.ndarray, np.ndarray], seed: int) -> None:
    y, p = data
    weights = np.random.default_rng(seed).multinomial(len(y), [1 / len(y)] * len(y), size=3)
    batch = Batch(Sample.of(y, p), weights.astype(float), 0.3)
    for metric, formula in METRICS.items():
        for value, counts in zip(formula(batch), weights, strict=True):
            alone = measure(metric, np.repeat(y, counts), np.repeat(p, counts), threshold=0.3)
            if alone.value is None:
                assert np.isnan(value), metric
            else:
                assert value == pytest.approx(alone.value, rel=1e-7, abs=1e-9), metric


@settings(max_examples=50, deadline=None)
@given(rows(), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(data: tuple[np.ndarray, np.ndarray], random) -> None:
    y, p = data
    order = list(range(len(y)))
    random.shuffle(order)
    for metric in METRICS:
        a, b = measure(metric, y, p).value, measure(metric, y[order], p[order]).value
        assert (a is None) == (b is None)
        assert a is None or a == pytest.approx(b, rel=1e-9, abs=1e-12)


ONE_CLASS = "only one class"


@pytest.mark.parametrize(
    ("metric", "y", "p", "reason"),
    [
        ("auroc", [], [], "no rows"),
        ("brier", [True, False], [0.5, np.nan], "1 of 2 probabilities are missing"),
        ("brier", [True, False], [0.5, 1.5], "1 of 2 probabilities lie outside"),
        ("auroc", [True, True], [0.5, 0.6], ONE_CLASS),
        ("auprc", [False, False], [0.5, 0.6], ONE_CLASS),
        ("calibration_slope", [False, False], [0.5, 0.6], ONE_CLASS),
        ("calibration_intercept", [True, True], [0.5, 0.6], ONE_CLASS),
        ("sensitivity", [False, False], [0.5, 0.6], "no events"),
        ("specificity", [True, True], [0.5, 0.6], "every row is an event"),
        ("ppv", [True, False], [0.1, 0.2], "at or above the threshold"),
        ("npv", [True, False], [0.8, 0.9], "below the threshold"),
        ("calibration_slope", [False, True, True], [0.2, 0.5, 0.7], "separate"),
        ("calibration_slope", [False, True, False, True], [0.2, 0.5, 0.5, 0.7], "separate"),
        ("calibration_slope", [True, False], [0.3, 0.3], "equal"),
    ],
)
def test_says_why_where_undefined(metric: str, y: list, p: list, reason: str) -> None:
    found = measure(metric, np.array(y, dtype=bool), np.array(p, dtype=float))
    assert found.value is None
    assert reason in found.reason


def test_refuses_vectors_of_different_length() -> None:
    with pytest.raises(ValueError, match="equal vectors"):
        measure("auroc", [True, False], [0.5])


def test_recalibration_finds_the_distortion_that_was_put_in() -> None:
    random = np.random.default_rng(3)
    truth = random.normal(size=200_000)
    y = random.random(len(truth)) < 1 / (1 + np.exp(-truth))
    too_extreme = 1 / (1 + np.exp(-2 * truth))  # slope 1/2
    too_low = 1 / (1 + np.exp(-(truth - 0.7)))  # intercept +0.7
    assert measure("calibration_slope", y, too_extreme).value == pytest.approx(0.5, abs=0.01)
    assert measure("calibration_intercept", y, too_low).value == pytest.approx(0.7, abs=0.02)


def test_a_wrong_certainty_spoils_the_slope_but_gives_a_number() -> None:
    y, p = pima()
    float32 = p.copy()
    float32[np.argmax(p)] = 1.0  # what float32 makes of a probability next to 1
    assert np.isfinite(linear_predictor(float32)).all()
    slope = measure("calibration_slope", y, p).value
    certain_and_wrong = p.copy()
    certain_and_wrong[np.flatnonzero(~y)[:3]] = 1.0
    spoilt = measure("calibration_slope", y, certain_and_wrong).value
    assert slope is not None
    assert spoilt is not None
    assert spoilt < 0.8 * slope


def test_the_fit_converges_from_extreme_predictors() -> None:
    y = np.array([True, False] * 50 + [True])
    p = np.where(np.arange(101) % 7 == 0, 1e-7, 1 - 1e-7)
    assert measure("calibration_slope", y, p).value is not None
    assert measure("calibration_intercept", y, p).value is not None
