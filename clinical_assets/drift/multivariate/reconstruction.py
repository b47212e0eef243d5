"""PCA reconstruction error: whether rows still lie where the reference's columns move together.

The columns, in standard deviations of the reference, are projected on the first principal
components that hold ``variance`` of the reference's variance, and back (Pearson 1901; the residual
statistic Q of Jackson and Mudholkar 1979, Technometrics 21:341):

    error = mean over rows of |z - V V' z|²,  contribution of column j = mean of (z - V V' z)_j²

so that the contributions sum to the error. A missing value is the reference's mean (0), which adds
nothing of its own. The reference is cut into chunks in the order of its rows; each chunk is
reconstructed by components fitted to the other chunks, and the current rows by those of all. The
mean error of as many rows as the current data has then varies by

    within² (1 / rows + 2 / reference rows) + slow²,

where the reference counts twice: for its own mean error, and for the scale and the directions taken
from it. ``slow²`` is what means of stretches of rows vary beyond chance (one-way analysis of
variance; Searle, Casella and McCulloch 1992): stretches of a chunk, a half, a quarter … are tried,
the worst counts, and short ones average out over a long window. Ten chunks tell little of a small
variance, and counting their noise would widen the limits two- or threefold, so it counts only where
its F test finds it (p < 0.05 over all sizes). What varies more slowly than the reference is long is
not in it. The limits are quantiles of the gamma distribution with that mean and variance, because a
squared residual is skewed (Box 1954, Annals of Mathematical Statistics 25:290); of unchanged
windows of that many rows ``confidence`` lie inside all of them. At 0.99, 0 to 1 % were seen outside
where rows are normal, 1 to 5 % where they are of t with 4 degrees of freedom, 4 to 7 % where they
are lognormal.

Only the directions that the components leave are looked at, so a change within those that they
hold does not show. Where the reference's columns hardly move together, which ones are left is as
good as drawn. So the error is also taken with other numbers of components, about ``LEVELS``, evenly
spread, and the limits of each are widened for how many there are (Bonferroni). Of four unrelated
columns, of which two then correlate at 0.8, 600 rows show it in about three of four samples: where
only a pair changes, ask :mod:`.correlation`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from operator import add
from typing import Any

import numpy as np

from clinical_assets.drift.multivariate.moments import Moments
from clinical_assets.drift.multivariate.usable import (
    Frame,
    Matrix,
    Numbers,
    Scale,
    Unused,
    collected,
    enough_rows,
    named,
    numbers,
)
from clinical_assets.errors import ClinicalError

SURPRISE = 0.05  # p of the F test below which stretches of rows vary beyond chance
LEVELS = 8  # numbers of components that are tried, beside that of the main level
ROUNDING = 1e-9  # of an error, in squared standard deviations


@dataclass(frozen=True, slots=True)
class Level:
    """The error with one number of components.

    Attributes:
        components: how many are kept.
        error: mean squared residual of a current row.
        expected: that of a reference row, each chunk left out of the fit.
        low, high: limits; the errors of as many unchanged rows lie within those of all levels with
            the confidence given.
    """

    components: int
    error: float
    expected: float
    low: float
    high: float

    @property
    def outside(self) -> bool:
        """Whether the error is beyond its limits."""
        return not self.low <= self.error <= self.high

    @property
    def beyond(self) -> float:
        """Distance of the error from what is expected, in that of the limit on its side."""
        limit = self.high if self.error > self.expected else self.low
        return abs(self.error - self.expected) / max(abs(limit - self.expected), ROUNDING)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "components": self.components,
            "error": self.error,
            "expected": self.expected,
            "limits": [self.low, self.high],
            "outside": self.outside,
        }

    def explain(self) -> str:
        """One sentence."""
        where = "outside" if self.outside else "within"
        return (
            f"{self.components} components of the reference leave an error of {self.error:.3f} on"
            f" the current rows, {self.expected:.3f} on reference rows; that is {where} the limits"
            f" {self.low:.3f} to {self.high:.3f} of as many unchanged rows."
        )


@dataclass(frozen=True, slots=True)
class Reconstruction:
    """How well the reference's components reconstruct the current rows.

    Attributes:
        main: the level whose components hold the share of variance asked for.
        levels: all that were judged, the main one among them.
        chunks: errors of the reference's chunks, at the main level.
        contributions: by how much each column's part of the error rose, the largest rise first; at
            the level furthest beyond its limits, or at the main one where none is.
        filled: share of missing cells on each side.
    """

    main: Level
    levels: tuple[Level, ...]
    chunks: tuple[float, ...]
    contributions: tuple[tuple[str, float], ...]
    filled: tuple[float, float]
    reference: int
    current: int
    unused: tuple[Unused, ...]

    @property
    def outside(self) -> bool:
        """Whether an error is beyond its limits, at any level."""
        return any(level.outside for level in self.levels)

    @property
    def told(self) -> Level:
        """The level furthest beyond its limits, or the main one where none is."""
        return _told(self.main, self.levels)

    @property
    def error(self) -> float:
        """Mean squared residual of a current row, at the main level."""
        return self.main.error

    @property
    def expected(self) -> float:
        """That of a reference row, at the main level."""
        return self.main.expected

    @property
    def components(self) -> int:
        """How many are kept at the main level."""
        return self.main.components

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: the main level, then the others and the whole."""
        return {
            **self.main.to_dict(),
            "outside": self.outside,
            "levels": [level.to_dict() for level in self.levels],
            "chunks": list(self.chunks),
            "contributions": dict(self.contributions),
            "filled": {"reference": self.filled[0], "current": self.filled[1]},
            "rows": {"reference": self.reference, "current": self.current},
            "unused": [column.to_dict() for column in self.unused],
        }

    def explain(self) -> str:
        """A sentence or two."""
        text = self.told.explain()
        if self.outside:
            rising = self.told.error > self.told.expected
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
    confidence: float = 0.99,
    least_present: float = 0.5,
) -> Reconstruction:
    """Reconstructs both tables from principal components of the reference.

    Args:
        reference: in the order of time, where there is one.
        without: columns that are no measurement.
        variance: least share of the reference's variance that the components hold; the last
            component is never among them, so that there is something to leave.
        chunks: of the reference.
        confidence: share of unchanged windows, of as many rows, within the limits.
        least_present: a column with fewer present values on a side is not used.

    Raises:
        ClinicalError: no column can be used, the reference has fewer than three rows a chunk, there
            are fewer than two chunks, or the confidence is not between 0 and 1.

    >>> import polars as pl
    >>> t = np.arange(60.0)
    >>> before = pl.DataFrame({"x": t, "y": t + (-1) ** t})
    >>> after = pl.DataFrame({"x": t, "y": -t})
    >>> found = reconstruction(before, after)
    >>> found.components, found.outside, round(found.error, 3), round(found.expected, 4)
    (1, True, 7.803, 0.0017)
    """
    if chunks < 2 or not 0 < confidence < 1:
        raise ClinicalError(
            f"Limits of confidence {confidence} from {chunks} chunks make no sense",
            repair="Give a confidence between 0 and 1 and at least two chunks",
        )
    ours, theirs = collected(reference), collected(current)
    enough_rows(ours.height, 3 * chunks, 3 * chunks, "a reconstruction")
    enough_rows(ours.height, theirs.height, 1, "a reconstruction")
    table = numbers(ours, theirs, columns, without=without, least_present=least_present)
    if len(table.names) < 2:
        raise ClinicalError(
            "One column alone is its own component, so that nothing is left to measure",
            repair="Give two columns of numbers, or more",
        )
    return _judged(table, variance, chunks, confidence)


