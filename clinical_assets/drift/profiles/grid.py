"""What profiles are counted over: edges and levels that the reference gives once.

Profiles of the same grid can be added and compared. A grid is part of each of its profiles.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinical_assets.drift.bins import bin_edges
from clinical_assets.drift.kinds import Kind
from clinical_assets.drift.profiles.packing import packed, unpacked

PARTS = 1000  # quantiles k / 1000, among which are the deciles
LEVELS = 1000
_FEW = 10

Vector = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class NumericGrid:
    """Of a column of numbers or times.

    Attributes:
        kind: numeric or time.
        unit: what its numbers mean; empty but for times.
        quantiles: k / 1000 of the reference (Hyndman and Fan's type 7), shape (999,), or (0,)
            where it has no value.
        low, high: its least and greatest value; None where it has none.
    """

    kind: Kind
    unit: str
    quantiles: Vector
    low: float | None
    high: float | None

    @cached_property
    def edges(self) -> Vector:
        """Distinct quantiles, rising, of which none is NaN."""
        found = np.unique(self.quantiles)
        return np.asarray(found[~np.isnan(found)])

    def parts(self, bins: int) -> Vector:
        """Edges of equally frequent bins; exact where ``bins`` divides 1000, else the nearest."""
        if not len(self.quantiles):
            return self.quantiles
        return bin_edges(lambda p: self.quantiles[np.rint(p * PARTS).astype(int) - 1], bins)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        ends = np.array([] if self.low is None else [self.low, self.high], dtype=np.float64)
        return {
            "kind": self.kind,
            "unit": self.unit,
            "quantiles": packed(self.quantiles),
            "ends": packed(ends),
        }


@dataclass(frozen=True)
class CategoryGrid:
    """Of a column of categories or truth values.

    Attributes:
        levels: the most frequent of the reference, the most frequent first; none of a column whose
            values tell patients apart: more than half of the rows would be of a level of their
            own, or of one beyond the most frequent.
        distinct: how many levels the reference has.
        named: whether levels may be kept by name.
    """

    kind: Kind
    levels: tuple[str, ...]
    distinct: int
    named: bool

    @classmethod
    def of(cls, kind: Kind, counts: Mapping[str, int], most: int = LEVELS) -> "CategoryGrid":
        """From the reference's counts."""
        order = sorted(counts, key=lambda level: (-counts[level], level))[:most]
        half = sum(counts.values()) / 2
        named = len(counts) <= max(_FEW, half) and sum(counts[level] for level in order) >= half
        return cls(kind, tuple(order) if named else (), len(counts), named)

    @cached_property
    def places(self) -> dict[str, int]:
        """Where each level stands."""
        return {level: place for place, level in enumerate(self.levels)}

    @property
    def limit(self) -> int:
        """So many levels beside the grid's are kept by name at most; see :mod:`.others`."""
        return self.distinct + 100

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "kind": self.kind,
            "levels": list(self.levels),
            "distinct": self.distinct,
            "named": self.named,
        }


@dataclass(frozen=True)
class BareGrid:
    """Of a column that is not looked into.

    Attributes:
        obstacle: why; empty where the reference holds nothing but nulls.
    """

    kind: Kind
    obstacle: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"kind": self.kind, "obstacle": self.obstacle}


ColumnGrid = NumericGrid | CategoryGrid | BareGrid


@dataclass(frozen=True, eq=False)
class Grid:
    """Grids of a reference's columns, in its order."""

    columns: Mapping[str, ColumnGrid]

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the content; profiles of the same digest can be added."""
        text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def only(self, names: "tuple[str, ...]") -> "Grid":
        """The grid of some columns."""
        return Grid({name: self.columns[name] for name in names})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Grid) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "order": list(self.columns),
            "columns": {name: column.to_dict() for name, column in self.columns.items()},
        }

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> "Grid":
        """What :meth:`to_dict` gave."""
        return cls({name: _column(found["columns"][name]) for name in found["order"]})


def _column(found: Mapping[str, Any]) -> ColumnGrid:
    if "quantiles" in found:
        ends = unpacked(found["ends"], np.float64)
        low, high = (float(ends[0]), float(ends[1])) if len(ends) else (None, None)
        quantiles = unpacked(found["quantiles"], np.float64)
        return NumericGrid(found["kind"], found["unit"], quantiles, low, high)
    if "levels" in found:
        levels = tuple(found["levels"])
        return CategoryGrid(found["kind"], levels, found["distinct"], found["named"])
    return BareGrid(found["kind"], found["obstacle"])
