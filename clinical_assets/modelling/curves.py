"""Points of the curves that a report draws: calibration, ROC, precision–recall, decision.

Here: the points, as records. Not here: drawing, and the areas under the curves
(:mod:`.metrics`). Rows without a usable probability or with one class only give empty curves; the
metrics beside them say why.
"""

import numpy as np
from numpy.typing import ArrayLike

from clinical_assets.modelling.batch import Batch, Sample, as_vectors, problem
from clinical_assets.modelling.disclosure import MINIMUM_CELL, groups_to_withhold, is_small
from clinical_assets.modelling.metrics import CALIBRATION_BINS, net_benefit
from clinical_assets.modelling.records import CurveBin, CurvePoint

MAXIMUM_POINTS = 200
DECISION_THRESHOLDS = np.arange(1, 100) / 100.0


def calibration_bins(outcome: ArrayLike, probability: ArrayLike) -> tuple[CurveBin, ...]:
    """Observed share against mean predicted probability, in up to ten quantile bins.

    Bins are cut at the deciles as in :func:`.metrics.expected_calibration_error`. Neighbours are
    then joined until no bin holds 1–10 events or 1–10 non-events, which keeps more of the curve
    than blanking bins would; what cannot be joined is suppressed (PRI-08).
    """
    y, p = as_vectors(outcome, probability)
    if problem(y, p):
        return ()
    edges = np.percentile(p, np.linspace(0.0, 100.0, CALIBRATION_BINS + 1))
    members = np.searchsorted(edges[1:-1], p)
    groups = _joined([np.flatnonzero(members == b) for b in range(CALIBRATION_BINS)], y)
    counts = [(int(y[rows].sum()), len(rows) - int(y[rows].sum())) for rows in groups]
    withheld = groups_to_withhold(counts)
    return tuple(
        CurveBin(
            predicted=float(p[rows].mean()),
            observed=None if i in withheld else events / (events + others),
            n=None if i in withheld else events + others,
            events=None if i in withheld else events,
        )
        for i, (rows, (events, others)) in enumerate(zip(groups, counts, strict=True))
    )


def roc_points(outcome: ArrayLike, probability: ArrayLike) -> tuple[CurvePoint, ...]:
    """False positive rate (x) and sensitivity (y) at each distinct probability, from 0 to 1."""
    hits, false_alarms, sample = _cumulated(outcome, probability)
    if sample is None:
        return ()
    across, up = np.concatenate([[0.0], false_alarms]), np.concatenate([[0.0], hits])
    # A point on the line between its neighbours draws nothing; told from counts, so exactly.
    turns = np.ones(len(across), dtype=np.bool_)
    turns[1:-1] = (np.diff(across, 2) != 0.0) | (np.diff(up, 2) != 0.0)
    return _points(across[turns] / sample.negatives, up[turns] / sample.positives)


def precision_recall_points(outcome: ArrayLike, probability: ArrayLike) -> tuple[CurvePoint, ...]:
    """Recall (x) and precision (y) at each distinct probability, recall rising."""
    hits, false_alarms, sample = _cumulated(outcome, probability)
    if sample is None:
        return ()
    return _points(hits / sample.positives, hits / (hits + false_alarms))


def decision_points(outcome: ArrayLike, probability: ArrayLike) -> tuple[CurvePoint, ...]:
    """Net benefit (y) at thresholds 0.01 to 0.99 (x); Vickers and Elkin 2006."""
    y, p = as_vectors(outcome, probability)
    if problem(y, p):
        return ()
    sample, weights = Sample.of(y, p), np.ones((1, len(y)))
    benefits = [net_benefit(Batch(sample, weights, float(t)))[0] for t in DECISION_THRESHOLDS]
    return _points(DECISION_THRESHOLDS, np.array(benefits))


def treat_all_points(outcome: ArrayLike) -> tuple[CurvePoint, ...]:
    """Net benefit (y) of calling everyone positive, at thresholds 0.01 to 0.99 (x)."""
    y = np.asarray(outcome, dtype=np.bool_)
    if not len(y):
        return ()
    prevalence = y.mean()
    odds = DECISION_THRESHOLDS / (1.0 - DECISION_THRESHOLDS)
    return _points(DECISION_THRESHOLDS, prevalence - (1.0 - prevalence) * odds)


def _cumulated(
    outcome: ArrayLike, probability: ArrayLike
) -> tuple[np.ndarray, np.ndarray, Sample | None]:
    """True and false positives at or above each distinct probability, from the highest down."""
    y, p = as_vectors(outcome, probability)
    nothing = np.empty(0)
    if problem(y, p) or y.all() or not y.any():
        return nothing, nothing, None
    sample = Sample.of(y, p)
    positive, negative = Batch(sample, np.ones((1, len(y))), 0.5).tied
    return np.cumsum(positive[0, ::-1]), np.cumsum(negative[0, ::-1]), sample


def _points(x: np.ndarray, y: np.ndarray) -> tuple[CurvePoint, ...]:
    if len(x) > MAXIMUM_POINTS:
        kept = np.unique(np.linspace(0, len(x) - 1, MAXIMUM_POINTS).round().astype(np.int64))
        x, y = x[kept], y[kept]
    return tuple(CurvePoint(float(a), float(b)) for a, b in zip(x, y, strict=True))


def _joined(groups: list[np.ndarray], outcome: np.ndarray) -> list[np.ndarray]:
    """Neighbouring groups put together, from the lowest, until no cell holds 1–10."""
    result: list[np.ndarray] = []
    open_rows = np.empty(0, dtype=np.int64)
    for rows in groups:
        open_rows = np.concatenate([open_rows, rows])
        if len(open_rows) >= MINIMUM_CELL and not _has_small_cell(open_rows, outcome):
            result.append(open_rows)
            open_rows = np.empty(0, dtype=np.int64)
    if len(open_rows):
        last = result.pop() if result else np.empty(0, dtype=np.int64)
        result.append(np.concatenate([last, open_rows]))
        # The joined tail may be small still in one cell only if the last group had none of it.
        while len(result) > 1 and _has_small_cell(result[-1], outcome):
            tail = result.pop()
            result[-1] = np.concatenate([result[-1], tail])
    return result


def _has_small_cell(rows: np.ndarray, outcome: np.ndarray) -> bool:
    events = int(outcome[rows].sum())
    return is_small(events) or is_small(len(rows) - events)
