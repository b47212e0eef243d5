"""How rows fall into sites and kinds of patients, so that a changed mix is told from a change.

What belongs here: the parts that rows belong to, and a column's profile in each part of the
reference. What does not: what a mix explains (:mod:`clinical_assets.drift.diagnosis.mixes`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from clinical_assets.drift.diagnosis import Background, Parts
from clinical_assets.drift.kinds import demand_column, kind_of
from clinical_assets.drift.profiles.numeric import NumericSummary
from clinical_assets.drift.profiles.profile import Profile
from clinical_assets.drift.profiles.reading import read
from clinical_assets.errors import ClinicalError

MOST_PARTS = 20
_FEWEST = 30
_SLICES = 20  # at most, of either side
_ROWS = 100  # of the reference in a slice, where it has 500
_PART = "part of the mix"


@dataclass(frozen=True, slots=True)
class Mix:
    """Columns that part the rows.

    Attributes:
        reference, current: the tables.
        site: the column that names sites; empty where there is none.
        context: columns that describe the patients: age, sex, ward, …
    """

    reference: pl.LazyFrame
    current: pl.LazyFrame
    site: str = ""
    context: Sequence[str] = ()
    _labels: dict[str, "_Labels"] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raises :class:`ClinicalError` where a table lacks a column of the context, or has it as
        another kind."""
        for side, which in ((self.reference, "reference"), (self.current, "current data")):
            schema = side.collect_schema()
            for name in self.context:
                demand_column(schema, name, which, "plan", why=", which the plan's context names")
        for name in self.context:
            kinds = [
                kind_of(side.collect_schema()[name]) for side in (self.reference, self.current)
            ]
            if "other" in kinds or kinds[0] != kinds[1]:
                raise ClinicalError(
                    f"{name!r}, which the plan's context names, is {kinds[0]} in the reference and"
                    f" {kinds[1]} in the current data",
                    where="plan",
                    repair="Give both the same type, of text or numbers, or leave it out",
                )

    def background(self, name: str, known: Profile) -> Background:
        """What the parts say of one column of numbers."""
        grid = known.grid.columns.get(name)
        if not isinstance(known.summaries.get(name), NumericSummary) or grid is None:
            return Background()
        ours, theirs = (
            side.select(name).collect().to_series() for side in (self.reference, self.current)
        )

        def parted(column: str) -> Parts:
            before, after, upto = self._parts_of(column)
            frames = pl.DataFrame({_PART: before, name: ours}).partition_by(_PART, as_dict=True)
            summaries: dict[str, NumericSummary] = {}
            for (label,), rows in frames.items():
                found = read(rows[name], grid)
                if label is not None and isinstance(found, NumericSummary):
                    summaries[str(label)] = found
            enough = {k: s for k, s in summaries.items() if s.present >= _FEWEST}
            return Parts(enough, _present_by(after, theirs), upto)

        others = [column for column in self.context if column not in (name, self.site)]
        return Background(
            parted(self.site) if self._sited else None,
            {column: parted(column) for column in others},
        )

    @property
    def _sited(self) -> bool:
        schemas = [side.collect_schema() for side in (self.reference, self.current)]
        return bool(self.site) and all(
            self.site in schema and kind_of(schema[self.site]) != "other" for schema in schemas
        )

    def _parts_of(self, column: str) -> "_Labels":
        """Each row's part on both sides, read once."""
        if column not in self._labels:
            before, after = (
                side.select(column).collect().to_series() for side in (self.reference, self.current)
            )
            self._labels[column] = _parts(before, after, whole=column == self.site)
        return self._labels[column]


class _Labels(NamedTuple):
    """The part of each row on both sides, and the parts' upper ends where they are ranges."""

    before: pl.Series
    after: pl.Series
    upto: Mapping[str, float]


def _parts(before: pl.Series, after: pl.Series, *, whole: bool) -> _Labels:
    """Levels, or slices where there are many numbers.

    >>> ages = pl.Series([float(i) for i in range(100)])
    >>> _parts(ages, ages, whole=False).before.unique(maintain_order=True).to_list()[:2]
    ['up to 19.8', 'above 19.8, up to 39.6']
    """
    if kind_of(before.dtype) == "numeric" and not whole and before.n_unique() > MOST_PARTS:
        edges = _edges(*(_numbers(side) for side in (before, after)))
        names = [f"up to {edges[0]:g}"]
        names += [f"above {a:g}, up to {b:g}" for a, b in pairwise(edges)]
        names.append(f"above {edges[-1]:g}")
        upto = dict(zip(names, [*edges, np.inf], strict=True))
        return _Labels(_cut(before, edges, names), _cut(after, edges, names), upto)
    return _Labels(before.cast(pl.String), after.cast(pl.String), {})


def _edges(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> list[float]:
    """Quantiles of both sides, so that slices are narrow where either has many, as far as the
    reference has some hundred values in each; fifths of it where it has few.

    The current side's quantiles lie at 30 of its values at least.
    """
    least = max(1, min(_ROWS, len(ours) // 5))
    slices = [max(1, min(_SLICES, n // f)) for n, f in ((len(ours), least), (len(theirs), _FEWEST))]
    wanted = [
        np.quantile(side, np.arange(1, n) / n) if len(side) else np.empty(0)
        for side, n in zip((ours, theirs), slices, strict=True)
    ]
    ordered, edges, below = np.sort(ours), [], 0
    for edge in np.unique([float(f"{each:g}") for each in np.concatenate(wanted)]).tolist():
        upto = int(np.searchsorted(ordered, edge, "right"))
        if upto - below >= least and len(ours) - upto >= least:
            edges.append(edge)
            below = upto
    return edges or [float(np.median(ordered))]


def _numbers(values: pl.Series) -> NDArray[np.float64]:
    """Those that are finite."""
    found = values.cast(pl.Float64)
    return found.filter(found.is_finite()).to_numpy()


def _cut(values: pl.Series, edges: Sequence[float], names: Sequence[str]) -> pl.Series:
    return (
        values.cast(pl.Float64)
        .bin_intervals(edges, labels=names, right_closed=True)
        .cast(pl.String)
    )


def _present_by(labels: pl.Series, values: pl.Series) -> Mapping[str, int]:
    there = values.is_not_null()
    if values.dtype.is_float():
        there &= values.is_not_nan().fill_null(False)
    counts = labels.filter(there).drop_nulls().value_counts()
    return dict(zip(counts[counts.columns[0]].to_list(), counts["count"].to_list(), strict=True))
