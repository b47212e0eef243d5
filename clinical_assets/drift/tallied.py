"""Two samples of numbers as distinct values with their counts: the plain and exact way.

It is quick where there are few values, or few distinct ones, as with most clinical measurements,
which are rounded. :mod:`.gridded` gives the same answers for many distinct values.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clinical_assets.drift.areas import Counts, Merged
from clinical_assets.drift.blocks import Blocks, Numbers, in_blocks, spread
from clinical_assets.drift.grid import Grid
from clinical_assets.drift.runs import distinct, run_ends

CELLS = 8192


class Tally(NamedTuple):
    """One sample.

    Attributes:
        values: distinct, in order, shape (k,).
        upto: how many observations lie before the first, the second, … value, and how many there
            are in all, shape (k + 1,).
    """

    values: Numbers
    upto: Counts

    @classmethod
    def of(cls, values: Numbers | Blocks) -> "Tally":
        """Counts a sample.

        Some of the values, no two of them in one cell of a grid, are known beforehand. Where a
        cell's values are all its known one, which is what rounding does, to count cells is to
        count values; only the others are sorted.

        Raises:
            ValueError: it is empty.
        """
        blocks = in_blocks(values)
        if not blocks:
            raise ValueError("a sample needs at least one observation")
        seen = spread(blocks)
        grid = Grid.over(seen, CELLS)
        known = np.zeros(grid.number, seen.dtype)
        known[grid.places(seen).astype(np.intp)] = seen
        counts, others = np.zeros(grid.number, np.int64), []
        for block, cells in zip(blocks, grid.cells(blocks), strict=True):
            other = np.flatnonzero(known.take(cells) != block)
            counts += grid.counts(cells)
            counts -= grid.counts(cells.take(other))
            others.append(block.take(other))
        rest = np.sort(np.concatenate(others))
        ends = run_ends(rest)
        found = np.flatnonzero(counts)
        every = np.concatenate([known[found], rest[ends]]) + 0  # -0.0 and 0.0 are one value
        order = np.argsort(every)
        counts = np.concatenate([counts[found], np.diff(ends, prepend=-1)])[order]
        return cls(every[order], np.concatenate([[0], np.cumsum(counts)]))

    @property
    def size(self) -> int:
        """How many observations."""
        return int(self.upto[-1])

    def below(self, places: NDArray[Any]) -> Counts:
        """How many observations are at most each of ``places``."""
        return np.asarray(self.upto[np.searchsorted(self.values, places, "right")])

    def ranked(self, ranks: Counts) -> Numbers:
        """Order statistics; the least is of rank 0."""
        return np.asarray(self.values[np.searchsorted(self.upto, ranks, "right") - 1])


class TalliedPair:
    """A reference and a current sample, both of float64 or both of int64, without NaN.

    Infinities are values like others.

    Raises:
        ValueError: a sample is empty.
    """

    def __init__(self, reference: Numbers | Blocks, current: Numbers | Blocks) -> None:
        self._reference, self._current = Tally.of(reference), Tally.of(current)

    def quantiles(self, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        """Quantiles of the reference; see :func:`between_ranks`."""
        found = between_ranks(probabilities, self._reference.size, self._reference.ranked)
        return np.asarray(found)

    def binned(self, edges: NDArray[np.float64]) -> tuple[Counts, Counts]:
        """Counts of both samples in the right-closed bins (…, e0], (e0, e1], …, (ek, …)."""
        return _bins(self._reference, edges), _bins(self._current, edges)

    def kolmogorov_smirnov(self) -> float:
        """The largest difference between the two distribution functions (Smirnov 1939)."""
        f, g = self._functions(self._every())
        return float(np.abs(f - g).max())

    def merged(self) -> Merged:
        """Both samples in one order; see :mod:`.areas`."""
        every = self._every()
        return Merged(every, self._reference.below(every), self._current.below(every))

    def range(self) -> tuple[int, int]:
        """How many of the current sample lie below the least of the reference, and above its
        greatest."""
        low, high = self._reference.values[[0, -1]]
        current = self._current
        below = int(current.upto[np.searchsorted(current.values, low, "left")])
        return below, current.size - int(current.below(np.asarray([high]))[0])

    def _every(self) -> Numbers:
        return distinct(np.concatenate([self._reference.values, self._current.values]))

    def _functions(self, places: Numbers) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        ours, theirs = self._reference, self._current
        return ours.below(places) / ours.size, theirs.below(places) / theirs.size


def between_ranks(probabilities: NDArray[np.float64], size: int, ranked: Any) -> Any:
    """Quantiles, linear between order statistics (Hyndman and Fan 1996, type 7), to the last bit
    those of :func:`numpy.quantile`.

    Args:
        ranked: gives the order statistics of ranks, the least being of rank 0.
    """
    position = probabilities * (size - 1)
    low = np.floor(position).astype(np.int64)
    both = ranked(np.concatenate([low, np.minimum(low + 1, size - 1)]))
    below, above = both[: len(low)], both[len(low) :]
    weight = position - low
    with np.errstate(invalid="ignore", over="ignore"):
        gap = above - below
        # The nearer end is the start, so that the result never leaves the interval.
        found = np.where(weight < 0.5, below + gap * weight, above - gap * (1 - weight))
    return np.asarray(np.where(gap == 0, below, found), dtype=np.float64)


def _bins(tally: Tally, edges: NDArray[np.float64]) -> Counts:
    return np.diff(tally.below(edges), prepend=0, append=tally.size)
