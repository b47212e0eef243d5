"""Two large samples of numbers held against each other, exactly and without sorting them.

A coarse grid of cells is laid over both samples once; a cell is an interval, because the cell's
number never falls as the value grows. How many values lie in each cell bounds every quantile and
both distribution functions. Only the few cells in which an exact answer is still open are opened:
their values are taken out and laid on a finer grid, or sorted once they are few. A grid that fits
badly (heavy tails, point masses) makes more cells open and the work longer, never the answer wrong.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clinical_assets.drift.tallied import Counts, Numbers, TalliedPair, between_ranks

CELLS = 8192
FINER = 64
FEW = 20_000
_SAMPLE = 4096

Places = NDArray[np.float64]
Cells = NDArray[np.uint16]


class _Grid(NamedTuple):
    """Equal cells from ``low`` up, one more below and one above."""

    low: float
    scale: float
    number: int

    def places(self, values: Numbers) -> Places:
        """Where each value lies, in cells; its whole part is the cell. Never falls."""
        with np.errstate(over="ignore"):
            place = np.asarray(values - self.low, dtype=np.float64)
            place *= self.scale
        np.clip(place, -1.0, self.number - 2.0, out=place)
        place += 1.0
        return place


class _Side(NamedTuple):
    """One sample on the grid."""

    values: Numbers
    cells: Cells
    before: Counts  # values in earlier cells, shape (cells + 1,)

    @classmethod
    def on(cls, grid: _Grid, values: Numbers) -> "_Side":
        cells = grid.places(values).astype(np.uint16)
        return cls(values, cells, _before(cells, grid.number))


class _Open(NamedTuple):
    """What is left of one sample: values whose cells are open."""

    values: Numbers
    cells: NDArray[Any]
    start: Counts  # of the whole sample before each cell, shape (cells,)
    counts: Counts  # in each cell

    def closed(self, still: NDArray[np.bool_]) -> "_Open":
        """Without the values of the other cells, which are numbered anew."""
        kept = still[self.cells]
        number = np.cumsum(still) - 1
        return _Open(
            self.values[kept], number[self.cells[kept]], self.start[still], self.counts[still]
        )

    def finer(self, grid: _Grid, first: NDArray[np.int64]) -> "_Open":
        """The same on a grid that divides each cell; ``first``: the cells' numbers on ``grid``."""
        part = (grid.places(self.values) - first[self.cells]) * FINER
        cells = self.cells.astype(np.int64) * FINER + np.clip(part, 0, FINER - 1).astype(np.int64)
        counts = np.bincount(cells, minlength=len(self.start) * FINER)
        inside = counts.reshape(-1, FINER)
        start = self.start[:, None] + np.cumsum(inside, axis=1) - inside
        return _Open(self.values, cells, start.reshape(-1), counts)


