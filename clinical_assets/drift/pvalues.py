"""How probable a difference is where nothing changed, and what is left of many such questions."""

import math
from collections.abc import Sequence

import numpy as np

_STRAIGHT = 1e-3


def cramer_von_mises_p(statistic: float, n: int, m: int) -> float:
    """Probability of at least this two-sample T if both samples are of one distribution.

    T is brought to the mean and variance of its limit (Anderson 1962), whose distribution is the
    series of Anderson and Darling (1952). Two samples of 20 and 30 values lie within 0.01 of the
    exact probability. Ties make it too large.
    """
    product, both = n * m, n + m
    mean = (1 + 1 / both) / 6
    variance: float = (both + 1) * (4 * product * both - 3 * (n * n + m * m) - 2 * product)
    variance /= 45 * both * both * 4 * product
    return _bridge_area(1 / 6 + (statistic - mean) / math.sqrt(45 * variance))


def _bridge_area(x: float) -> float:
    """Probability that the integral of a squared Brownian bridge exceeds ``x``."""
    from scipy.special import gammaln, kv

    if x < 0.003:  # there it is 1 to the last bit
        return 1.0
    if x > 8:  # below 1e-17, which the series, being of the other tail, cannot tell from 0
        return 0.0
    k = np.arange(40)
    root = 4 * k + 1
    power = root * root / (16 * x)
    weights = np.exp(gammaln(k + 0.5) - gammaln(k + 1)) * np.sqrt(root)
    terms = weights * np.exp(-power) * kv(0.25, power) / (math.pi**1.5 * math.sqrt(x))
    return float(min(1.0, max(0.0, 1 - np.sum(terms))))


def pearson_three(value: float, mean: float, variance: float, third: float) -> float:
    """Probability of at least this value under Pearson's type III distribution, a gamma that is
    moved, of these moments; of one without skewness, or skewed to the left, under the normal one.

    >>> round(pearson_three(4.0, 2.0, 4.0, 16.0), 6), round(pearson_three(1.96, 0, 1, 0), 4)
    (0.135335, 0.025)
    """
    if variance <= 0:
        return 1.0 if value <= mean else 0.0
    moved = (value - mean) / math.sqrt(variance)
    skewness = third / variance**1.5
    if skewness < _STRAIGHT:
        return math.erfc(moved / math.sqrt(2)) / 2
    from scipy.special import gammaincc

    shape = 4 / skewness**2
    place = shape + 2 * moved / skewness
    return 1.0 if place <= 0 else float(gammaincc(shape, place))


def benjamini_hochberg(p: Sequence[float]) -> list[float]:
    """Adjusted p-values: the least false discovery rate at which each would be rejected
    (Benjamini and Hochberg 1995).

    >>> benjamini_hochberg([0.01, 0.04, 0.03])
    [0.03, 0.04, 0.04]
    """
    if not p:
        return []
    values = np.asarray(p, dtype=np.float64)
    order = np.argsort(values)[::-1]
    ranks = np.arange(len(p), 0, -1)
    adjusted = np.minimum.accumulate(values[order] * len(p) / ranks)
    found = np.empty_like(values)
    found[order] = np.minimum(adjusted, 1.0)
    return [float(value) for value in found]


def beyond_p(below: int, above: int, n: int, m: int) -> float:
    """Probability that as many of ``m`` values, or more, lie below all of ``n`` others or above
    them, if all are of one distribution: twice the smaller of the two tails.

    Ranks are then in any order alike, so that a tail is C(n + m - k, n) / C(n + m, n) (the
    exceedance test; Gumbel and von Schelling 1950). Ties make it too large.

    >>> round(beyond_p(1, 0, 9, 1), 6), beyond_p(0, 0, 9, 5)
    (0.2, 1.0)
    """
    most = max(below, above)
    if not most:
        return 1.0
    terms = (n + m - most + 1, m + 1), (m - most + 1, n + m + 1)
    tail = sum(map(math.lgamma, terms[0])) - sum(map(math.lgamma, terms[1]))
    return min(1.0, 2 * math.exp(min(0.0, tail)))
