"""Calibration and its drift, and drift of predictions, against scikit-learn, scipy and chance."""

import json

import numpy as np
import pytest

from clinical_assets.drift.performance import calibration, calibration_drift, prediction_drift
from clinical_assets.drift.performance.calibration import calibration_error, spiegelhalter
from clinical_assets.drift.performance.prediction_drift import wilson
from clinical_assets.errors import ClinicalError


def drawn(n: int, seed: int = 0, slope: float = 1.0, shift: float = 0.0) -> tuple:
    draw = np.random.default_rng(seed)
    p = draw.beta(1, 4, n)
    true = 1 / (1 + np.exp(-(slope * np.log(p / (1 - p)) + shift)))
    return draw.random(n) < true, p


def test_slope_and_intercept_maximise_the_likelihood() -> None:
    from scipy.optimize import minimize

    y, p = drawn(800, slope=0.6, shift=0.4)
    x = np.log(p / (1 - p))

    def loss(beta: np.ndarray) -> float:
        z = beta[0] + beta[-1] * x if len(beta) == 2 else beta[0] + x
        return float(np.logaddexp(0, z).sum() - z[y].sum())

    found = calibration(y, p, seed=1)
    both = minimize(loss, [0.0, 1.0], tol=1e-10).x
    alone = minimize(loss, [0.0], tol=1e-10).x
    assert found.slope.value == pytest.approx(both[1], abs=1e-4)
    assert found.intercept.value == pytest.approx(alone[0], abs=1e-4)


def test_intervals_cover() -> None:
    hit = {"slope": 0, "intercept": 0}
    for seed in range(100):
        y, p = drawn(400, seed=seed)
        found = calibration(y, p, seed=1)
        hit["slope"] += found.slope.lower <= 1 <= found.slope.upper
        hit["intercept"] += found.intercept.lower <= 0 <= found.intercept.upper
    assert all(88 <= count <= 100 for count in hit.values()), hit


def test_error_is_that_of_scikit_learns_curve() -> None:
    from sklearn.calibration import calibration_curve

    y, p = drawn(500)  # ten bins of fifty
    observed, said = calibration_curve(y, p, n_bins=10, strategy="quantile")
    assert calibration_error(y, p) == pytest.approx(np.abs(observed - said).mean(), abs=1e-12)


def test_spiegelhalter_is_uniform_by_chance_and_small_where_it_should_be() -> None:
    by_chance = [spiegelhalter(*drawn(300, seed=s))[1] for s in range(300)]
    assert 0.02 <= np.mean(np.array(by_chance) < 0.05) <= 0.09
    assert spiegelhalter(*drawn(3000, shift=0.5))[1] < 1e-6


@pytest.mark.parametrize(
    ("y", "p"),
    [
        ([0, 0, 0], [0.1, 0.2, 0.3]),
        ([1, 1], [0.9, 0.9]),
        ([0, 1, 0, 1], [0.5, 0.5, 0.5, 0.5]),
        ([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9]),
        ([0, 1, 0, 1], [0.0, 1.0, 0.0, 1.0]),
        ([1], [0.5]),
    ],
)
def test_no_slope_where_there_is_none(y: list[int], p: list[float]) -> None:
    found = calibration(y, p, seed=1)
    assert found.slope.value is None
    assert found.slope.reason
    json.dumps(found.to_dict(), allow_nan=False)
    assert "none (" in found.explain()


def test_chance_is_seldom_taken_for_a_change_of_slope_or_intercept() -> None:
    """Each alone at 5 % would be wrong in one of nine."""
    sides = [(drawn(1000, seed=2 * i), drawn(200, seed=2 * i + 1)) for i in range(40)]
    said = [calibration_drift(*a, *b, seed=1).explain() for a, b in sides]
    assert sum(each.startswith("Calibration changed") for each in said) <= 4


def test_drift_of_calibration() -> None:
    before, same, later = drawn(3000), drawn(3000, seed=1), drawn(3000, seed=2, slope=0.6)
    none = calibration_drift(*before, *same, seed=1)
    assert none.slope.lower <= 0 <= none.slope.upper
    assert "Chance explains" in none.explain()
    found = calibration_drift(*before, *later, seed=1)
    assert found.slope.upper < 0
    assert found.error.lower > 0
    assert found.slope.value == pytest.approx(
        calibration(*later, seed=1).slope.value - calibration(*before, seed=1).slope.value
    )
    assert "Calibration changed: the slope by -0." in found.explain()
    json.dumps(found.to_dict(), allow_nan=False)


