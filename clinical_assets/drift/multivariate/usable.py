"""Which columns a detector uses, why it does not use the others, and their values as a matrix.

Here: choosing and reading columns of two tables. Not here: what is computed from them. Nothing is
dropped in silence: each column that was asked for is either used or named with a reason.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from clinical_assets.drift.kinds import Column, paired
from clinical_assets.errors import ClinicalError

Frame = pl.DataFrame | pl.LazyFrame
Matrix = NDArray[np.float64]
Units = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Unused:
    """A column that a detector left out.

    Attributes:
        why: the reason, in words.
    """

    name: str
    why: str

    def to_dict(self) -> dict[str, str]:
        """Plain values for JSON."""
        return {"name": self.name, "why": self.why}


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numeric columns of both tables that can be used, NaN where a value is missing.

    Attributes:
        reference, current: shape (rows, columns).
    """

    names: tuple[str, ...]
    reference: Matrix
    current: Matrix
    unused: tuple[Unused, ...]


def collected(frame: Frame) -> pl.DataFrame:
    """The table itself, where a scan was given."""
    return frame.collect() if isinstance(frame, pl.LazyFrame) else frame


def chosen(
    reference: pl.DataFrame,
    current: pl.DataFrame,
    columns: Sequence[str],
    without: Collection[str] = (),
) -> list[Column]:
    """Every column of either table but ``without``, or those asked for, in the reference's order.

    Raises:
        ClinicalError: a column that was asked for is in neither table, or none is in both.
    """
    return [c for c in paired(reference.schema, current.schema, columns) if c.name not in without]


def enough_rows(reference: int, current: int, least: int, purpose: str) -> None:
    """Raises :class:`ClinicalError` where a side has fewer rows than a detector needs."""
    for rows, side in ((reference, "reference"), (current, "current data")):
        if rows < least:
            raise ClinicalError(
                f"The {side} has {rows} rows, and {purpose} needs at least {least} on each side",
                repair="Give more rows, or a longer window",
            )


def sampled(frame: pl.DataFrame, rows: int, seed: Sequence[int]) -> pl.DataFrame:
    """At most ``rows`` of the rows, drawn without replacement, in the order of the table."""
    if frame.height <= rows:
        return frame
    drawn = np.random.default_rng(seed).choice(frame.height, rows, replace=False, shuffle=False)
    return frame[np.sort(drawn)]


def units(reference: pl.DataFrame, current: pl.DataFrame, group: str | None) -> tuple[Units, Units]:
    """A number for the patient (or the like) of every row; each row its own where there is none.

    Rows whose group is missing are each their own.

    Raises:
        ClinicalError: the group column is not in both tables.
    """
    n, m = reference.height, current.height
    if group is None:
        return np.arange(n), np.arange(n, n + m)
    for frame, side in ((reference, "reference"), (current, "current data")):
        if group not in frame.columns:
            raise ClinicalError(
                f"The {side} has no column {group!r} to group rows by",
                repair=f"Choose among {', '.join(frame.columns)}",
            )
    both = pl.concat([frame[group].cast(pl.String).alias("g") for frame in (reference, current)])
    codes = both.rank("dense").cast(pl.Int64).to_numpy().astype(np.float64)
    alone = np.isnan(codes)
    codes[alone] = n + m + np.arange(int(alone.sum()))
    found = np.unique(codes, return_inverse=True)[1].astype(np.int64)
    return found[:n], found[n:]


def as_floats(series: pl.Series) -> Matrix:
    """Values of a numeric, boolean or time column; NaN where one is missing."""
    if series.dtype.is_temporal():
        series = series.to_physical()
    return series.cast(pl.Float64).to_numpy().astype(np.float64)


def numbers(
    reference: pl.DataFrame,
    current: pl.DataFrame,
    columns: Sequence[str] = (),
    *,
    without: Collection[str] = (),
    least_present: float = 0.0,
) -> Numbers:
    """Numeric and boolean columns that have values to compute with on both sides.

    Args:
        columns: those asked for; all where empty.
        without: columns that are no measurement (patient, context).
        least_present: least share of values that are not missing, on each side.

    Raises:
        ClinicalError: no column can be used, or see :func:`chosen`.
    """
    names, pairs, unused = [], [], []
    for column in chosen(reference, current, columns, without):
        if column.obstacle or column.kind not in ("numeric", "boolean"):
            unused.append(Unused(column.name, column.obstacle or _no_number(column)))
            continue
        pair = as_floats(reference[column.name]), as_floats(current[column.name])
        if why := _obstacle(*pair, least_present):
            unused.append(Unused(column.name, why))
            continue
        names.append(column.name)
        pairs.append(pair)
    if not names:
        raise ClinicalError(
            "No column can be used: " + "; ".join(f"{u.name}: {u.why}" for u in unused[:5]),
            repair="Give columns of numbers that vary and are present on both sides",
        )
    before, after = (np.column_stack([pair[i] for pair in pairs]) for i in (0, 1))
    return Numbers(tuple(names), before, after, tuple(unused))


def _no_number(column: Column) -> str:
    return f"no number but of kind {column.kind}"


def _obstacle(before: Matrix, after: Matrix, least_present: float) -> str:
    for values, side in ((before, "reference"), (after, "current data")):
        if infinite := int(np.isinf(values).sum()):
            return f"{infinite} infinite values in the {side}"
        share = float(np.mean(~np.isnan(values)))
        if share == 0:
            return f"no value in the {side}"
        if share < least_present:
            return f"more than {1 - least_present:.0%} missing in the {side}"
    spread = float(np.ptp(before[~np.isnan(before)]))
    if spread == 0:
        return "one value only in the reference, so there is no spread to measure by"
    largest = max(float(np.nanmax(np.abs(side))) for side in (before, after))
    if largest > 1e150 or spread < 1e-150:
        return "values too large or too close to be squared"
    return ""


@dataclass(frozen=True, slots=True)
class Scale:
    """Means and standard deviations of the reference's present values, shape (columns,)."""

    mean: Matrix
    deviation: Matrix

    @classmethod
    def of(cls, reference: Matrix) -> "Scale":
        """Fitted on the reference; a column without spread is only centred."""
        deviation = np.nanstd(reference, axis=0)
        return cls(np.nanmean(reference, axis=0), np.where(deviation > 0, deviation, 1.0))

    def __call__(self, values: Matrix) -> Matrix:
        """Values in standard deviations of the reference."""
        return np.asarray((values - self.mean) / self.deviation)


def named(unused: Sequence[Unused]) -> str:
    """A sentence on what was left out, by reason; empty where nothing was."""
    reasons: dict[str, list[str]] = {}
    for column in unused:
        reasons.setdefault(column.why, []).append(column.name)
    parts = []
    for why, names in reasons.items():
        more = f" and {len(names) - 6} more" if len(names) > 6 else ""
        parts.append(f"{', '.join(names[:6])}{more} ({why})")
    return f"Not used: {'; '.join(parts)}." if parts else ""


def probability(p: float | None) -> str:
    """A p-value in words."""
    if p is None:
        return "no p-value"
    return "p < 0.0001" if p < 1e-4 else f"p = {p:.4f}" if p < 0.01 else f"p = {p:.2f}"


def plain(value: Any) -> float | None:
    """A number for JSON: None in place of NaN and the infinities."""
    number = float(value)
    return number if np.isfinite(number) else None
