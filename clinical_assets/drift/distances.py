"""Distances between two distributions over the same bins or levels.

Counts come in, one number goes out. Where a logarithm of zero would be asked for, an empty bin is
given the share ``empty`` (1e-4, as is usual for PSI); the other distances need no such help.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

EMPTY = 1e-4
Vector = NDArray[np.float64]


class Test(NamedTuple):
    """A statistic with its degrees of freedom and p-value."""

    statistic: float
    degrees: int
    p: float


def shares(counts: ArrayLike) -> Vector:
    """Counts as shares of their sum.

    Raises:
        ValueError: there is nothing to share.
    """
    found = np.asarray(counts, dtype=np.float64)
    total = found.sum()
    if total <= 0:
        raise ValueError("a distribution needs at least one observation")
    return np.asarray(found / total)


def psi(reference: ArrayLike, current: ArrayLike, *, empty: float = EMPTY) -> float:
    """Population stability index: sum of (q - p) ln(q / p), the symmetrised Kullback–Leibler
    divergence (Jeffreys 1946; Siddiqi 2006, "Credit Risk Scorecards").

    Args:
        reference: counts, shape (bins,).
        current: counts over the same bins.
        empty: share that a bin without observations is given.

    >>> round(psi([10, 20, 70], [20, 20, 60]), 6)
    0.08473
    """
    p, q = shares(reference), shares(current)
    p, q = np.where(p == 0, empty, p), np.where(q == 0, empty, q)
    return float(np.sum((q - p) * np.log(q / p)))


def jensen_shannon(reference: ArrayLike, current: ArrayLike) -> float:
    """Jensen–Shannon distance to base 2, from 0 to 1: the root of the divergence (Lin 1991;
    Endres and Schindelin 2003).

    >>> jensen_shannon([1, 0], [0, 1])
    1.0
    """
    p, q = shares(reference), shares(current)
    middle = (p + q) / 2
    divergence = (_relative(p, middle) + _relative(q, middle)) / 2
    return float(np.sqrt(max(0.0, divergence / np.log(2))))


def hellinger(reference: ArrayLike, current: ArrayLike) -> float:
    """Hellinger distance, from 0 to 1: the root of 1 - sum of sqrt(p q) (Hellinger 1909).

    >>> hellinger([1, 0], [0, 1])
    1.0
    """
    p, q = shares(reference), shares(current)
    return float(np.sqrt(np.sum((np.sqrt(p) - np.sqrt(q)) ** 2) / 2))


def total_variation(reference: ArrayLike, current: ArrayLike) -> float:
    """Total variation distance, from 0 to 1: the largest difference in any set's probability.

    >>> total_variation([1, 1], [1, 0])
    0.5
    """
    return float(np.abs(shares(reference) - shares(current)).sum() / 2)


def chi_squared(reference: ArrayLike, current: ArrayLike) -> Test:
    """Pearson's test that both samples come from one distribution (2 x bins table).

    Bins that are empty on both sides are passed over. Small expected counts make the p-value
    approximate (Cochran 1954).

    >>> round(chi_squared([10, 20], [20, 10]).statistic, 4)
    6.6667
    """
    observed, expected = _tables(reference, current)
    statistic = float(np.sum((observed - expected) ** 2 / expected)) if observed.size else 0.0
    return _tested(statistic, observed)


def goodness_of_fit(reference: ArrayLike, current: ArrayLike) -> Test:
    """Pearson's test of the current counts against the reference's shares, taken as known.

    Where the reference is a sample too, :func:`chi_squared` is the test to use: this one takes its
    chance for certainty. A level that the reference does not have makes the fit impossible (p 0).

    >>> round(goodness_of_fit([16, 18, 16, 14, 12, 12], [16, 16, 16, 16, 16, 8]).p, 5)
    0.67309
    """
    observed = np.asarray(current, dtype=np.float64)
    expected = shares(reference) * observed.sum()
    if np.any(observed[expected == 0] > 0):
        return Test(float("inf"), len(observed) - 1, 0.0)
    seen = expected > 0
    statistic = float(np.sum((observed[seen] - expected[seen]) ** 2 / expected[seen]))
    return _tested(statistic, observed[None, seen])


def likelihood_ratio(reference: ArrayLike, current: ArrayLike) -> Test:
    """The G test of the same table: twice the log of the likelihood ratio (Wilks 1938)."""
    observed, expected = _tables(reference, current)
    seen = observed > 0
    statistic = 2 * float(np.sum(observed[seen] * np.log(observed[seen] / expected[seen])))
    return _tested(statistic, observed)


def _tables(reference: ArrayLike, current: ArrayLike) -> tuple[Vector, Vector]:
    observed = np.vstack([np.asarray(reference), np.asarray(current)]).astype(np.float64)
    observed = observed[:, observed.sum(axis=0) > 0]
    rows, columns = observed.sum(axis=1, keepdims=True), observed.sum(axis=0, keepdims=True)
    total = observed.sum()
    return observed, np.asarray(rows @ columns / total if total else observed)


def _tested(statistic: float, observed: Vector) -> Test:
    from scipy.special import chdtrc

    degrees = max(0, observed.shape[1] - 1)
    p: Any = chdtrc(degrees, statistic) if degrees else 1.0
    return Test(statistic, degrees, float(p))


def _relative(p: Vector, q: Vector) -> float:
    seen = p > 0
    return float(np.sum(p[seen] * np.log(p[seen] / q[seen])))
