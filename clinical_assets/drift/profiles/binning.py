"""Counting values in right-closed bins, quickly: a table says in which bin a value may lie.

Even cells are laid over the middle of the edges. The cell of a value never falls as the value
grows, so that a cell without an edge lies in one bin, and in a cell with one edge one comparison
decides. Values in cells with several edges are searched for. The counts are exact in every case.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_CELLS = 16_384
_BLOCK = 8192

Vector = NDArray[np.float64]
Counts = NDArray[np.int64]


class Binning(NamedTuple):
    """Edges with their table.

    Attributes:
        edges: rising, without NaN, shape (k,).
        low, scale: where the cells begin, and cells per unit.
        edge: the one edge in each cell; infinity where there is none.
        bins: the bin of what lies in a cell at most at its edge, and of what lies above it,
            alternating, shape (2 cells,).
        crowded: cells with several edges.
    """

    edges: Vector
    low: float
    scale: float
    edge: Vector
    bins: NDArray[np.int64]
    crowded: NDArray[np.bool_]

    @classmethod
    def over(cls, edges: Vector) -> "Binning":
        """The table of these edges."""
        low, scale = _range(edges)
        cell = _places(edges, low, scale).astype(np.int64)
        each, first, number = np.unique(cell, return_index=True, return_counts=True)
        edge = np.full(_CELLS, np.inf)
        edge[each] = edges[first]
        crowded = np.zeros(_CELLS, dtype=bool)
        crowded[each[number > 1]] = True
        before = np.searchsorted(cell, np.arange(_CELLS), "left")
        bins = np.repeat(before, 2)
        bins[1::2][each] += 1
        return cls(edges, low, scale, edge, bins, crowded)

    def counts(self, values: Vector) -> Counts:
        """How many values lie in (…, e0], (e0, e1], …, (ek, …), shape (k + 1,)."""
        k = len(self.edges)
        if k < 2:
            return np.bincount(np.searchsorted(self.edges, values, "left"), minlength=k + 1)
        keys = np.empty(len(values), dtype=np.int64)
        for start in range(0, len(values), _BLOCK):
            block = values[start : start + _BLOCK]
            part = keys[start : start + _BLOCK]
            part[:] = _places(block, self.low, self.scale)
            above = block > self.edge.take(part, mode="clip")
            part <<= 1
            part += above
        found = np.bincount(keys, minlength=2 * _CELLS)
        return self._settled(values, keys, found)

    def _settled(self, values: Vector, keys: NDArray[np.int64], found: Counts) -> Counts:
        """Bins from cells; values in crowded cells are searched for."""
        k = len(self.edges)
        doubtful = np.repeat(self.crowded, 2) & (found > 0)
        sure = np.where(doubtful, 0, found)
        counts = np.bincount(self.bins, sure, k + 1).astype(np.int64)
        if doubtful.any():
            open_values = values[doubtful.take(keys, mode="clip")]
            counts += np.bincount(np.searchsorted(self.edges, open_values, "left"), minlength=k + 1)
        return counts


def _places(values: Vector, low: float, scale: float) -> Vector:
    """Where each value lies, in cells; the whole part is the cell. Never falls."""
    with np.errstate(over="ignore"):
        place = values - low
        place *= scale
    np.maximum(place, 0.0, out=place)
    np.minimum(place, _CELLS - 1.0, out=place)
    return place


def _range(edges: Vector) -> tuple[float, float]:
    """Cells over the middle 98 % of the edges, so that long tails do not make them wide."""
    finite = edges[np.isfinite(edges)]
    if not len(finite):
        return 0.0, 1.0
    with np.errstate(over="ignore", divide="ignore"):
        low, high = finite[len(finite) // 100], finite[-1 - len(finite) // 100]
        scale = np.float64(_CELLS - 2) / (high - low)
        low -= 1 / scale
    good = np.isfinite(low) and 0 < scale < np.inf
    return (float(low), float(scale)) if good else (0.0, 1.0)
