"""Points of the curves that a report draws: calibration, ROC, precision–recall, decision.

Here: the points, as records. Not here: drawing, and the areas under the curves
(:mod:`.metrics`). Rows without a usable probability or with one class only give empty curves; the
metrics beside them say why.

A step of a curve counts the people between two thresholds, and whoever subtracts neighbouring
points reads that count. So all curves of one sample share one set of thresholds, between any two of
which lie no 1–10 events and no 1–10 non-events (PRI-08); the operating threshold is among them,
because the table at that threshold is published as it is.
"""

import numpy as np
from numpy.typing import ArrayLike

from clinical_assets.modelling.batch import Batch, Booleans, Floats, Sample, as_vectors, problem
from clinical_assets.modelling.metrics import net_benefit
from clinical_assets.modelling.records import CurveBin, CurvePoint
from clinical_assets.small_cells import is_small, joined_spans

MAXIMUM_BINS = 10
DECISION_THRESHOLDS = np.arange(1, 100) / 100.0


def shown_thresholds(outcome: Booleans, probability: Floats, threshold: float) -> Floats:
    """The thresholds at which counts of people may be told, rising; ``threshold`` is one of them.

    Of 0.01 to 0.99 and ``threshold`` those are kept between which no cell of 1–10 lies, from the
    lowest on each side of ``threshold``. If one side holds such a cell as a whole, it stays whole.
    """
    grid = np.unique(np.append(DECISION_THRESHOLDS, threshold))
    groups = np.searchsorted(grid, probability, side="right")  # group g: grid[g-1] <= p < grid[g]
    events = np.bincount(groups, outcome, len(grid) + 1).astype(int)
    others = np.bincount(groups, ~outcome, len(grid) + 1).astype(int)
    counts = list(zip(events.tolist(), others.tolist(), strict=True))
    border = int(np.searchsorted(grid, threshold)) + 1
    below, above = joined_spans(counts[:border]), joined_spans(counts[border:])
    starts = [span.start for span in below[1:]]
    starts += [border + span.start for span in above]
    return np.asarray(grid[[start - 1 for start in starts]])


def calibration_bins(
    outcome: ArrayLike, probability: ArrayLike, threshold: float
) -> tuple[CurveBin, ...]:
    """Observed share against mean predicted probability, in up to ten bins.

    Bins are cut at :func:`shown_thresholds`; where there are more than nine, neighbours are put
    together to bins of like size. A bin that holds 1–10 events or non-events all the same is
    suppressed.
    """
    y, p = as_vectors(outcome, probability)
    if problem(y, p):
        return ()
    shown = shown_thresholds(y, p, threshold)
    least = 1 if len(shown) < MAXIMUM_BINS else len(p) / MAXIMUM_BINS
    groups = np.searchsorted(shown, p, side="right")
    bins = []
    members = np.zeros(len(p), dtype=np.bool_)
    for group in range(len(shown) + 1):
        members |= groups == group
        # The last bin takes the rest where that would be less than half of a bin.
        if members.sum() >= least and (groups > group).sum() >= least / 2:
            bins.append(_bin(y[members], p[members]))
            members[:] = False
    bins.append(_bin(y[members], p[members]))
    return tuple(bins)


def roc_points(
    outcome: ArrayLike, probability: ArrayLike, threshold: float
) -> tuple[CurvePoint, ...]:
    """False positive rate (x) and sensitivity (y) at :func:`shown_thresholds`, from 0 to 1."""
    y, p = as_vectors(outcome, probability)
    if problem(y, p) or y.all() or not y.any():
        return ()
    called = _called(p, shown_thresholds(y, p, threshold))
    inner = _points((called & ~y).sum(axis=1) / (~y).sum(), (called & y).sum(axis=1) / y.sum())
    return (CurvePoint(0.0, 0.0), *inner, CurvePoint(1.0, 1.0))


def precision_recall_points(
    outcome: ArrayLike, probability: ArrayLike, threshold: float
) -> tuple[CurvePoint, ...]:
    """Recall (x) and precision (y) at :func:`shown_thresholds`, and where everyone is called."""
    y, p = as_vectors(outcome, probability)
    if problem(y, p) or y.all() or not y.any():
        return ()
    called = _called(p, np.append(0.0, shown_thresholds(y, p, threshold)))
    called = called[called.any(axis=1)]
    hits = (called & y).sum(axis=1)
    return _points(hits / y.sum(), hits / called.sum(axis=1))


def decision_points(
    outcome: ArrayLike, probability: ArrayLike, threshold: float
) -> tuple[CurvePoint, ...]:
    """Net benefit (y) at :func:`shown_thresholds` (x); Vickers and Elkin 2006."""
    y, p = as_vectors(outcome, probability)
    if problem(y, p):
        return ()
    sample, weights = Sample.of(y, p), np.ones((1, len(y)))
    shown = shown_thresholds(y, p, threshold)
    benefits = [net_benefit(Batch(sample, weights, float(t)))[0] for t in shown]
    return _points(shown, np.array(benefits))


def treat_all_points(outcome: ArrayLike) -> tuple[CurvePoint, ...]:
    """Net benefit (y) of calling everyone positive, at thresholds 0.01 to 0.99 (x)."""
    y = np.asarray(outcome, dtype=np.bool_)
    if not len(y):
        return ()
    prevalence = y.mean()
    odds = DECISION_THRESHOLDS / (1.0 - DECISION_THRESHOLDS)
    return _points(DECISION_THRESHOLDS, prevalence - (1.0 - prevalence) * odds)


def _called(probability: Floats, thresholds: Floats) -> Booleans:
    """Who is called positive, shape (thresholds, people), from the highest threshold down."""
    return np.asarray(probability[None, :] >= thresholds[::-1, None], dtype=np.bool_)


def _bin(outcome: Booleans, probability: Floats) -> CurveBin:
    n, events = len(outcome), int(outcome.sum())
    predicted = float(probability.mean())
    if is_small(events) or is_small(n - events):
        return CurveBin(predicted=predicted, observed=None, n=None, events=None)
    return CurveBin(predicted=predicted, observed=events / n, n=n, events=events)


def _points(x: np.ndarray, y: np.ndarray) -> tuple[CurvePoint, ...]:
    return tuple(CurvePoint(float(a), float(b)) for a, b in zip(x, y, strict=True))
