"""One value that many rows have, as far as counts in intervals tell it.

What belongs here: where such a value lies, from what profiles add up exactly. What does not: values
that were counted themselves (:mod:`.distinct`), and what a frequent value means
(:mod:`clinical_assets.drift.diagnosis.stuck`).

A smooth distribution puts into a small interval about what its neighbours hold for their width, be
its tails heavy or not. An interval that holds several times as much has a value of its own, unless
the mean and the standard deviation, which are exact, deny it.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Counts = NDArray[np.int64]

_LEAST = 0.05  # of the values
_TIMES = 8  # what the neighbours let expect
_TIMES_AT_END = 20  # densities may rise steeply to the least and the greatest value
_BEYOND_END = 0.01
_SMALL = 0.02  # of the spread
_ROUNDING = 1e-9
_DIGITS = 17
_TIED = 0.02


class Spike(NamedTuple):
    """A frequent value.

    Attributes:
        value: within its interval, the number of the fewest digits unless more is known.
        share: of all values that lie in the interval.
        within: how far from ``value`` it may lie; 0 where it is known.
    """

    value: float
    share: float
    within: float


class Intervals(NamedTuple):
    """A column counted in intervals.

    Attributes:
        ends: the least value, and the right ends of the intervals up to the greatest, rising.
        counts: values in each, one fewer than ends.
        quantiles: of the reference at equal steps; those that are tied are frequent values.
        written: values by number of decimals: 0, 1, 2, 3, more.
        mean, sd: of all values (n); NaN where they are not known or some are infinite.
    """

    ends: Vector
    counts: Counts
    quantiles: Vector
    written: Counts
    mean: float = math.nan
    sd: float = math.nan


def likely_spike(found: Intervals) -> Spike | None:
    """The value that stands out; None where no interval holds many times what it would.

    >>> ends, counts = np.arange(101.0) / 10, np.full(100, 10)
    >>> counts[49] = 300
    >>> written = np.array([290, 0, 0, 0, 1000])
    >>> likely_spike(Intervals(ends, counts, np.linspace(0, 10, 999), written))
    Spike(value=5.0, share=0.23255813953488372, within=0.0)
    """
    at = int(np.argmax(found.counts))
    number, total = int(found.counts[at]), int(found.counts.sum())
    low, high = float(found.ends[at]), float(found.ends[at + 1])
    if number < _LEAST * total or not np.isfinite([low, high]).all():
        return None
    tied = _tied(found.quantiles, low, high)
    if tied is not None:
        low = high = tied
    decimals = _decimals_of(number, found.written)
    alone = tied is not None or decimals is not None
    if not alone and high - low > _SMALL * _spread(found.quantiles):
        return None  # a narrow distribution may lie in it as a whole
    beyond = min(found.counts[:at].sum(), found.counts[at + 1 :].sum())
    at_end = not alone and beyond < _BEYOND_END * total
    expected = max(_expected(found, at, way) for way in (-1, 1))
    if number < (_TIMES_AT_END if at_end else _TIMES) * expected or _denied(found, at, low, high):
        return None
    if at == 0 and low < high:
        low = float(np.nextafter(low, -np.inf))  # the first interval has its lower end
    value, sure = _value(low, high, found.ends, decimals)
    return Spike(value, number / total, 0.0 if sure else max(value - low, high - value))


def _expected(found: Intervals, at: int, way: int) -> float:
    """What the interval would hold by the density on one side of it, as wide or wider."""
    ends, width = found.ends, float(found.ends[at + 1] - found.ends[at])
    seen, reach, place = 0, 0.0, at + way
    while 0 <= place < len(found.counts) and not (reach >= width and reach > 0):
        seen += int(found.counts[place])
        reach += float(ends[place + 1] - ends[place])
        place += way
    return seen * width / reach if reach > 0 else 0.0


def _denied(found: Intervals, at: int, low: float, high: float) -> bool:
    """Whether mean and standard deviation cannot be so where all of the interval is one value."""
    if not math.isfinite(found.mean + found.sd):
        return False
    left, right = found.ends[:-1] - found.mean, found.ends[1:] - found.mean
    others = np.delete(found.counts, at)
    number = int(found.counts[at])
    with np.errstate(over="ignore", invalid="ignore"):
        sums = [float(others @ np.delete(side, at)) for side in (left, right)]
        squares = float(others @ np.delete(np.maximum(left**2, right**2), at))
        first = max(low - found.mean, -sums[1] / number)
        last = min(high - found.mean, -sums[0] / number)
        near = _ROUNDING * max(abs(low), abs(high), found.sd)
        largest = squares + number * (max(abs(first), abs(last)) + near) ** 2
        total = float(found.counts.sum()) * found.sd**2
    return bool(first > last + near or total > largest * (1 + _ROUNDING))


def _tied(quantiles: Vector, low: float, high: float) -> float | None:
    """The value in the interval that is frequent in the reference already."""
    inside = quantiles[(quantiles >= low) & (quantiles <= high)]
    values, times = np.unique(inside, return_counts=True)
    often = int(np.argmax(times)) if len(times) else 0
    enough = len(times) and times[often] > _TIED * len(quantiles)
    return float(values[often]) if enough else None


def _decimals_of(number: int, written: Counts) -> int | None:
    """With how many decimals the value is written, where few others are written with so few.

    Of the values with up to so many decimals a tenth has fewer by accident.
    """
    upto = np.cumsum(written)
    for place in range(len(upto) - 1):
        by_accident = upto[place + 1] / 10
        if 0.9 * number <= upto[place] <= 1.5 * number and by_accident <= 0.5 * number:
            return place
    return None


def _spread(quantiles: Vector) -> float:
    """From the 10th to the 90th percentile."""
    if not len(quantiles):
        return 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        found = quantiles[-(len(quantiles) // 10) - 1] - quantiles[len(quantiles) // 10]
    return float(found) if np.isfinite(found) else 0.0


def _value(low: float, high: float, ends: Vector, decimals: int | None) -> tuple[float, bool]:
    """The likeliest value above ``low`` and up to ``high``, and whether there is no other.

    In a wide interval a number of nines is the likeliest: 999, -9999, …
    """
    if low == high:
        return high, True
    if high - low > 1:
        for nines in (sign * (10.0**power - 1) for power in range(2, 16) for sign in (-1, 1)):
            if low <= nines <= high:
                return nines, False
    if decimals is not None:
        for end in (float(ends[0]), float(ends[-1])):
            if low <= end <= high and round(end, decimals) == end:
                return end, high - low < 10.0**-decimals
        if low < (middle := round((low + high) / 2, decimals)) <= high:
            return middle, high - low < 10.0**-decimals
    return _shortest(low, high), False


def _shortest(low: float, high: float) -> float:
    """The number of the fewest digits in the interval, near its middle."""
    middle = low / 2 + high / 2
    rounded = (float(f"{middle:.{digits}g}") for digits in range(1, _DIGITS))
    return next((found for found in rounded if low < found <= high), middle)
