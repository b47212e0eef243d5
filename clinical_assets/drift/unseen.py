"""Whether more values than before are of levels that the reference does not have."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinical_assets.drift.pvalues import pearson_three

_NEVER = 1e-15
_MOST = 1_000  # different numbers of values, of which every pair is asked


def unseen_p(
    reference: ArrayLike, current: ArrayLike, rows: tuple[int, int] | None = None
) -> float:
    """Probability that as many current values, or more, are of levels that the reference does not
    have, if all are of one distribution: one-sided, all values being dealt anew to both sides.

    By the number's moments and Pearson's type III distribution. Mean and variance are exact; the
    skewness is that of levels which are dealt independently of each other. Levels without a value
    in the reference are to be expected where it has levels with few (Good 1953).

    Args:
        reference: counts of every level that either side has, shape (levels,).
        current: counts of the same levels.
        rows: how many are dealt to either side, where that is not the counts' sum: of patients,
            each of whom may have several levels or none.

    >>> unseen_p([1] * 60 + [40] * 10, [0] * 30 + [1] * 30 + [40] * 10)
    1.0
    >>> unseen_p([50] * 10 + [0] * 30, [47] * 10 + [1] * 30) < 1e-6
    True
    """
    p, q = (np.asarray(side, dtype=np.int64) for side in (reference, current))
    new, every = int(q[p == 0].sum()), p + q
    if not new:
        return 1.0
    n, m = rows or (int(p.sum()), int(q.sum()))
    total = n + m
    sizes, times = np.unique(every[(every > 0) & (every <= m)], return_counts=True)
    dealt = _all_dealt(2 * int(sizes.max(initial=0)), m, total)
    can = dealt[sizes] > _NEVER
    sizes, times = sizes[can], times[can]
    if not len(sizes):
        return 0.0  # no level could have come to one side by chance
    alone, weight = dealt[sizes], (times * sizes).astype(np.float64)
    spread = times * alone * (1 - alone)
    independent = float(spread @ sizes.astype(np.float64) ** 2)
    variance = independent  # which is never less than the true one
    if len(sizes) <= _MOST:
        pairs = dealt[sizes[:, None] + sizes] - np.outer(alone, alone)
        # Of all pairs of levels; the pair of a level with itself is the level.
        itself = (weight * sizes) @ (alone - dealt[2 * sizes])
        variance = float(weight @ pairs @ weight + itself)
    if variance <= 0 or independent <= 0:
        return 1.0
    skewness = float((spread * (1 - 2 * alone)) @ sizes.astype(np.float64) ** 3) / independent**1.5
    return pearson_three(new, float(weight @ alone), variance, skewness * variance**1.5)


def _all_dealt(most: int, m: int, total: int) -> NDArray[np.float64]:
    """Probability that none, one, … ``most`` given values are all among ``m`` of ``total``."""
    r = np.arange(most)
    with np.errstate(divide="ignore"):  # more than m cannot be
        steps = np.log(np.maximum(m - r, 0)) - np.log(np.maximum(total - r, 1))
    return np.asarray(np.exp(np.concatenate([[0.0], np.cumsum(steps)])))
