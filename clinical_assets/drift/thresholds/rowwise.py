"""Distances between one reference and many current windows over the same bins, at once.

The same formulas as in :mod:`clinical_assets.drift.distances`, on the last axis of counts.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinical_assets.drift.distances import EMPTY

Vector = NDArray[np.float64]
Rowwise = Callable[[ArrayLike, ArrayLike], Vector]


def shares(counts: ArrayLike) -> Vector:
    """Counts as shares of the sum of their row; NaN where a row is empty."""
    found = np.asarray(counts, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        return np.asarray(found / found.sum(axis=-1, keepdims=True))


def psi(reference: ArrayLike, current: ArrayLike) -> Vector:
    """Population stability index; see :func:`clinical_assets.drift.distances.psi`."""
    p, q = shares(reference), shares(current)
    p, q = np.where(p == 0, EMPTY, p), np.where(q == 0, EMPTY, q)
    return np.asarray(np.sum((q - p) * np.log(q / p), axis=-1))


def hellinger(reference: ArrayLike, current: ArrayLike) -> Vector:
    """Hellinger distance."""
    p, q = np.sqrt(shares(reference)), np.sqrt(shares(current))
    return np.asarray(np.sqrt(np.sum((p - q) ** 2, axis=-1) / 2))


def total_variation(reference: ArrayLike, current: ArrayLike) -> Vector:
    """Total variation distance."""
    return np.asarray(np.abs(shares(reference) - shares(current)).sum(axis=-1) / 2)


def jensen_shannon(reference: ArrayLike, current: ArrayLike) -> Vector:
    """Jensen–Shannon distance to base 2."""
    p, q = np.broadcast_arrays(shares(reference), shares(current))
    middle = (p + q) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        ours = np.where(p > 0, p * np.log2(p / middle), 0.0)
        theirs = np.where(q > 0, q * np.log2(q / middle), 0.0)
    divergence = (ours.sum(axis=-1) + theirs.sum(axis=-1)) / 2
    return np.asarray(np.sqrt(np.maximum(divergence, 0.0)))


def kolmogorov_smirnov(reference: ArrayLike, current: ArrayLike) -> Vector:
    """Largest difference of the distribution functions at the ends of the bins: at most the exact
    distance, and less by no more than the largest share of a bin.
    """
    p, q = shares(reference), shares(current)
    return np.asarray(np.abs(np.cumsum(p - q, axis=-1)).max(axis=-1))


def chi_squared(reference: ArrayLike, current: ArrayLike) -> Vector:
    """Pearson's χ² of the current counts about the reference's shares, for each current value
    (Pearson 1900); a bin that the reference does not have is taken as in :func:`psi`.

    It sees a rare level grow sooner than :func:`psi`, whose own chance is large where a window has
    none of a rare level.
    """
    p, q = shares(reference), shares(current)
    p = np.where(p == 0, EMPTY, p)
    return np.asarray(np.sum((q - p) ** 2 / p, axis=-1))


ROWWISE: Mapping[str, Rowwise] = {
    "psi": psi,
    "chi2": chi_squared,
    "hellinger": hellinger,
    "total_variation": total_variation,
    "jensen_shannon": jensen_shannon,
    "ks": kolmogorov_smirnov,
}
