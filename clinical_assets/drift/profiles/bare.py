"""What a profile holds of a column that is not looked into: its rows, and why."""

from dataclasses import dataclass

from clinical_assets.drift.kinds import Kind


@dataclass(frozen=True)
class BareSummary:
    """One column.

    Attributes:
        missing: None where it was not counted.
        obstacle: why the column is not profiled; empty where it holds nothing but nulls.
    """

    kind: Kind
    rows: int
    missing: int | None
    obstacle: str

    @property
    def missing_share(self) -> float | None:
        """Share of the rows without a value; None where that is unknown."""
        return self.missing / self.rows if self.rows and self.missing is not None else None

    def plus(self, other: "BareSummary") -> "BareSummary":
        """Of both samples together."""
        unknown = self.missing is None or other.missing is None
        reasons = {*self.obstacle.split("; "), *other.obstacle.split("; ")} - {""}
        return BareSummary(
            min(self.kind, other.kind),
            self.rows + other.rows,
            None if unknown else (self.missing or 0) + (other.missing or 0),
            "; ".join(sorted(reasons)),
        )
