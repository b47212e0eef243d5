"""A table's rows cut by time into hours, days, weeks or months.

What belongs here: which window and which day each row belongs to. What does not: what is compared
in a window (:mod:`.windows`).
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from clinical_assets.errors import ClinicalError

MOST = 1000
NO_TIME = "(no time)"
_EVERY = re.compile(r"([1-9][0-9]{0,3})(h|d|w|mo)")
_LENGTHS = {"h": 1 / 24, "d": 1.0, "w": 7.0, "mo": 365.25 / 12}
_DAYS, _WEEKS = timedelta(days=31), timedelta(days=365)

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
        ClinicalError: there is no such column, or it holds no times, or ``every`` is no length of
            time or makes more than 1,000 windows.
    """
    times = _times(frame, time, which)
    known = times.drop_nulls()
    if known.is_empty():
        raise ClinicalError(
            f"{time!r} has no value in the {which}",
            where="--time",
            repair="Choose a column of times",
        )
    every = _length(every, known)
    starts = times.dt.truncate(every)
    low, high = starts.min(), starts.max()
    if not isinstance(low, date) or not isinstance(high, date):  # for the type checker
        raise TypeError("times are datetimes")
    all_starts = pl.datetime_range(low, high, every, eager=True)
    if len(all_starts) > MOST:
        raise ClinicalError(
            f"{every} makes {len(all_starts):,} windows, of which at most {MOST:,} are compared",
            where="--every",
            repair="Give a longer one",
        )
    form = "%Y-%m-%d"
    if every.endswith("h"):
        # With its offset, because the clock goes through an hour twice when summer time ends.
        zoned = isinstance(starts.dtype, pl.Datetime) and starts.dtype.time_zone not in _UTC
        form = "%Y-%m-%d %H:%M%z" if zoned else "%Y-%m-%d %H:%M"
    return Cut(
        every,
        tuple(start.strftime(form) for start in all_starts),
        _places(all_starts, starts),
        _days(times),
    )


def zone_of(frame: pl.LazyFrame, time: str, which: str = "table") -> str:
    """The zone of a column of times; empty where they have none.

    Raises:
        ClinicalError: there is no such column, or it holds no times.
    """
    dtype = _times(frame, time, which).dtype
    return (dtype.time_zone or "") if isinstance(dtype, pl.Datetime) else ""


def _places(starts: pl.Series, each: pl.Series) -> Places:
    where = pl.DataFrame({"start": starts, "place": np.arange(len(starts), dtype=np.int64)})
    rows = each.cast(starts.dtype).alias("start").to_frame()
    found = rows.join(where, on="start", how="left", maintain_order="left")["place"]
    return found.fill_null(-1).to_numpy().astype(np.int64)


def _days(times: pl.Series) -> Places:
    days = times.dt.date().to_physical().cast(pl.Int64)
    first = days.min()
    return (days - first).fill_null(-1).to_numpy().astype(np.int64)


def _times(frame: pl.LazyFrame, time: str, which: str) -> pl.Series:
    schema = frame.collect_schema()
    if time not in schema:
        raise ClinicalError(
            f"The {which} has no column named {time!r}",
            where="--time",
            repair=f"Choose among {', '.join(schema)}",
        )
    found = frame.select(time).collect().to_series()
    if found.dtype == pl.String:
        found = _read(found)
    if found.dtype == pl.Date:
        found = found.cast(pl.Datetime("us"))
    if not isinstance(found.dtype, pl.Datetime):
        raise ClinicalError(
            f"{time!r} holds no times in the {which}, but {found.dtype}",
            where="--time",
            repair="Choose a column of dates or times; in a CSV file write them as 2026-01-31 or"
            " 2026-01-31T08:00:00Z",
        )
    return found


def _read(texts: pl.Series) -> pl.Series:
    """Times from text in the forms of ISO 8601; the text itself where not every one is."""
    for form in ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%+"):
        zone = "UTC" if form == "%+" else None
        found = texts.str.to_datetime(form, time_unit="us", time_zone=zone, strict=False)
        if found.null_count() == texts.null_count():
            return found
    return texts


def _length(every: str, times: pl.Series) -> str:
    if every and not _EVERY.fullmatch(every):
        raise ClinicalError(
            f"{every!r} is no length of time",
            where="--every",
            repair="Give a number with h, d, w or mo, such as 1d, 2w or 1mo",
        )
    low, high = times.min(), times.max()
    if not isinstance(low, datetime) or not isinstance(high, datetime):  # for the type checker
        raise TypeError("times are datetimes")
    span = high - low
    return every or ("1d" if span <= _DAYS else "1w" if span <= _WEEKS else "1mo")
