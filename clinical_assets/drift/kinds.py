"""Which columns of two tables can be compared, as what, and why others cannot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl

from clinical_assets.errors import ClinicalError
from clinical_assets.visible import visible_name

_NAMED = 20
Kind = Literal["numeric", "category", "boolean", "time", "null", "other"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of both tables.

    Attributes:
        kind: what it is compared as.
        obstacle: why it is not compared; empty where it is.
    """

    name: str
    kind: Kind
    obstacle: str = ""


def kind_of(dtype: pl.DataType) -> Kind:
    """What a column of this type is compared as."""
    if dtype.is_numeric():
        return "numeric"
    if dtype == pl.Boolean:
        return "boolean"
    if isinstance(dtype, (pl.String, pl.Categorical, pl.Enum)):
        return "category"
    if dtype.is_temporal():
        return "time"
    return "null" if dtype == pl.Null else "other"


def paired(
    reference: Mapping[str, pl.DataType],
    current: Mapping[str, pl.DataType],
    chosen: Sequence[str] = (),
) -> tuple[Column, ...]:
    """Every column of either table, in the order of the reference; those ``chosen`` only, if any.

    Raises:
        ClinicalError: a chosen column is in neither table, or the tables share no column.
    """
    names = list(dict.fromkeys([*reference, *current]))
    if unknown := [name for name in chosen if name not in names]:
        raise ClinicalError(
            f"Neither table has a column named {', '.join(map(repr, unknown))}",
            repair=f"Choose among {', '.join(map(visible_name, names))}",
        )
    if not set(reference) & set(current):
        raise ClinicalError(
            f"The tables have no column in common: {_named(reference)} against {_named(current)}",
            repair="Give two tables of the same columns; a CSV file needs a header",
        )
    return tuple(_column(n, reference.get(n), current.get(n)) for n in chosen or names)


def set_aside(columns: Sequence[Column], name: str, why: str) -> tuple[Column, ...]:
    """The same columns, of which one is not compared."""
    return tuple(Column(c.name, c.kind, why) if c.name == name else c for c in columns)


def _column(name: str, before: pl.DataType | None, after: pl.DataType | None) -> Column:
    if before is None or after is None:
        side = "reference" if before is None else "current data"
        return Column(name, kind_of(before or after or pl.Null()), f"not in the {side}")
    kinds = kind_of(before), kind_of(after)
    kind = kinds[0] if kinds[0] != "null" else kinds[1]
    if "other" in kinds:
        unknown = before if kinds[0] == "other" else after
        return Column(name, "other", f"nothing is known about columns of type {unknown}")
    if "null" not in kinds and kinds[0] != kinds[1]:
        return Column(name, kind, f"{kinds[0]} ({before}) against {kinds[1]} ({after})")
    if kind == "time" and "null" not in kinds and not _same_clock(before, after):
        return Column(name, kind, f"{before} against {after}")
    return Column(name, kind)


def _named(columns: Mapping[str, pl.DataType]) -> str:
    """Some names; where a header is missing they are a patient's values, so they are few."""
    shown = [visible_name(name) for name in list(columns)[:_NAMED]]
    return ", ".join(shown) + (" …" if len(columns) > _NAMED else "") or "none"


def _same_clock(before: pl.DataType, after: pl.DataType) -> bool:
    if isinstance(before, pl.Datetime) and isinstance(after, pl.Datetime):
        return before.time_zone == after.time_zone
    return type(before) is type(after)


def demand_column(schema: pl.Schema, name: str, which: str, where: str, *, why: str = "") -> None:
    """Refuses a table without a column.

    Args:
        which: the table, in words.
        where: the option or the plan that names the column.
        why: the column is wanted, as a clause.

    Raises:
        ClinicalError: there is no such column.
    """
    if name not in schema:
        raise ClinicalError(
            f"The {which} has no column named {name!r}{why}",
            where=where,
            repair=f"Choose among {', '.join(map(visible_name, schema))}",
        )
