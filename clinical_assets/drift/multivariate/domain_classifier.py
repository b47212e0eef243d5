"""Domain classifier: a classifier that is told reference from current, and what it goes by.

If the two samples are of one distribution, no classifier tells them apart better than chance, so
the area under its ROC curve on rows that it has not seen measures the difference of the samples
as a whole (Friedman 2003, "On multivariate goodness-of-fit and two-sample testing"; Lopez-Paz and
Oquab 2017, ICLR, "Revisiting classifier two-sample tests").

    area = P(score of a current row > score of a reference row) + P(equal) / 2

Every row is scored by a model that was fitted without it and without its patient. The area is the
mean of the folds' areas, its interval takes the folds' models as given (Bayle et al. 2020,
NeurIPS), which near 0.5 makes it a little narrow. The p-value does not rest on that: fold k is
scored by a model of folds 1 … k - 1 only, so that each fold's standard score is normal given the
past whatever was learnt, and their weighted sum is normal too. It needs no permutation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinical_assets.drift.multivariate.auc import Area, chance_score, delong, interval
from clinical_assets.drift.multivariate.encoded import Encoded, encoded
from clinical_assets.drift.multivariate.folds import folds
from clinical_assets.drift.multivariate.importance import Falls, Fold, falls, groups_of
from clinical_assets.drift.multivariate.learners import Learner, fitted
from clinical_assets.drift.multivariate.telling import Telling, TellingGroup, tellings
from clinical_assets.drift.multivariate.usable import (
    Frame,
    Units,
    Unused,
    collected,
    enough_rows,
    named,
    probability,
    sampled,
    units,
)
from clinical_assets.errors import ClinicalError

_LEAST_PER_FOLD = 4


@dataclass(frozen=True, slots=True)
class DomainClassification:
    """How well reference and current are told apart, and by what.

    Attributes:
        area: area under the ROC curve out of fold; 0.5 is chance, 1 is always right.
        low, high: its 95 % interval.
        p: probability of telling the sides apart this well where they are of one distribution.
        groups: columns that go together, those that tell most first.
        reference, current: rows that were used of each side.
        straddling: units (patients) with rows on both sides.
        notes: what was done to single columns.
    """

    area: float
    low: float
    high: float
    p: float
    learner: Learner
    groups: tuple[TellingGroup, ...]
    reference: int
    current: int
    grouped_by: str | None
    straddling: int
    unused: tuple[Unused, ...]
    notes: tuple[str, ...]

    @property
    def columns(self) -> tuple[Telling, ...]:
        """Every column that was used, in the order of the groups."""
        return tuple(column for group in self.groups for column in group.columns)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "area": self.area,
            "interval": [self.low, self.high],
            "p": self.p,
            "learner": self.learner,
            "groups": [group.to_dict() for group in self.groups],
            "rows": {"reference": self.reference, "current": self.current},
            "grouped_by": self.grouped_by,
            "straddling": self.straddling,
            "unused": [column.to_dict() for column in self.unused],
            "notes": list(self.notes),
        }

    def explain(self, most: int = 5) -> str:
        """How well the sides are told apart, then a line for each group that tells."""
        lines = [
            "A classifier tells a current row from a reference row with an area under the ROC"
            f" curve of {self.area:.3f} (95 % interval {self.low:.3f} to {self.high:.3f}, 0.5 is"
            f" chance; {probability(self.p)}; {self.reference:,} and {self.current:,} rows"
            + (f", no {self.grouped_by} in both fit and test)." if self.grouped_by else ").")
        ]
        telling = [group for group in self.groups if group.tells]
        if self.p >= 0.05:
            lines.append("Chance explains that; no column is blamed.")
        elif not telling:
            lines.append("No column, or group of columns, tells them apart by itself.")
        else:
            lines += [group.explain() for group in telling[:most]]
            if rest := len(telling) - most:
                lines += [f"{rest} further groups tell a little."] if rest > 0 else []
        lines += [named(self.unused)] if self.unused else []
        return "\n".join(lines)


def domain_classifier(
    reference: Frame,
    current: Frame,
    *,
    columns: Sequence[str] = (),
    group: str | None = None,
    learner: Learner = "boosting",
    rows: int = 10_000,
    number: int = 5,
    seed: int = 0,
) -> DomainClassification:
    """Tells reference rows from current rows, out of fold.

    Args:
        columns: what it may look at; all but ``group`` and times where empty.
        group: column whose equal values (one patient) never stand in both fit and test.
        learner: "boosting" sees interactions, "logistic" single columns.
        rows: bound on the rows of a side, drawn with ``seed``.
        number: of folds.

    Raises:
        ClinicalError: a side has too few rows or groups, or no column can be used.

    >>> import polars as pl
    >>> before = pl.DataFrame({"x": [float(i) for i in range(40)]})
    >>> after = pl.DataFrame({"x": [float(i) for i in range(100, 140)]})
    >>> found = domain_classifier(before, after, learner="logistic")
    >>> found.area, round(found.low, 4), found.columns[0].name
    (1.0, 0.9119, 'x')
    """
    from threadpoolctl import threadpool_limits

    ours, theirs = collected(reference), collected(current)
    enough_rows(ours.height, theirs.height, _LEAST_PER_FOLD * number, "a domain classifier")
    ours, theirs = sampled(ours, rows, [seed, 0]), sampled(theirs, rows, [seed, 1])
    unit = units(ours, theirs, group)
    _enough_units(unit, _LEAST_PER_FOLD * number, group)
    without = [] if group is None else [group]
    table = encoded(ours, theirs, columns, without)
    side = np.arange(len(table.values)) >= ours.height
    rounds = _Rounds(table, side, np.concatenate(unit), learner, number, seed)
    groups = groups_of(table.values, table.levels)
    # One thread: many short predictions wait for each other on a busy machine.
    with threadpool_limits(1):
        tested = rounds.out_of_fold()
        found, p = rounds.area(tested), rounds.p()
        fallen: Falls = falls(tested, groups, seed)
    low, high = interval(found, min(len(np.unique(u)) for u in unit))
    return DomainClassification(
        *(found.value, low, high, p, learner),
        groups=tellings(table, side, groups, fallen),
        reference=ours.height,
        current=theirs.height,
        grouped_by=group,
        straddling=len(np.intersect1d(*unit)),
        unused=table.unused,
        notes=table.notes,
    )


@dataclass(frozen=True, slots=True)
class _Rounds:
    """Rows dealt into folds, and the classifiers fitted to some of them."""

    table: Encoded
    side: NDArray[np.bool_]
    unit: Units
    learner: Learner
    number: int
    seed: int

    @property
    def fold(self) -> NDArray[np.int64]:
        return folds(self.side, self.unit, self.number, self.seed)

    def tested(self, fit: NDArray[np.bool_], test: NDArray[np.bool_]) -> Fold:
        """A classifier of the one, with the other to score."""
        table = self.table
        scorer = fitted(self.learner, table.values[fit], self.side[fit], table.levels, self.seed)
        return Fold(scorer, table.values[test], self.side[test])

    def out_of_fold(self) -> list[Fold]:
        """Each fold with a classifier of all the others."""
        fold = self.fold
        return [self.tested(fold != k, fold == k) for k in range(self.number)]

    def area(self, tested: list[Fold]) -> Area:
        """The mean of the folds' areas, weighted by their rows."""
        fold, total, variance = self.fold, 0.0, 0.0
        for k, one in enumerate(tested):
            scores, unit = one.scorer(one.values), self.unit[fold == k]
            local = np.unique(unit, return_inverse=True)[1]
            found = delong(
                *(scores[~one.current], scores[one.current]),
                *(local[~one.current], local[one.current]),
            )
            weight = len(scores) / len(fold)
            total += weight * found.value
            variance += weight**2 * found.variance
        return Area(min(1.0, total), variance)

    def p(self) -> float:
        """Each fold scored by what was learnt from the folds before it."""
        from scipy.special import ndtr

        fold, scores, weights = self.fold, [], np.sqrt(np.arange(1.0, self.number))
        for k in range(1, self.number):
            one = self.tested(fold < k, fold == k)
            scores.append(chance_score(one.scorer(one.values), one.current, self.unit[fold == k]))
        return float(ndtr(-float(weights @ np.array(scores)) / np.sqrt(np.sum(weights**2))))


def _enough_units(unit: tuple[Units, Units], least: int, group: str | None) -> None:
    for codes, side in zip(unit, ("reference", "current data"), strict=True):
        if (found := len(np.unique(codes))) < least:
            raise ClinicalError(
                f"The {side} has {found} different values of {group!r}, and {least} are needed so"
                " that none stands in both fit and test",
                repair="Give more of them, or fewer folds",
            )
