"""Two columns' distribution functions where both are known exactly, and distances between them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from clinical_assets.drift.profiles.numeric import NumericSummary

Vector = NDArray[np.float64]


class Bounded(NamedTuple):
    """A distance that lies within ``error`` of ``value``; see what returned it for the side."""

    value: float
    error: float


class Functions(NamedTuple):
    """Shares of values at most at each place, exactly.

    Attributes:
        places: rising; both functions are 0 at the first or below it, and 1 at the last.
        f, g: of the reference and of the current data.
        exact: both functions rise at the places only.
    """

    places: Vector
    f: Vector
    g: Vector
    exact: bool

    @classmethod
    def of(cls, reference: NumericSummary, current: NumericSummary) -> "Functions":
        """Of two columns on one grid, neither of them without values."""
        n, m = reference.present, current.present
        ours, theirs = reference.distinct, current.distinct
        if ours is not None and theirs is not None:
            places = np.union1d(ours.values, theirs.values)
            return cls(places, ours.upto(places) / n, theirs.upto(places) / m, True)
        keys = np.union1d(reference.cells.keys, current.cells.keys)
        keys = np.union1d(keys, keys - 1)
        places, f = reference.known(keys)
        _, g = current.known(keys)
        ends = (reference.minimum, current.minimum, reference.maximum, current.maximum)
        low, high = (choose(end for end in ends if end is not None) for choose in (min, max))
        places = np.clip(places, low, high)
        return cls(np.r_[low, places], np.r_[0.0, f / n], np.r_[0.0, g / m], False)

    def kolmogorov_smirnov(self) -> Bounded:
        """The largest difference at a known place; the true one is at most ``error`` larger.

        Between two places one function may rise to its end before the other leaves its start.
        """
        found = float(np.abs(self.f - self.g).max())
        if self.exact:
            return Bounded(found, 0.0)
        most = np.maximum(self.f[1:] - self.g[:-1], self.g[1:] - self.f[:-1]).max(initial=0.0)
        return Bounded(found, max(0.0, float(most) - found))

    def wasserstein(self) -> Bounded | None:
        """Area between the functions; the true one is at most ``error`` smaller or larger.

        Between two places each function is taken as a straight line; it cannot leave the
        rectangle between its ends, so that the line is off by half its area at most. None where
        a value is infinite.
        """
        if not np.isfinite(self.places[[0, -1]]).all():
            return None
        width = np.diff(self.places)
        gap = self.f - self.g
        if self.exact:
            return Bounded(float(np.sum(np.abs(gap[:-1]) * width)), 0.0)
        error = np.sum((np.diff(self.f) + np.diff(self.g)) * width) / 2
        return Bounded(float(np.sum(_area(gap[:-1], gap[1:]) * width)), float(error))


def _area(start: Vector, end: Vector) -> Vector:
    """Mean distance from 0 of a straight line from ``start`` to ``end``."""
    crossing = start * end < 0
    total = np.where(crossing, np.abs(start) + np.abs(end), 1.0)
    return np.where(crossing, (start**2 + end**2) / (2 * total), np.abs(start + end) / 2)
