"""Strata of rows by their context (ward, age band, case mix), and what each side has of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from clinical_assets.drift.kinds import paired
from clinical_assets.drift.multivariate.usable import Matrix
from clinical_assets.errors import ClinicalError

_AS_LEVELS = 12


@dataclass(frozen=True, slots=True, eq=False)
class Strata:
    """The stratum of every row.

    Attributes:
        names: of the strata, as "ward = icu, age = 60 to 75".
        reference, current: number of each row's stratum.
        before, after: rows of each stratum.
    """

    names: tuple[str, ...]
    reference: NDArray[np.int64]
    current: NDArray[np.int64]
    before: Matrix
    after: Matrix

    @property
    def shared(self) -> NDArray[np.bool_]:
        """Which strata have rows on both sides."""
        return np.asarray((self.before > 0) & (self.after > 0))

    def weights(self) -> Matrix:
        """Weight of every reference row such that the strata that both sides have stand in the
        current proportions; the rest get 0. The weights sum to the rows of the shared strata.

        >>> zero, one = np.array([0, 0, 0, 1]), np.array([0, 1])
        >>> Strata(("a", "b"), zero, one, np.array([3.0, 1.0]), np.array([1.0, 1.0])).weights()
        array([0.66666667, 0.66666667, 0.66666667, 2.        ])
        """
        shared = self.shared
        before, after = np.where(shared, self.before, 0), np.where(shared, self.after, 0)
        share = after / max(1.0, after.sum()) * before.sum()
        weight = np.divide(share, before, out=np.zeros_like(share), where=before > 0)
        return np.asarray(weight[self.reference])


def strata(
    reference: pl.DataFrame, current: pl.DataFrame, context: Sequence[str], bands: int
) -> Strata:
    """Every combination of the context's levels that a row of either side has.

    Numbers with more than a dozen values are cut into bands at the reference's quantiles; missing
    is a level of its own.

    Raises:
        ClinicalError: there is no context, or a column of it cannot be compared.
    """
    if not context:
        raise ClinicalError("There is no context to condition on", repair="Name a column")
    columns = paired(reference.schema, current.schema, context)
    if bad := [f"{c.name}: {c.obstacle}" for c in columns if c.obstacle]:
        raise ClinicalError(
            f"The context cannot be compared ({'; '.join(bad)})",
            repair="Choose columns that both tables have with one type",
        )
    labels = [
        pl.concat(_levels(c.name, reference[c.name], current[c.name], bands)) for c in columns
    ]
    both = pl.DataFrame(labels).select(pl.concat_str(pl.all(), separator=", ").alias("s"))["s"]
    codes, n = both.rank("dense").to_numpy().astype(np.int64) - 1, reference.height
    names = tuple(both.unique().sort().to_list())
    sides = codes[:n], codes[n:]
    counts = [np.bincount(side, minlength=len(names)).astype(np.float64) for side in sides]
    return Strata(names, *sides, *counts)


def _levels(name: str, before: pl.Series, after: pl.Series, bands: int) -> list[pl.Series]:
    sides = [before, after]
    if before.dtype.is_numeric():
        sides = [side.cast(pl.Float64).fill_nan(None) for side in sides]
        present = sides[0].drop_nulls()
        if pl.concat(sides).n_unique() > _AS_LEVELS and len(present):
            cuts = np.unique(np.quantile(present.to_numpy(), np.arange(1, bands) / bands))
            sides = [_banded(side, cuts) for side in sides]
    return [
        pl.Series(name, f"{name} = " + side.cast(pl.String).fill_null("missing")) for side in sides
    ]


def _banded(side: pl.Series, cuts: Matrix) -> pl.Series:
    """Right-closed bands, as the bins of the distances are."""
    shown = [f"{cut:g}" for cut in cuts]
    between = [f"over {a} to {b}" for a, b in pairwise(shown)]
    words = [f"to {shown[0]}", *between, f"over {shown[-1]}"]
    place = np.searchsorted(cuts, side.fill_null(0.0).to_numpy(), "left")
    found = pl.Series([words[i] for i in place], dtype=pl.String)
    return pl.select(pl.when(side.is_null()).then(None).otherwise(found)).to_series()
