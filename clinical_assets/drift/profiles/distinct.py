"""The distinct values of a column with their counts, as long as they are few.

Most clinical measurements are rounded, and then this is everything that a profile need hold: every
quantile and every distance is exact. Of a column with more distinct values nothing is kept, so
that what is kept does not depend on how the rows were parted.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from clinical_assets.drift.runs import distinct

MOST = 1024
_SOME = 8192
_SEEN = 256

Vector = NDArray[np.float64]
Counts = NDArray[np.int64]


class Distinct(NamedTuple):
    """At most :data:`MOST` values, rising, and how often each occurs."""

    values: Vector
    counts: Counts

    def plus(self, other: "Distinct") -> "Distinct | None":
        """Of both samples together; None where there are too many."""
        values, index = np.unique(np.concatenate([self.values, other.values]), return_inverse=True)
        if len(values) > MOST:
            return None
        counts = np.zeros(len(values), dtype=np.int64)
        np.add.at(counts, index, np.concatenate([self.counts, other.counts]))
        return Distinct(values, counts)

    def upto(self, places: Vector) -> Counts:
        """How many observations are at most each of ``places``."""
        total = np.concatenate([[0], np.cumsum(self.counts)])
        return np.asarray(total[np.searchsorted(self.values, places, "right")])

    def ranked(self, ranks: Counts) -> Vector:
        """Order statistics; the least is of rank 0."""
        return np.asarray(self.values[np.searchsorted(np.cumsum(self.counts), ranks, "right")])


def distinct_of(values: Vector) -> Distinct | None:
    """The distinct ones of values in order; None where there are more than :data:`MOST`."""
    some = values[:: max(1, len(values) // _SOME)]
    if np.count_nonzero(some[1:] != some[:-1]) >= MOST:
        return None
    first = np.flatnonzero(np.append(True, values[1:] != values[:-1])[: len(values)])
    if len(first) > MOST:
        return None
    return Distinct(values[first], np.diff(first, append=len(values)))


def spike_of(values: Vector) -> tuple[float, int] | None:
    """The most frequent of values in order with its count, where it has some hundredths of them.

    >>> spike_of(np.sort(np.append(np.arange(5000.0), np.full(500, 72.0))))
    (72.0, 501)
    """
    some = values[:: max(1, len(values) // _SEEN)]
    often = distinct(some[1:][some[1:] == some[:-1]])
    if not len(often):
        return None
    counts = np.searchsorted(values, often, "right") - np.searchsorted(values, often, "left")
    most = int(np.argmax(counts))
    return float(often[most]), int(counts[most])
