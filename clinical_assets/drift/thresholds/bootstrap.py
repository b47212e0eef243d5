"""A confidence interval for any statistic of daily counts: whole stretches of days drawn again.

Rows of a day, and days in a row, resemble one another; drawing rows would make the interval too
narrow. Circular block bootstrap (Künsch 1989; Politis and Romano 1992).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinical_assets.drift.thresholds.rowwise import Rowwise
from clinical_assets.errors import ClinicalError

LEAST_DAYS = 4


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its bounds.

    Attributes:
        level: how often such an interval holds the true value.
        days: of the reference and of the current data; 0 where counts came without days.
        block: days drawn together.
    """

    estimate: float
    low: float
    high: float
    level: float
    days: tuple[int, int]
    block: int

    @property
    def short(self) -> str:
        """Its bounds for a table."""
        return f"{self.low:.3f}–{self.high:.3f}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "estimate": self.estimate,
            "low": self.low,
            "high": self.high,
            "level": self.level,
            "days": list(self.days),
            "block": self.block,
        }


def block_bootstrap(
    reference: ArrayLike,
    current: ArrayLike,
    statistic: Rowwise,
    *,
    seed: int,
    block: int = 0,
    draws: int = 2000,
    level: float = 0.95,
) -> Interval:
    """The basic interval, ``2 estimate - quantile`` of what the drawn days give.

    A distance of drawn days is larger than that of the days themselves, because chance adds to it;
    the basic interval takes that off again, where the plain quantiles would count it twice. A bound
    below zero is set to zero: then the data are compatible with no change.

    Args:
        reference: counts of each day, shape (days, bins), or of all together, shape (bins,), which
            are then taken as known.
        current: likewise; must have days.
        statistic: of :data:`.rowwise.ROWWISE`, or any function of two arrays of counts that works
            on their last axis.
        block: days drawn together; the cube root of the number of days where 0.

    Raises:
        ClinicalError: fewer than four current days.
    """
    ours, theirs = np.asarray(reference), np.asarray(current)
    if theirs.ndim != 2 or len(theirs) < LEAST_DAYS:
        raise ClinicalError(
            f"{len(theirs) if theirs.ndim == 2 else 1} days are too few for an interval over days",
            repair=f"Give at least {LEAST_DAYS} days",
        )
    rng = np.random.default_rng(seed)
    length = block or block_length(len(theirs))
    estimate = float(statistic(_whole(ours), _whole(theirs)))
    drawn = statistic(_drawn(ours, length, draws, rng), _drawn(theirs, length, draws, rng))
    tail = (1 - level) / 2
    low, high = np.quantile(drawn[np.isfinite(drawn)], [tail, 1 - tail])
    return Interval(
        estimate,
        max(0.0, float(2 * estimate - high)),
        max(0.0, float(2 * estimate - low)),
        level,
        (len(ours) if ours.ndim == 2 else 0, len(theirs)),
        length,
    )


def block_length(days: int) -> int:
    """The cube root of the number of days (Hall, Horowitz and Jing 1995, up to a constant).

    >>> block_length(27), block_length(7)
    (3, 2)
    """
    return max(1, round(math.cbrt(days)))


def _whole(counts: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(counts.sum(axis=0) if counts.ndim == 2 else counts)


def _drawn(counts: NDArray[Any], length: int, draws: int, rng: np.random.Generator) -> NDArray[Any]:
    """Sums of as many days as there are, in blocks that run on from the last day to the first."""
    if counts.ndim != 2:
        return counts
    days = len(counts)
    number = -(-days // length)
    starts = rng.integers(0, days, size=(draws, number))
    chosen = (starts[:, :, None] + np.arange(length)).reshape(draws, -1)[:, :days] % days
    times = np.zeros((draws, days))
    np.add.at(times, (np.arange(draws)[:, None], chosen), 1.0)
    return np.asarray(times @ counts)


def intervals(
    columns: Mapping[str, tuple[ArrayLike, ArrayLike]], statistic: Rowwise, *, seed: int
) -> dict[str, Interval]:
    """An interval for each column, all from the same drawn days."""
    return {
        name: block_bootstrap(reference, current, statistic, seed=seed)
        for name, (reference, current) in columns.items()
    }
