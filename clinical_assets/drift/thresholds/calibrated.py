"""A threshold that a stable reference crosses as rarely as a budget of false alarms allows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinical_assets.drift.thresholds.budget import crossing_for
from clinical_assets.drift.thresholds.persistence import Persistence
from clinical_assets.drift.thresholds.redrawn import redrawn
from clinical_assets.drift.thresholds.rowwise import Rowwise
from clinical_assets.drift.thresholds.unchanged import unchanged
from clinical_assets.drift.thresholds.windows import unit_windows
from clinical_assets.errors import ClinicalError

LEAST_WINDOWS = 8
_BEYOND = 100  # drawn windows that are to lie beyond the threshold
_FEWEST, _MOST = 4000, 200_000

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Calibrated:
    """One threshold.

    Attributes:
        value: what a window crosses; a value equal to it does not cross.
        crossing: probability that a window does where nothing changed.
        run: windows between two false alarms of any column, expected.
        rows: values in a window that it holds for.
        windows: windows of the reference that it rests on.
        largest: the statistic of the most unusual of these windows against the others, at the
            windows' own size.
        echo: correlation of a window's value with that of the one before. Well above 0,
            persistence forgives less than the run says; None where it cannot be known.
    """

    value: float
    crossing: float
    run: float
    rows: int
    windows: int
    largest: float
    echo: float | None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "value": self.value,
            "crossing": self.crossing,
            "run": self.run,
            "rows": self.rows,
            "windows": self.windows,
            "largest": self.largest,
            "echo": self.echo,
        }

    def explain(self) -> str:
        """In one sentence."""
        return (
            f"{self.value:.3g} for windows of {self.rows} values, which one in "
            f"{1 / self.crossing:.3g} crosses where nothing changed, so that one false alarm comes "
            f"in {self.run:.3g} windows; it rests on {self.windows} windows of the reference, the "
            f"most unusual of which has {self.largest:.3g}"
        )


def calibrate(
    windows: Counts,
    rows: int,
    statistic: Rowwise,
    *,
    run: float,
    seed: int,
    persistence: Persistence | None = None,
    columns: int = 1,
) -> Calibrated:
    """The threshold of one statistic of one column.

    Args:
        windows: counts of the reference by window and bin (:mod:`.windows`), of stable times.
        rows: values in a window that will be asked about.
        statistic: of :data:`.rowwise.ROWWISE`.
        run: windows between two false alarms, over all columns.
        persistence: how many crossings make an alarm; each does where there is none.
        columns: how many columns share the budget.

    Raises:
        ClinicalError: fewer than eight windows hold values, no rows, or a run that cannot be.
    """

    def drawn(draws: int) -> NDArray[np.float64]:
        return unchanged(filled, rows, statistic, draws=draws, seed=seed)

    filled = windows[windows.sum(axis=1) > 0]
    return _calibrated(filled, rows, statistic, run, persistence or Persistence(), columns, drawn)


def calibrate_units(
    units: Counts,
    rows: int,
    statistic: Rowwise,
    *,
    run: float,
    seed: int,
    persistence: Persistence | None = None,
    columns: int = 1,
) -> Calibrated:
    """The same where windows are whole patients, who may be few and very different.

    Args:
        units: counts of the reference, one row a patient or whatever else belongs together.

    Raises:
        ClinicalError: as :func:`calibrate`, or the reference holds fewer than eight windows of
            patients, so that drawing them again would not show how they differ.
    """

    def drawn(draws: int) -> NDArray[np.float64]:
        return redrawn(there, rows, statistic, draws=draws, seed=seed)

    there = units[units.sum(axis=1) > 0]
    windows = unit_windows(there, rows, seed=seed)
    return _calibrated(windows, rows, statistic, run, persistence or Persistence(), columns, drawn)


def _calibrated(
    windows: Counts,
    rows: int,
    statistic: Rowwise,
    run: float,
    persistence: Persistence,
    columns: int,
    drawn: Callable[[int], NDArray[np.float64]],
) -> Calibrated:
    """From windows of a changeless reference, so many as are asked for."""
    _checked(len(windows), rows, run, persistence)
    crossing = crossing_for(run, persistence, columns)
    draws = int(np.clip(_BEYOND / crossing, _FEWEST, _MOST))
    if draws * crossing < 1:
        raise ClinicalError(
            f"One false alarm in {run:g} windows over {columns} columns asks for a value that one "
            f"window in {1 / crossing:.3g} reaches, which no reference tells",
            repair="Give a shorter run or a persistence of more windows",
            where="plan",
        )
    value = float(np.quantile(drawn(draws), 1 - crossing, method="higher"))
    own = statistic(windows.sum(axis=0) - windows, windows)
    return Calibrated(value, crossing, run, rows, len(windows), float(np.max(own)), _echo(own))


def _checked(windows: int, rows: int, run: float, persistence: Persistence) -> None:
    if windows < LEAST_WINDOWS:
        raise ClinicalError(
            f"The reference holds {windows} windows, too few to know how windows differ",
            repair=f"Give a reference of at least {LEAST_WINDOWS} windows, shorter windows, or a "
            "constant threshold",
            where="plan",
        )
    if rows < 1:
        raise ClinicalError(
            "A window without values has no threshold", repair="Give windows that hold values"
        )
    if run <= persistence.k:
        raise ClinicalError(
            f"A persistence of {persistence} cannot make one false alarm in {run:g} windows",
            repair="Give a longer run or a smaller persistence",
            where="plan",
        )


def _echo(values: NDArray[np.float64]) -> float | None:
    before, after = values[:-1], values[1:]
    if not np.isfinite(values).all() or before.std() == 0 or after.std() == 0:
        return None
    return float(np.corrcoef(before, after)[0, 1])
