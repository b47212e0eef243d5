"""The distinct values of a column with their counts, as long as they are few.

Most clinical measurements are rounded, and then this is everything that a profile need hold: every
quantile and every distance is exact. Of a column with more distinct values nothing is kept, so
that what is kept does not depend on how the rows were parted.
"""

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

MOST = 1024
_BLOCK = 8192

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
    """The distinct values; None where there are more than :data:`MOST`."""
    if len(np.unique(values[:_BLOCK])) > MOST:
        return None
    # The rows in order may begin with few values: here and there in the rows is soon asked too.
    step = max(1, len(values) // _BLOCK)
    if len(np.unique(values[::step])) > MOST:
        return None
    found = pl.Series("value", values).value_counts().sort("value")
    if len(found) > MOST:
        return None
    return Distinct(found["value"].to_numpy(), found["count"].cast(pl.Int64).to_numpy())
