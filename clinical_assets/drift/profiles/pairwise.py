"""Exact pairwise moments of a table's columns of numbers, for the drift of correlations.

Values are taken in whole units about the middle of the reference's column, 2^19 on each side of
it (20 bits). A unit is a power of two such that 8 times the width of the reference's middle
99.8 % lies within; what lies beyond is taken at the end, and counted. Products of such numbers
summed over 8,192 rows stay below 2^53, so that float64 holds them without error whatever the
order; the blocks are added as whole numbers.

A value is off by half a unit at most. Seen as an angle between two columns about their means,
a correlation is therefore off by at most arcsin(u_x / 2 s_x) + arcsin(u_y / 2 s_y) radians, where
u are the units and s the standard deviations of the rows that have both (:meth:`Pairwise.error`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from clinical_assets.drift.kinds import kind_of
from clinical_assets.drift.multivariate.moments import Moments
from clinical_assets.drift.profiles.grid import Grid, NumericGrid
from clinical_assets.drift.profiles.packing import packed, unpacked
from clinical_assets.errors import ClinicalError

BATCH = 1 << 18  # rows of all columns that are held at once
_BLOCK = 8192  # 2^13 rows of products below 2^38
_LIMIT = 2.0**19
_PARTS = 2.0**16  # units in the width of the reference's middle, at least
_MOST = 1 << 62

Matrix = NDArray[np.int64]
Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Units:
    """What columns are measured in: whole units about an origin.

    Attributes:
        origin, unit: shape (columns,).
    """

    names: tuple[str, ...]
    origin: Vector
    unit: Vector

    @classmethod
    def of(cls, grid: Grid) -> "Units":
        """Of the grid's columns of numbers that have a spread."""
        found = {
            name: unit
            for name, column in grid.columns.items()
            if isinstance(column, NumericGrid)
            and column.kind == "numeric"
            and (unit := _unit(column))
        }
        pairs = np.array(list(found.values()), dtype=np.float64).reshape(-1, 2)
        return cls(tuple(found), pairs[:, 0], pairs[:, 1])


