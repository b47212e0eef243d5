"""Points of the curves against their definitions, and no count of 1–10 between any two points."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinical_assets.modelling import curves
from clinical_assets.modelling.metrics import measure
from clinical_assets.small_cells import is_small, joined_spans
from tests.unit.modelling.oracle import pima

OPERATING = 0.3


def sampled(seed: int, rows: int, prevalence: float) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.random(rows) < prevalence, random.random(rows).round(2)


def test_each_point_is_what_its_threshold_gives() -> None:
    y, p = pima()
    shown = curves.shown_thresholds(y, p, OPERATING)
    assert OPERATING in shown
    roc = curves.roc_points(y, p, OPERATING)
    recall = curves.precision_recall_points(y, p, OPERATING)
    decision = curves.decision_points(y, p, OPERATING)
    assert (roc[0].x, roc[0].y, roc[-1].x, roc[-1].y) == (0.0, 0.0, 1.0, 1.0)
    assert [q.x for q in decision] == list(shown)
    for place, t in enumerate(shown[::-1], start=1):
        at = {name: measure(name, y, p, threshold=float(t)).value for name in (
            "sensitivity", "specificity", "ppv", "net_benefit")}  # fmt: skip
        assert (roc[place].x, roc[place].y) == pytest.approx(
            (1 - at["specificity"], at["sensitivity"])
        )
        assert (recall[place - 1].x, recall[place - 1].y) == pytest.approx(
            (at["sensitivity"], at["ppv"])
        )
        assert decision[-place].y == pytest.approx(at["net_benefit"])
    assert recall[-1].y == pytest.approx(y.mean())


def test_the_coarse_curve_stays_near_the_whole_one() -> None:
    y, p = pima()
    points = curves.roc_points(y, p, OPERATING)
    area = np.trapezoid([q.y for q in points], [q.x for q in points])
    assert area == pytest.approx(measure("auroc", y, p).value, abs=0.03)


def test_a_large_sample_is_shown_at_every_hundredth() -> None:
    random = np.random.default_rng(1)
    p = random.random(200_000)
    y = random.random(200_000) < p
    assert len(curves.shown_thresholds(y, p, OPERATING)) == 99
    bins = curves.calibration_bins(y, p, OPERATING)
    assert len(bins) == 10
    assert all(11_000 < b.n < 23_000 for b in bins)
    assert all(abs(b.observed - b.predicted) < 0.02 for b in bins)


def test_treat_all_is_everyone_called() -> None:
    y, _ = pima()
    everyone = {round(q.x, 2): q.y for q in curves.treat_all_points(y)}
    all_called = measure("net_benefit", y, np.ones(332), threshold=0.3).value
    assert everyone[0.3] == pytest.approx(all_called)
    assert len(everyone) == 99


@pytest.mark.parametrize(
    ("y", "p"), [([], []), ([True, False], [np.nan, 0.5]), ([True, True], [0.1, 0.5])]
)
def test_no_curve_without_usable_rows(y: list, p: list) -> None:
    y, p = np.array(y, dtype=bool), np.array(p, dtype=float)
    assert curves.roc_points(y, p, OPERATING) == ()
    assert curves.precision_recall_points(y, p, OPERATING) == ()
    if not y.all() or not len(y):
        assert curves.decision_points(y, p, OPERATING) == ()
        assert curves.calibration_bins(y, p, OPERATING) == ()
    assert curves.treat_all_points(np.array([], dtype=bool)) == ()


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 600), st.floats(0.01, 0.99), st.floats(0.05, 0.95))
def test_no_count_of_one_to_ten_follows_from_any_two_points(
    seed: int, rows: int, prevalence: float, threshold: float
) -> None:
    """Points of all curves and edges of bins cut the people at the same few thresholds.

    The one exception is the table at the operating threshold, which is published as it is.
    """
    y, p = sampled(seed, rows, prevalence)
    shown = curves.shown_thresholds(y, p, threshold)
    assert threshold in shown
    for side in (p < threshold, p >= threshold):
        cuts = [0.0, *shown, 2.0]
        inside = [(y & side & (a <= p) & (p < b)).sum() for a, b in itertools.pairwise(cuts)]
        outside = [(~y & side & (a <= p) & (p < b)).sum() for a, b in itertools.pairwise(cuts)]
        used = [i for i in range(len(inside)) if inside[i] + outside[i]]
        if len(used) > 1:
            assert not any(is_small(int(cell)) for cell in (*inside, *outside))


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 400), st.floats(0.01, 0.99))
def test_no_bin_shows_a_small_cell(seed: int, rows: int, prevalence: float) -> None:
    y, p = sampled(seed, rows, prevalence)
    bins = curves.calibration_bins(y, p, OPERATING)
    assert [b.predicted for b in bins] == sorted(b.predicted for b in bins)
    for b in bins:
        if b.n is None:
            assert (b.observed, b.events) == (None, None)
            continue
        assert b.events is not None
        assert b.observed == b.events / b.n
        for cell in (b.n, b.events, b.n - b.events):
            assert cell == 0 or cell > 10


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=30))
def test_spans_hold_every_group_once_and_no_small_cell_unless_all_do(
    counts: list[tuple[int, int]],
) -> None:
    spans = joined_spans(counts)
    assert [i for span in spans for i in span] == list(range(len(counts)))
    for span in spans:
        events, others = (sum(counts[i][k] for i in span) for k in (0, 1))
        if len(spans) > 1:
            assert events + others > 10
            assert not is_small(events)
            assert not is_small(others)


def test_the_bins_of_the_real_figures() -> None:
    y, p = pima()
    bins = curves.calibration_bins(y, p, OPERATING)
    assert [(b.n, b.events) for b in bins] == [
        (30, 0), (127, 11), (34, 11), (29, 11), (26, 11), (86, 65),
    ]  # fmt: skip
