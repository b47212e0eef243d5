"""A column before and after: two quantile functions, their distance, and what is left of it.

The distance is the largest difference of the two distribution functions (Kolmogorov–Smirnov),
between 0 and 1. It is indifferent to the unit of measurement, so that what is left after a change
is undone can be compared over causes, and chance makes it as large as the numbers of values say,
whatever the distribution.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clinical_assets.drift.diagnosis.cause import Aspect
from clinical_assets.drift.diagnosis.summaries import NumericSummary, Summary

Points = NDArray[np.float64]

POINTS = 400
_PLACES = (np.arange(POINTS) + 0.5) / POINTS
_GRID = 1 / POINTS  # what so many points leave undecided
_BEYOND_CHANCE = 2.5  # passed once in 500 times or less where nothing changed
_NEARLY_ALL = 0.98
_SOME = 0.05
_STEP = 0.02  # what a change of precision counts beside one of shape or of missing values


@dataclass(frozen=True, slots=True)
class Change:
    """One numeric column on both sides.

    Attributes:
        before, after: quantiles, in ascending order, at equal steps of probability.
        distance: between the two; see :func:`distance`.
        chance: the distance to expect where nothing changed.
    """

    name: str
    reference: NumericSummary
    current: NumericSummary
    before: Points
    after: Points
    distance: float
    chance: float

    @property
    def visible(self) -> bool:
        """Whether the distributions differ by more than chance explains."""
        return self.distance > _BEYOND_CHANCE * self.chance

    @property
    def aspects(self) -> dict[Aspect, float]:
        """How large the change of the finite values is in each respect, from 0 to 1."""
        return {
            "shape": self.distance if self.visible else 0.0,
            "precision": _STEP if finer(self.reference, self.current) else 0.0,
        }

    def undone(self, points: Points) -> float:
        """Share of the distance that disappears once the current values are ``points``."""
        return self.explained(distance(self.before, snapped(points, places(self.reference))))

    def foretold(self, points: Points) -> float:
        """Share of the distance that disappears if ``points`` is what the cause makes of the
        reference.
        """
        return self.explained(distance(points, self.after))

    def explained(self, left: float) -> float:
        """The distance that is left, as the share of the distance beyond chance that is gone."""
        if not self.visible:
            return 0.0
        return min(1.0, max(0.0, (self.distance - left) / (self.distance - self.chance)))


def change_of(name: str, reference: NumericSummary, current: NumericSummary) -> Change | None:
    """Both sides as quantile functions; None where a side has no values."""
    before, after = quantiles(reference), quantiles(current)
    if before is None or after is None:
        return None
    gap = distance(before, after)
    return Change(name, reference, current, before, after, gap, chance(reference, current))


def quantiles(summary: NumericSummary) -> Points | None:
    """Quantiles at equal steps of probability; None where there are no finite values."""
    if present(summary) <= 0:
        return None
    points = np.sort(np.asarray(summary.quantile(_PLACES), dtype=np.float64))
    points = points[np.isfinite(points)]
    if not len(points):
        return None
    points = points if len(points) == POINTS else resampled(points)
    return _together(points, _known_place(summary))


def _known_place(summary: NumericSummary) -> tuple[float, float] | None:
    """The most frequent value and its share: the least or the greatest of all where it may be that,
    so that values which are set to a bound lie at it; None where its place is not known."""
    found, within = summary.commonest, summary.commonest_within
    if found is None or not within:
        return found
    ends = (end for end in (summary.minimum, summary.maximum) if end is not None)
    near = next((end for end in ends if abs(end - found[0]) <= within), None)
    return None if near is None else (near, found[1])


def _together(points: Points, commonest: tuple[float, float] | None) -> Points:
    """The points, those of the most frequent value at it: quantiles of a profile lie near it."""
    if commonest is None or not math.isfinite(commonest[0]):
        return points
    value, share = commonest
    with np.errstate(over="ignore"):
        near = np.argsort(np.abs(points - value), kind="stable")[: round(share * len(points))]
    together = points.copy()
    together[near] = value
    return np.sort(together)


def resampled(points: Points) -> Points:
    """As many points as every quantile function has, from any number of them."""
    return np.asarray(np.quantile(points, _PLACES, method="inverted_cdf"), dtype=np.float64)


def distance(a: Points, b: Points) -> float:
    """Largest absolute difference of the two distribution functions (Smirnov 1939).

    >>> distance(np.array([1.0, 2.0]), np.array([2.0, 4.0]))
    0.5
    """
    a, b = np.sort(a), np.sort(b)
    every = np.concatenate([a, b])
    upto_a = np.searchsorted(a, every, "right") / len(a)
    upto_b = np.searchsorted(b, every, "right") / len(b)
    return float(np.abs(upto_a - upto_b).max())


def remainder(expected: Points, after: Points, allowed: float) -> float:
    """By how much the values lie above those expected, in the column's unit; 0 within chance.

    Args:
        allowed: the distance to expect where they are as expected.
    """
    if distance(expected, after) < max(_SOME, _BEYOND_CHANCE * allowed):
        return 0.0
    part = slice(len(expected) // 10, -(len(expected) // 10))
    return float(np.median(after[part] - expected[part]))


def snapped(points: Points, decimals: int | None) -> Points:
    """Rounded to the precision of the reference, so that equal values are equal again."""
    return points if decimals is None else np.round(points, decimals)


def places(summary: NumericSummary) -> int | None:
    """Decimals with which all but a few values can be written; None where it takes more than 3."""
    upto = np.cumsum(list(summary.decimals.values()))
    if not len(upto) or upto[-1] < _NEARLY_ALL:
        return None
    found = int(np.argmax(upto >= _NEARLY_ALL))
    return found if found < len(upto) - 1 else None


def finer(reference: NumericSummary, current: NumericSummary) -> int:
    """1 where the values have more decimals than before, -1 where fewer, 0 where neither.

    Some values need more decimals than all but a few on the other side: at least one in twenty,
    and five times as many as there.
    """
    before, after = places(reference), places(current)
    if before == after:
        return 0
    least = min(place for place in (before, after) if place is not None)
    shares = [_needing_more(summary, least) for summary in (reference, current)]
    if max(shares) < _SOME or min(shares) > max(shares) / 5:
        return 0
    return 1 if shares[1] > shares[0] else -1


def _needing_more(summary: NumericSummary, place: int) -> float:
    return float(sum(list(summary.decimals.values())[place + 1 :]))


def present(summary: Summary) -> int:
    """Rows with a value."""
    return summary.rows - summary.missing


def missing_change(reference: Summary, current: Summary) -> float:
    """Change of the share of missing values; see :func:`change_of_share`."""
    return change_of_share((reference.missing, reference.rows), (current.missing, current.rows))


def change_of_share(before: tuple[int, int], after: tuple[int, int]) -> float:
    """Change of a share, each side as (how many, of how many); 0 where it is within four standard
    errors or below one in a hundred.

    >>> change_of_share((0, 1000), (250, 1000)), change_of_share((0, 1000), (5, 1000))
    (0.25, 0.0)
    """
    (x, n), (y, m) = before, after
    if not n or not m:
        return 0.0
    change = y / m - x / n
    pooled = (x + y) / (n + m)
    error = math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    return change if abs(change) > max(4 * error, 0.01) else 0.0


def chance(reference: Summary, current: Summary) -> float:
    """The distance to expect where nothing changed: the mean of Kolmogorov's distribution,
    ln 2 sqrt(pi / 2), at both sizes, and what the points leave undecided."""
    size = 1 / present(reference) + 1 / present(current)
    return math.log(2) * math.sqrt(math.pi / 2 * size) + _GRID
