"""What a column, and a group of columns, tells of the side that a row is of: records and words."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinical_assets.drift.kinds import Kind
from clinical_assets.drift.multivariate.auc import area
from clinical_assets.drift.multivariate.encoded import Encoded
from clinical_assets.drift.multivariate.importance import Falls
from clinical_assets.drift.multivariate.usable import Matrix

_CLEAR = 2.0  # standard errors of a fall


@dataclass(frozen=True, slots=True)
class Telling:
    """One column.

    Attributes:
        by_values, by_gaps: fall of the area when its values, and beyond that its pattern of
            missing values, are scrambled and all other columns left.
        alone: P(a present current value is the larger) by itself; None for levels and for a
            column without values on a side.
        missing_reference, missing_current: shares of its values.
    """

    name: str
    kind: Kind
    by_values: float
    by_gaps: float
    alone: float | None
    missing_reference: float
    missing_current: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {name: getattr(self, name) for name in self.__slots__}

    def explain(self) -> str:
        """What can be said of the column by itself."""
        said = []
        if self.alone is not None and abs(self.alone - 0.5) >= 0.02:
            word = "higher" if self.alone > 0.5 else "lower"
            said.append(f"{word} in {max(self.alone, 1 - self.alone):.0%} of pairs")
        if abs(self.missing_current - self.missing_reference) >= 0.01:
            said.append(
                f"missing {self.missing_current:.1%}, in the reference {self.missing_reference:.1%}"
            )
        return f"{self.name} ({', '.join(said)})" if said else self.name


@dataclass(frozen=True, slots=True)
class TellingGroup:
    """Columns whose values or gaps go together, and are scrambled as one.

    Attributes:
        fall: of the area when all of them are scrambled.
        error: standard error of the fall over the folds.
    """

    columns: tuple[Telling, ...]
    fall: float
    error: float

    @property
    def tells(self) -> bool:
        """Whether the fall is clear of the folds' variation."""
        return self.fall > _CLEAR * self.error and self.fall > 0.0005

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "columns": [column.to_dict() for column in self.columns],
            "fall": self.fall,
            "error": self.error,
            "tells": self.tells,
        }

    def explain(self) -> str:
        """One sentence."""
        gaps = sum(max(0.0, column.by_gaps) for column in self.columns)
        values = sum(max(0.0, column.by_values) for column in self.columns)
        by = "by whether they are missing" if gaps > 2 * values else "by their values"
        if gaps and values and 0.5 <= gaps / values <= 2:
            by = "by their values and by whether they are missing"
        who = ", ".join(column.explain() for column in self.columns[:6])
        more = f" and {len(self.columns) - 6} more" if len(self.columns) > 6 else ""
        if len(self.columns) == 1:
            by = by.replace("their", "its").replace("they are", "it is")
        return f"{who}{more}: {self.fall:.3f} of the area, {by}."


def tellings(
    table: Encoded, current: NDArray[np.bool_], groups: list[list[int]], fallen: Falls
) -> tuple[TellingGroup, ...]:
    """Records of all groups and their columns, those that tell most first."""
    found = []
    for place, group in enumerate(groups):
        members = [_telling(table, current, column, fallen) for column in group]
        members.sort(key=lambda column: -(column.by_values + column.by_gaps))
        column = fallen.groups[:, place]
        error = float(column.std(ddof=1) / np.sqrt(len(column)))
        found.append(TellingGroup(tuple(members), float(column.mean()), error))
    return tuple(sorted(found, key=lambda group: -group.fall))


def _telling(table: Encoded, current: NDArray[np.bool_], column: int, fallen: Falls) -> Telling:
    values = table.values[:, column]
    missing = np.isnan(values)
    by_values = float(fallen.values[:, column].mean())
    return Telling(
        table.names[column],
        table.kinds[column],
        by_values,
        float(fallen.cells[:, column].mean()) - by_values,
        None if table.levels[column] else _alone(values, missing, current),
        float(missing[~current].mean()),
        float(missing[current].mean()),
    )


def _alone(values: Matrix, missing: NDArray[np.bool_], current: NDArray[np.bool_]) -> float | None:
    before, after = values[~missing & ~current], values[~missing & current]
    return area(before, after) if len(before) and len(after) else None
