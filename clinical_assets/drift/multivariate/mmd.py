"""Maximum mean discrepancy: how far apart two samples lie as a whole, by a kernel.

With k(x, y) = exp(-|x - y|² / (2 s²)), s the median distance of two rows of the pooled samples,

    MMD² = mean k(x, x') + mean k(y, y') - 2 mean k(x, y)    over pairs of different rows,

the unbiased estimate of Gretton, Borgwardt, Rasch, Schölkopf and Smola 2012 (JMLR 13:723, lemma
6); it is 0 in the mean, and may be below 0, where both are of one distribution. Up to
``exact_rows`` rows in all the kernel is computed as it is; beyond, it is approximated by random
Fourier features (Rahimi and Recht 2007, NeurIPS), in which the permutations are made too, so that
the cost grows with the rows and not with their square. Rows of one patient are taken together:
pairs within a patient are left out, and patients are permuted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from clinical_assets.drift.multivariate.usable import (
    Frame,
    Matrix,
    Scale,
    Units,
    Unused,
    collected,
    enough_rows,
    named,
    numbers,
    probability,
    sampled,
    units,
)
from clinical_assets.errors import ClinicalError

_FOR_MEDIAN = 1_000
_BLOCK = 4_096


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """The discrepancy of two samples and how probable it is by chance.

    Attributes:
        mmd2: unbiased square of the maximum mean discrepancy.
        p: share of permutations, with the samples as they are among them, with as large a value.
        bandwidth: median distance of two rows, in standard deviations of the reference.
        exact: whether the kernel itself was computed, or Fourier features.
        filled: share of cells that were missing, on each side, and were filled.
        reference, current: rows that were used.
    """

    mmd2: float
    p: float
    permutations: int
    bandwidth: float
    exact: bool
    names: tuple[str, ...]
    filled: tuple[float, float]
    reference: int
    current: int
    grouped_by: str | None
    unused: tuple[Unused, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "mmd2": self.mmd2,
            "p": self.p,
            "permutations": self.permutations,
            "bandwidth": self.bandwidth,
            "exact": self.exact,
            "columns": list(self.names),
            "filled": {"reference": self.filled[0], "current": self.filled[1]},
            "rows": {"reference": self.reference, "current": self.current},
            "grouped_by": self.grouped_by,
            "unused": [column.to_dict() for column in self.unused],
        }

    def explain(self) -> str:
        """A sentence or three."""
        verdict = "more than" if self.p < 0.05 else "no more than"
        text = (
            f"Over {len(self.names)} columns together the samples differ {verdict} chance explains"
            f" (squared maximum mean discrepancy {self.mmd2:.5f}, {probability(self.p)} of"
            f" {self.permutations} permutations; {self.reference:,} and {self.current:,} rows)."
        )
        if max(self.filled) > 0:
            text += (
                f" Missing values, {self.filled[0]:.1%} and {self.filled[1]:.1%} of the cells,"
                " count as the reference's median: what is missing is part of the difference."
            )
        return " ".join([text, named(self.unused)]).strip()


class _Sums(NamedTuple):
    """Kernel sums over units; a side's sums follow from which units it has."""

    sizes: Matrix  # rows of each unit
    selves: Matrix  # kernel summed over the pairs within each unit
    kernel: Matrix | None  # summed over the pairs of two units, shape (units, units)
    features: Matrix | None  # or the units' summed features, shape (units, features)


def mmd(
    reference: Frame,
    current: Frame,
    *,
    columns: Sequence[str] = (),
    group: str | None = None,
    missing: Literal["median", "complete"] = "median",
    least_present: float = 0.5,
    rows: int = 20_000,
    exact_rows: int = 2_000,
    features: int = 256,
    permutations: int = 500,
    seed: int = 0,
) -> Discrepancy:
    """Kernel two-sample test of the numeric columns, in standard deviations of the reference.

    Args:
        group: column of what belongs together (a patient); permuted as one.
        missing: "median" fills with the reference's, "complete" uses rows without a gap only.
        least_present: a column with fewer present values on a side is not used.
        rows: bound on the rows of a side, drawn with ``seed``.
        exact_rows: bound on the rows of both sides for the kernel itself.
        features: frequencies of the Fourier features, each a sine and a cosine.

    Raises:
        ClinicalError: no column, or fewer than two rows or groups of a side, can be used.

    >>> import polars as pl
    >>> before, after = pl.DataFrame({"x": [0.0, 1.0, 2.0]}), pl.DataFrame({"x": [7.0, 8.0, 9.0]})
    >>> found = mmd(before, after)
    >>> round(found.mmd2, 6), round(found.bandwidth, 6)
    (0.926562, 7.348469)
    """
    ours, theirs = sampled(collected(reference), rows, [seed, 0]), collected(current)
    enough_rows(ours.height, theirs.height, 2, "a kernel test")
    theirs = sampled(theirs, rows, [seed, 1])
    without = [] if group is None else [group]
    table = numbers(ours, theirs, columns, without=without, least_present=least_present)
    unit = units(ours, theirs, group)
    kept = [_kept(side, missing) for side in (table.reference, table.current)]
    enough_rows(int(kept[0].sum()), int(kept[1].sum()), 2, "a kernel test")
    before, after = table.reference[kept[0]], table.current[kept[1]]
    filled = float(np.isnan(before).mean()), float(np.isnan(after).mean())
    scale, median = Scale.of(table.reference), np.nanmedian(table.reference, axis=0)
    x, y = (scale(np.where(np.isnan(side), median, side)) for side in (before, after))
    # A patient on both sides counts as one on each.
    first = np.unique(unit[0][kept[0]], return_inverse=True)[1]
    second = np.unique(unit[1][kept[1]], return_inverse=True)[1] + first.max() + 1
    whole, codes = np.vstack([x, y]), np.concatenate([first, second])
    width = _median_distance(whole, seed)
    exact = len(whole) <= exact_rows
    sums = _exact(whole, codes, width) if exact else _fourier(whole, codes, width, features, seed)
    found, p = _tested(sums, int(first.max()) + 1, permutations, seed)
    return Discrepancy(
        *(found, p, permutations, width, exact, table.names, filled, len(x), len(y)),
        grouped_by=group,
        unused=table.unused,
    )


