"""PCA reconstruction error: whether rows still lie where the reference's columns move together.

The columns, in standard deviations of the reference, are projected on the first principal
components that hold ``variance`` of the reference's variance, and back (Pearson 1901; the residual
statistic Q of Jackson and Mudholkar 1979, Technometrics 21:341):

    error = mean over rows of |z - V V' z|²,  contribution of column j = mean of (z - V V' z)_j²

so that the contributions sum to the error. A missing value is the reference's mean (0), which adds
nothing of its own. The reference is cut into chunks in the order of its rows; each chunk is
reconstructed by components fitted to the other chunks, and the current rows by those of all. The
chunks' errors vary by chance within a chunk and between chunks; both parts give the limits

    mean ± width × sqrt(between² + within² / rows + (between² + within² / chunk) / chunks)

for as many rows as the current data has (a one-way analysis of variance; Searle, Casella and
McCulloch 1992).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from clinical_assets.drift.multivariate.usable import (
    Frame,
    Matrix,
    Scale,
    Unused,
    collected,
    enough_rows,
    named,
    numbers,
)
from clinical_assets.errors import ClinicalError


@dataclass(frozen=True, slots=True)
class Reconstruction:
    """How well the reference's components reconstruct the current rows.

    Attributes:
        error: mean squared residual of a current row.
        expected: the mean of the reference's chunks, each left out of the fit.
        low, high: between which the error of as many rows is expected.
        chunks: errors of the reference's chunks.
        components: how many are kept.
        contributions: by how much each column's part of the error rose, the largest rise first.
        filled: share of missing cells on each side.
    """

    error: float
    expected: float
    low: float
    high: float
    chunks: tuple[float, ...]
    components: int
    contributions: tuple[tuple[str, float], ...]
    filled: tuple[float, float]
    reference: int
    current: int
    unused: tuple[Unused, ...]

    @property
    def outside(self) -> bool:
        """Whether the error is beyond its limits."""
        return not self.low <= self.error <= self.high

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "error": self.error,
            "expected": self.expected,
            "limits": [self.low, self.high],
            "outside": self.outside,
            "chunks": list(self.chunks),
            "components": self.components,
            "contributions": dict(self.contributions),
            "filled": {"reference": self.filled[0], "current": self.filled[1]},
            "rows": {"reference": self.reference, "current": self.current},
            "unused": [column.to_dict() for column in self.unused],
        }

    def explain(self) -> str:
        """A sentence or two."""
        where = "outside" if self.outside else "within"
        text = (
            f"{self.components} components of the reference leave an error of {self.error:.3f} on"
            f" the current rows, {self.expected:.3f} on reference rows; that is {where} the limits"
            f" {self.low:.3f} to {self.high:.3f} of the reference's own chunks."
        )
        if self.outside:
            rising = self.error > self.expected
            ordered = self.contributions if rising else self.contributions[::-1]
            most = [f"{name} ({rise:+.3f})" for name, rise in ordered[:3]]
            text += f" Most of it is in {', '.join(most)}."
        return " ".join([text, named(self.unused)]).strip()


def reconstruction(
    reference: Frame,
    current: Frame,
    *,
    columns: Sequence[str] = (),
    without: Sequence[str] = (),
    variance: float = 0.65,
    chunks: int = 10,
    width: float = 3.0,
    least_present: float = 0.5,
) -> Reconstruction:
    """Reconstructs both tables from principal components of the reference.

    Args:
        reference: in the order of time, where there is one.
        without: columns that are no measurement.
        variance: least share of the reference's variance that the components hold; the last
            component is never among them, so that there is something to leave.
        chunks: of the reference.
        width: of the limits, in standard deviations.
        least_present: a column with fewer present values on a side is not used.

    Raises:
        ClinicalError: no column can be used, or the reference has fewer than three rows a chunk.

    >>> import polars as pl
    >>> t = np.arange(60.0)
    >>> before = pl.DataFrame({"x": t, "y": t + (-1) ** t})
    >>> after = pl.DataFrame({"x": t, "y": -t})
    >>> found = reconstruction(before, after)
    >>> found.components, found.outside, round(found.error, 3), round(found.expected, 4)
    (1, True, 7.803, 0.0017)
    """
    ours, theirs = collected(reference), collected(current)
    enough_rows(ours.height, 3 * chunks, 3 * chunks, "a reconstruction")
    enough_rows(ours.height, theirs.height, 1, "a reconstruction")
    table = numbers(ours, theirs, columns, without=without, least_present=least_present)
    if len(table.names) < 2:
        raise ClinicalError(
            "One column alone is its own component, so that nothing is left to measure",
            repair="Give two columns of numbers, or more",
        )
    before, after = table.reference, table.current
    residuals, kept = _residuals(before, after, variance)
    part = np.arange(len(before)) * chunks // len(before)
    left_out = np.vstack(
        [_residuals(before[part != k], before[part == k], variance)[0] for k in range(chunks)]
    )
    errors = [left_out[part == k].sum(axis=1) for k in range(chunks)]
    expected, spread = _expected(errors, len(after))
    rises = residuals.mean(axis=0) - left_out.mean(axis=0)
    order = np.argsort(-rises)
    return Reconstruction(
        float(residuals.sum(axis=1).mean()),
        expected,
        max(0.0, expected - width * spread),
        expected + width * spread,
        tuple(float(chunk.mean()) for chunk in errors),
        kept,
        tuple((table.names[i], float(rises[i])) for i in order),
        (float(np.isnan(before).mean()), float(np.isnan(after).mean())),
        *(len(before), len(after), table.unused),
    )


def _residuals(fit: Matrix, rows: Matrix, variance: float) -> tuple[Matrix, int]:
    """Squared residuals of the rows, shape (rows, columns), and the number of components."""
    present = ~np.isnan(fit).all(axis=0)
    scale = Scale.of(np.where(present, fit, 0.0))
    z, seen = (np.nan_to_num(scale(side), nan=0.0) for side in (rows, fit))
    values, vectors = np.linalg.eigh(seen.T @ seen / len(seen))
    held = np.cumsum(values[::-1]) / values.sum()
    kept = min(int(np.searchsorted(held, variance)) + 1, max(1, len(values) - 1))
    basis = vectors[:, ::-1][:, :kept]
    return np.asarray((z - (z @ basis) @ basis.T) ** 2), kept


def _expected(errors: list[Matrix], rows: int) -> tuple[float, float]:
    """Mean of the chunks' errors, and the deviation to expect of the mean of other ``rows``."""
    means = np.array([chunk.mean() for chunk in errors])
    size = float(np.mean([len(chunk) for chunk in errors]))
    within = float(np.mean([chunk.var(ddof=1) for chunk in errors]))
    between = max(0.0, float(means.var(ddof=1)) - within / size)
    chance = between + within / rows + (between + within / size) / len(errors)
    return float(means.mean()), float(np.sqrt(chance))
