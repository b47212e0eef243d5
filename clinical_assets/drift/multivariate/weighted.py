"""Distances of two weighted samples of numbers: mean, PSI on given edges, Kolmogorov–Smirnov."""

import numpy as np

from clinical_assets.drift import distances
from clinical_assets.drift.multivariate.usable import Matrix


def binned(values: Matrix, weights: Matrix, edges: Matrix) -> Matrix:
    """Weight in the right-closed bins (…, e0], (e0, e1], …, (ek, …).

    >>> binned(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 4.0]), np.array([2.0])).tolist()
    [3.0, 4.0]
    """
    place = np.searchsorted(edges, values, "left")
    return np.asarray(np.bincount(place, weights, minlength=len(edges) + 1))


def psi(x: Matrix, u: Matrix, y: Matrix, w: Matrix, edges: Matrix) -> float:
    """Population stability index of two weighted samples over the bins of ``edges``."""
    return distances.psi(binned(x, u, edges), binned(y, w, edges))


def kolmogorov_smirnov(x: Matrix, u: Matrix, y: Matrix, w: Matrix) -> float:
    """Largest difference of the weighted distribution functions.

    >>> x, ones = np.array([1.0, 2.0]), np.ones(2)
    >>> kolmogorov_smirnov(x, np.array([3.0, 1.0]), x, ones)
    0.25
    """
    values, place = np.unique(np.concatenate([x, y]), return_inverse=True)
    first = np.bincount(place[: len(x)], u, minlength=len(values))
    second = np.bincount(place[len(x) :], w, minlength=len(values))
    apart = np.cumsum(first) / first.sum() - np.cumsum(second) / second.sum()
    return float(np.abs(apart).max())


def mean(x: Matrix, u: Matrix) -> float:
    """Weighted mean."""
    return float(np.sum(x * u) / np.sum(u))
