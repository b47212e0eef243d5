"""Two samples of numbers held against each other, exactly and without sorting them.

A coarse grid of cells is laid over both samples once; a cell is an interval, because the cell's
number never falls as the value grows. How many values lie in each cell bounds every quantile and
both distribution functions. Only the few cells in which an exact answer is still open are opened:
their values are taken out and sorted. A grid that fits badly (heavy tails, point masses) makes
more cells open and the work longer, never the answer wrong.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

CELLS = 8192
_SAMPLE = 4096
_SMALL = 20_000  # below, sorting is quicker than a grid

Numbers = NDArray[Any]  # of float64 or of int64
Cells = NDArray[np.uint16]
Counts = NDArray[np.int64]


class _Side(NamedTuple):
    """One sample on the grid."""

    values: Numbers
    cells: Cells
    before: Counts  # values in earlier cells, shape (cells + 1,)


class _Opened(NamedTuple):
    """The values of some cells, sorted."""

    values: Numbers
    before: Counts  # of them in earlier opened cells, shape (cells + 1,)


class Pair:
    """A reference and a current sample.

    Args:
        reference: numbers without NaN, shape (n,), n > 0; infinities are values like others.
        current: of the same kind, shape (m,), m > 0.

    Raises:
        ValueError: a sample is empty.
    """

    def __init__(self, reference: Numbers, current: Numbers, *, cells: int = CELLS) -> None:
        if not len(reference) or not len(current):
            raise ValueError("a sample needs at least one observation")
        self.n, self.m = len(reference), len(current)
        self._grid = _Grid.over(reference, current, cells)
        self._reference = self._grid.lay(reference)
        self._current = self._grid.lay(current)

    def quantiles(self, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        """Quantiles of the reference, linear between order statistics (Hyndman and Fan 1996,
        type 7), as :func:`numpy.quantile`."""
        position = probabilities * (self.n - 1)
        low = np.floor(position).astype(np.int64)
        high = np.minimum(low + 1, self.n - 1)
        below, above = self._ranked(low), self._ranked(high)
        weight = position - low
        with np.errstate(invalid="ignore"):
            gap = above - below
            # The nearer end is the start, so that the result never leaves the interval.
            found = np.where(weight < 0.5, below + gap * weight, above - gap * (1 - weight))
        return np.asarray(np.where(gap == 0, below, found), dtype=np.float64)

    def binned(self, edges: NDArray[np.float64]) -> tuple[Counts, Counts]:
        """Counts of both samples in the right-closed bins (…, e0], (e0, e1], …, (ek, …)."""
        return self._up_to(self._reference, edges), self._up_to(self._current, edges)

    def kolmogorov_smirnov(self) -> float:
        """The largest difference between the two distribution functions (Smirnov 1939)."""
        first, second = self._reference, self._current
        f, g = first.before / self.n, second.before / self.m
        at_borders = np.abs(f - g)
        least = float(at_borders.max())
        # In a cell one function may rise to its end before the other leaves its start.
        most = np.maximum(f[1:] - g[:-1], g[1:] - f[:-1])
        open_cells = most > least
        if not open_cells.any():
            return least
        ours, theirs = self._open(first, open_cells), self._open(second, open_cells)
        values = np.concatenate([ours.values, theirs.values])
        if not len(values):
            return least
        cell = self._grid.cells(values)
        upto = [
            side.before[cell] + np.searchsorted(seen.values, values, "right") - seen.before[cell]
            for side, seen in ((first, ours), (second, theirs))
        ]
        return max(least, float(np.abs(upto[0] / self.n - upto[1] / self.m).max()))

    def wasserstein(self) -> float | None:
        """Area between the two distribution functions, in the values' unit (Vallender 1974).

        None where a value is infinite.
        """
        ours, theirs = np.sort(self._reference.values), np.sort(self._current.values)
        ends = np.array([ours[0], ours[-1], theirs[0], theirs[-1]], dtype=np.float64)
        if not np.isfinite(ends).all():
            return None
        if self.n == self.m:
            return float(np.abs(ours.astype(np.float64) - theirs.astype(np.float64)).mean())
        every = np.sort(np.concatenate([ours, theirs]), kind="stable")
        f = np.searchsorted(ours, every[:-1], "right") / self.n
        g = np.searchsorted(theirs, every[:-1], "right") / self.m
        return float(np.sum(np.abs(f - g) * np.diff(every.astype(np.float64))))

    def _ranked(self, ranks: Counts) -> Numbers:
        """Order statistics of the reference, the least being of rank 0."""
        side = self._reference
        cell = np.searchsorted(side.before, ranks, "right") - 1
        wanted = np.zeros(self._grid.number, dtype=bool)
        wanted[cell] = True
        seen = self._open(side, wanted)
        return np.asarray(seen.values[seen.before[cell] + ranks - side.before[cell]])

    def _up_to(self, side: _Side, edges: NDArray[np.float64]) -> Counts:
        if not len(edges):
            return np.array([len(side.values)], dtype=np.int64)
        cell = self._grid.cells(edges)
        wanted = np.zeros(self._grid.number, dtype=bool)
        wanted[cell] = True
        seen = self._open(side, wanted)
        inside = np.searchsorted(seen.values, edges, "right") - seen.before[cell]
        upto = side.before[cell] + inside
        return np.diff(upto, prepend=0, append=len(side.values))

    def _open(self, side: _Side, wanted: NDArray[np.bool_]) -> _Opened:
        per_cell = np.where(wanted, np.diff(side.before), 0)
        before = np.concatenate([[0], np.cumsum(per_cell)])
        return _Opened(np.sort(side.values[wanted[side.cells]]), before)


class _Grid(NamedTuple):
    """Equal cells between ``low`` and ``high``, one more below and one above."""

    low: float
    scale: float
    number: int

    @classmethod
    def over(cls, reference: Numbers, current: Numbers, cells: int) -> "_Grid":
        if len(reference) + len(current) <= _SMALL:
            return cls(0.0, 0.0, 1)
        with np.errstate(all="ignore"):
            seen = np.concatenate([_spread(reference), _spread(current)]).astype(np.float64)
            seen = seen[np.isfinite(seen)]
            low, high = np.quantile(seen, [0.001, 0.999]) if len(seen) else (0.0, 0.0)
            pad = (high - low) / 64
            scale = cells / (high - low + 2 * pad)
            low -= pad
        if not (np.isfinite([low, scale]).all() and scale > 0):
            return cls(0.0, 0.0, 1)
        return cls(float(low), float(scale), cells + 2)

    def cells(self, values: Numbers) -> Cells:
        """The cell of each value; never falls as the value grows."""
        if self.number == 1:
            return np.zeros(len(values), dtype=np.uint16)
        with np.errstate(over="ignore"):
            place = values - self.low
            place *= self.scale
        np.clip(place, -1.0, self.number - 2.0, out=place)
        place += 1.0
        return place.astype(np.uint16)

    def lay(self, values: Numbers) -> _Side:
        """The sample with its cells counted."""
        cells = self.cells(values)
        counts = np.bincount(cells, minlength=self.number)
        return _Side(values, cells, np.concatenate([[0], np.cumsum(counts)]))


def _spread(values: Numbers) -> Numbers:
    return values[:: max(1, len(values) // _SAMPLE)]