class GriddedPair:
    """A reference and a current sample, both of float64 or both of int64, without NaN.

    Infinities are values like others. The answers are those of :class:`.tallied.TalliedPair`.

    Raises:
        ValueError: a sample is empty.
    """

    def __init__(self, reference: Numbers, current: Numbers, *, cells: int = CELLS) -> None:
        if not len(reference) or not len(current):
            raise ValueError("a sample needs at least one observation")
        self._grid = _grid(reference, current, cells)
        self._reference = _Side.on(self._grid, reference)
        self._current = _Side.on(self._grid, current)

    def quantiles(self, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        """Quantiles of the reference; see :func:`.tallied.between_ranks`."""
        found = between_ranks(probabilities, len(self._reference.values), self._ranked)
        return np.asarray(found)

    def binned(self, edges: NDArray[np.float64]) -> tuple[Counts, Counts]:
        """Counts of both samples in the right-closed bins (…, e0], (e0, e1], …, (ek, …)."""
        return self._bins(self._reference, edges), self._bins(self._current, edges)

    def kolmogorov_smirnov(self) -> float:
        """The largest difference between the two distribution functions (Smirnov 1939)."""
        n, m = len(self._reference.values), len(self._current.values)
        ours, theirs = _opened(self._reference), _opened(self._current)
        first = np.arange(self._grid.number)
        least = 0.0
        for level in ("coarse", "fine"):
            f, g = ours.start / n, theirs.start / m
            f1, g1 = (ours.start + ours.counts) / n, (theirs.start + theirs.counts) / m
            least = max(least, float(np.abs(f1 - g1).max(initial=0.0)))
            # In a cell one function may rise to its end before the other leaves its start.
            still = np.maximum(f1 - g, g1 - f) > least
            ours, theirs, first = ours.closed(still), theirs.closed(still), first[still]
            if level == "fine" or len(ours.values) + len(theirs.values) <= FEW:
                break
            ours, theirs = ours.finer(self._grid, first), theirs.finer(self._grid, first)
            first = np.repeat(first, FINER)
        return max(least, _within(ours, theirs, n, m))

    def wasserstein(self) -> float | None:
        """Area between the two distribution functions, in the values' unit (Vallender 1974).

        None where a value is infinite.
        """
        return TalliedPair(self._reference.values, self._current.values).wasserstein()

    def _ranked(self, ranks: Counts) -> Numbers:
        side = self._reference
        cell = np.searchsorted(side.before, ranks, "right") - 1
        values, before = _sorted_cells(side, cell)
        return np.asarray(values[before[cell] + ranks - side.before[cell]])

    def _bins(self, side: _Side, edges: NDArray[np.float64]) -> Counts:
        cell = self._grid.places(edges).astype(np.int64)
        values, before = _sorted_cells(side, cell)
        inside = np.searchsorted(values, edges, "right") - before[cell]
        return np.diff(side.before[cell] + inside, prepend=0, append=len(side.values))


def _grid(reference: Numbers, current: Numbers, cells: int) -> _Grid:
    """A grid over the bulk of both samples, by a small part of them."""
    with np.errstate(all="ignore"):
        seen = np.concatenate([spread(reference), spread(current)]).astype(np.float64)
        seen = seen[np.isfinite(seen)]
        low, high = np.quantile(seen, [0.001, 0.999]) if len(seen) else (0.0, 0.0)
        pad = (high - low) / 64
        scale = cells / (high - low + 2 * pad)
        low -= pad
    if not (np.isfinite([low, scale]).all() and scale > 0):
        return _Grid(0.0, 1.0, cells + 2)
    return _Grid(float(low), float(scale), cells + 2)


def spread(values: Numbers) -> Numbers:
    """Some thousand of the values, evenly over the rows."""
    return values[:: max(1, len(values) // _SAMPLE)]


def _before(cells: Cells, number: int) -> Counts:
    return np.concatenate([[0], np.cumsum(np.bincount(cells, minlength=number))])


def _opened(side: _Side) -> _Open:
    return _Open(side.values, side.cells, side.before[:-1], np.diff(side.before))


def _sorted_cells(side: _Side, cells: Counts) -> tuple[Numbers, Counts]:
    """The values of these cells in order, and how many of them lie in earlier such cells."""
    wanted = np.zeros(len(side.before) - 1, dtype=bool)
    wanted[cells] = True
    counts = np.where(wanted, np.diff(side.before), 0)
    return np.sort(side.values[wanted[side.cells]]), np.concatenate([[0], np.cumsum(counts)])


def _within(ours: _Open, theirs: _Open, n: int, m: int) -> float:
    """The largest difference at any of the values that are left."""
    every = np.concatenate([ours.values, theirs.values])
    if not len(every):
        return 0.0
    cells = np.concatenate([ours.cells, theirs.cells])
    upto = []
    for side in (ours, theirs):
        earlier = np.cumsum(side.counts) - side.counts
        seen = np.searchsorted(np.sort(side.values), every, "right")
        upto.append(side.start[cells] + seen - earlier[cells])
    return float(np.abs(upto[0] / n - upto[1] / m).max())
