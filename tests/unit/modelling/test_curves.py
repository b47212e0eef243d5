"""Points of the curves against scikit-learn, and suppression in the calibration curve."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_curve, roc_curve

from clinical_assets.modelling import curves
from clinical_assets.modelling.metrics import measure
from tests.unit.modelling.oracle import pima


def test_roc_equals_scikit_learn() -> None:
    y, p = pima()
    x, up, _ = roc_curve(y, p, drop_intermediate=True)
    points = curves.roc_points(y, p)
    assert np.array([[q.x, q.y] for q in points]) == pytest.approx(np.column_stack([x, up]))
    area = np.trapezoid([q.y for q in points], [q.x for q in points])
    assert area == pytest.approx(measure("auroc", y, p).value)


def test_precision_recall_equals_scikit_learn() -> None:
    y, p = pima()
    p = p.round(2)  # below 200 distinct values, so nothing is thinned
    precision, recall, _ = precision_recall_curve(y, p)
    points = curves.precision_recall_points(y, p)
    assert [q.x for q in points] == pytest.approx(recall[:-1][::-1])
    assert [q.y for q in points] == pytest.approx(precision[:-1][::-1])


def test_curves_are_thinned_to_200_points_with_their_ends() -> None:
    random = np.random.default_rng(1)
    p = random.random(20_000)
    y = random.random(20_000) < p
    for points in (curves.roc_points(y, p), curves.precision_recall_points(y, p)):
        assert 150 <= len(points) <= 200
        assert points[-1].x == 1.0
    assert curves.roc_points(y, p)[0] == curves.CurvePoint(0.0, 0.0)


def test_decision_curve_meets_the_metric_and_treat_all() -> None:
    y, p = pima()
    points = {round(q.x, 2): q.y for q in curves.decision_points(y, p)}
    everyone = {round(q.x, 2): q.y for q in curves.treat_all_points(y)}
    assert points[0.3] == pytest.approx(measure("net_benefit", y, p, threshold=0.3).value)
    all_called = measure("net_benefit", y, np.ones(332), threshold=0.3).value
    assert everyone[0.3] == pytest.approx(all_called)
    assert points[0.3] > everyone[0.3] > 0
    assert len(points) == len(everyone) == 99


@pytest.mark.parametrize(
    ("y", "p"), [([], []), ([True, False], [np.nan, 0.5]), ([True, True], [0.1, 0.5])]
)
def test_no_curve_without_usable_rows(y: list, p: list) -> None:
    y, p = np.array(y, dtype=bool), np.array(p, dtype=float)
    assert curves.roc_points(y, p) == ()
    assert curves.precision_recall_points(y, p) == ()
    if not y.all() or not len(y):
        assert curves.decision_points(y, p) == ()
        assert curves.calibration_bins(y, p) == ()
    assert curves.treat_all_points(np.array([], dtype=bool)) == ()


def test_large_samples_keep_ten_bins() -> None:
    random = np.random.default_rng(1)
    p = 0.05 + 0.9 * random.random(5000)
    y = random.random(5000) < p
    bins = curves.calibration_bins(y, p)
    assert [b.n for b in bins] == [500] * 10
    assert all(abs(b.observed - b.predicted) < 0.08 for b in bins)


def test_neighbouring_bins_with_small_cells_are_joined() -> None:
    y, p = pima()
    bins = curves.calibration_bins(y, p)
    assert [(b.n, b.events) for b in bins] == [
        (34, 0), (132, 12), (33, 12), (33, 14), (33, 17), (67, 54),
    ]  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 400), st.floats(0.01, 0.99))
def test_no_bin_shows_a_small_cell(seed: int, rows: int, prevalence: float) -> None:
    random = np.random.default_rng(seed)
    y = random.random(rows) < prevalence
    p = random.random(rows).round(2)
    bins = curves.calibration_bins(y, p)
    assert [b.predicted for b in bins] == sorted(b.predicted for b in bins)
    for b in bins:
        if b.n is None:
            assert (b.observed, b.events) == (None, None)
            assert len(bins) == 1  # only a sample that is small as a whole is blanked
            continue
        assert b.events is not None
        assert b.observed == b.events / b.n
        for cell in (b.n, b.events, b.n - b.events):
            assert cell == 0 or cell > 10
    if all(b.n is not None for b in bins):
        assert sum(b.n for b in bins) == rows
        assert sum(b.events for b in bins) == y.sum()
