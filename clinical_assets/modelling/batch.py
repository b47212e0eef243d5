"""Test rows under many count weightings: what every metric takes as its argument.

Here: the rows sorted once by probability, and the sums that several metrics share. Not here: a
metric (:mod:`.metrics`), the drawing of weights (:mod:`.bootstrap`).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinical_assets.modelling.recalibration import linear_predictor

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Sample:
    """Outcomes and probabilities of n rows, with the order by probability worked out once.

    ``outcome`` and ``probability`` stand in rising order of probability; ``order`` leads from
    the rows as given to that order; ``tie_starts`` are the positions of distinct probabilities.
    """

    outcome: Booleans
    probability: Floats
    order: Integers
    tie_starts: Integers

    @staticmethod
    def of(outcome: ArrayLike, probability: ArrayLike) -> "Sample":
        """Build from rows as given.

        Raises:
            ValueError: the lengths differ, or :func:`problem` finds the rows unusable.
        """
        y, p = as_vectors(outcome, probability)
        if reason := problem(y, p):
            raise ValueError(reason)
        order = np.argsort(p, kind="stable")
        p = p[order]
        tie_starts = np.flatnonzero(np.concatenate([[True], p[1:] != p[:-1]]))
        return Sample(y[order], p, order.astype(np.int64), tie_starts.astype(np.int64))

    @cached_property
    def predictor(self) -> Floats:
        """Logit of the probability."""
        return linear_predictor(self.probability)

    @property
    def positives(self) -> int:
        """Number of rows with the event."""
        return int(self.outcome.sum())

    @property
    def negatives(self) -> int:
        """Number of rows without the event."""
        return len(self.outcome) - self.positives


class Batch:
    """A sample under k weightings: the argument of every metric.

    Args:
        sample: the n rows.
        weights: shape (k, n), how often each row counts, in the order of the rows as given.
        threshold: the operating threshold; a row at or above it is called positive.
    """

    def __init__(self, sample: Sample, weights: Floats, threshold: float) -> None:
        self.sample = sample
        self.threshold = threshold
        # take, unlike indexing, keeps each replicate contiguous: its sums then do not depend on
        # how many replicates share a block.
        self.weights: Floats = np.take(weights, sample.order, axis=1)
        self.total: Floats = self.weights.sum(axis=1)

    @cached_property
    def positive(self) -> Floats:
        """Weight of the rows with the event, shape (k, n)."""
        return self.weights * self.sample.outcome

    @cached_property
    def negative(self) -> Floats:
        """Weight of the rows without the event, shape (k, n)."""
        return self.weights - self.positive

    @cached_property
    def positives(self) -> Floats:
        """Number of events, shape (k,)."""
        return np.asarray(self.positive.sum(axis=1))

    @cached_property
    def negatives(self) -> Floats:
        """Number of rows without the event, shape (k,)."""
        return self.total - self.positives

    @cached_property
    def tied(self) -> tuple[Floats, Floats]:
        """Positive and negative weight at each distinct probability, rising."""
        starts = self.sample.tie_starts
        if len(starts) == len(self.sample.outcome):
            return self.positive, self.negative
        return (
            np.add.reduceat(self.positive, starts, axis=1),
            np.add.reduceat(self.negative, starts, axis=1),
        )

    @cached_property
    def called(self) -> tuple[Floats, Floats]:
        """True and false positives at the operating threshold, each of shape (k,)."""
        return self.called_at(self.threshold)

    def called_at(self, threshold: float) -> tuple[Floats, Floats]:
        """True and false positives at ``threshold``, each of shape (k,)."""
        first = int(np.searchsorted(self.sample.probability, threshold, side="left"))
        return self.positive[:, first:].sum(axis=1), self.negative[:, first:].sum(axis=1)

    def mean(self, values: Floats) -> Floats:
        """Weighted mean of a value a row (in rising order of probability), shape (k,)."""
        return np.asarray((self.weights * values).sum(axis=1) / self.total)


def problem(outcome: Booleans, probability: Floats) -> str:
    """Why no metric at all can be computed on these rows; empty where one can."""
    if not len(outcome):
        return "no rows"
    missing = int(np.isnan(probability).sum())
    if missing:
        return f"{missing} of {len(probability)} probabilities are missing (NaN)"
    outside = int(((probability < 0.0) | (probability > 1.0)).sum())
    if outside:
        return f"{outside} of {len(probability)} probabilities lie outside 0 to 1"
    return ""


def as_vectors(outcome: ArrayLike, probability: ArrayLike) -> tuple[Booleans, Floats]:
    """Both as vectors of equal length.

    Raises:
        ValueError: they are not.
    """
    y = np.asarray(outcome, dtype=np.bool_)
    p = np.asarray(probability, dtype=np.float64)
    if y.ndim != 1 or y.shape != p.shape:
        raise ValueError(f"outcome {y.shape} and probability {p.shape} must be equal vectors")
    return y, p
