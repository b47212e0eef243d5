"""Whether levels are as frequent as before, however rare they are.

What belongs here: the probability that decides for a column of levels. What does not: distances
between frequencies (:mod:`.distances`), and levels that the reference does not have at all
(:mod:`.proportions`).

Pearson's test supposes that 5 values or more are to be expected of each level on both sides
(Cochran 1954); of rare levels it finds much where there is nothing. Where few values are of such
levels these are taken as one. Where many are, all values are dealt anew to both sides: a
permutation test, whose size is right whatever is rare.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinical_assets.drift.distances import chi_squared

Vector = NDArray[np.float64]

_LEAST = 5.0
_FEW = 0.2  # of the values: rare levels that are taken as one
_DEALT = 499
_MOST = 2000  # levels


def levels_p(reference: ArrayLike, current: ArrayLike) -> float:
    """Probability of counts that differ so much or more, by Pearson's χ², if nothing changed.

    Where no dealt table reaches it, by the gamma distribution of their mean and variance.

    Args:
        reference: counts, shape (levels,).
        current: counts of the same levels.

    >>> p = levels_p([80] * 25, [0, 0, 50] + [0] * 22)
    >>> p < 1e-6, levels_p([80] * 25, [2] * 25) > 0.9
    (True, True)
    """
    p, q = (np.asarray(side, dtype=np.int64) for side in (reference, current))
    p, q = p[p + q > 0], q[p + q > 0]
    n, m = int(p.sum()), int(q.sum())
    if len(p) < 2 or not n or not m:
        return 1.0
    order = np.argsort(p + q, kind="stable")  # so that names make no difference
    p, q = p[order], q[order]
    every = p + q
    expected: Vector = every * np.float64(min(n, m) / (n + m))
    rare = expected < _LEAST
    if not rare.any():
        return chi_squared(p, q).p
    if every[rare].sum() <= _FEW * (n + m) or len(every) > _MOST:
        return chi_squared(*_pooled(p, q, expected)).p
    return _dealt_p(every, q, m)


def _pooled(p: NDArray[np.int64], q: NDArray[np.int64], expected: Vector) -> tuple[Vector, Vector]:
    """Counts, the rarest first: these as one, of which 5 or more are to be expected."""
    upto = max(np.searchsorted(expected, _LEAST), np.searchsorted(np.cumsum(expected), _LEAST) + 1)
    found = [np.append(side[upto:], side[:upto].sum()) for side in (p, q)]
    return found[0].astype(np.float64), found[1].astype(np.float64)


def _dealt_p(every: NDArray[np.int64], q: NDArray[np.int64], m: int) -> float:
    from scipy.special import gammaincc

    total = int(every.sum())
    expected = every * (m / total)
    # Both rows' parts of χ²: the other side's counts are what is left of every level.
    weights = 1 / expected + 1 / (every - expected)
    rng = np.random.default_rng(0)  # the same answer for the same table
    dealt = rng.multivariate_hypergeometric(every, m, size=_DEALT, method="marginals")
    chance = ((dealt - expected) ** 2) @ weights
    found = float(((q - expected) ** 2) @ weights)
    reached = int(np.count_nonzero(chance >= found * (1 - 1e-12)))
    p = (reached + 1) / (_DEALT + 1)
    mean, variance = float(chance.mean()), float(chance.var())
    if reached or variance <= 0:
        return p
    return min(p, float(gammaincc(mean**2 / variance, found * mean / variance)))