def _unit(grid: NumericGrid) -> tuple[float, float] | None:
    """Origin and unit of a column; None where it has no spread that can be squared."""
    q = grid.quantiles
    if not len(q):
        return None
    spans = [(float(q[0]), float(q[-1])), (grid.low or 0.0, grid.high or 0.0)]
    for low, high in spans:
        width = high - low
        if 2.0**-400 < width < 2.0**400 and abs(low) + abs(high) < 2.0**400:
            unit = 2.0 ** (int(np.frexp(width)[1]) - 1) / _PARTS
            return float(np.rint(q[len(q) // 2] / unit) * unit), unit
    return None


@dataclass(frozen=True, eq=False)
class Pairwise:
    """Moments of every two columns over the rows that have both, in whole units.

    Attributes:
        units: what they are in.
        counts, sums, squares, products: as in :class:`.multivariate.moments.Moments`.
        clipped: values of each column that lay beyond and were taken at the end.
    """

    units: Units
    counts: Matrix
    sums: Matrix
    squares: Matrix
    products: Matrix
    clipped: Matrix

    @classmethod
    def none(cls, units: Units) -> "Pairwise":
        """Of no rows."""
        k = len(units.names)
        empty = np.zeros((k, k), dtype=np.int64)
        return cls(units, empty, empty, empty, empty, np.zeros(k, dtype=np.int64))

    def plus(self, other: "Pairwise") -> "Pairwise":
        """Of both samples together, which are on the same grid.

        Raises:
            ClinicalError: the sums are beyond what 64 bits hold.
        """
        if max(int(side.squares.max(initial=0)) for side in (self, other)) >= _MOST // 2:
            raise ClinicalError(
                "The pairwise moments of so many rows cannot be added",
                repair="Add profiles without moments, or of fewer days",
            )
        return Pairwise(
            self.units,
            self.counts + other.counts,
            self.sums + other.sums,
            self.squares + other.squares,
            self.products + other.products,
            self.clipped + other.clipped,
        )

    def moments(self) -> Moments:
        """The same as floats in the columns' own units, about their origin."""
        unit = self.units.unit
        return Moments(
            self.units.names,
            self.counts.astype(np.float64),
            self.sums * unit[:, None],
            self.squares * unit[:, None] ** 2,
            self.products * np.outer(unit, unit),
            self.units.origin,
        )

    @cached_property
    def error(self) -> Vector:
        """How far each correlation may be off at most, as long as no value is clipped; 2 where
        nothing is known."""
        n = np.maximum(self.counts, 1).astype(np.float64)
        variance = np.maximum(self.squares / n - (self.sums / n) ** 2, 0.0)
        with np.errstate(divide="ignore"):
            # These deviations are themselves of values that are off by half a unit at most.
            angle = np.arcsin(np.minimum(1.0, 0.5 / np.maximum(np.sqrt(variance) - 0.5, 0.0)))
        return np.asarray(np.where(self.counts > 0, np.minimum(2.0, angle + angle.T), 2.0))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {name: packed(getattr(self, name)) for name in _ARRAYS}

    @classmethod
    def from_dict(cls, found: Mapping[str, Any], grid: Grid) -> "Pairwise":
        """What :meth:`to_dict` gave.

        Raises:
            KeyError, TypeError, ValueError: it is something else.
        """
        units = Units.of(grid)
        k = len(units.names)
        counts, sums, squares, products = (
            unpacked(found[name], np.int64).reshape(k, k) for name in _ARRAYS[:4]
        )
        clipped = unpacked(found["clipped"], np.int64).reshape(k)
        return cls(units, counts, sums, squares, products, clipped)


_ARRAYS = ("counts", "sums", "squares", "products", "clipped")


def pairwise(scan: pl.LazyFrame, grid: Grid, *, batch: int = BATCH) -> Pairwise:
    """Moments of a table's columns of numbers, some rows of all of them at a time.

    A column that the table does not have, or has as another kind, has no rows.
    """
    from threadpoolctl import threadpool_limits

    schema = scan.collect_schema()
    units = Units.of(grid)
    usable = [n for n in units.names if n in schema and kind_of(schema[n]) == "numeric"]
    found = Pairwise.none(units)
    if not usable:
        return found
    place = np.array([units.names.index(name) for name in usable])
    scan = scan.select(pl.col(usable).cast(pl.Float64))
    batches = scan.collect_batches(chunk_size=batch, maintain_order=False)
    with threadpool_limits(1, user_api="blas"):  # such products are too small to be shared
        for part in batches:
            found = found.plus(_of_batch(units, place, part))
    return found


def _of_batch(units: Units, place: NDArray[np.int64], part: pl.DataFrame) -> Pairwise:
    """Of some rows; the columns stand at these places among the units'."""
    columns, found = [column.to_numpy() for column in part], Pairwise.none(units)
    for start in range(0, len(part), _BLOCK):
        block = np.full((len(units.names), min(_BLOCK, len(part) - start)), np.nan)
        for row, column in zip(place, columns, strict=True):
            block[row] = column[start : start + _BLOCK]
        found = found.plus(_of_block(units, block))
    return found


def _of_block(units: Units, values: Vector) -> Pairwise:
    """Of some rows; exact, as every number here is a whole one below 2^53.

    Args:
        values: NaN where one is missing, shape (columns, rows).
    """
    k = len(values)
    rows = np.empty((3 * k, values.shape[1]))
    squares, whole, some = rows[:k], rows[k : 2 * k], rows[2 * k :]
    np.equal(values, values, out=some)
    np.subtract(values, units.origin[:, None], out=whole)
    whole /= units.unit[:, None]
    np.rint(whole, out=whole)
    np.clip(whole, -_LIMIT, _LIMIT, out=squares)
    clipped = np.count_nonzero(whole != squares, axis=1) - np.count_nonzero(some == 0, axis=1)
    whole[:] = 0.0
    np.copyto(whole, squares, where=some > 0)
    np.multiply(whole, whole, out=squares)
    both = (rows[k:] @ rows[k:].T).astype(np.int64)
    return Pairwise(
        units,
        both[k:, k:],
        both[:k, k:],
        (squares @ some.T).astype(np.int64),
        both[:k, :k],
        clipped,
    )
