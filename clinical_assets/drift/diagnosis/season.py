"""A change that comes every year: the same days a year before resemble the current ones more."""

from collections.abc import Iterable
from datetime import date, timedelta

from clinical_assets.drift.diagnosis.cause import Claim
from clinical_assets.drift.diagnosis.change import Change, chance, distance, quantiles
from clinical_assets.drift.diagnosis.summaries import NumericSummary

_ENOUGH = 0.5
YEAR = 364  # whole weeks, so that the days of the week agree


def a_year_before(days: Iterable[date]) -> list[date]:
    """The same days of the week, 52 weeks earlier.

    >>> a_year_before([date(2026, 1, 5)])
    [datetime.date(2025, 1, 6)]
    """
    return [day - timedelta(days=YEAR) for day in days]


def claims(change: Change, year_before: NumericSummary | None) -> list[Claim]:
    """How much nearer the window a year before is than the reference."""
    points = None if year_before is None else quantiles(year_before)
    if year_before is None or points is None or not change.visible:
        return []
    left = distance(points, change.after)
    # A year before is less than the reference, so that chance leaves more of a distance to it.
    more = max(0.0, chance(year_before, change.current) - change.chance)
    explained = change.explained(max(0.0, left - more))
    if explained < _ENOUGH:
        return []
    return [
        Claim(
            "seasonal",
            f"The same days a year before were like this (distance {left:.3f}, to the reference "
            f"{change.distance:.3f}): a season",
            {"shape": explained},
            0.97,
            {"distance_year_before": left, "distance": change.distance, "explained": explained},
        )
    ]
