"""What a diagnosis needs to know of a column: the names of a profile that it reads.

Anything with these attributes will do. A profile of :mod:`clinical_assets.drift.profiles` has them.
"""

from collections.abc import Mapping
from typing import Any, Protocol


class Summary(Protocol):
    """What every column has."""

    @property
    def rows(self) -> int:
        """Rows, with the missing ones."""

    @property
    def missing(self) -> int:
        """Rows without a value."""


class NumericSummary(Summary, Protocol):
    """A column of numbers; a figure that it does not have is None."""

    @property
    def infinite(self) -> int:
        """Rows with an infinite value, which is not a missing one."""

    @property
    def minimum(self) -> float | None:
        """The least value."""

    @property
    def maximum(self) -> float | None:
        """The greatest value."""

    @property
    def decimals(self) -> Mapping[str, float]:
        """Share of the values that are whole, or have 1, 2, 3 or more decimals, in this order."""

    @property
    def commonest(self) -> tuple[float, float] | None:
        """The most frequent value and its share; None where it is not known."""

    @property
    def commonest_within(self) -> float:
        """How far that value may lie from what is said; 0 where it is exact."""

    def quantile(self, p: Any, /) -> Any:
        """Values below which the shares ``p`` lie; asked only where there are values."""


class CategorySummary(Summary, Protocol):
    """A column of levels."""

    @property
    def levels(self) -> Mapping[str, int]:
        """Counts of the reference's levels."""

    @property
    def new_levels(self) -> Mapping[str, int]:
        """Counts of other levels, as far as they are told apart."""

    @property
    def other(self) -> int:
        """Values of other levels, all of them."""
