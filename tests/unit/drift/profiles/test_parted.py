"""Profiles by day and site: each is that of its rows, and they add up to that of all."""

from datetime import datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinical_assets.drift.profiles import merged, over, profile, profiles_by
from clinical_assets.errors import ClinicalError

NOON = datetime(2026, 1, 1, 12)


def table(hours: list[int | None], sites: list[str | None], values: list[float]) -> pl.DataFrame:
    at = pl.Series("at", hours, dtype=pl.Int64)
    return pl.DataFrame(
        {
            "at": pl.DataFrame({"h": at}).select(NOON + pl.duration(hours="h")).to_series(),
            "site": pl.Series(sites, dtype=pl.String),
            "lactate": pl.Series(values, dtype=pl.Float64),
            "ward": pl.Series([str(int(v) % 3) for v in values]),
        }
    )


ROWS = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(0, 100)),
        st.sampled_from([None, "a", "b/..", "ü"]),
        st.integers(-5, 50).map(float),
    ),
    min_size=1,
    max_size=60,
).filter(lambda rows: any(hour is not None for hour, _, _ in rows))


@settings(max_examples=40, deadline=None)
@given(ROWS)
def test_each_is_the_profile_of_its_rows(
    rows: list[tuple[int | None, str | None, float]],
) -> None:
    frame = table(*(list(each) for each in zip(*rows, strict=True)))  # type: ignore[arg-type]
    known = profile(frame, columns=["lactate", "ward"])
    parts = profiles_by(frame, known, "at", "site")
    days = frame["at"].dt.strftime("%Y-%m-%d").fill_null("(no time)")
    sites = frame["site"].fill_null("(no value)")
    assert set(parts) == set(zip(days, sites, strict=True))
    rest = frame.select("lactate", "ward")
    for (day, site), part in parts.items():
        assert part == profile(rest.filter((days == day) & (sites == site)), known)
    assert merged(parts.values()) == profile(rest, known)


def test_any_window_and_site_is_a_sum_with_pairwise_moments() -> None:
    hours = list(range(240))
    frame = table([*hours], ["a", "b"] * 120, [float(h * 7 % 31) for h in hours]).with_columns(
        pl.col("lactate").sin().alias("ph")
    )
    known = profile(frame, columns=["lactate", "ph"], moments=True)
    kept = frame.drop("ward")
    parts = profiles_by(kept, known, "at", "site", moments=True)
    chosen = over(parts, days=lambda day: str(day) >= "2026-01-05", sites=lambda s: s == "b")
    rows = kept.filter(pl.col("at") >= datetime(2026, 1, 5), pl.col("site") == "b")
    assert chosen == profile(rows.select("lactate", "ph"), known, moments=True)
    assert chosen.pairwise is not None
    assert int(chosen.pairwise.counts.max()) == len(rows)


def test_lengths_of_time_and_columns() -> None:
    frame = table(list(range(96)), ["a"] * 96, [1.0, 2.0] * 48)
    known = profile(frame, columns=["lactate", "ward", "site"])
    assert list(profiles_by(frame, known, "at", every="1h"))[1] == (
        "2026-01-01 13:00",
        "(no value)",
    )
    weekly = profiles_by(frame, known, "at", "site", every="1w", columns=["ward"])
    assert list(weekly) == [("2025-12-29", "a"), ("2026-01-05", "a")]
    assert {part.columns for part in weekly.values()} == {("ward",)}
    assert sum(part.rows for part in weekly.values()) == 96


@pytest.mark.parametrize(
    ("change", "arguments", "told"),
    [
        ({}, ("when", "site"), "no column named 'when'"),
        ({}, ("ward", "site"), "holds text in row 1"),
        ({}, ("at", "where"), "no column named 'where'"),
        ({"site": pl.int_range(pl.len()).cast(pl.String)}, ("at", "site"), "has 300 levels"),
    ],
)
def test_what_makes_no_parts(
    change: dict[str, pl.Expr], arguments: tuple[str, str], told: str
) -> None:
    frame = table(list(range(300)), ["a"] * 300, [1.0] * 300).with_columns(**change)
    with pytest.raises(ClinicalError, match=told):
        profiles_by(frame, profile(frame, columns=["lactate"]), *arguments)


def test_a_column_that_cannot_be_counted_is_said_of_every_part() -> None:
    frame = table(list(range(48)), ["a"] * 48, [1.0] * 48)
    known = profile(frame, columns=["lactate", "ward"])
    changed = frame.with_columns(pl.col("lactate").cast(pl.String), more=pl.lit(1)).drop("ward")
    for part in profiles_by(changed, known, "at").values():
        told = {name: getattr(part[name], "obstacle", "") for name in part.columns}
        assert told == {
            "lactate": "numeric in the reference, category (String) here",
            "ward": "not in the table",
            "more": "not in the reference",
            "site": "not in the reference",
        }


def test_no_row_is_lost_when_summer_time_ends() -> None:
    at = pl.datetime_range(
        datetime(2026, 10, 24, 20), datetime(2026, 10, 25, 6), "1m", eager=True, closed="left"
    )
    local = at.dt.replace_time_zone("UTC").dt.convert_time_zone("Europe/Berlin")
    frame = pl.DataFrame({"at": local, "x": range(600)})
    parts = profiles_by(frame, profile(frame, columns=["x"]), "at", every="1h")
    assert sum(part.rows for part in parts.values()) == 600
    twice = [day for day, _ in parts if day.startswith("2026-10-25 02:00")]
    assert twice == ["2026-10-25 02:00+0200", "2026-10-25 02:00+0100"]
