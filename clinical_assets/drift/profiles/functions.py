"""Two columns' distribution functions, each known exactly at some places, and distances."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from clinical_assets.drift.profiles.numeric import NumericSummary

Vector = NDArray[np.float64]


class Bounded(NamedTuple):
    """A distance and how far it may be off; what returned it says to which side."""

    value: float
    error: float


class _Curve(NamedTuple):
    """One distribution function: shares of values at most at each place, rising from 0 to 1."""

    places: Vector
    shares: Vector

    @classmethod
    def of(cls, summary: NumericSummary, keys: NDArray[np.int64]) -> "_Curve":
        places, upto = summary.known(keys)
        return cls(places, upto / summary.present)

    def within(self, low: float, high: float) -> "_Curve":
        """The same between these ends, beyond which there is no value."""
        places = np.clip(self.places, low, high)
        last = np.append(places[1:] != places[:-1], True)
        places, shares = places[last], self.shares[last]
        if places[0] > low:
            places, shares = np.append(low, places), np.append(0.0, shares)
        return _Curve(places, shares)

    def least(self, places: Vector) -> Vector:
        """What it is at least at each place."""
        return np.append(0.0, self.shares)[np.searchsorted(self.places, places, "right")]

    def most(self, places: Vector) -> Vector:
        """What it is at most at each place."""
        return np.append(self.shares, 1.0)[np.searchsorted(self.places, places, "left")]

    @property
    def slack(self) -> float:
        """Largest area between it and the straight lines from place to place: it cannot leave
        the rectangle between two places, half of which lies on each side of the line."""
        return float(np.sum(np.diff(self.shares) * np.diff(self.places)) / 2)


class Functions:
    """Of two columns, neither of them without values."""

    def __init__(self, reference: NumericSummary, current: NumericSummary) -> None:
        keys = np.union1d(reference.cells.keys, current.cells.keys)
        keys = np.union1d(keys, keys - 1)
        ends = [reference.minimum, current.minimum, reference.maximum, current.maximum]
        known = np.array([end for end in ends if end is not None])
        self._ends = float(known.min()), float(known.max())
        self._f, self._g = (_Curve.of(side, keys) for side in (reference, current))
        self._stepped = _stepped(reference, current)

    def kolmogorov_smirnov(self) -> Bounded:
        """A largest difference that is certain; the true one is at most ``error`` larger.

        Between two places one function may rise to its end before the other leaves its start.
        """
        if self._stepped is not None:
            _, f, g = self._stepped
            return Bounded(float(np.abs(f - g).max()), 0.0)
        places = np.union1d(self._f.places, self._g.places)
        f, g = self._f.least(places), self._g.least(places)
        f1, g1 = self._f.most(places), self._g.most(places)
        found = float(np.maximum(f - g1, g - f1).max(initial=0.0))
        before_f, before_g = np.append(0.0, f[:-1]), np.append(0.0, g[:-1])
        most = np.maximum(f1 - before_g, g1 - before_f).max(initial=0.0)
        return Bounded(found, max(0.0, float(most) - found))

    def wasserstein(self) -> Bounded | None:
        """Area between the functions, taken as straight from place to place; the true one is at
        most ``error`` smaller or larger. None where a value is infinite."""
        if not np.isfinite(self._ends).all():
            return None
        if self._stepped is not None:
            places, f, g = self._stepped
            return Bounded(float(np.sum(np.abs(f - g)[:-1] * np.diff(places))), 0.0)
        ours, theirs = self._f.within(*self._ends), self._g.within(*self._ends)
        places = np.union1d(ours.places, theirs.places)
        gap = _between(places, ours) - _between(places, theirs)
        area = float(np.sum(_area(gap[:-1], gap[1:]) * np.diff(places)))
        return Bounded(area, ours.slack + theirs.slack)


def _stepped(one: NumericSummary, other: NumericSummary) -> tuple[Vector, Vector, Vector] | None:
    """Every value with both functions, where all values are known."""
    if one.distinct is None or other.distinct is None:
        return None
    places = np.union1d(one.distinct.values, other.distinct.values)
    f, g = one.distinct.upto(places) / one.present, other.distinct.upto(places) / other.present
    return places, f, g


def _between(places: Vector, curve: _Curve) -> Vector:
    return np.interp(places, curve.places, curve.shares)


def _area(start: Vector, end: Vector) -> Vector:
    """Mean distance from 0 of a straight line from ``start`` to ``end``."""
    crossing = start * end < 0
    total = np.where(crossing, np.abs(start) + np.abs(end), 1.0)
    return np.where(crossing, (start**2 + end**2) / (2 * total), np.abs(start + end) / 2)