@dataclass(frozen=True, slots=True)
class _Fit:
    """Components of some rows of the reference.

    Attributes:
        mean, deviation: of their columns, in standard deviations of the whole reference.
        shares: of the variance that each component holds, the largest first.
        directions: of the components, shape (columns, components).
    """

    mean: Matrix
    deviation: Matrix
    shares: Matrix
    directions: Matrix

    @classmethod
    def of(cls, rows: Moments) -> "_Fit":
        """Fitted with missing values as the mean; a column without spread is only centred."""
        present = np.maximum(np.diag(rows.counts), 1.0)
        mean, square = np.diag(rows.sums) / present, np.diag(rows.squares) / present
        spread = square - mean**2
        deviation = np.sqrt(np.where(spread > 1e-12 * square, spread, 1.0))
        crossed = rows.sums * mean
        products = rows.products - crossed - crossed.T + np.outer(mean, mean) * rows.counts
        values, vectors = np.linalg.eigh(products / np.outer(deviation, deviation))
        return cls(mean, deviation, values[::-1] / values.sum(), vectors[:, ::-1])

    def holding(self, variance: float) -> int:
        """The fewest components that hold this share of the variance, never all of them."""
        fewest = int(np.searchsorted(np.cumsum(self.shares), variance)) + 1
        return min(fewest, max(1, len(self.shares) - 1))

    def energies(self, rows: Matrix) -> Matrix:
        """Squares of the rows' coordinates, shape (rows, components); the last are the error."""
        return np.asarray((self._scaled(rows) @ self.directions) ** 2)

    def residuals(self, rows: Matrix, kept: int) -> Matrix:
        """Sums of the rows' squared residuals, shape (columns,)."""
        left = self.directions[:, kept:]
        return np.asarray((((self._scaled(rows) @ left) @ left.T) ** 2).sum(axis=0))

    def _scaled(self, rows: Matrix) -> Matrix:
        return np.nan_to_num((rows - self.mean) / self.deviation, nan=0.0)


