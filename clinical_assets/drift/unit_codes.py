"""Which rows of two tables belong together, as those of one patient do: the unit of each row."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from clinical_assets.drift.kinds import demand_column
from clinical_assets.drift.naming import names_patients
from clinical_assets.errors import ClinicalError
from clinical_assets.visible import visible

Codes = NDArray[np.int64]


def unit_codes(frame: pl.LazyFrame, unit: str, which: str) -> Codes:
    """The unit of each row as a number from 0 up; a row without a unit is one by itself.

    Args:
        which: the table, in words.

    Raises:
        ClinicalError: there is no such column, or it can name nothing.

    >>> visits = pl.LazyFrame({"patient": ["b", None, "a", "b", None]})
    >>> unit_codes(visits, "patient", "table").tolist()
    [0, 2, 1, 0, 3]
    """
    where = f"the plan's unit, --unit {unit}"
    schema = frame.collect_schema()
    demand_column(schema, unit, which, where)
    dtype = schema[unit]
    if dtype.is_nested() or dtype in (pl.Binary, pl.Object):
        raise ClinicalError(
            f"{unit!r} is of type {dtype}, which tells no units apart",
            where=where,
            repair="Choose a column of text or whole numbers, such as patients' identifiers",
        )
    named = frame.select(pl.col(unit)).collect().to_series()
    if dtype.is_float():
        named = named.fill_nan(None)
    levels = named.drop_nulls().unique(maintain_order=True)
    known = pl.DataFrame({"unit": levels, "code": np.arange(len(levels), dtype=np.int64)})
    rows = pl.DataFrame({"unit": named})
    codes = rows.join(known, on="unit", how="left", maintain_order="left")["code"]
    found = codes.fill_null(-1).to_numpy().copy()
    unnamed = found < 0
    found[unnamed] = len(levels) + np.arange(np.count_nonzero(unnamed))
    return found


def units_of(
    reference: pl.LazyFrame, current: pl.LazyFrame, unit: str
) -> tuple[Codes, Codes] | None:
    """The unit of each row of both tables; None where no column names one.

    Raises:
        ClinicalError: see :func:`unit_codes`.
    """
    if not unit:
        return None
    return unit_codes(reference, unit, "reference"), unit_codes(current, unit, "current data")


def unit_hint(reference: pl.LazyFrame, current: pl.LazyFrame) -> list[str]:
    """What is to be said of tables that are compared without a unit, in a sentence; nothing where
    no column names patients, or none of them has two rows.

    >>> unit_hint(pl.LazyFrame({"mrn": [7, 7]}), pl.LazyFrame({"mrn": [8]}))[0][:26]
    'Rows of one mrn resemble e'
    """
    sides = (reference, current)
    schemas = [side.collect_schema() for side in sides]
    for name in (n for n in schemas[0] if n in schemas[1] and names_patients(n)):
        if schemas[0][name].is_nested() or schemas[1][name].is_nested():
            continue
        named = [side.select(pl.col(name).drop_nulls()).collect().to_series() for side in sides]
        if any(side.n_unique() < len(side) for side in named):
            shown = visible(name)
            return [
                f"Rows of one {shown} resemble each other; say --unit {shown}, or small groups of"
                " patients will seem to have drifted."
            ]
    return []