def test_drift_of_calibration_without_events() -> None:
    found = calibration_drift(*drawn(500), np.zeros(50), np.full(50, 0.1), seed=1)
    assert found.slope.value is None
    json.dumps(found.to_dict(), allow_nan=False)


@pytest.mark.parametrize(("event", "word"), [(0, "too high"), (1, "too low")])
def test_only_events_or_none_refute_the_probabilities(event: int, word: str) -> None:
    p = np.linspace(0.2, 0.88, 200)
    found = calibration_drift(*drawn(500), np.full(200, event), p, seed=1)
    assert found.one_kind.changed
    assert found.one_kind.chance < 1e-10
    assert f"Calibration changed: the risks of the current rows are {word}" in found.explain()
    assert "cannot be told" not in found.explain()
    assert found.to_dict()["one_kind"]["changed"]
    back = calibration_drift(np.full(200, event), p, *drawn(500), seed=1)
    assert back.one_kind.side == "reference"
    assert f"the risks of the reference rows are {word}" in back.explain()


def test_no_events_where_few_are_foretold_are_chance() -> None:
    found = calibration_drift(*drawn(5000), np.zeros(40), np.full(40, 0.02), seed=1)
    assert 0.98**40 < found.one_kind.chance < 0.98**40 * 1.2
    assert not found.one_kind.changed
    assert "Chance may explain" in found.explain()
    neither = calibration_drift([0, 0], [0.1, 0.2], [0, 0], [0.1, 0.3], seed=1)
    assert neither.one_kind is None
    assert "cannot be told" in neither.explain()


def test_a_side_calibrated_as_badly_as_the_other_has_not_changed() -> None:
    y, p = drawn(4000, shift=-6.0)  # risks far too high on both sides
    found = calibration_drift(y, p, np.zeros(100), p[:100], seed=1)
    assert found.one_kind.expected > 10
    assert not found.one_kind.changed


def test_drift_of_predictions() -> None:
    from scipy.stats import ks_2samp

    _, before = drawn(2000)
    now = np.sqrt(drawn(1500, seed=1)[1])
    found = prediction_drift(before, now, threshold=0.3)
    assert found.ks == pytest.approx(ks_2samp(before, now).statistic, abs=1e-12)
    assert found.psi > 0.2
    assert found.rate.lower > 0
    assert found.rate.value == pytest.approx((now >= 0.3).mean() - (before >= 0.3).mean())
    json.dumps(found.to_dict(), allow_nan=False)
    assert "Called" in found.explain()


def test_predictions_against_themselves() -> None:
    _, p = drawn(500)
    found = prediction_drift(p, p, threshold=0.3)
    assert (found.psi, found.ks, found.rate.value, found.rate_p) == (0.0, 0.0, 0.0, 1.0)
    assert found.rate.lower < 0 < found.rate.upper


@pytest.mark.parametrize("p", [[0.5], [0.5] * 20, [0.0, 1.0]])
def test_few_predictions(p: list[float]) -> None:
    json.dumps(prediction_drift(p, [0.2, 0.9], threshold=0.5).to_dict(), allow_nan=False)


def test_newcombes_example() -> None:
    """Newcombe (1998), table II, a: 56/70 against 48/80, method 10: 0.0524 to 0.3339."""
    one, other = np.r_[np.ones(56), np.zeros(14)], np.r_[np.ones(48), np.zeros(32)]
    found = prediction_drift(other, one, threshold=0.5).rate
    assert (round(found.lower, 4), round(found.upper, 4)) == (0.0524, 0.3339)


def test_wilson_is_scipys() -> None:
    from scipy.stats import binomtest

    for hits, n in ((0, 5), (3, 9), (40, 40)):
        theirs = binomtest(hits, n).proportion_ci(method="wilson")
        found = wilson(hits, n)
        assert (found.lower, found.upper) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


@pytest.mark.parametrize("bad", [[], [2.0], [float("nan")]])
def test_what_is_refused(bad: list[float]) -> None:
    with pytest.raises(ClinicalError):
        calibration([0] * len(bad), bad, seed=1)
    with pytest.raises(ClinicalError):
        prediction_drift([0.5], bad, threshold=0.5)


def test_only_events_against_none_is_the_clearest_contradiction() -> None:
    p = np.full(500, 0.3)
    every, none = np.ones(500, dtype=bool), np.zeros(500, dtype=bool)
    for before, now in ((every, none), (none, every)):
        found = calibration_drift(before, p, now, p, seed=1)
        assert found.one_kind is not None
        assert found.one_kind.chance < 1e-9
        assert "Calibration changed" in found.explain()
    same = calibration_drift(none, p, none, p, seed=1)
    assert same.one_kind is None
