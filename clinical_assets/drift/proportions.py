"""Whether two shares are one, by how many of how many; exactly where few are to be expected."""

import math
from typing import NamedTuple

import numpy as np

_FEW = 10.0


class Counts(NamedTuple):
    """How many of ``n`` rows have something, and how many of ``m`` others."""

    hits: int
    n: int
    others: int
    m: int

    @property
    def few(self) -> bool:
        """Whether a normal distribution is no stand-in: fewer than 10 are to be expected in one of
        the four cells."""
        all_hits, rows = self.hits + self.others, self.n + self.m
        return min(all_hits, rows - all_hits) * min(self.n, self.m) < _FEW * rows


def two_proportions_p(hits: int, n: int, others: int, m: int) -> float:
    """Two-sided probability of shares that differ so much or more if they are one; 1 where nothing
    varies.

    A z test, the variance pooled; where fewer than 10 are to be expected in a cell Fisher's exact
    test (Fisher 1922), which a few rare events do not deceive.

    >>> round(two_proportions_p(10, 100, 25, 100), 6), round(two_proportions_p(1, 9, 6, 9), 6)
    (0.005247, 0.049774)
    """
    counts = Counts(hits, n, others, m)
    if not counts.few:
        return math.erfc(abs(_z(counts)) / math.sqrt(2))
    chance = _chances(counts)
    observed = chance[others - max(0, hits + others - n)]
    return min(1.0, float(chance[chance <= observed * (1 + 1e-7)].sum()))


def more_p(hits: int, n: int, others: int, m: int) -> float:
    """Probability that as many of the ``m``, or more, are among the hits if the shares are one:
    one-sided, exactly (the hypergeometric distribution of Fisher's test).

    >>> round(more_p(1, 9, 6, 9), 6), more_p(3, 9, 0, 9)
    (0.024887, 1.0)
    """
    if not others:
        return 1.0
    chance = _chances(Counts(hits, n, others, m))
    return min(1.0, float(chance[others - max(0, hits + others - n) :].sum()))


def _z(counts: Counts) -> float:
    hits, n, others, m = counts
    pooled = (hits + others) / (n + m)
    return (others / m - hits / n) / math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))


def _chances(counts: Counts) -> np.ndarray:
    """Probability of each number among the others that the sum allows, from the least on."""
    from scipy.special import gammaln

    hits, n, others, m = counts
    every = hits + others
    x = np.arange(max(0, every - n), min(every, m) + 1)
    y = every - x
    logs = -gammaln(x + 1) - gammaln(m - x + 1) - gammaln(y + 1) - gammaln(n - y + 1)
    found = np.exp(logs - logs.max())
    return np.asarray(found / found.sum())
