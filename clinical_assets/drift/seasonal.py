"""The same days a year before, where the reference has them, so that a season is told as one.

What belongs here: which rows of the reference these are, and causes of those windows that drifted.
What does not: what makes a season (:mod:`clinical_assets.drift.diagnosis.season`), and how windows
are compared (:mod:`.windows`).
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from clinical_assets.drift.causes import after_a_year, causes_of_pairs, thinned
from clinical_assets.drift.cutting import NO_DAY, calendar_days
from clinical_assets.drift.diagnosis.season import YEAR
from clinical_assets.drift.parts import FEWEST, Part
from clinical_assets.drift.profiles.profiling import profile
from clinical_assets.drift.result import ColumnDrift
from clinical_assets.errors import ClinicalError

MOST = 200

Rows = NDArray[np.int64]
Told = Mapping[tuple[int, str], ColumnDrift]


@dataclass(frozen=True)
class Years:
    """Both tables by day.

    Attributes:
        reference, current: the tables.
        time: the column of dates or times.
    """

    reference: pl.LazyFrame
    current: pl.LazyFrame
    time: str

    def before(self, rows: NDArray[np.bool_]) -> Rows:
        """The rows of the reference 52 weeks before the days of some rows of the current data.

        None of them where they are fewer than 30, or where the reference has no times.
        """
        if self._days is None or not rows.any():
            return np.empty(0, dtype=np.int64)
        ours, theirs = self._days
        days = np.unique(theirs[rows])
        found = np.flatnonzero(np.isin(ours, days[days > NO_DAY] - YEAR))
        return found if len(found) >= FEWEST else found[:0]

    @cached_property
    def _days(self) -> tuple[Rows, Rows] | None:
        """The day of each row, by the calendar; None where the reference has no times."""
        try:
            ours = calendar_days(self.reference, self.time, "reference")
        except ClinicalError:
            return None
        return ours, calendar_days(self.current, self.time, "current data")


def with_seasons(windows: Sequence[Part], places: Rows, years: Years) -> list[Part]:
    """The windows, with likely causes for their columns of numbers that drifted, where the
    reference has the same days a year before.

    At most 200 columns of windows are asked about, so that the cost does not grow with the windows:
    of each column those that changed most.

    Args:
        places: the window of each row of the current data.
    """
    drifted = [
        (window, column)
        for window, part in enumerate(windows)
        for column in (part.comparison.columns if part.comparison else ())
        if column.drifted and column.kind == "numeric"
    ]
    drifted = _asked(drifted)
    earlier = {window: years.before(places == window) for window in {w for w, _ in drifted}}
    by_column: dict[str, list[tuple[int, ColumnDrift]]] = defaultdict(list)
    for window, column in drifted:
        if len(earlier[window]):
            by_column[column.name].append((window, column))
    told: dict[tuple[int, str], ColumnDrift] = {}
    for name, asked in by_column.items():
        told |= _told(name, asked, places, earlier, years)
    return [_with(part, window, told) for window, part in enumerate(windows)]


def _asked(drifted: list[tuple[int, ColumnDrift]]) -> list[tuple[int, ColumnDrift]]:
    """As many of each column as fit, and of those that are left the largest changes."""
    drifted = sorted(drifted, key=lambda pair: -float(pair[1].statistics.get("psi") or 0.0))
    each = MOST // max(1, len({column.name for _, column in drifted}))
    taken: Counter[str] = Counter()
    first: list[tuple[int, ColumnDrift]] = []
    others: list[tuple[int, ColumnDrift]] = []
    for pair in drifted:
        taken[pair[1].name] += 1
        (first if taken[pair[1].name] <= each else others).append(pair)
    return [*first, *others][:MOST]


def _told(
    name: str,
    asked: Sequence[tuple[int, ColumnDrift]],
    places: Rows,
    earlier: Mapping[int, Rows],
    years: Years,
) -> Told:
    """One column in the windows in which it drifted, with causes; both sides read once."""
    ours, theirs = (side.select(name).collect() for side in (years.reference, years.current))
    known = profile(thinned(ours.lazy()))
    found = {}
    for window, column in asked:
        new = profile(theirs[np.flatnonzero(places == window)], known)[name]
        past = profile(ours[earlier[window]], known)[name]
        background = after_a_year(None, past)
        pairs = {name: (known[name], new)}
        (found[window, name],) = causes_of_pairs((column,), pairs, {name: background})
    return found


def _with(part: Part, window: int, told: Told) -> Part:
    if part.comparison is None:
        return part
    columns = tuple(told.get((window, column.name), column) for column in part.comparison.columns)
    return replace(part, comparison=replace(part.comparison, columns=columns))
