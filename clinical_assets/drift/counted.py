"""One column as counts by window or day, over the reference's bins or its most frequent levels."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from clinical_assets.drift.areas import Counts
from clinical_assets.drift.bins import bin_edges
from clinical_assets.drift.blocks import whole
from clinical_assets.drift.kinds import Kind
from clinical_assets.drift.samples import present, read_series
from clinical_assets.drift.tallied import between_ranks

LEVELS = 20
Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Coder:
    """In which bin a value lies.

    Attributes:
        edges: of right-closed bins; empty where there are levels.
        levels: named bins; every other level is in one more. None where there are edges.
        complete: whether the reference has no other level.
    """

    edges: NDArray[np.float64]
    levels: tuple[str, ...] | None
    complete: bool

    @classmethod
    def of(cls, reference: pl.Series, kind: Kind, bins: int) -> "Coder | None":
        """From the reference's values; None where it has none, or where no level is frequent."""
        sample = read_series(reference, kind)
        if not sample.present:
            return None
        if sample.levels is None:
            ordered = np.sort(whole(sample.values))
            ranked = ordered.__getitem__
            edges = bin_edges(lambda p: between_ranks(p, len(ordered), ranked), bins)
            return cls(edges, None, complete=True)
        most = sample.levels.sort("count", "level", descending=[True, False]).head(LEVELS)
        if 2 * int(most["count"].sum()) < sample.present:
            return None
        return cls(np.empty(0), tuple(most["level"]), most.height == sample.levels.height)

    @property
    def bins(self) -> int:
        """How many bins there are."""
        return (len(self.edges) if self.levels is None else len(self.levels)) + 1

    def codes(self, series: pl.Series, kind: Kind) -> Codes:
        """The bin of each row; -1 where it has no value."""
        found = np.full(len(series), -1, dtype=np.int64)
        there = present(series)
        if self.levels is None:
            values = whole(read_series(series.filter(there), kind).values)
            found[there] = np.searchsorted(self.edges, values, "left")
            return found
        numbers = range(len(self.levels))
        coded = series.cast(pl.String).replace_strict(
            list(self.levels), list(numbers), default=len(self.levels), return_dtype=pl.Int64
        )
        found[there] = coded.to_numpy()[there]
        return found


def counts_by(codes: Codes, places: Codes, number: int, bins: int) -> Counts:
    """Counts by place and bin; rows without a value or a place are not counted.

    >>> counts_by(np.array([0, 1, -1, 1]), np.array([0, 0, 0, 1]), 2, 2).tolist()
    [[1, 1], [0, 1]]
    """
    there = (codes >= 0) & (places >= 0)
    flat = np.bincount(places[there] * bins + codes[there], minlength=number * bins)
    return flat.reshape(number, bins)


def missing_by(codes: Codes, places: Codes, number: int) -> Counts:
    """Missing and present values by place, shape (number, 2)."""
    return counts_by((codes >= 0).astype(np.int64), places, number, 2)
