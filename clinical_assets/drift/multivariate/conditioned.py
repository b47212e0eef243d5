"""Comparison given the context: is the measurement another, or are the patients?

Rows are put into strata by their context (ward, age band, case mix). The reference's rows are
weighted so that the strata stand in the current proportions (direct standardisation, or
post-stratification; DiNardo, Fortin and Lemieux 1996, Econometrica 64:1001). Then

    whole  = distance of reference and current,
    mix    = distance of reference and weighted reference: the same measurement, other patients,
    within = distance of weighted reference and current: the same patients, what has changed.

For means whole = mix + within exactly (Kitagawa 1955, JASA 50:1168), where the strata that one
side lacks count to the mix; PSI and KS do not add up, and all three are given. The bins are the
deciles of the unweighted reference, right-closed. The p-value is of the mean within strata: the
sum over strata of their share of current rows × the difference of means, in standard errors.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinical_assets.drift.multivariate import weighted
from clinical_assets.drift.multivariate.strata import Strata, strata
from clinical_assets.drift.multivariate.usable import (
    Frame,
    Matrix,
    Unused,
    collected,
    enough_rows,
    named,
    numbers,
    probability,
)
from clinical_assets.errors import ClinicalError


@dataclass(frozen=True, slots=True)
class Parts:
    """One statistic: of the whole, of the changed mix alone, and what remains within strata."""

    whole: float
    mix: float
    within: float

    def to_dict(self) -> dict[str, float]:
        """Plain values for JSON."""
        return {"whole": self.whole, "mix": self.mix, "within": self.within}


@dataclass(frozen=True, slots=True)
class Stratum:
    """One stratum that both sides have.

    Attributes:
        reference, current: rows with a value.
        difference: current mean less reference mean.
        ks: Kolmogorov–Smirnov distance.
    """

    name: str
    reference: int
    current: int
    difference: float
    ks: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class ColumnGivenContext:
    """One column.

    Attributes:
        mean, psi, ks, missing: parts of the difference of means (current less reference), of the
            two distances, and of the difference of the shares of missing values.
        p: of the mean within strata; None where no stratum has two values on each side.
        strata: those with a value on both sides.
        effective: rows of the reference that the weights are worth (Kish 1965).
    """

    name: str
    mean: Parts
    psi: Parts
    ks: Parts
    missing: Parts
    p: float | None
    strata: tuple[Stratum, ...]
    effective: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        parts = {name: getattr(self, name).to_dict() for name in ("mean", "psi", "ks", "missing")}
        every = [stratum.to_dict() for stratum in self.strata]
        return {
            "name": self.name,
            **parts,
            "p": self.p,
            "strata": every,
            "effective": self.effective,
        }

    def explain(self) -> str:
        """A sentence."""
        mean, psi = self.mean, self.psi
        return (
            f"{self.name}: the mean differs by {mean.whole:+.3g}, of which {mean.mix:+.3g} is the"
            f" changed mix and {mean.within:+.3g} remains within strata ({probability(self.p)});"
            f" PSI {psi.whole:.3f}, of the mix alone {psi.mix:.3f}, with the mix held"
            f" {psi.within:.3f}."
        )


@dataclass(frozen=True, slots=True)
class Conditioned:
    """All columns, given the context.

    Attributes:
        only_reference, only_current: strata that one side has alone, with their rows.
        covered: shares of the rows, of each side, in strata that both have.
    """

    context: tuple[str, ...]
    columns: tuple[ColumnGivenContext, ...]
    only_reference: tuple[tuple[str, int], ...]
    only_current: tuple[tuple[str, int], ...]
    covered: tuple[float, float]
    unused: tuple[Unused, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "context": list(self.context),
            "columns": [column.to_dict() for column in self.columns],
            "only_reference": dict(self.only_reference),
            "only_current": dict(self.only_current),
            "covered": {"reference": self.covered[0], "current": self.covered[1]},
            "unused": [column.to_dict() for column in self.unused],
        }

    def explain(self) -> str:
        """A sentence for each column, the largest PSI first, and what the context leaves out."""
        ordered = sorted(self.columns, key=lambda column: -column.psi.whole)
        lines = [f"Given {', '.join(self.context)}:", *(column.explain() for column in ordered)]
        for side, other, alone, share in (
            ("reference", "current data", self.only_reference, self.covered[0]),
            ("current data", "reference", self.only_current, self.covered[1]),
        ):
            if alone:
                shown = ", ".join(f"{name} ({rows:,} rows)" for name, rows in alone[:5])
                lines.append(
                    f"{1 - share:.1%} of the {side} stands in {len(alone)} strata that the {other}"
                    f" lacks: {shown}."
                )
        return "\n".join([*lines, named(self.unused)]).strip()


def conditioned(
    reference: Frame,
    current: Frame,
    context: Sequence[str],
    *,
    columns: Sequence[str] = (),
    bins: int = 10,
    bands: int = 5,
) -> Conditioned:
    """Tells a changed mix from a changed measurement.

    Args:
        context: columns whose levels make the strata.
        columns: numeric ones to compare; all others where empty.
        bins: of the PSI, equal-frequency bins of the reference.
        bands: that a context of many numbers is cut into.

    Raises:
        ClinicalError: the sides share no stratum, or no column can be compared.

    >>> import polars as pl
    >>> before = pl.DataFrame({"ward": ["a"] * 3 + ["b"], "x": [1.0, 2.0, 3.0, 10.0]})
    >>> after = pl.DataFrame({"ward": ["a", "b"], "x": [2.0, 10.0]})
    >>> found = conditioned(before, after, ["ward"]).columns[0]
    >>> found.mean
    Parts(whole=2.0, mix=2.0, within=0.0)
    """
    ours, theirs = collected(reference), collected(current)
    enough_rows(ours.height, theirs.height, 1, "a comparison")
    table = numbers(ours, theirs, columns, without=context)
    cut = strata(ours, theirs, context, bands)
    shared = cut.shared
    if not shared.any():
        raise ClinicalError(
            "Reference and current data share no stratum of the context",
            repair="Condition on fewer or coarser columns",
        )
    found, unused = [], list(table.unused)
    for place, name in enumerate(table.names):
        column = _column(name, table.reference[:, place], table.current[:, place], cut, bins)
        if isinstance(column, Unused):
            unused.append(column)
        else:
            found.append(column)
    covered = (float(np.sum(side[shared]) / np.sum(side)) for side in (cut.before, cut.after))
    return Conditioned(
        tuple(context),
        tuple(found),
        _alone(cut, cut.before, shared),
        _alone(cut, cut.after, shared),
        (next(covered), next(covered)),
        tuple(unused),
    )


def _alone(cut: Strata, rows: Matrix, shared: NDArray[np.bool_]) -> tuple[tuple[str, int], ...]:
    places = [i for i in np.argsort(-rows) if rows[i] > 0 and not shared[i]]
    return tuple((cut.names[i], int(rows[i])) for i in places)


def _column(
    name: str, before: Matrix, after: Matrix, cut: Strata, bins: int
) -> ColumnGivenContext | Unused:
    """Strata are those of the rows that have a value; what is missing is compared on all rows."""
    gaps = np.isnan(before), np.isnan(after)
    missing = _means(gaps[0].astype(np.float64), gaps[1].astype(np.float64), cut)
    x, y = before[~gaps[0]], after[~gaps[1]]
    sides = cut.reference[~gaps[0]], cut.current[~gaps[1]]
    counts = [np.bincount(side, minlength=len(cut.names)).astype(np.float64) for side in sides]
    have = Strata(cut.names, *sides, *counts)
    if not have.shared.any():
        return Unused(name, "no stratum has values on both sides")
    edges = np.unique(np.quantile(x, np.arange(1, bins) / bins))
    u, one, w = have.weights(), np.ones(len(x)), np.ones(len(y))
    common = have.shared[have.current]
    held = y[common], w[common]
    return ColumnGivenContext(
        name,
        _means(x, y, have),
        Parts(
            weighted.psi(x, one, y, w, edges),
            weighted.psi(x, one, x, u, edges),
            weighted.psi(x, u, *held, edges),
        ),
        Parts(
            weighted.kolmogorov_smirnov(x, one, y, w),
            weighted.kolmogorov_smirnov(x, one, x, u),
            weighted.kolmogorov_smirnov(x, u, *held),
        ),
        missing,
        _within_p(x, y, have),
        tuple(_strata(x, y, have)),
        float(np.sum(u) ** 2 / np.sum(u**2)),
    )


def _means(x: Matrix, y: Matrix, cut: Strata) -> Parts:
    whole = float(y.mean() - x.mean())
    held = y[cut.shared[cut.current]]
    within = float(held.mean()) - weighted.mean(x, cut.weights())
    return Parts(whole, whole - within, within)


def _strata(x: Matrix, y: Matrix, cut: Strata) -> list[Stratum]:
    found = []
    for place in np.flatnonzero(cut.shared):
        a, b = x[cut.reference == place], y[cut.current == place]
        ks = weighted.kolmogorov_smirnov(a, np.ones(len(a)), b, np.ones(len(b)))
        difference = float(b.mean() - a.mean())
        found.append(Stratum(cut.names[place], len(a), len(b), difference, ks))
    return found


def _within_p(x: Matrix, y: Matrix, cut: Strata) -> float | None:
    """Two-sided, over the strata with two values or more on each side."""
    from scipy.special import ndtr

    usable = np.flatnonzero((cut.before > 1) & (cut.after > 1))
    if not len(usable):
        return None
    total = float(cut.after[usable].sum())
    difference = variance = 0.0
    for place in usable:
        a, b = x[cut.reference == place], y[cut.current == place]
        share = len(b) / total
        difference += share * float(b.mean() - a.mean())
        variance += share**2 * float(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
    if variance == 0:
        return 1.0 if difference == 0 else 0.0
    return float(2 * ndtr(-abs(difference) / np.sqrt(variance)))
