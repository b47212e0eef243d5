"""The profile of a table: what is counted of each column, so that profiles can be added."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

from clinical_assets.drift.kinds import Kind
from clinical_assets.drift.multivariate.moments import Moments
from clinical_assets.drift.profiles.bare import BareSummary
from clinical_assets.drift.profiles.grid import Grid
from clinical_assets.drift.profiles.pairwise import Pairwise
from clinical_assets.drift.profiles.reading import Summary
from clinical_assets.errors import ClinicalError


@dataclass(frozen=True, eq=False)
class Profile:
    """Of one table, or of several together.

    Attributes:
        grid: what it is counted over.
        rows: of the table.
        summaries: every column of the grid and every further one of the table.
        pairwise: moments of every two columns of numbers; None where they were not asked for.
    """

    grid: Grid
    rows: int
    summaries: Mapping[str, Summary]
    pairwise: Pairwise | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Names, those of the grid first and in its order."""
        return tuple(self.summaries)

    @property
    def kinds(self) -> Mapping[str, Kind]:
        """What each column is compared as."""
        return {name: summary.kind for name, summary in self.summaries.items()}

    def __getitem__(self, name: str) -> Summary:
        """The column of this name.

        Raises:
            KeyError: there is none.
        """
        return self.summaries[name]

    def merge(self, other: "Profile") -> "Profile":
        """The profile of both tables' rows together; the order makes no difference.

        Raises:
            ClinicalError: the two are on different grids.
        """
        require_same_grid(self, other)
        extra = sorted({*self.columns, *other.columns} - set(self.grid.columns))
        rows = self.rows, other.rows
        return Profile(
            self.grid,
            sum(rows),
            {
                name: _added(self.summaries.get(name), other.summaries.get(name), rows)
                for name in (*self.grid.columns, *extra)
            },
            self._pairwise(other),
        )

    def _pairwise(self, other: "Profile") -> Pairwise | None:
        """Of both; known where both know theirs, and no rows are always known."""
        if not self.rows and not other.rows:
            return self.pairwise or other.pairwise
        if not self.rows or not other.rows:
            return self.pairwise if self.rows else other.pairwise
        if self.pairwise is None or other.pairwise is None:
            return None
        return self.pairwise.plus(other.pairwise)

    @property
    def moments(self) -> Moments:
        """Pairwise moments, for
        :func:`~clinical_assets.drift.multivariate.correlation.correlation_drift_of_moments`.

        Raises:
            ClinicalError: the profile has none.
        """
        if self.pairwise is None:
            raise ClinicalError(
                "The profile has no pairwise moments, so it says nothing of correlations",
                repair="Make it, and all that it is the sum of, with moments",
            )
        return self.pairwise.moments()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Profile) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash((self.grid, self.rows))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, from which the profile can be made again."""
        from clinical_assets.drift.profiles.plain import plain

        return plain(self)

    def to_bytes(self, *, grid: bool = True) -> bytes:
        """The profile as a file, with its grid or without it; see :mod:`.files`."""
        from clinical_assets.drift.profiles.files import to_bytes

        return to_bytes(self, grid=grid)

    @staticmethod
    def from_bytes(data: bytes, where: str = "profile", *, grid: Grid | None = None) -> "Profile":
        """What :meth:`to_bytes` gave; see :mod:`.files`."""
        from clinical_assets.drift.profiles.files import from_bytes

        return from_bytes(data, where, grid=grid)


def merged(profiles: Iterable[Profile]) -> Profile:
    """The profile of all their rows together; neither order nor grouping makes a difference.

    Raises:
        ClinicalError: there is none, or they are on different grids.
    """
    every = iter(profiles)
    first = next(every, None)
    if first is None:
        raise ClinicalError("There is no profile to add up", repair="Give at least one")
    return reduce(Profile.merge, every, first)


def require_same_grid(one: Profile, other: Profile) -> None:
    """Raises :class:`ClinicalError` where two profiles are counted over different grids."""
    if one.grid != other.grid:
        raise ClinicalError(
            "The profiles were not made against the same reference: their bins differ"
            f" (grid {one.grid.digest[:12]} against {other.grid.digest[:12]})",
            repair="Make both with --reference and the same profile",
        )


def _added(one: Summary | None, other: Summary | None, rows: tuple[int, int]) -> Summary:
    """Of one column; a side that does not have it has rows of which nothing is known."""
    if one is not None and type(one) is type(other):
        return one.plus(other)  # type: ignore[arg-type]
    return _bare(one, rows[0]).plus(_bare(other, rows[1]))


def _bare(summary: Summary | None, rows: int) -> BareSummary:
    if summary is None:
        return BareSummary("null", rows, None, "")
    if isinstance(summary, BareSummary):
        return summary
    return BareSummary(summary.kind, rows, summary.missing, "")
