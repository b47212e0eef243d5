"""Groups and windows: no row lost, the right side held against, few rows said."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinical_assets.drift import Plan, compare
from clinical_assets.drift.by import compare_groups
from clinical_assets.drift.cutting import NO_TIME
from clinical_assets.drift.grouping import NO_VALUE
from clinical_assets.drift.windows import compare_windows, first_drift
from clinical_assets.errors import ClinicalError

RNG = np.random.default_rng(5)


def sites(**means: float) -> pl.DataFrame:
    rows = 600
    return pl.concat(
        pl.DataFrame({"site": [name] * rows, "x": RNG.normal(mean, 1, rows)})
        for name, mean in means.items()
    )


def test_a_site_that_always_differed_has_not_drifted() -> None:
    reference, current = sites(a=0, b=5), sites(a=0, b=5, c=5)
    groups = {part.label: part for part in compare_groups(reference, current, "site")}
    assert {name: part.drifted for name, part in groups.items()} == {"a": 0, "b": 0, "c": 1}
    assert {name: part.alone for name, part in groups.items()} == {"a": 1, "b": 1, "c": 0}
    whole = compare_groups(reference, current, "site", whole=True)
    assert all(part.drifted and not part.alone for part in whole)


def test_a_group_is_compared_as_its_rows_alone() -> None:
    reference, current = sites(a=0, b=1), sites(a=0.5, b=1)
    for part in compare_groups(reference, current, "site"):
        rows = pl.col("site") == part.label
        alone = compare(reference.filter(rows), current.filter(rows), Plan(columns=("x",)))
        assert part.comparison is not None
        assert part.comparison["x"].statistics == alone["x"].statistics
        assert "site" not in [c.name for c in part.comparison.columns]


def test_false_discoveries_are_kept_over_groups_and_columns_together() -> None:
    """What is significant for one group alone is not among two hundred."""
    reference = pl.DataFrame({"x": RNG.normal(0, 1, 20_000)})
    moved = RNG.normal(0, 1, 60)
    one = pl.DataFrame({"g": ["0"] * 60, "x": moved + 0.52})
    plan = Plan(psi=1e-6)
    alone = compare_groups(reference, one, "g", plan)[0]
    assert alone.comparison is not None
    p = alone.comparison["x"].statistics["ks_pvalue"] or 0.0
    assert 0.05 / 200 < p < 0.05 / 2  # of the range, too, is asked
    assert alone.drifted
    same = np.quantile(reference["x"].to_numpy(), (np.arange(60) + 0.5) / 60)
    others = pl.concat(pl.DataFrame({"g": [str(i)] * 60, "x": same}) for i in range(1, 200))
    among = compare_groups(reference, pl.concat([one, others]), "g", plan)
    assert not any(part.drifted for part in among)


def test_small_groups_and_rows_without_a_value_are_said() -> None:
    current = pl.DataFrame({"site": ["a"] * 40 + ["b"] * 5 + [None] * 3, "x": range(48)})
    parts = compare_groups(current, current, "site")
    assert [(part.label, part.obstacle) for part in parts] == [
        ("a", ""),
        ("b", "fewer than 30 rows"),
        (NO_VALUE, "fewer than 30 rows"),
    ]
    plain = parts[1].to_dict()
    assert (plain["drifted"], plain["columns"]) == (False, [])


def test_the_first_window_of_drift_and_days_without_rows() -> None:
    day = [date(2026, 3, 1) + timedelta(days=i // 100) for i in range(1000)]
    x = np.where(np.arange(1000) < 600, 0, 3) + RNG.normal(0, 1, 1000)
    current = pl.DataFrame({"day": day, "x": x})
    current = current.filter(pl.col("day") != date(2026, 3, 3)).with_columns(
        pl.when(pl.int_range(pl.len()) == 5).then(None).otherwise("day").alias("day")
    )
    windows = compare_windows(pl.DataFrame({"x": RNG.normal(0, 1, 5_000)}), current, "day")
    assert [part.label for part in windows[:3]] == ["2026-03-01", "2026-03-02", "2026-03-03"]
    assert [part.obstacle for part in windows if part.obstacle] == [
        "no rows",
        "its rows belong to no window",
    ]
    assert windows[-1].label == NO_TIME
    assert sum(part.rows for part in windows) == current.height
    assert first_drift(windows) == {"x": "2026-03-07"}


@pytest.mark.parametrize(
    ("days", "label"), [(10, "2026-03-02"), (200, "2026-03-09"), (800, "2026-04-01")]
)
def test_the_length_of_a_window_is_chosen_by_the_span(days: int, label: str) -> None:
    at = [datetime(2026, 3, 1, tzinfo=UTC) + timedelta(days=days * i / 99) for i in range(100)]
    windows = compare_windows(pl.DataFrame({"x": [1]}), pl.DataFrame({"at": at, "x": 1}), "at")
    assert label in [part.label for part in windows]


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.datetimes(datetime(2025, 1, 1), datetime(2026, 12, 31)), min_size=1, max_size=40),
    st.sampled_from(["1d", "3d", "1w", "2w", "1mo", "2mo"]),
    st.sampled_from([None, "UTC", "Europe/Vienna"]),
)
def test_no_row_is_lost(times: list[datetime], every: str, zone: str | None) -> None:
    at = pl.Series("at", times).dt.replace_time_zone(
        zone, ambiguous="earliest", non_existent="null"
    )
    current = pl.DataFrame({"at": at, "x": 1})
    if at.null_count() < len(at):
        windows = compare_windows(pl.DataFrame({"x": [1]}), current, "at", every=every)
        assert sum(part.rows for part in windows) == len(times)


@pytest.mark.parametrize(
    "texts",
    [
        ["2026-01-31", None],
        ["2026-01-31T08:00:00Z"],
        ["2026-01-31 08:00:00"],
        ["2026-01-31T08:00"],
        ["soon"],
    ],
)
def test_times_are_read_from_text(texts: list[str | None]) -> None:
    current = pl.DataFrame({"at": texts, "x": 1})
    if texts == ["soon"]:
        with pytest.raises(ClinicalError, match=r"in row 1 of the .* that is no time"):
            compare_windows(current, current, "at")
    else:
        assert compare_windows(current, current, "at")[0].label == "2026-01-31"


def test_bad_columns_and_lengths_are_refused() -> None:
    many = pl.DataFrame({"g": range(300), "x": 1.0, "at": [datetime(1900, 1, 1)] * 299 + [None]})
    late = many.with_columns(at=pl.lit(datetime(2026, 1, 1))).vstack(many.select(many.columns))
    with pytest.raises(ClinicalError, match="300 levels"):
        compare_groups(many, many, "g")
    with pytest.raises(ClinicalError, match="no column named 'z'"):
        compare_groups(many, many, "z")
    with pytest.raises(ClinicalError, match="makes no groups"):
        compare_groups(many, pl.DataFrame({"x": [1.0], "l": [[1]]}), "l")
    with pytest.raises(ClinicalError, match="no column named 'z'"):
        compare_windows(many, many, "z")
    with pytest.raises(ClinicalError, match="holds no times"):
        compare_windows(many, many, "x")
    with pytest.raises(ClinicalError, match="has no value"):
        compare_windows(many, many.with_columns(at=pl.lit(None, pl.Datetime)), "at")
    with pytest.raises(ClinicalError, match="no length of time"):
        compare_windows(many, many, "at", every="0d")
    with pytest.raises(ClinicalError, match="windows, of which at most"):
        compare_windows(late, late, "at", every="1d")


@pytest.mark.parametrize(("known", "alone"), [(29, False), (30, True)])
def test_a_group_is_held_against_itself_where_it_has_rows_enough(known: int, alone: bool) -> None:
    before = pl.DataFrame({"g": ["a"] * known + ["b"] * 100, "x": range(known + 100)})
    (part,) = compare_groups(before, pl.DataFrame({"g": ["a"] * 40, "x": range(40)}), "g")
    assert part.alone == alone
    assert part.comparison is not None
    assert part.comparison.reference == (known if alone else known + 100)