def _kept(values: Matrix, missing: str) -> Any:
    if missing == "median":
        return np.ones(len(values), dtype=bool)
    return ~np.isnan(values).any(axis=1)


def _median_distance(values: Matrix, seed: int) -> float:
    """Median distance of two different rows, of a sample of them; 1 where more than half tie."""
    from scipy.spatial.distance import pdist

    if len(values) > _FOR_MEDIAN:
        drawn = np.random.default_rng([seed, 2]).choice(len(values), _FOR_MEDIAN, replace=False)
        values = values[drawn]
    return float(np.median(pdist(values))) or 1.0


def _exact(values: Matrix, codes: Units, width: float) -> _Sums:
    from scipy.spatial.distance import cdist

    kernel = np.exp(-cdist(values, values, "sqeuclidean") / (2 * width**2))
    sizes = np.bincount(codes).astype(np.float64)
    if len(sizes) < len(codes):
        member = np.zeros((len(sizes), len(codes)))
        member[codes, np.arange(len(codes))] = 1.0
        kernel = member @ kernel @ member.T
    else:
        order = np.argsort(codes)
        kernel = kernel[np.ix_(order, order)]
    return _Sums(sizes, np.diag(kernel).copy(), kernel, None)


def _fourier(values: Matrix, codes: Units, width: float, number: int, seed: int) -> _Sums:
    rng = np.random.default_rng([seed, 3])
    frequencies = rng.normal(size=(values.shape[1], number)) / width
    sizes = np.bincount(codes).astype(np.float64)
    summed = np.zeros((len(sizes), 2 * number))
    for start in range(0, len(values), _BLOCK):
        angles = values[start : start + _BLOCK] @ frequencies
        block = np.hstack([np.cos(angles), np.sin(angles)]) / np.sqrt(number)
        np.add.at(summed, codes[start : start + _BLOCK], block)
    return _Sums(sizes, np.sum(summed**2, axis=1), None, summed)


def _tested(sums: _Sums, first: int, permutations: int, seed: int) -> tuple[float, float]:
    """The statistic where the first units are the reference, and its share of the permutations."""
    number = len(sums.sizes)
    if min(first, number - first) < 2:
        raise ClinicalError(
            "A side has one group of rows only, and a kernel test needs two on each side",
            repair="Give more groups, or none to group by",
        )
    rng = np.random.default_rng([seed, 4])
    start = np.arange(number) < first
    dealt = np.stack([start] + [rng.permutation(start) for _ in range(permutations)])
    found = _statistics(sums, dealt.astype(np.float64))
    # What ties but for the rounding of a sum counts as tied.
    as_large = int(np.sum(found[1:] >= found[0] - 1e-12))
    return float(found[0]), (1 + as_large) / (1 + permutations)


def _statistics(sums: _Sums, dealt: Matrix) -> Matrix:
    """Unbiased MMD² for each row of ``dealt``, which has 1 where a unit is of the reference."""
    if sums.kernel is not None:
        whole = float(sums.kernel.sum())
        with_all = dealt @ sums.kernel.sum(axis=1)
        inside = np.einsum("pu,pu->p", dealt @ sums.kernel, dealt)
    else:
        assert sums.features is not None
        total = sums.features.sum(axis=0)
        ours = dealt @ sums.features
        whole, with_all = float(total @ total), ours @ total
        inside = np.sum(ours**2, axis=1)
    between = with_all - inside
    outside = whole - 2 * with_all + inside
    selves, rows = dealt @ sums.selves, dealt @ sums.sizes
    squares, n = dealt @ sums.sizes**2, float(sums.sizes.sum())
    others, other_selves = n - rows, float(sums.selves.sum()) - selves
    other_squares = float(np.sum(sums.sizes**2)) - squares
    return np.asarray(
        (inside - selves) / (rows**2 - squares)
        + (outside - other_selves) / (others**2 - other_squares)
        - 2 * between / (rows * others)
    )
