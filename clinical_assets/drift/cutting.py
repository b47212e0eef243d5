"""A table's rows cut by time into hours, days, weeks or months.

What belongs here: which window and which day each row belongs to. What does not: what is compared
in a window (:mod:`.windows`).

Days, weeks and months are those of the clock on the wall. A window of hours begins whenever that
clock comes to, or jumps over, a multiple of so many hours: twice where summer time ends, and then
the two have different offsets.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from clinical_assets.drift.iso8601 import first_other, times_of
from clinical_assets.drift.kinds import demand_column
from clinical_assets.errors import ClinicalError

MOST = 1000
NO_TIME = "(no time)"
NO_DAY = -(10**7)  # long before any
_EVERY = re.compile(r"([1-9][0-9]{0,3})(h|d|w|mo)")
_LENGTHS = {"h": 1 / 24, "d": 1.0, "w": 7.0, "mo": 365.25 / 12}
_LONGEST = 3660  # days; a longer window would hold all that there is, and begin long before it
_DAYS, _WEEKS = timedelta(days=31), timedelta(days=365)
_AROUND = timedelta(hours=48)  # more than any two clocks differ
_FIRST, _LAST = datetime(1000, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
_PER_SECOND = {"ms": 1_000, "us": 1_000_000}  # nanoseconds reach from 1677 to 2262 only

_UTC = (None, "UTC")

Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Cut:
    """Rows by window.

    Attributes:
        every: the length of a window, as ``--every`` says it.
        labels: when each window begins; windows without rows in between are there, too.
        places: the window of each row; -1 without a time.
        days: the day of each row, the first being 0; -1 without a time.
    """

    every: str
    labels: tuple[str, ...]
    places: Places
    days: Places

    @property
    def rows(self) -> Places:
        """How many rows each window has."""
        return np.bincount(self.places + 1, minlength=len(self.labels) + 1)[1:]

    @property
    def untimed(self) -> int:
        """How many rows have no time."""
        return int(np.count_nonzero(self.places < 0))

    @property
    def days_per_window(self) -> float:
        """The length of a window in days; a month has 30.4."""
        found = _EVERY.fullmatch(self.every)
        assert found is not None
        return int(found[1]) * _LENGTHS[found[2]]


def cut(frame: pl.LazyFrame, time: str, every: str = "", which: str = "current data") -> Cut:
    """Cuts the rows.

    Args:
        time: the column of dates or times.
        every: ``1h``, ``1d``, ``1w`` (from Monday), ``1mo`` and multiples; where it is not given,
            days for a span of up to 31 days, weeks for up to a year, and months beyond.

    Raises:
        ClinicalError: there is no such column, or it holds no times or one outside of the years
            1000 to 9998, or ``every`` is no length of time, is longer than ten years or makes more
            than 1,000 windows.

    >>> at = pl.Series("at", [datetime(2026, 10, 25, hour, 30, tzinfo=UTC) for hour in (0, 1)])
    >>> cut(pl.LazyFrame([at.dt.convert_time_zone("Europe/Berlin")]), "at", "1h").labels
    ('2026-10-25 02:00+0200', '2026-10-25 02:00+0100')
    """
    times = _times(frame, time, which)
    if times.null_count() == len(times):
        raise ClinicalError(
            f"{time!r} has no value in the {which}",
            where="--time",
            repair="Choose a column of times",
        )
    zone = _zone(times)
    wall = times.dt.replace_time_zone(None)
    every = _length(every, wall)
    low, high = _ends(wall.dt.truncate(every))
    if (number := _number(low, high, every)) > MOST:
        raise ClinicalError(
            f"{every} makes {number:,} windows, of which at most {MOST:,} are compared",
            where="--every",
            repair="Give a longer one",
        )
    hours = every.endswith("h")
    form = "%Y-%m-%d %H:%M" if hours else "%Y-%m-%d"
    if hours and zone not in _UTC:
        # With its offset, because the clock goes through an hour twice when summer time ends.
        starts, form = _hours(times, zone or "", every), form + "%z"
        places = _places(starts, times)
    else:
        starts = pl.datetime_range(low, high, every, time_unit="us", eager=True)
        places = _places(starts, wall)
    return Cut(every, tuple(starts.dt.strftime(form)), places, _days(wall))


def zone_of(frame: pl.LazyFrame, time: str, which: str = "table") -> str:
    """The zone of a column of times; empty where they have none.

    Raises:
        ClinicalError: there is no such column, or it holds no times.
    """
    return _zone(_times(frame, time, which)) or ""


def calendar_days(frame: pl.LazyFrame, time: str, which: str) -> Places:
    """The day of each row by the clock on the wall, in days since 1970; :data:`NO_DAY` without a
    time.

    Raises:
        ClinicalError: there is no such column, or it holds no times.
    """
    wall = _times(frame, time, which).dt.replace_time_zone(None)
    days = wall.dt.date().to_physical().cast(pl.Int64)
    return days.fill_null(NO_DAY).to_numpy().astype(np.int64)


def instant(wall: datetime, zone: str) -> datetime:
    """When a clock in the zone first shows this time, or a later one where it jumps over it.

    Args:
        wall: without a zone.
        zone: empty for UTC.

    >>> instant(datetime(2026, 3, 29, 2, 30), "Europe/Berlin").isoformat()
    '2026-03-29T01:00:00+00:00'
    """
    found, _ = _ends(_instants(pl.Series([wall], dtype=pl.Datetime("us")), zone or "UTC"))
    return found.astimezone(UTC)


def _hours(times: pl.Series, zone: str, every: str) -> pl.Series:
    """When each window begins, from that of the first time to that of the last."""
    low, high = _ends(times.dt.replace_time_zone(None))
    ends = pl.Series([low - _AROUND, high + _AROUND], dtype=pl.Datetime("us")).dt.truncate(every)
    walls = pl.datetime_range(*_ends(ends), every, time_unit="us", eager=True)
    starts = _instants(walls, zone)
    first, last = _places(starts, pl.Series([times.min(), times.max()], dtype=times.dtype))
    return starts[int(first) : int(last) + 1]


def _instants(walls: pl.Series, zone: str) -> pl.Series:
    """All instants at which the clock shows one of these times or jumps over it, in order."""
    first, second = (
        walls.dt.replace_time_zone(zone, ambiguous=which, non_existent="null")
        for which in ("earliest", "latest")
    )
    jumped = [_after(wall, zone) for wall in walls.filter(first.is_null())]
    return pl.concat([first.drop_nulls(), second.drop_nulls(), *jumped]).unique().sort()


def _after(wall: datetime, zone: str) -> pl.Series:
    """The instant at which the clock jumps over a time that it never shows; shape (1,)."""
    low, high = (sign * _AROUND + wall for sign in (-1, 1))
    every = pl.datetime_range(low, high, "1s", time_unit="us", time_zone="UTC", eager=True)
    local = every.dt.convert_time_zone(zone)
    return local.filter(local.dt.replace_time_zone(None) >= wall).head(1)


def _places(starts: pl.Series, each: pl.Series) -> Places:
    """The last start that is not after each time; -1 without a time."""
    begins, known = (side.to_physical().cast(pl.Int64) for side in (starts, each))
    found = np.searchsorted(begins.to_numpy(), known.fill_null(0).to_numpy(), "right") - 1
    return np.where(each.is_null().to_numpy(), -1, found).astype(np.int64)


def _days(times: pl.Series) -> Places:
    days = times.dt.date().to_physical().cast(pl.Int64)
    first = days.min()
    return (days - first).fill_null(-1).to_numpy().astype(np.int64)


def _times(frame: pl.LazyFrame, time: str, which: str) -> pl.Series:
    schema = frame.collect_schema()
    demand_column(schema, time, which, "--time")
    found = frame.select(time).collect().to_series()
    if found.dtype == pl.String:
        found = _read(found, time, which)
    if found.dtype == pl.Date:
        found = found.cast(pl.Int64) * 86_400_000  # a date too far away cannot be cast to a time
        found = found.cast(pl.Datetime("ms"))
    if not isinstance(found.dtype, pl.Datetime):
        raise ClinicalError(
            f"{time!r} holds no times in the {which}, but {found.dtype}",
            where="--time",
            repair="Choose a column of dates or times; in a CSV file write them as 2026-01-31 or"
            " 2026-01-31T08:00:00Z",
        )
    return _in_microseconds(found, time, which)


def _read(texts: pl.Series, time: str, which: str) -> pl.Series:
    found = times_of(texts)
    if found is None:
        raise ClinicalError(
            f"{time!r} holds text in row {first_other(texts) + 1:,} of the {which} that is no time,"
            " or is not written as the others are",
            where="--time",
            repair="Choose a column of dates or times; write all of them as 2026-01-31, as"
            " 2026-01-31T08:00:00, or as 2026-01-31T08:00:00Z, and nothing where the time is not"
            " known",
        )
    return found


def _in_microseconds(times: pl.Series, time: str, which: str) -> pl.Series:
    assert isinstance(times.dtype, pl.Datetime)
    scale = _PER_SECOND.get(times.dtype.time_unit, 0)
    first, last = (int(end.timestamp()) * scale for end in (_FIRST, _LAST))
    if scale and not times.to_physical().is_between(first, last, closed="left").all():
        raise ClinicalError(
            f"{time!r} holds a time outside of the years 1000 to 9998 in the {which}",
            where="--time",
            repair="Correct it, or leave it empty where the time is not known; such times often"
            " come from another unit, as seconds read as milliseconds",
        )
    return times.cast(pl.Datetime("us", times.dtype.time_zone))


def _zone(times: pl.Series) -> str | None:
    return times.dtype.time_zone if isinstance(times.dtype, pl.Datetime) else None


def _ends(times: pl.Series) -> tuple[datetime, datetime]:
    low, high = times.min(), times.max()
    if not isinstance(low, datetime) or not isinstance(high, datetime):  # for the type checker
        raise TypeError("times are datetimes")
    return low, high


def _length(every: str, times: pl.Series) -> str:
    found = _EVERY.fullmatch(every)
    if every and not found:
        raise ClinicalError(
            f"{every!r} is no length of time",
            where="--every",
            repair="Give a number with h, d, w or mo, such as 1d, 2w or 1mo",
        )
    if found and int(found[1]) * _LENGTHS[found[2]] > _LONGEST:
        raise ClinicalError(
            f"{every} is longer than ten years",
            where="--every",
            repair="Give a shorter one, such as 1mo or 12mo",
        )
    low, high = _ends(times)
    span = high - low
    return every or ("1d" if span <= _DAYS else "1w" if span <= _WEEKS else "1mo")


def _number(low: datetime, high: datetime, every: str) -> int:
    """How many windows there are by the clock on the wall, without making them."""
    found = _EVERY.fullmatch(every)
    assert found is not None
    length, unit = int(found[1]), found[2]
    if unit == "mo":
        return ((high.year - low.year) * 12 + high.month - low.month) // length + 1
    return (high - low) // timedelta(days=length * _LENGTHS[unit]) + 1
