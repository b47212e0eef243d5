"""How probable a two-sample Kolmogorov–Smirnov distance is where nothing changed."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_EXACT = 10_000_000  # pairs of a value of either sample
_LARGE = 1e250
_ROUNDING = 1e-6


def smirnov_p(distance: float, n: int, m: int) -> float:
    """Probability of at least this two-sample distance if both samples are of one distribution.

    Exact where the samples are of one size (Gnedenko and Korolyuk 1951) or ``n m`` is at most
    10,000,000: to 1e-9, relative, from 1e-100 up. Else the limit, which is within 0.03, relative,
    from 1e-3 up. Ties make it too large.

    >>> round(smirnov_p(0.5, 4, 4), 6), round(smirnov_p(0.75, 4, 3), 6)
    (0.771429, 0.228571)
    """
    if distance <= 0:
        return 1.0
    if n == m:
        return _equal(_steps(distance * n), n)
    if n * m <= _EXACT:
        return _unequal(_steps(distance * n * m), min(n, m), max(n, m))
    return limiting_p(distance, n, m)


def _steps(distance: float) -> int:
    """The least whole number that is not below it, rounding aside."""
    return max(1, math.ceil(distance - _ROUNDING))


def _equal(steps: int, n: int) -> float:
    """Paths from 0 to 0 in ``2 n`` steps up or down that reach ``steps``, by reflection."""
    whole, found = 2 * math.lgamma(n + 1), 0.0
    for k in range(1, n // steps + 1):
        reached = k * steps
        term = math.exp(whole - math.lgamma(n - reached + 1) - math.lgamma(n + reached + 1))
        found += 2 * term if k % 2 else -2 * term
        if term < 1e-20:
            break
    return min(1.0, max(0.0, found))


def _unequal(least: int, n: int, m: int) -> float:
    """Of all orders of ``n`` and ``m`` values, ``n`` the fewer, the share in which after some value
    ``|i m - j n|`` is at least ``least``, where ``i`` and ``j`` are of either sample.

    Row by row the orders that have stayed within are counted. Those that leave are added up by
    where they do, so that a small share is not the difference of two large ones.
    """
    row, low, scale = np.ones(min(m, -(-least // n) - 1) + 1), 0, 0.0
    leaving: list[tuple[NDArray[np.float64], int, int, int, float]] = []
    for i in range(n + 1):
        high = low + len(row) - 1
        if high < m:  # by a value of the larger sample
            leaving.append((row[-1:], i, high, 1, scale))
        if i == n:
            break
        start = max(0, ((i + 1) * m - least) // n + 1)
        end = min(m, -((-(i + 1) * m - least) // n) - 1)
        if start > low:  # by one of the smaller
            leaving.append((row[: start - low], i, low, 0, scale))
        if start > high:
            break
        after = np.zeros(end - start + 1)
        after[: high - start + 1] = row[start - low :]
        row, low = after.cumsum(), start
        if row[-1] > _LARGE:
            row, scale = row / _LARGE, scale + math.log(_LARGE)
    return _share(leaving, n, m)


def _share(
    leaving: Sequence[tuple[NDArray[np.float64], int, int, int, float]], n: int, m: int
) -> float:
    """Orders that leave, each in as many ways as there are of going on, of all orders.

    Args:
        leaving: how many, after ``i`` and from ``j`` on values of the samples, whether the next is
            of the larger one, and the logarithm of what they were divided by.
    """
    factorial = np.append(0.0, np.cumsum(np.log(np.arange(1, n + m + 1))))
    orders = np.concatenate([part[0] for part in leaving])
    lengths = np.array([len(part[0]) for part in leaving])
    i, first, larger = np.repeat(np.array([part[1:4] for part in leaving]), lengths, axis=0).T
    scale = np.repeat([part[4] for part in leaving], lengths)
    within = np.arange(len(orders)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    ours, theirs = n - i - 1 + larger, m - first - within - larger
    ways = factorial[ours + theirs] - factorial[ours] - factorial[theirs]
    every = factorial[n + m] - factorial[n] - factorial[m]
    with np.errstate(divide="ignore"):  # what is too small to be held is 0
        return min(1.0, float(np.exp(np.log(orders) + scale + ways - every).sum()))


def limiting_p(distance: float, n: int, m: int) -> float:
    """The limit of Kolmogorov (1933) at the effective size n m / (n + m), with the corrections of
    Vrbik (2018, "Small-sample corrections to Kolmogorov-Smirnov test statistic")."""
    size = n * m / (n + m)
    root = math.sqrt(size)
    z = root * distance
    return kolmogorov(z + 1 / (6 * root) + (z - 1) / (4 * size))


def kolmogorov(z: float) -> float:
    """Probability that a Brownian bridge's largest distance from 0 exceeds ``z`` (Kolmogorov 1933;
    the series for small ``z`` by Jacobi's theta identity). Exact to about 1e-15.

    >>> round(kolmogorov(1.3580986), 7)
    0.05
    """
    if z <= 0:
        return 1.0
    if z < 1:
        power = -((math.pi / z) ** 2) / 8
        series = sum(math.exp(power * k * k) for k in (1, 3, 5, 7))
        return 1 - math.sqrt(2 * math.pi) / z * series
    series = sum(math.exp(-2 * k * k * z * z) * (1 if k % 2 else -1) for k in range(1, 6))
    return min(1.0, max(0.0, 2 * series))
