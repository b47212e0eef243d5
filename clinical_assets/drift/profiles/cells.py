"""A histogram whose cells are the same for every sample, so that it is never off its range.

A cell is what the leading bits of a float64 say: sign, power of two, and one of 64 parts of the
octave. Its ends differ by less than 1.6 %, from 1e-308 to 1e308 (the idea of HdrHistogram and of
DDSketch: Masson, Rim and Lee 2019). Only cells that hold something are kept.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_SHIFT = 46  # of 64 bits 1 is the sign, 11 the power of two, 6 the part of the octave
_HALF = 1 << 17
_LEAST = 5e-324
_NONE = 1 << 18  # no cell
_LOWEST = _HALF - 1 - (0xFFF << 6)  # the cell of minus infinity

Keys = NDArray[np.int64]
Counts = NDArray[np.int64]


class Cells(NamedTuple):
    """Cells that hold something, in the order of their values.

    Attributes:
        keys: cell numbers, rising with the values; negative for negative values.
        counts: how many values lie in each.
    """

    keys: Keys
    counts: Counts

    @classmethod
    def of(cls, values: NDArray[np.float64], weights: Counts | None = None) -> "Cells":
        """Counts values in order, of which none is -0.0 or NaN, each as often as its weight."""
        found = patterns_of(values)
        first = np.flatnonzero(np.append(True, found[1:] != found[:-1])[: len(found)])
        patterns = found[first]
        keys = np.where(patterns < _HALF, patterns, _HALF - 1 - patterns).astype(np.int64)
        if weights is None:
            return cls(keys, np.diff(first, append=len(values)))
        return cls(keys, np.add.reduceat(weights, first) if len(first) else keys)

    def plus(self, other: "Cells") -> "Cells":
        """Of both samples together; quick where one is small, as a day is beside a year."""
        small, large = sorted((self, other), key=lambda cells: len(cells.keys))
        at = np.searchsorted(large.keys, small.keys)
        known = np.append(large.keys, _NONE)[at] == small.keys
        counts = large.counts.copy()
        counts[at[known]] += small.counts[known]
        if known.all():
            return Cells(large.keys, counts)
        new = at[~known]
        return Cells(
            np.insert(large.keys, new, small.keys[~known]),
            np.insert(counts, new, small.counts[~known]),
        )

    def upto(self, keys: Keys) -> Counts:
        """How many values lie in these cells or lower ones."""
        total = np.concatenate([[0], np.cumsum(self.counts)])
        return np.asarray(total[np.searchsorted(self.keys, keys, "right")])


def with_neighbours(keys: Keys) -> Keys:
    """These cells and those below each, as far as there are values below."""
    found = np.union1d(keys, keys - 1)
    return np.asarray(found[found >= _LOWEST])


def patterns_of(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Leading bits of each value, from 0 to 2^18 - 1; no value may be -0.0 or NaN."""
    return (values.view(np.uint64) >> np.uint64(_SHIFT)).view(np.int64)


def highest_of(keys: Keys) -> NDArray[np.float64]:
    """The largest value of each cell, of which none may lie below that of minus infinity.

    >>> highest_of(np.array([patterns_of(np.array([1.0]))[0]]))[0] < 1.016
    np.True_
    """
    low = keys < 0
    # The pattern of a negative cell has its largest value first.
    bits = np.where(low, -1 - keys, (keys + 1)).astype(np.uint64) << np.uint64(_SHIFT)
    bits = np.where(low, bits | np.uint64(1 << 63), bits - np.uint64(1))
    found = bits.view(np.float64)
    found = np.where(np.isnan(found), np.inf, found)
    return np.where(keys == -1, -_LEAST, found)  # 0.0 itself lies in the cell above
