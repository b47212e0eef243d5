"""A threshold that a stable reference crosses as rarely as a budget of false alarms allows."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from clinical_assets.drift.thresholds.budget import crossing_for
from clinical_assets.drift.thresholds.held_out import HeldOut
from clinical_assets.drift.thresholds.persistence import Persistence
from clinical_assets.errors import ClinicalError

LEAST_WINDOWS = 8
_MANY = 20  # windows beyond the quantile from which it is read off instead of fitted

# Powers that make a statistic nearly normal. One that is quadratic in the differences is nearly a
# multiple of chi squared, whose cube root is (Wilson and Hilferty 1931); the others are its root.
POWERS = {"psi": 1 / 3, "chi2": 1 / 3}
_ROOT = 2 / 3

Method = Literal["observed", "fitted"]


@dataclass(frozen=True, slots=True)
class Calibrated:
    """One threshold.

    Attributes:
        value: what a window must reach.
        crossing: probability that a window does where nothing changed.
        run: windows between two false alarms of any column, expected.
        rows: values in a window that it holds for.
        windows: windows of the reference that it rests on, without a row in common.
        method: read off the observed values, or from a fitted tail because the windows are too few
            for the quantile.
        echo: correlation of a window's value with the one before. Well above 0, persistence
            forgives less than the run says; None where that cannot be known.
    """

    value: float
    crossing: float
    run: float
    rows: int
    windows: int
    method: Method
    echo: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "value": self.value,
            "crossing": self.crossing,
            "run": self.run,
            "rows": self.rows,
            "windows": self.windows,
            "method": self.method,
            "echo": self.echo,
        }

    def explain(self) -> str:
        """In one sentence."""
        how = (
            "as seen in"
            if self.method == "observed"
            else "from a tail fitted (normal, after a power transformation) to"
        )
        return (
            f"{self.value:.3g} for windows of {self.rows} values: {how} {self.windows} windows of "
            f"the reference, crossed by one in {1 / self.crossing:.3g} where nothing changed, one "
            f"false alarm in {self.run:.3g} windows"
        )


def calibrate(
    held_out: HeldOut,
    rows: int,
    *,
    run: float,
    persistence: Persistence | None = None,
    columns: int = 1,
    statistic: str = "psi",
    in_order: bool = False,
) -> Calibrated:
    """The threshold of one statistic of one column.

    Args:
        held_out: what the statistic does where nothing changed (:mod:`.held_out`).
        rows: values in a window.
        run: windows between two false alarms, over all columns.
        persistence: how many crossings make an alarm; each does where there is none.
        columns: how many columns share the budget.
        statistic: its name, which says how its tail is fitted.
        in_order: whether the values follow one another in time.

    Raises:
        ClinicalError: fewer than eight windows, or a run that persistence cannot have.
    """
    needed = persistence or Persistence()
    values = held_out.values[np.isfinite(held_out.values)]
    if min(held_out.windows, len(values)) < LEAST_WINDOWS:
        raise ClinicalError(
            f"The reference holds {held_out.windows} windows of {rows} values, too few to calibrate "
            "a threshold on",
            repair=f"Give a reference of at least {LEAST_WINDOWS} windows, or smaller windows, or "
            "a constant threshold",
            where="plan",
        )
    if run <= needed.k:
        raise ClinicalError(
            f"{needed} windows cannot make one false alarm in {run:g} windows",
            repair="Give a longer run or a smaller persistence",
            where="plan",
        )
    crossing = crossing_for(run, needed, columns)
    value, method = threshold_at(values, held_out.windows, crossing, statistic)
    echo = _echo(values) if in_order else None
    return Calibrated(value, crossing, run, rows, held_out.windows, method, echo)


def threshold_at(
    values: NDArray[np.float64], windows: int, crossing: float, statistic: str
) -> tuple[float, Method]:
    """The value that a new window crosses with a probability.

    Where twenty of the windows lie beyond it, it is an order statistic. Else a prediction limit:
    the statistic to a power is taken as normal and both its mean and its deviation as estimated,
    so that few windows make it higher (Student's t with ``windows - 1`` degrees of freedom).
    """
    ordered = np.sort(values)
    if windows * crossing >= _MANY:
        rank = math.ceil((len(ordered) + 1) * (1 - crossing)) - 1
        return float(ordered[min(rank, len(ordered) - 1)]), "observed"
    from scipy.special import stdtrit

    power = POWERS.get(statistic, _ROOT)
    root = np.maximum(ordered, 0.0) ** power
    factor = float(stdtrit(windows - 1, 1 - crossing)) * math.sqrt(1 + 1 / windows)
    limit = float(root.mean() + factor * root.std(ddof=1))
    return max(0.0, limit) ** (1 / power), "fitted"


def _echo(values: NDArray[np.float64]) -> float | None:
    before, after = values[:-1], values[1:]
    if len(before) < 3 or before.std() == 0 or after.std() == 0:
        return None
    return float(np.corrcoef(before, after)[0, 1])
