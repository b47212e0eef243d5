"""A season that comes every year is told from a change of the measurement."""

import re
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from clinical_assets.drift import compare
from clinical_assets.drift.plan import Plan, read_plan
from clinical_assets.drift.result import ColumnDrift
from clinical_assets.drift.seasonal import Years
from clinical_assets.drift.windows import over_time, with_windows

YEAR = datetime(2024, 1, 1)
CALIBRATED = read_plan('[thresholds]\nkind = "calibrated"\none_false_alarm_in = "1y"')


def wards(first: int, days: int, seed: int, rows: int = 40) -> pl.DataFrame:
    """So many days from a day of 2024 on; glucose rises and falls with the year."""
    rng = np.random.default_rng(seed)
    day = first + np.arange(days * rows) // rows
    wave = 30 * np.sin(2 * np.pi * day / 365.25)
    return pl.DataFrame(
        {
            "at": [YEAR + timedelta(days=int(d)) for d in day],
            "glucose": rng.normal(120, 15, len(day)) + wave,
            "hr": rng.normal(84, 15, len(day)),
            "ward": rng.choice(["icu", "er"], len(day)),
        }
    )


REFERENCE = wards(0, 365, 1)


def drifted(current: pl.DataFrame, every: str = "1mo") -> dict[str, ColumnDrift]:
    found = over_time(REFERENCE, current, "at", every=every, intervals=False).windows
    return {w.label: c for w in found if w.comparison for c in w.comparison.columns if c.drifted}


@pytest.mark.parametrize("every", ["1w", "1mo"])
def test_a_window_like_the_same_days_a_year_before_is_a_season(every: str) -> None:
    found = drifted(wards(366, 365, 2), every)
    assert len(found) >= 5
    assert {column.name for column in found.values()} == {"glucose"}
    like = [
        column
        for column in found.values()
        if column.causes and column.causes[0].startswith("The same days a year before were like")
    ]
    assert len(like) >= 0.95 * len(found)


def test_another_unit_or_an_offset_in_the_same_season_is_none() -> None:
    later = wards(366, 365, 2)
    for change, kinds in (
        (pl.col("glucose") / 18.0156, {"unit"}),
        (pl.col("glucose") + 60, {"offset", "scale", "gain_and_offset", "unexplained"}),
    ):
        found = drifted(later.with_columns(change))
        assert len(found) >= 10
        for column in found.values():
            assert column.evidence[0]["kind"] in kinds
            assert "seasonal" not in [cause["kind"] for cause in column.evidence]


def test_what_a_season_does_not_explain_is_told() -> None:
    later = wards(366 + 60, 62, 2)
    as_then = drifted(later)
    higher = drifted(later.with_columns(pl.col("glucose") + 6))
    assert as_then
    assert not any("still about" in column.causes[0] for column in as_then.values())
    full = [column.causes[0] for label, column in higher.items() if label != "2025-05-01"]
    assert full
    for cause in full:
        assert cause.startswith("The same days a year before were like this")
        assert re.search(r"values are still about [4-8](\.\d+)? higher than then\.$", cause)


def test_where_the_reference_has_no_such_days_nothing_is_said_of_windows() -> None:
    short = wards(200, 100, 1)
    current = wards(366 + 60, 60, 2)
    windows = over_time(short, current, "at", every="1mo", intervals=False).windows
    told = [c for w in windows if w.comparison for c in w.comparison.columns if c.drifted]
    assert told
    assert not any(column.causes for column in told)
    years = Years(short.drop("at").lazy(), current.lazy(), "at")
    assert not len(years.before(np.ones(len(current), dtype=np.bool_)))


@pytest.mark.parametrize("plan", [None, CALIBRATED])
def test_the_whole_comparison_says_so_too(plan: Plan | None) -> None:
    current = wards(366 + 60, 62, 2)
    over = over_time(REFERENCE, current, "at", plan, every="1w", intervals=False)
    whole = compare(REFERENCE, current, plan, judged=plan is None)
    found = with_windows(whole, over, REFERENCE, current)
    if plan is None:  # calibrated thresholds allow for the seasons that the reference has
        assert found["glucose"].causes[0].startswith("The same days a year before were like this")
    else:
        assert not found["glucose"].drifted
    changed = current.with_columns(pl.col("glucose") / 18.0156)
    over = over_time(REFERENCE, changed, "at", plan, every="1w", intervals=False)
    whole = compare(REFERENCE, changed, plan, judged=plan is None)
    found = with_windows(whole, over, REFERENCE, changed)
    assert found["glucose"].causes[0].startswith("Values are 18.0 times smaller")


def test_the_days_are_those_of_the_week_a_year_before() -> None:
    years = Years(REFERENCE.lazy(), wards(366 + 60, 2, 2).lazy(), "at")
    rows = years.before(np.ones(80, dtype=np.bool_))
    assert REFERENCE["at"].gather(rows).unique().sort().to_list() == [
        YEAR + timedelta(days=62),
        YEAR + timedelta(days=63),
    ]
    long = pl.concat([wards(-1500, 1400, 3, rows=1), REFERENCE])
    assert len(Years(long.lazy(), wards(366 + 60, 7, 2).lazy(), "at").before(np.ones(280, bool)))


def test_the_cost_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many columns of windows drifted, in so many a season is looked for."""
    monkeypatch.setattr("clinical_assets.drift.seasonal.MOST", 30)
    wide = REFERENCE.with_columns(pl.col("glucose").alias(f"x{i}") for i in range(3))
    later = wards(366, 365, 2).with_columns(pl.col("glucose").alias(f"x{i}") for i in range(3))
    windows = over_time(wide, later, "at", every="1w", intervals=False).windows
    drifted = [c for w in windows if w.comparison for c in w.comparison.columns if c.drifted]
    assert len(drifted) > 60
    assert 0 < len([c for c in drifted if c.causes]) <= 30


def test_a_date_of_long_ago_or_a_column_that_changed_more_hides_no_season(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("clinical_assets.drift.seasonal.MOST", 8)
    ancient = REFERENCE.head(1).with_columns(
        at=pl.lit(datetime(1900, 1, 1)).cast(pl.Datetime("us"))
    )
    current = wards(366, 120, 2).with_columns(pl.col("hr") + 200)
    windows = over_time(pl.concat([REFERENCE, ancient]), current, "at", every="2w", intervals=False)
    columns = [c for w in windows.windows if w.comparison for c in w.comparison.columns]
    glucose = [c for c in columns if c.name == "glucose" and c.drifted]
    told = [c for c in glucose if any("The same days a year before" in why for why in c.causes)]
    assert len(told) >= 4
