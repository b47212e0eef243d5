"""What a profile holds of a column of numbers or times, and what follows from it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinical_assets.drift.kinds import Kind
from clinical_assets.drift.profiles.cells import Cells, highest_of, with_neighbours
from clinical_assets.drift.profiles.decimals import PLACES
from clinical_assets.drift.profiles.distinct import Distinct
from clinical_assets.drift.profiles.grid import NumericGrid
from clinical_assets.drift.profiles.spikes import Intervals, Spike, likely_spike
from clinical_assets.drift.profiles.sums import Sums
from clinical_assets.drift.tallied import between_ranks

Vector = NDArray[np.float64]
Counts = NDArray[np.int64]

_TINY = 2.0**-1020


@dataclass(frozen=True, eq=False)
class NumericSummary:
    """One column; null and NaN are missing, infinities are values.

    Whole numbers beyond 2^53 are taken as the nearest float64.

    Attributes:
        minimum, maximum: None where there is no value.
        counts: in the right-closed bins of the grid's edges, shape (edges + 1,).
        cells: the same values in cells that do not depend on the reference.
        sums: exact, of the finite values.
        written: finite values by number of decimals, in the order of ``decimals.PLACES``.
        distinct: every value with its count; None where there are more than 1,024.
        outside_low, outside_high: values below the reference's least, and above its greatest.
        spike: the most frequent value of more than 1,024 with its count, where it is frequent; only
            of a column that was counted in one piece, neither kept in the file nor added.
    """

    grid: NumericGrid
    rows: int
    nulls: int
    nan: int
    minimum: float | None
    maximum: float | None
    counts: Counts
    cells: Cells
    sums: Sums
    written: Counts
    distinct: Distinct | None
    outside_low: int
    outside_high: int
    spike: tuple[float, int] | None = field(default=None, repr=False)

    @property
    def kind(self) -> Kind:
        """Numeric or time."""
        return self.grid.kind

    @property
    def edges(self) -> Vector:
        """The grid's edges."""
        return self.grid.edges

    @property
    def missing(self) -> int:
        """Rows without a value."""
        return self.nulls + self.nan

    @property
    def missing_share(self) -> float | None:
        """Share of the rows without a value; None where there is no row."""
        return self.missing / self.rows if self.rows else None

    @property
    def present(self) -> int:
        """Rows with a value."""
        return self.rows - self.missing

    @property
    def finite(self) -> int:
        """Rows with a finite value."""
        return int(self.written.sum())

    @property
    def negative_infinities(self) -> int:
        """Rows that hold minus infinity."""
        return int(self.cells.counts[highest_of(self.cells.keys) == -np.inf].sum())

    @property
    def positive_infinities(self) -> int:
        """Rows that hold plus infinity."""
        return int(self.cells.counts[highest_of(self.cells.keys) == np.inf].sum())

    @property
    def infinite(self) -> int:
        """Rows that hold an infinite value."""
        return self.present - self.finite

    @property
    def mean(self) -> float | None:
        """Of the finite values, rounded once from the exact quotient; None where there is none."""
        return float(self.sums.first / self.finite) if self.finite else None

    @property
    def sd(self) -> float | None:
        """Standard deviation of the finite values (n - 1); None of fewer than two, or where it is
        beyond float64."""
        return self._deviation(self.finite - 1)

    @property
    def spread(self) -> float | None:
        """The same of these values as all there are (n)."""
        return self._deviation(self.finite)

    def _deviation(self, divisor: int) -> float | None:
        if divisor < 1:
            return None
        variance = self.sums.second - self.sums.first * self.sums.first / self.finite
        try:
            return math.sqrt(variance / divisor)
        except OverflowError:
            return None

    @property
    def median(self) -> float | None:
        """The middle value; None where there is none."""
        return float(self.quantile(0.5)) if self.present else None

    def quantile(self, p: Any) -> Any:
        """Quantiles at the probabilities ``p``, one or many.

        Exact (type 7 of Hyndman and Fan) where the column has at most 1,024 distinct values. Else
        between the known values of the distribution function that enclose it: next to it on
        both sides lie an edge of the grid or the end of a cell, the latter within 1.6 %.

        Raises:
            ValueError: there is no value.
        """
        if not self.present:
            raise ValueError("a column without values has no quantile")
        asked = np.atleast_1d(np.asarray(p, dtype=np.float64))
        if self.distinct is not None:
            found = between_ranks(asked, self.present, self.distinct.ranked)
            nearest = np.rint(asked * (self.present - 1)).astype(np.int64)  # between infinities
            found = np.where(np.isnan(found), self.distinct.ranked(nearest), found)
        else:
            found = self._interpolated(asked)
        return found if np.ndim(p) else float(found[0])

    def _interpolated(self, p: Vector) -> Vector:
        places, upto = self.known()
        places = np.where(np.abs(places) < _TINY, 0.0, places)  # the cells next to 0
        low, high = float(self.minimum or 0.0), float(self.maximum or 0.0)
        places = np.clip(np.concatenate([[low], places]), low, high)
        upto = np.concatenate([[0], upto])
        inside = np.interp(p * self.present, upto, np.arange(len(upto), dtype=np.float64))
        before = np.floor(inside).astype(np.int64)
        after = np.minimum(before + 1, len(places) - 1)
        weight = inside - before
        with np.errstate(invalid="ignore", over="ignore"):
            found = places[before] * (1 - weight) + places[after] * weight
        return np.asarray(np.where(weight == 0, places[before], np.clip(found, low, high)))

    def known(self, keys: Counts | None = None) -> tuple[Vector, Counts]:
        """Places, rising, and how many values are at most each: exact everywhere.

        Args:
            keys: cells whose ends are wanted; those of this column and their neighbours below
                where None.
        """
        if keys is None:
            keys = with_neighbours(self.cells.keys)
        places = np.concatenate([self.edges, highest_of(keys)])
        upto = np.concatenate([np.cumsum(self.counts)[:-1], self.cells.upto(keys)])
        places, first = np.unique(places, return_index=True)
        return places, upto[first]

    @property
    def decimals(self) -> Mapping[str, float]:
        """Share of the finite values that are whole, or have 1, 2, 3 or more decimals."""
        total = self.finite
        return {
            name: int(n) / total if total else 0.0
            for name, n in zip(PLACES, self.written, strict=True)
        }

    @property
    def commonest(self) -> tuple[float, float] | None:
        """The most frequent value, the least of several, and its share: exactly where it was
        counted; see :attr:`commonest_within`.

        None where there is no value, or where there are more than 1,024 distinct ones of which none
        is known to be frequent.
        """
        return self._spike and self._spike[:2]

    @property
    def commonest_within(self) -> float:
        """How far the most frequent value may lie from what ``commonest`` says: 0 where it was
        counted, else up to the width of the interval that holds it."""
        return self._spike.within if self._spike else 0.0

    @cached_property
    def _spike(self) -> Spike | None:
        if self.minimum is None or self.maximum is None:
            return None
        if self.distinct is not None:
            first = int(np.argmax(self.distinct.counts))
            value, number = float(self.distinct.values[first]), int(self.distinct.counts[first])
            return Spike(value, number / self.present, 0.0)
        if self.spike is not None:
            return Spike(self.spike[0], self.spike[1] / self.present, 0.0)
        places, upto = self.known()
        places = np.where(np.abs(places) < _TINY, 0.0, places)  # the cells next to 0
        ends = np.concatenate([[-np.inf], places]).clip(self.minimum, self.maximum)
        moments = (self.mean, self.spread) if not self.infinite else (None, None)
        known = (math.nan if moment is None else moment for moment in moments)
        counts = np.diff(upto, prepend=0)
        return likely_spike(Intervals(ends, counts, self.grid.quantiles, self.written, *known))

    def plus(self, other: "NumericSummary") -> "NumericSummary":
        """Of both samples together, which are on the same grid."""
        both = self.distinct is not None and other.distinct is not None
        return NumericSummary(
            self.grid,
            self.rows + other.rows,
            self.nulls + other.nulls,
            self.nan + other.nan,
            _either(min, self.minimum, other.minimum),
            _either(max, self.maximum, other.maximum),
            self.counts + other.counts,
            self.cells.plus(other.cells),
            self.sums.plus(other.sums),
            self.written + other.written,
            self.distinct.plus(other.distinct) if both else None,  # type: ignore[union-attr, arg-type]
            self.outside_low + other.outside_low,
            self.outside_high + other.outside_high,
        )


def _either(choose: Any, one: float | None, other: float | None) -> float | None:
    found = [value for value in (one, other) if value is not None]
    return choose(found) if found else None
