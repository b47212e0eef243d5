"""What a diagnosis needs to know of a column: the names of a profile that it reads.

Anything with these attributes will do. A profile of :mod:`clinical_assets.drift.profiles` has them.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol


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
    def minimum(self) -> float | None:
        """The least value."""

    @property
    def maximum(self) -> float | None:
        """The greatest value."""

    @property
    def mean(self) -> float | None:
        """The arithmetic mean."""

    @property
    def sd(self) -> float | None:
        """The standard deviation."""

    @property
    def decimals(self) -> Sequence[int]:
        """How many values are whole, need 1, 2, 3 or more decimals."""

    @property
    def commonest(self) -> tuple[float, int] | None:
        """The most frequent value and how often it occurs."""

    @property
    def outside_low(self) -> int:
        """Values below the places where the histogram tells them apart."""

    @property
    def outside_high(self) -> int:
        """Values above them."""

    def quantile(self, p: float, /) -> float | None:
        """The value below which a share ``p`` lies."""


class CategorySummary(Summary, Protocol):
    """A column of levels."""

    @property
    def levels(self) -> Mapping[str, int]:
        """Counts of the levels that are told apart."""

    @property
    def other(self) -> int:
        """Values of levels that are not."""
