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

from clinical_assets.drift.areas import Counts, Merged, merged
from clinical_assets.drift.blocks import Blocks, Numbers, in_blocks, size, spread
from clinical_assets.drift.grid import Cells, Grid, Places
from clinical_assets.drift.tallied import between_ranks

_PER_CELL = 64  # values of both samples, on average
_MOST_CELLS = 65_534
FINER = 64
FEW = 20_000


class _Side(NamedTuple):
    """One sample on the grid, or those of its values whose cells matter.

    Attributes:
        cells: of each block's values.
        before: how many values of the whole sample lie in earlier cells, shape (cells + 1,).
    """

    blocks: Blocks
    cells: tuple[Cells, ...]
    before: Counts

    @classmethod
    def on(cls, grid: Grid, blocks: Blocks) -> "_Side":
        cells, counts = [], np.zeros(grid.number, np.int64)
        for found in grid.cells(blocks):
            cells.append(found)
            counts += grid.counts(found)
        return cls(blocks, tuple(cells), np.concatenate([[0], np.cumsum(counts)]))

    @property
    def size(self) -> int:
        """How many values the whole sample has."""
        return int(self.before[-1])

    def only(self, wanted: NDArray[np.bool_]) -> "_Side":
        """Without the values of other cells; in one block."""
        found = [np.flatnonzero(wanted.take(cells)) for cells in self.cells]
        values, cells = (
            np.concatenate([part.take(i) for part, i in zip(parts, found, strict=True)])
            for parts in (self.blocks, self.cells)
        )
        return _Side((values,), (cells,), self.before)

    def ordered(self, cells: Counts) -> tuple[Numbers, Counts]:
        """The values of these cells in order, and how many of them lie in earlier such cells."""
        wanted = np.zeros(len(self.before) - 1, dtype=bool)
        wanted[cells] = True
        counts = np.where(wanted, np.diff(self.before), 0)
        return np.sort(self.only(wanted).blocks[0]), np.concatenate([[0], np.cumsum(counts)])


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

    def finer(self, grid: Grid, first: NDArray[np.int64]) -> "_Open":
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

    def __init__(
        self, reference: Numbers | Blocks, current: Numbers | Blocks, *, cells: int = 0
    ) -> None:
        sides = in_blocks(reference), in_blocks(current)
        if not all(sides):
            raise ValueError("a sample needs at least one observation")
        cells = cells or min(sum(map(size, sides)) // _PER_CELL + 1, _MOST_CELLS)
        self._grid = Grid.over(np.concatenate([spread(side) for side in sides]), cells)
        self._whole = _Side.on(self._grid, sides[0]), _Side.on(self._grid, sides[1])
        self._taken = self._whole
        self._mask = np.zeros(self._grid.number, dtype=bool)

    def quantiles(self, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        """Quantiles of the reference; see :func:`.tallied.between_ranks`."""
        return np.asarray(between_ranks(probabilities, self._whole[0].size, self._ranked))

    def binned(self, edges: NDArray[np.float64]) -> tuple[Counts, Counts]:
        """Counts of both samples in the right-closed bins (…, e0], (e0, e1], …, (ek, …)."""
        cells = self._grid.places(edges).astype(np.intp)
        ours, theirs = self._opened(cells)
        return _bins(ours, edges, cells), _bins(theirs, edges, cells)

    def kolmogorov_smirnov(self) -> float:
        """The largest difference between the two distribution functions (Smirnov 1939)."""
        n, m = (side.size for side in self._whole)
        ours, theirs = map(_open, self._opened(np.array([], dtype=np.intp)))
        first = np.arange(self._grid.number)
        least = 0.0
        for level in ("coarse", "fine"):
            f, g = ours.start / n, theirs.start / m
            f1, g1 = (ours.start + ours.counts) / n, (theirs.start + theirs.counts) / m
            least = max(least, float(np.abs(f1 - g1).max(initial=0.0)))
            still = _apart(f, f1, g, g1) > least
            ours, theirs, first = ours.closed(still), theirs.closed(still), first[still]
            if level == "fine" or len(ours.values) + len(theirs.values) <= FEW:
                break
            ours, theirs = ours.finer(self._grid, first), theirs.finer(self._grid, first)
            first = np.repeat(first, FINER)
        return max(least, _within(ours, theirs, n, m))

    def merged(self) -> Merged:
        """Both samples in one order; see :mod:`.areas`. It takes a sort of each."""
        return merged(*(side.blocks for side in self._whole))

    def range(self) -> tuple[int, int]:
        """How many of the current sample lie below the least of the reference, and above its
        greatest."""
        reference, current = (side.blocks for side in self._whole)
        low, high = min(block.min() for block in reference), max(block.max() for block in reference)
        below = sum(np.count_nonzero(block < low) for block in current)
        return int(below), int(sum(np.count_nonzero(block > high) for block in current))

    def _opened(self, cells: Counts) -> tuple[_Side, _Side]:
        """Both samples' values in these cells, and in those where the distance may be largest.

        They are taken out of the samples once and kept: what is asked next is mostly among them.
        """
        wanted = self._undecided()
        wanted[cells] = True
        if not self._mask[wanted].all():
            self._mask |= wanted
            self._taken = self._whole[0].only(self._mask), self._whole[1].only(self._mask)
        return self._taken

    def _undecided(self) -> NDArray[np.bool_]:
        """Cells in which the distribution functions may be further apart than at any cell's end."""
        f, g = (side.before / side.size for side in self._whole)
        return np.asarray(_apart(f[:-1], f[1:], g[:-1], g[1:]) > np.abs(f - g).max())

    def _ranked(self, ranks: Counts) -> Numbers:
        before = self._whole[0].before
        cell = np.searchsorted(before, ranks, "right") - 1
        values, earlier = self._opened(cell)[0].ordered(cell)
        return np.asarray(values[earlier[cell] + ranks - before[cell]])


def _bins(side: _Side, edges: NDArray[np.float64], cells: Counts) -> Counts:
    values, earlier = side.ordered(cells)
    inside = np.searchsorted(values, edges, "right") - earlier[cells]
    return np.diff(side.before[cells] + inside, prepend=0, append=side.size)


def _open(side: _Side) -> _Open:
    return _Open(side.blocks[0], side.cells[0], side.before[:-1], np.diff(side.before))


def _apart(f0: Places, f1: Places, g0: Places, g1: Places) -> Places:
    """The most that two functions can differ in a cell, which they enter at f0 and g0 and leave at
    f1 and g1: one may rise to its end before the other leaves its start."""
    return np.maximum(f1 - g0, g1 - f0)


def _within(ours: _Open, theirs: _Open, n: int, m: int) -> float:
    """The largest difference at any of the values that are left."""
    if not len(ours.values) + len(theirs.values):
        return 0.0
    # Cells follow the order of the values; what is asked in order is found several times sooner.
    values = [np.sort(side.values) for side in (ours, theirs)]
    cells = np.concatenate([np.sort(side.cells) for side in (ours, theirs)])
    every = np.concatenate(values)
    upto = []
    for side, own in zip((ours, theirs), values, strict=True):
        earlier = np.cumsum(side.counts) - side.counts
        seen = np.searchsorted(own, every, "right")
        upto.append(side.start[cells] + seen - earlier[cells])
    return float(np.abs(upto[0] / n - upto[1] / m).max())
