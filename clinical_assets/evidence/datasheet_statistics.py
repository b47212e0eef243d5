"""Statistics of a data set for its datasheet, per split, with small cells suppressed.

Counts of 1 to 10 people, and counts that would give them away, are None (PRI-08). Values of
single people are not shown: quartiles only, no smallest and largest value, and only from as many
people as a cell needs. Totals over the splits are not shown, because the difference of a total and
its parts would give a hidden part away.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from clinical_assets.evidence.suppression import suppress_partition
from clinical_assets.modelling.records import Role
from clinical_assets.modelling.spec import ClinicalModel, Column
from clinical_assets.modelling.subgroups import band_members
from clinical_assets.small_cells import MINIMUM_CELL

ROLES: tuple[Role, ...] = ("train", "calibration", "test")


@dataclass(frozen=True, slots=True)
class SplitCounts:
    """People and events of one split; events are None where they are a small cell."""

    role: Role
    n: int
    events: int | None


@dataclass(frozen=True, slots=True)
class ColumnSummary:
    """One column in one split.

    Attributes:
        missing: missing values; None where suppressed or, for a column that subgroups are made
            from, where the bands' table holds it under the same suppression (``banded``).
        quartiles: 25th, 50th and 75th percentile of a numeric column, linear interpolation; None
            where there are fewer than 11 values.
        levels: count by value of a text or boolean column; None where suppressed.
    """

    role: Role
    column: str
    unit: str
    missing: int | None
    banded: bool
    quartiles: tuple[float, float, float] | None
    levels: Mapping[str, int | None]


@dataclass(frozen=True, slots=True)
class BandCount:
    """People of one band of one subgroup in one split; None where suppressed."""

    role: Role
    subgroup: str
    band: str
    n: int | None


def split_counts(spec: ClinicalModel, parts: Mapping[Role, pl.DataFrame]) -> list[SplitCounts]:
    """Rows and events of every split."""
    counts = []
    for role, rows in parts.items():
        events = int(rows[spec.label.column].cast(pl.Int64).sum())
        shown, _ = suppress_partition((events, rows.height - events))
        counts.append(SplitCounts(role, rows.height, shown))
    return counts


def column_summaries(
    spec: ClinicalModel, parts: Mapping[Role, pl.DataFrame]
) -> list[ColumnSummary]:
    """Every column but id, label and published partition, in every split."""
    left_out = {spec.id_column, spec.label.column, spec.partition_column}
    banded = {s.column for s in spec.subgroups}
    return [
        _summary(column, role, rows[column.name], column.name in banded)
        for column in spec.columns
        if column.name not in left_out
        for role, rows in parts.items()
    ]


def band_counts(spec: ClinicalModel, parts: Mapping[Role, pl.DataFrame]) -> list[BandCount]:
    """People by band, for training and calibration rows.

    The test rows' bands stand on the model card, where events are known too and may hide more;
    showing them here as well could give a hidden one away.
    """
    nullable = {c.name: c.nullable for c in spec.columns}
    found = []
    for subgroup in spec.subgroups:
        for role in ("train", "calibration"):
            rows = parts[role]
            members = band_members(
                subgroup, rows[subgroup.column], nullable=nullable[subgroup.column]
            )
            shown = suppress_partition([int(m.sum()) for m in members.values()])
            found += [
                BandCount(role, subgroup.name, band, n)
                for band, n in zip(members, shown, strict=True)
            ]
    return found


def _summary(column: Column, role: Role, values: pl.Series, banded: bool) -> ColumnSummary:
    missing = values.null_count()
    banded = banded and (column.nullable or missing > 0)
    shown, _ = suppress_partition((missing, len(values) - missing))
    levels: dict[str, int | None] = {}
    quartiles = None
    if values.dtype == pl.Boolean or values.dtype == pl.String:
        levels = _levels(column, values)
        shown = levels.pop("missing", 0)
    else:
        quartiles = _quartiles(values)
    return ColumnSummary(
        role, column.name, column.unit, None if banded else shown, banded, quartiles, levels
    )


def _levels(column: Column, values: pl.Series) -> dict[str, int | None]:
    """Counts by value and of the missing ones; free text gives no levels (it may identify)."""
    if values.dtype == pl.String and not column.levels:
        missing = values.null_count()
        return {"missing": suppress_partition((missing, len(values) - missing))[0]}
    names: Sequence[str] = column.levels or ("true", "false")
    text = values.cast(pl.String)
    cells = [int((text == name).sum()) for name in names] + [values.null_count()]
    return dict(zip((*names, "missing"), suppress_partition(cells), strict=True))


def _quartiles(values: pl.Series) -> tuple[float, float, float] | None:
    present = values.drop_nulls().cast(pl.Float64)
    if len(present) < MINIMUM_CELL:
        return None
    ends = [present.quantile(q, interpolation="linear") for q in (0.25, 0.5, 0.75)]
    low, middle, high = (float(e) for e in ends if e is not None)
    return low, middle, high
