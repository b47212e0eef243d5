"""Rows cut by time: each in its window, also where the clock on the wall is put forward or back."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinical_assets.drift.cutting import Cut, cut, instant
from clinical_assets.errors import ClinicalError

EPOCH = datetime(1970, 1, 1)
ZONES = [
    "Europe/Berlin",
    "Europe/London",
    "Australia/Lord_Howe",  # half an hour of summer time
    "Africa/Cairo",  # where midnight is skipped
    "America/Sao_Paulo",
    "America/Havana",
    "Asia/Beirut",
    "America/St_Johns",  # before 2012 the clock went back from 00:01 to 23:01 of the day before
    "Asia/Kathmandu",
    "Pacific/Apia",  # where 30 December 2011 was skipped
]


def cut_up(instants: list[datetime], zone: str, every: str) -> Cut:
    at = pl.Series("at", instants, dtype=pl.Datetime("us", "UTC")).dt.convert_time_zone(zone)
    return cut(pl.LazyFrame([at]), "at", every)


def half_hours(start: datetime, number: int) -> list[datetime]:
    return [start.replace(tzinfo=UTC) + timedelta(minutes=30 * i) for i in range(number)]


def shown(instants: list[datetime], zone: str) -> list[datetime]:
    return [each.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for each in instants]


def numbered(walls: list[datetime], hours: int) -> list[int]:
    """The window of each half hour: a new one where the clock comes to, or jumps over, a multiple
    of so many hours."""
    length, places = timedelta(hours=hours), [0]
    for before, now in pairwise(walls):
        here = now - EPOCH
        new = not here % length or here // length > (before - EPOCH) // length
        places.append(places[-1] + new)
    return places


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(ZONES),
    st.sampled_from([1, 2, 3, 5, 6, 12, 24]),
    st.datetimes(datetime(2012, 1, 1), datetime(2024, 6, 1)).map(
        lambda at: at.replace(minute=0, second=0, microsecond=0)
    ),
)
def test_hours_are_those_of_the_clock_on_the_wall(zone: str, hours: int, start: datetime) -> None:
    instants = half_hours(start, min(hours * 1900, 8000))
    found = cut_up(instants, zone, f"{hours}h")
    assert found.places.tolist() == numbered(shown(instants, zone), hours)
    labelled(found, instants)


def labelled(found: Cut, instants: list[datetime]) -> None:
    """Labels are unique and in order, and a row lies between its window's and the next."""
    begins = [datetime.strptime(label, "%Y-%m-%d %H:%M%z") for label in found.labels]
    assert begins == sorted(set(begins))
    assert len(set(found.labels)) == len(found.labels)
    begins.append(datetime.max.replace(tzinfo=UTC))
    for place, each in zip(found.places, instants, strict=True):
        assert begins[place] <= each < begins[place + 1]


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(ZONES),
    st.sampled_from(["1h", "2h", "3h", "7h", "12h"]),
    st.lists(st.datetimes(datetime(2011, 1, 1), datetime(2011, 2, 1)), min_size=1, max_size=20),
    st.integers(0, 330),
)
def test_rows_far_apart_have_the_windows_of_rows_close_together(
    zone: str, every: str, times: list[datetime], later: int
) -> None:
    """In 2011, when all of these clocks did what clocks can do; windows in between are there."""
    instants = [each.replace(tzinfo=UTC) + timedelta(days=later) for each in times]
    found = cut_up(instants, zone, every)
    labelled(found, instants)
    number = (max(instants) - min(instants)) // timedelta(minutes=30) + 1
    dense = [min(instants) + timedelta(minutes=30 * i) for i in range(number)]
    close = cut_up([*dense, max(instants)], zone, every)
    assert close.labels == found.labels


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(ZONES),
    st.sampled_from(["1d", "2d", "1w", "1mo", "5mo"]),
    st.datetimes(datetime(2009, 1, 1), datetime(2024, 1, 1)),
    st.integers(1, 700),
)
def test_days_weeks_and_months_are_those_of_the_clock_on_the_wall(
    zone: str, every: str, start: datetime, days: int
) -> None:
    instants = half_hours(start, days * 48)[::5]
    found = cut_up(instants, zone, every)
    begins = [date.fromisoformat(label) for label in found.labels]
    assert begins == sorted(set(begins))
    begins.append(date.max)
    walls = shown(instants, zone)
    for place, wall in zip(found.places, walls, strict=True):
        assert begins[place] <= wall.date() < begins[place + 1]
    first = min(walls).date()
    assert found.days.tolist() == [(wall.date() - first).days for wall in walls]


