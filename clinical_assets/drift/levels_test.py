"""Whether levels are as frequent as before, however rare they are.

What belongs here: the probability that decides for a column of levels. What does not: distances
between frequencies (:mod:`.distances`), and levels that the reference does not have at all
(:mod:`.unseen`).

Pearson's test supposes that 5 values or more are to be expected of each level on both sides
(Cochran 1954); of rare levels it finds much where there is nothing. Of those χ² is held against its
own moments, which are exact whatever is rare.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinical_assets.drift.distances import chi_squared
from clinical_assets.drift.levels_moments import dealt_moments
from clinical_assets.drift.proportions import two_proportions_p
from clinical_assets.drift.pvalues import pearson_three

Counts = NDArray[np.int64]

_LEAST = 5.0


def levels_p(reference: ArrayLike, current: ArrayLike) -> float:
    """Probability of counts that differ so much or more, by Pearson's χ², if nothing changed.

    Of two levels by :func:`.proportions.two_proportions_p`. Of more, where fewer than 5 values are
    to be expected of one, by χ²'s first three moments and Pearson's type III distribution (Mielke
    and Berry 1985, "Non-asymptotic inferences based on the chi-square statistic for r by c
    contingency tables"). Noise of many rare levels hides a change of the others, so that the table
    with all rare ones as one is asked, too; twice the smaller of both counts then.

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
    rare = (p + q) * np.float64(min(n, m) / (n + m)) < _LEAST
    if rare.sum() < 2 or len(p) < 3:
        return _table_p(p, q)
    together = [np.append(side[~rare], side[rare].sum()) for side in (p, q)]
    return min(1.0, 2 * min(_table_p(p, q), _table_p(*together)))


def _table_p(p: Counts, q: Counts) -> float:
    n, m = int(p.sum()), int(q.sum())
    if len(p) < 2:
        return 1.0
    if len(p) == 2:
        return two_proportions_p(int(p[0]), n, int(q[0]), m)
    every = p + q
    if every.min() * min(n, m) >= _LEAST * (n + m):
        return chi_squared(p, q).p
    # The smaller side: its S tells the same, of fewer values.
    side = q if m <= n else p
    found = float(np.sum(side.astype(np.float64) ** 2 / every))
    return pearson_three(found, *dealt_moments(every, int(side.sum())))
