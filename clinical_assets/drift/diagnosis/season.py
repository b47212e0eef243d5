"""A change that comes every year: the same days a year before resemble the current ones more."""

from collections.abc import Iterable
from datetime import date, timedelta

from clinical_assets.drift.diagnosis.cause import Claim
from clinical_assets.drift.diagnosis.change import Change, chance, distance, quantiles, remainder
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
    allowed = chance(year_before, change.current)
    explained = change.explained(max(0.0, left - max(0.0, allowed - change.chance)))
    if explained < _ENOUGH:
        return []
    step = remainder(points, change.after, allowed)
    way = "higher" if step > 0 else "lower"
    still = f"; values are still about {abs(step):.3g} {way} than then" if step else ""
    return [
        Claim(
            "seasonal",
            f"The same days a year before were like this (distance {left:.3f}, to the reference "
            f"{change.distance:.3f}): a season{still}",
            {"shape": explained},
            0.97,
            {"distance_year_before": left, "distance": change.distance, "explained": explained},
        )
    ]
