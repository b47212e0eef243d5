"""What a comparison found: frozen records, as a table, as plain values, in sentences."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from clinical_assets.drift.kinds import Kind

Statistic = float | int | None


@dataclass(frozen=True, slots=True)
class ColumnDrift:
    """One column of both tables.

    Attributes:
        statistics: by name; None where one cannot be computed for this column.
        reasons: why it counts as drifted, in words; empty where it does not.
        obstacle: why it could not be compared; empty where it was.
    """

    name: str
    kind: Kind
    statistics: Mapping[str, Statistic]
    reasons: tuple[str, ...] = ()
    obstacle: str = ""

    @property
    def drifted(self) -> bool:
        """Whether it counts as drifted."""
        return bool(self.reasons)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "name": self.name,
            "kind": self.kind,
            "drifted": self.drifted,
            "statistics": dict(self.statistics),
            "causes": list(self.reasons),
            **({"not_compared": self.obstacle} if self.obstacle else {}),
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two tables held against each other.

    Attributes:
        columns: every column of either table, in the order of the reference.
        reference, current: rows.
    """

    columns: tuple[ColumnDrift, ...]
    reference: int
    current: int

    @property
    def drifted(self) -> bool:
        """Whether any column counts as drifted."""
        return any(column.drifted for column in self.columns)

    def __getitem__(self, name: str) -> ColumnDrift:
        """The column of this name.

        Raises:
            KeyError: there is none.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "drifted": self.drifted,
            "columns": [column.to_dict() for column in self.columns],
            "rows": {"reference": self.reference, "current": self.current},
        }

    def to_frame(self) -> pl.DataFrame:
        """One row per column, one column per statistic."""
        names = list(dict.fromkeys(name for column in self.columns for name in column.statistics))
        rows = [
            {
                "column": column.name,
                "kind": column.kind,
                "drifted": column.drifted,
                **{name: _number(column.statistics.get(name)) for name in names},
                "not_compared": column.obstacle or None,
            }
            for column in self.columns
        ]
        schema = {"column": pl.String, "kind": pl.String, "drifted": pl.Boolean}
        schema |= dict.fromkeys(names, pl.Float64) | {"not_compared": pl.String}
        return pl.DataFrame(rows, schema=schema)

    def explain(self) -> str:
        """A sentence per finding, the largest first; what was not compared last."""
        found = sorted(self.columns, key=lambda c: -(c.statistics.get("psi") or 0.0))
        lines = [f"{c.name}: {'; '.join(c.reasons)}." for c in found if c.drifted]
        lines += [f"{c.name}: not compared, {c.obstacle}." for c in self.columns if c.obstacle]
        return "\n".join(lines) or "No column has drifted."


def _number(value: Statistic) -> float | None:
    return None if value is None else float(value)
