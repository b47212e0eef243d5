"""Measures of performance over many label vectors of the same rows at once.

Each takes the labels, shape (k, n), and gives k values, NaN where undefined.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from clinical_assets.drift.performance.rows import Rows, Vector

Many = NDArray[np.float64]


def accuracy(rows: Rows, y: Many) -> Vector:
    """Share of rows that are called rightly."""
    return np.asarray((y == rows.called).mean(axis=1))


def sensitivity(rows: Rows, y: Many) -> Vector:
    """Share of events that are called."""
    return _ratio(y[:, rows.called].sum(axis=1), y.sum(axis=1))


def specificity(rows: Rows, y: Many) -> Vector:
    """Share of non-events that are not called."""
    return _ratio((1 - y)[:, ~rows.called].sum(axis=1), (1 - y).sum(axis=1))


def ppv(rows: Rows, y: Many) -> Vector:
    """Share of events among the called."""
    return _ratio(y[:, rows.called].sum(axis=1), np.full(len(y), rows.called.sum()))


def npv(rows: Rows, y: Many) -> Vector:
    """Share of non-events among those not called."""
    return _ratio((1 - y)[:, ~rows.called].sum(axis=1), np.full(len(y), (~rows.called).sum()))


def f1(rows: Rows, y: Many) -> Vector:
    """Harmonic mean of sensitivity and PPV."""
    return _ratio(2 * y[:, rows.called].sum(axis=1), rows.called.sum() + y.sum(axis=1))


def auroc(rows: Rows, y: Many) -> Vector:
    """P(score of an event > score of a non-event), ties half (Hanley and McNeil 1982)."""
    ranks, events = middle_ranks(rows.score), y.sum(axis=1)
    above = (y * ranks).sum(axis=1) - events * (events + 1) / 2
    return _ratio(above, events * (y.shape[1] - events))


def brier(rows: Rows, y: Many) -> Vector:
    """Mean squared difference of probability and label (Brier 1950)."""
    return np.asarray(((rows.probability - y) ** 2).mean(axis=1))


Formula = Callable[[Rows, Many], Vector]
FORMULAS: Mapping[str, Formula] = MappingProxyType(
    {
        formula.__name__: formula
        for formula in (accuracy, sensitivity, specificity, ppv, npv, f1, auroc, brier)
    }
)


def middle_ranks(score: Vector) -> Vector:
    """Ranks from 1, the mean of them where scores are tied.

    >>> middle_ranks(np.array([3.0, 1.0, 3.0])).tolist()
    [2.5, 1.0, 2.5]
    """
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return np.asarray((last - (count - 1) / 2)[place])


def _ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> Vector:
    undefined = np.full(np.shape(above), np.nan)
    return np.asarray(np.divide(above, below, out=undefined, where=np.asarray(below) > 0))
