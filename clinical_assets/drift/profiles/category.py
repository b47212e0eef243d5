"""What a profile holds of a column of categories or truth values."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clinical_assets.drift.kinds import Kind
from clinical_assets.drift.profiles.grid import CategoryGrid
from clinical_assets.drift.profiles.others import Others

Counts = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class CategorySummary:
    """One column; null is missing.

    Attributes:
        counts: of the grid's levels, in their order.
        others: observations in other levels.
    """

    grid: CategoryGrid
    rows: int
    missing: int
    counts: Counts
    others: Others

    @property
    def kind(self) -> Kind:
        """Category or boolean."""
        return self.grid.kind

    @property
    def missing_share(self) -> float | None:
        """Share of the rows without a value; None where there is no row."""
        return self.missing / self.rows if self.rows else None

    @property
    def present(self) -> int:
        """Rows with a value."""
        return self.rows - self.missing

    @property
    def levels(self) -> Mapping[str, int]:
        """Counts of the grid's levels that occur, exactly."""
        pairs = zip(self.grid.levels, self.counts.tolist(), strict=True)
        return {level: count for level, count in pairs if count}

    @property
    def other(self) -> int:
        """Observations in levels that the grid does not have."""
        return self.others.total

    @property
    def new_levels(self) -> Mapping[str, int]:
        """Those levels by name, with exact counts, as far as they are kept."""
        return self.others.kept

    @property
    def distinct(self) -> float | None:
        """How many levels occur; None where that is unknown, see :class:`.others.Others`."""
        others = self.others.distinct
        return None if others is None else float(np.count_nonzero(self.counts)) + others

    def plus(self, other: "CategorySummary") -> "CategorySummary":
        """Of both samples together, which are on the same grid."""
        return CategorySummary(
            self.grid,
            self.rows + other.rows,
            self.missing + other.missing,
            self.counts + other.counts,
            self.others.plus(other.others, self.grid.limit),
        )
