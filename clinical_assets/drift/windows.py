"""Drift over time: the current data cut in hours, days, weeks or months.

What belongs here: the windows, and when each column first drifted. What does not: how many windows
in a row make an alert, which is decided over the list that comes out of here.
"""

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl

from clinical_assets.drift.parts import Part, Slice, compare_parts, too_few
from clinical_assets.drift.plan import Plan
from clinical_assets.errors import ClinicalError

MOST = 1000
NO_TIME = "(no time)"
_EVERY = re.compile(r"[1-9][0-9]{0,3}(h|d|w|mo)")
_DAYS, _WEEKS = timedelta(days=31), timedelta(days=365)
Frame = pl.DataFrame | pl.LazyFrame


def compare_windows(
    reference: Frame,
    current: Frame,
    time: str,
    plan: Plan | None = None,
    *,
    every: str = "",
    threads: int = 0,
) -> tuple[Part, ...]:
    """Holds each window of the current data against the whole reference, in order of time.

    Windows without rows between the first and the last are listed, too, and at the end the rows
    that have no time, if there are any.

    Args:
        time: the column of dates or times; it is not compared itself.
        every: ``1h``, ``1d``, ``1w`` (from Monday), ``1mo`` and multiples; where it is not given,
            days for a span of up to 31 days, weeks for up to a year, and months beyond.

    Raises:
        ClinicalError: the current data has no such column, or it holds no times, or ``every`` is
            no length of time or makes more than 1,000 windows.
    """
    theirs = current.lazy()
    times = _times(theirs, time)
    known = times.drop_nulls()
    if known.is_empty():
        raise ClinicalError(
            f"{time!r} has no value", where="--time", repair="Choose a column of times"
        )
    every = _length(every, known)
    starts = times.dt.truncate(every)
    slices = _slices(starts, every)
    return compare_parts(
        reference.lazy(), theirs, slices, plan or Plan(), without=(time,), threads=threads
    )


def first_drift(windows: Sequence[Part]) -> dict[str, str]:
    """The first window in which each column drifted; columns that never did are left out."""
    found: dict[str, str] = {}
    for window in windows:
        for column in window.comparison.columns if window.comparison else ():
            if column.drifted:
                found.setdefault(column.name, window.label)
    return found


def _times(frame: pl.LazyFrame, time: str) -> pl.Series:
    schema = frame.collect_schema()
    if time not in schema:
        raise ClinicalError(
            f"The current data has no column named {time!r}",
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
            f"{time!r} holds no times, but {found.dtype}",
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


def _slices(starts: pl.Series, every: str) -> list[Slice]:
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
    found = (
        pl.DataFrame({"start": starts, "row": np.arange(len(starts))}).group_by("start").agg("row")
    )
    rows = dict(zip(found["start"], found["row"], strict=True))
    form = "%Y-%m-%d %H:%M" if every.endswith("h") else "%Y-%m-%d"
    slices = []
    for start in all_starts:
        here = np.asarray(rows.get(start, []), dtype=np.int64)
        slices.append(Slice(start.strftime(form), here, None, too_few(len(here))))
    if None in rows:
        here = np.asarray(rows[None], dtype=np.int64)
        slices.append(Slice(NO_TIME, here, None, "its rows belong to no window"))
    return slices
