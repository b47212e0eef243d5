"""Pairwise moments of columns: all that correlations need, and a sum of which is that of the whole.

For columns i and j over the rows that have both: how many, the sum of i, of its squares, and of
the products i j. All are taken about an origin for each column, so that large values do not cancel
(Chan, Golub and LeVeque 1983); moments about the same origin add up.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clinical_assets.drift.multivariate.usable import Matrix
from clinical_assets.errors import ClinicalError


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Pairwise complete moments; every matrix has shape (columns, columns).

    Attributes:
        counts: rows that have both columns.
        sums: of column i (row of the matrix), over the rows that have column j too.
        squares: of its squares.
        products: of the products of both.
        origin: about which they are taken, shape (columns,).
    """

    names: tuple[str, ...]
    counts: Matrix
    sums: Matrix
    squares: Matrix
    products: Matrix
    origin: Matrix

    @classmethod
    def of(cls, values: Matrix, names: Sequence[str], origin: Matrix) -> "Moments":
        """Moments of rows, NaN where a value is missing."""
        present = ~np.isnan(values)
        some, moved = present.astype(np.float64), np.where(present, values - origin, 0.0)
        return cls(
            tuple(names),
            some.T @ some,
            moved.T @ some,
            (moved**2).T @ some,
            moved.T @ moved,
            origin,
        )

    def __add__(self, other: "Moments") -> "Moments":
        """Moments of the rows of both.

        Raises:
            ClinicalError: they are of other columns or about another origin.
        """
        if self.names != other.names or not np.array_equal(self.origin, other.origin):
            raise ClinicalError(
                "Moments of other columns, or about another origin, cannot be added",
                repair="Take both of the same columns about the reference's origin",
            )
        return Moments(
            self.names,
            self.counts + other.counts,
            self.sums + other.sums,
            self.squares + other.squares,
            self.products + other.products,
            self.origin,
        )

    def correlations(self) -> Matrix:
        """Pearson correlations over the rows that have both; NaN where a column has no spread.

        >>> rows = np.array([[1.0, 1.0], [2.0, 3.0], [3.0, 2.0], [np.nan, 9.0]])
        >>> found = Moments.of(rows, ("x", "y"), np.zeros(2)).correlations()
        >>> round(float(found[0, 1]), 6)
        0.5
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = self.sums / self.counts
            variance = self.squares / self.counts - mean**2
            covariance = self.products / self.counts - mean * mean.T
            spread = variance > 1e-12 * (self.squares / self.counts)
            found = covariance / np.sqrt(np.where(spread & spread.T, variance * variance.T, np.nan))
        return np.asarray(np.clip(found, -1.0, 1.0))
