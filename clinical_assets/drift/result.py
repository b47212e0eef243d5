"""What a comparison found: frozen records, as a table, as plain values, in sentences."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from clinical_assets.drift.distributions import Distribution
from clinical_assets.drift.judging import Judged
from clinical_assets.drift.kinds import Kind
from clinical_assets.drift.sentences import Statistic, sentence
from clinical_assets.drift.thresholds.bootstrap import Interval
from clinical_assets.visible import visible, visible_name

_FEW = 8  # below, hardly any difference between two sides is beyond chance


@dataclass(frozen=True, slots=True)
class ColumnDrift:
    """One column of both tables.

    Attributes:
        statistics: by name; None where one cannot be computed for this column.
        reasons: why it counts as drifted, in words; empty where it does not.
        obstacle: why it could not be compared; empty where it was.
        causes: what may have made it drift, in sentences, the likeliest first.
        distribution: both sides' counts, to be drawn; None where they were not asked for.
        evidence: of each cause its kind, weight and numbers; see
            :class:`~clinical_assets.drift.diagnosis.Cause`.
        judged: its statistics with their calibrated thresholds, in a window of time.
        interval: of its PSI, where days tell how sure that is.
    """

    name: str
    kind: Kind
    statistics: Mapping[str, Statistic]
    reasons: tuple[str, ...] = ()
    obstacle: str = ""
    causes: tuple[str, ...] = ()
    distribution: Distribution | None = None
    evidence: tuple[Mapping[str, Any], ...] = ()
    judged: tuple[Judged, ...] = ()
    interval: Interval | None = None

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
            "statistics": {name: _finite(value) for name, value in self.statistics.items()},
            "causes": list(self.causes),
            "evidence": [dict(each) for each in self.evidence],
            "reasons": list(self.reasons),
            **({"judged": [each.to_dict() for each in self.judged]} if self.judged else {}),
            **({"intervals": {"psi": self.interval.to_dict()}} if self.interval else {}),
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

    def ranked(self) -> tuple[ColumnDrift, ...]:
        """The columns by importance: drifted ones first, of each the largest PSI first; what was
        not compared last."""
        return tuple(sorted(self.columns, key=_importance))

    def explain(self) -> str:
        """What was found in plain sentences with numbers, the largest change first.

        >>> Comparison((ColumnDrift("age", "numeric", {"psi": 0.0}),), 100, 50).explain()
        'No column has drifted, of 1 compared: 50 rows held against 100 of the reference.'
        """
        compared = [c for c in self.columns if c.statistics or not c.obstacle]
        number = sum(c.drifted for c in compared)
        who = (
            f"{number} columns have"
            if number > 1
            else "1 column has"
            if number
            else "No column has"
        )
        lines = [
            f"{who} drifted, of {len(compared)} compared: {self.current:,}"
            f" {'row' if self.current == 1 else 'rows'} held against {self.reference:,} of the"
            " reference."
        ]
        if min(self.reference, self.current) < _FEW:
            lines.append("So few rows can hardly show a change.")
        for column in self.ranked():
            if column.drifted:
                said = sentence(column.kind, column.statistics, column.reasons)
                lines.append(f"{visible_name(column.name)}: {said}{_likeliest(column)}")
            elif column.obstacle:
                left = (
                    "only its missing values are compared" if column.statistics else "not compared"
                )
                lines.append(f"{visible_name(column.name)}: {left}, {visible(column.obstacle)}.")
        return "\n".join(lines)


def _likeliest(column: ColumnDrift) -> str:
    """The first cause; where that is that none explains enough, what explains most, too."""
    said = [visible(cause) for cause in column.causes[:2]]
    if not said:
        return ""
    if not column.evidence or column.evidence[0]["kind"] != "unexplained":
        return f" Likely cause: {said[0]}"
    return " " + " In part: ".join(said)


def _importance(column: ColumnDrift) -> tuple[bool, bool, float]:
    psi = column.statistics.get("psi")
    return bool(column.obstacle), not column.drifted, math.inf if psi is None else -float(psi)


def _finite(value: Statistic) -> Statistic:
    """JSON has no infinity and no NaN."""
    return value if value is not None and math.isfinite(value) else None


def _number(value: Statistic) -> float | None:
    return None if value is None else float(value)
