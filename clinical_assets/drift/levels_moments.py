"""Moments of Pearson's χ² of a table of two rows where nothing changed, exactly.

All values are dealt anew to both rows, which keep their sizes, as each level keeps its own. Then χ²
is a straight function of ``S``, the sum over levels of the square of the second row's count over
the level's, and S is a polynomial in counts whose factorial moments are known.
"""

from collections.abc import Iterator
from decimal import Decimal, localcontext
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# x^k as a sum of falling factorials x(x - 1)…, from the first on (Stirling, second kind).
_SQUARE, _FOURTH, _SIXTH = (1, 1), (1, 7, 6, 1), (1, 31, 90, 65, 15, 1)
_DIGITS = 80  # what is left of the third moment is far smaller than what it is the difference of


class Moments(NamedTuple):
    """Mean, variance and third central moment."""

    mean: float
    variance: float
    third: float


def dealt_moments(every: NDArray[np.int64], m: int) -> Moments:
    """Of S, the sum of ``x² / c``, where ``m`` of all values are dealt to the second row.

    Args:
        every: how many values each level has, ``c``, on both sides, shape (levels,).

    >>> dealt_moments(np.array([1, 1]), 1)
    Moments(mean=1.0, variance=0.0, third=0.0)
    """
    sizes, times = np.unique(every, return_counts=True)
    with localcontext() as context:
        context.prec = _DIGITS
        dealt = list(_ratios(m, int(every.sum())))
        number = [Decimal(int(t)) for t in times]
        square, fourth, sixth = (
            [[s * f / c**k for s, f in zip(stirling, _falling(c), strict=False)] for c in of]
            for k, stirling in enumerate((_SQUARE, _FOURTH, _SIXTH), start=1)
            if (of := [Decimal(int(size)) for size in sizes])
        )

        def total(*terms: tuple[list[list[Decimal]], int]) -> Decimal:
            found = Decimal(0)
            for place, value in enumerate(number):
                for of, power in terms:
                    value *= of[place][power]
                found += value
            return found

        two, four, six = range(2), range(4), range(6)
        a = [total((square, r)) for r in two]
        b = [total((fourth, r)) for r in four]
        aa = {(r, s): total((square, r), (square, s)) for r, s in product(two, two)}
        first = sum((dealt[r] * a[r] for r in two), Decimal(0))
        second = sum((dealt[r] * b[r] for r in four), Decimal(0))
        for r, s in product(two, two):  # of two levels
            second += dealt[r + s + 1] * (a[r] * a[s] - aa[r, s])
        third = sum((dealt[r] * total((sixth, r)) for r in six), Decimal(0))
        for r, s in product(four, two):
            third += 3 * dealt[r + s + 1] * (b[r] * a[s] - total((fourth, r), (square, s)))
        for r, s, t in product(two, two, two):  # of three
            same = total((square, r), (square, s), (square, t))
            apart = a[r] * a[s] * a[t] + 2 * same
            apart -= aa[r, s] * a[t] + aa[r, t] * a[s] + aa[s, t] * a[r]
            third += dealt[r + s + t + 2] * apart
        variance = second - first**2
        return Moments(
            float(first), float(variance), float(third - 3 * first * second + 2 * first**3)
        )


def _ratios(m: int, total: int) -> Iterator[Decimal]:
    """Probability that one, two, … six given values are all dealt to the second row."""
    found = Decimal(1)
    for r in range(6):
        found *= Decimal(max(0, m - r)) / max(1, total - r)
        yield found


def _falling(c: Decimal) -> Iterator[Decimal]:
    found = Decimal(1)
    for r in range(6):
        found *= max(Decimal(0), c - r)
        yield found