@pytest.mark.parametrize(
    ("zone", "every", "windows"),
    [
        ("Europe/Berlin", "12h", 730),
        ("Australia/Lord_Howe", "12h", 730),
        ("Africa/Cairo", "1d", 365),
        ("America/Havana", "1d", 365),
        ("America/Havana", "1mo", 12),
        ("Asia/Beirut", "1w", 53),
    ],
)
def test_a_year_has_all_its_windows(zone: str, every: str, windows: int) -> None:
    start = datetime(2023, 1, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    instants = [start + timedelta(hours=i) for i in range(365 * 24)]
    found = cut_up(instants, zone, every)
    assert (len(found.labels), found.untimed, int(found.rows.min()) > 0) == (windows, 0, True)


def test_hours_that_the_clock_jumps_over_or_shows_twice() -> None:
    spring = half_hours(datetime(2024, 10, 5, 14), 4)
    found = cut_up(spring, "Australia/Lord_Howe", "1h")
    assert found.labels == (
        "2024-10-06 00:00+1030",
        "2024-10-06 01:00+1030",
        "2024-10-06 02:30+1100",
    )
    autumn = half_hours(datetime(2024, 11, 3, 4), 4)
    assert cut_up(autumn, "America/Havana", "1h").labels == (
        "2024-11-03 00:00-0400",
        "2024-11-03 00:00-0500",
    )
    assert instant(datetime(2011, 12, 30, 12), "Pacific/Apia") == datetime(
        2011, 12, 30, 10, tzinfo=UTC
    )
    assert instant(datetime(2024, 11, 3, 0, 30), "America/Havana").hour == 4


@pytest.mark.parametrize("unit", ["ms", "us"])
def test_times_out_of_range_are_refused(unit: str) -> None:
    for number in (2**62, -(2**62)):
        times = pl.Series("at", [number, 0], dtype=pl.Int64).cast(pl.Datetime(unit))  # type: ignore[arg-type]
        with pytest.raises(ClinicalError, match="outside of the years 1000 to 9998"):
            cut(pl.LazyFrame([times]), "at", "1d")
    days = pl.Series("at", [2**31 - 1, 0], dtype=pl.Int32).cast(pl.Date)
    with pytest.raises(ClinicalError, match="outside of the years"):
        cut(pl.LazyFrame([days]), "at", "1d")


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_units_make_no_difference(unit: str) -> None:
    times = pl.Series("at", [datetime(2026, 1, 1, 23), None, datetime(2026, 1, 3)])
    found = cut(pl.LazyFrame([times.cast(pl.Datetime(unit))]), "at", "1d")  # type: ignore[arg-type]
    assert found.labels == ("2026-01-01", "2026-01-02", "2026-01-03")
    assert (found.places.tolist(), found.untimed) == ([0, -1, 2], 1)


@pytest.mark.parametrize("every", ["9999mo", "9999w", "3661d"])
def test_a_window_longer_than_ten_years_is_refused(every: str) -> None:
    with pytest.raises(ClinicalError, match="longer than ten years"):
        cut_up([datetime(2026, 1, 1, tzinfo=UTC)], "UTC", every)
    assert cut_up([datetime(2026, 1, 1, tzinfo=UTC)], "UTC", "120mo").labels == ("2020-01-01",)