def _judged(table: Numbers, variance: float, chunks: int, confidence: float) -> Reconstruction:
    scale = Scale.of(table.reference)
    before, after = scale(table.reference), scale(table.current)
    cuts = -(-np.arange(chunks + 1) * len(before) // chunks)
    parts = [before[start:end] for start, end in pairwise(cuts)]
    origin = np.zeros(len(table.names))
    moments = [Moments.of(chunk, table.names, origin) for chunk in parts]
    whole = _Fit.of(reduce(add, moments))
    # Moments of the other chunks are added up, so that each row is read once and not once a fit.
    fits = [_Fit.of(reduce(add, moments[:k] + moments[k + 1 :])) for k in range(chunks)]
    now = whole.energies(after)
    then = np.vstack([fit.energies(chunk) for fit, chunk in zip(fits, parts, strict=True)])
    kept = whole.holding(variance)
    spread = np.linspace(1, max(1, len(table.names) - 1), LEVELS)
    tried = sorted({kept, *spread.round().astype(int).tolist()})
    surprise = (1 - confidence) / len(tried)
    levels = tuple(_level(then, now, k, chunks, surprise) for k in tried)
    main = levels[tried.index(kept)]
    told = _told(main, levels).components
    left_out = sum(fit.residuals(chunk, told) for fit, chunk in zip(fits, parts, strict=True))
    rises = whole.residuals(after, told) / len(after) - left_out / len(before)
    errors = then[:, kept:].sum(axis=1)
    return Reconstruction(
        main,
        levels,
        tuple(float(errors[start:end].mean()) for start, end in pairwise(cuts)),
        tuple((table.names[i], float(rises[i])) for i in np.argsort(-rises)),
        (float(np.isnan(before).mean()), float(np.isnan(after).mean())),
        *(len(before), len(after), table.unused),
    )


def _told(main: Level, levels: Sequence[Level]) -> Level:
    if not any(level.outside for level in levels):
        return main
    return max(levels, key=lambda level: (level.outside, level.beyond))


def _level(then: Matrix, now: Matrix, kept: int, chunks: int, surprise: float) -> Level:
    errors, error = then[:, kept:].sum(axis=1), float(now[:, kept:].sum(axis=1).mean())
    expected = float(errors.mean())
    low, high = _limits(expected, _variation(errors, len(now), chunks), 1 - surprise)
    return Level(kept, error, expected, low, high)


def _variation(errors: Matrix, rows: int, chunks: int) -> float:
    """Variance of the mean error of other ``rows`` about that of these, shape (reference rows,)."""
    total = len(errors)
    sizes = [total // chunks >> k for k in range(32) if total // chunks >> k > 1]
    # Beyond the longest stretch nothing is known, so what varies there is not averaged out.
    shared = [1.0 if size == sizes[0] else min(1.0, size / rows) for size in sizes]
    slow = [
        _excess(errors, size, SURPRISE / len(sizes)) * (share + 2 * size / total)
        for size, share in zip(sizes, shared, strict=True)
    ]
    return float(errors.var(ddof=1)) * (1 / rows + 2 / total) + max(slow, default=0.0)


def _excess(errors: Matrix, size: int, surprise: float) -> float:
    """Variance of the means of stretches beyond chance; 0 where chance explains all of it."""
    from scipy.special import fdtrc

    number = len(errors) // size
    stretches = errors[: number * size].reshape(number, size)
    within = float(stretches.var(axis=1, ddof=1).mean())
    excess = float(stretches.mean(axis=1).var(ddof=1)) - within / size
    if excess <= 0:
        return 0.0
    statistic = 1 + excess * size / within if within else np.inf
    p = fdtrc(number - 1, number * (size - 1), statistic)
    return excess if p < surprise else 0.0


def _limits(mean: float, variance: float, confidence: float) -> tuple[float, float]:
    """Quantiles of the gamma distribution; errors that are rounding alone lie between."""
    from scipy.special import gammaincinv

    if variance <= ROUNDING**2:
        return max(0.0, mean - ROUNDING), mean + ROUNDING
    tail, shape = (1 - confidence) / 2, mean**2 / variance
    low, high = gammaincinv(shape, [tail, 1 - tail]) / shape * mean
    return float(low), float(high)
