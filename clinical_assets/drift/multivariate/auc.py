"""Area under the ROC curve of scores given to two samples: estimate, interval, test of chance.

Rows of one unit (a patient) are not independent; all formulas sum over a unit's rows first, and
are the usual ones where each row is its own unit.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clinical_assets.drift.multivariate.usable import Matrix, Units


class Area(NamedTuple):
    """P(a current row scores above a reference row), ties counting half, and its variance."""

    value: float
    variance: float


def area(reference: Matrix, current: Matrix) -> float:
    """The Mann–Whitney form of the area under the curve.

    >>> area(np.array([1.0, 2.0]), np.array([2.0, 3.0]))
    0.875
    """
    return float(_placements(reference, current).mean())


def delong(
    reference: Matrix, current: Matrix, reference_units: Units, current_units: Units
) -> Area:
    """Area and variance (DeLong, DeLong and Clarke-Pearson 1988, Biometrics 44:837; for several
    rows of one unit Obuchowski 1997, Biometrics 53:567). Two units are needed on each side.

    >>> alone = np.arange(3), np.arange(3, 6)
    >>> found = delong(np.array([1.0, 2, 4]), np.array([3.0, 5, 6]), *alone)
    >>> round(found.value, 6), round(found.variance, 6)
    (0.888889, 0.024691)
    """
    above = _placements(reference, current)
    below = 1.0 - _placements(current, reference)
    value = float(above.mean())
    number = int(max(reference_units.max(), current_units.max())) + 1
    first = np.bincount(current_units, above - value, minlength=number)
    second = np.bincount(reference_units, below - value, minlength=number)
    in_current = np.bincount(current_units, minlength=number) > 0
    in_reference = np.bincount(reference_units, minlength=number) > 0
    m, n = len(current), len(reference)
    variance = (
        _corrected(int(in_current.sum())) * float(np.sum(first**2)) / m**2
        + _corrected(int(in_reference.sum())) * float(np.sum(second**2)) / n**2
        + 2
        * _corrected(int((in_current | in_reference).sum()))
        * float(np.sum(first * second))
        / (m * n)
    )
    return Area(value, max(0.0, variance))


def chance_score(scores: Matrix, current: NDArray[np.bool_], units: Units) -> float:
    """Standard score of the rank sum where nothing tells the sides apart: normal in large samples.

    Where every unit stands on one side the variance is that of dealing the units to the sides
    anew (for single rows the Mann–Whitney test with ties, without continuity correction; Mann and
    Whitney 1947). Where units stand on both it is the sum of the squared sums of units (Liang and
    Zeger 1986). 0 where all scores are equal.

    >>> scores, current = np.array([1.0, 2, 4, 3, 5, 6]), np.arange(6) > 2
    >>> round(chance_score(scores, current, np.arange(6)), 6)
    1.527525
    """
    from scipy.stats import rankdata

    ranks = np.asarray(rankdata(scores), dtype=np.float64)
    ranks -= ranks.mean()
    units = np.unique(units, return_inverse=True)[1]
    share = np.bincount(units, current) / np.bincount(units)
    if np.any((share > 0) & (share < 1)):
        sums = np.bincount(units, ranks * (current - current.mean()))
        statistic, variance = float(sums.sum()), float(np.sum(sums**2))
    else:
        sums = np.bincount(units, ranks)
        side = share == 1
        statistic, number, inside = float(sums[side].sum()), len(sums), int(side.sum())
        variance = inside * (number - inside) / (number * (number - 1)) * float(np.sum(sums**2))
    return statistic / float(np.sqrt(variance)) if variance > 0 else 0.0


def interval(found: Area, units: int, level: float = 0.95) -> tuple[float, float]:
    """Interval on the logit scale; where the sides separate wholly, the variance is 0, and the
    bound is the exact one for ``units`` of ``units`` (Clopper and Pearson 1934).

    Args:
        units: units of the smaller side.

    >>> low, high = interval(Area(0.8, 0.0016), 50)
    >>> round(low, 4), round(high, 4)
    (0.7102, 0.8672)
    """
    from scipy.special import expit, logit, ndtri

    value, tail = found.value, (1 - level) / 2
    if value in (0.0, 1.0):
        bound = tail ** (1 / units)
        return (bound, 1.0) if value else (0.0, 1 - bound)
    half = float(ndtri(1 - tail)) * found.variance**0.5 / (value * (1 - value))
    middle: Any = logit(value)
    return float(expit(middle - half)), float(expit(middle + half))


def _placements(others: Matrix, values: Matrix) -> Matrix:
    """Share of the others below each value, ties counting half."""
    ordered = np.sort(others)
    left, right = (np.searchsorted(ordered, values, side) for side in ("left", "right"))
    return np.asarray((left + right) / (2.0 * len(others)))


def _corrected(number: int) -> float:
    return number / (number - 1)
