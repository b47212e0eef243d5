"""Whole comparisons: kinds of columns, what cannot be compared, what counts as drift."""

import math
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Literal

import numpy as np
import polars as pl
import pytest

from clinical_assets.drift import Plan, compare, profile
from clinical_assets.drift.plan import read_plan
from clinical_assets.drift.windows import compare_windows
from clinical_assets.errors import ClinicalError

RNG = np.random.default_rng(3)


def frame(rows: int = 2_000, shift: float = 0.0, missing: float = 0.0) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "glucose": np.where(
                RNG.random(rows) < missing, np.nan, RNG.normal(100 + shift, 15, rows)
            ),
            "ward": RNG.choice(["icu", "er", "med"], rows),
            "ventilated": RNG.random(rows) < 0.3,
        }
    )


def test_nothing_changed_and_nothing_is_said() -> None:
    found = compare(frame(), frame())
    assert not found.drifted
    assert found.explain().startswith("No column has drifted, of 3 compared: 2,000 rows")
    assert compare(same := frame(), same)["glucose"].statistics["psi"] == 0


def test_a_shift_and_missing_values_are_told_with_numbers() -> None:
    found = compare(frame(), frame(shift=30))
    assert [c.name for c in found.columns if c.drifted] == ["glucose"]
    assert "its distribution changed (PSI" in found.explain()
    gone = compare(frame(), frame(missing=0.4))["glucose"]
    assert gone.drifted
    assert gone.statistics["missing_current"] == pytest.approx(0.4, abs=0.05)
    assert "in the reference" in gone.reasons[0]


def test_a_large_psi_of_few_rows_is_no_drift_and_a_small_one_of_many_neither() -> None:
    """PSI 0.2 alone cries wolf on small samples; significance alone on large ones."""
    few = pl.DataFrame({"x": [float(i) for i in range(20)]})
    other = pl.DataFrame({"x": [float(i) + 3 for i in range(12)]})
    found = compare(few, other)["x"]
    assert (found.statistics["psi"] or 0) > 0.2
    assert not found.drifted
    many = compare(
        pl.DataFrame({"x": RNG.normal(size=200_000)}),
        pl.DataFrame({"x": RNG.normal(0.05, 1, 200_000)}),
    )["x"]
    assert (many.statistics["ks_pvalue"] or 1) < 1e-6
    assert not many.drifted


def test_every_kind_of_column() -> None:
    def table(day: int, level: str) -> pl.DataFrame:
        return pl.DataFrame(
            {
                "whole": [1, 2, 3, None],
                "large": [2**60, 2**60 + 1, 2**60 + 2, 2**60 + 3],
                "decimal": [Decimal("1.10"), Decimal("2.20"), None, Decimal("3.30")],
                "day": [date(2026, 1, day + i) for i in range(4)],
                "at": [datetime(2026, 1, day, tzinfo=UTC)] * 4,
                "flag": [True, False, None, True],
                "level": ["a", "b", level, "a"],
                "nothing": [None] * 4,
                "constant": [1.0] * 4,
            }
        )

    found = compare(table(1, "b"), table(1, "c"))
    kinds = {c.name: c.kind for c in found.columns}
    assert kinds == {
        "whole": "numeric",
        "large": "numeric",
        "decimal": "numeric",
        "day": "time",
        "at": "time",
        "flag": "boolean",
        "level": "category",
        "nothing": "null",
        "constant": "numeric",
    }
    assert not any(c.obstacle for c in found.columns)
    assert found["level"].statistics["new_levels"] == 0.25
    assert found["nothing"].statistics["psi"] is None
    assert found["nothing"].statistics["missing_current"] == 1.0
    for name in ("whole", "large", "decimal", "day", "at", "flag", "constant"):
        assert found[name].statistics["psi"] == 0, name
    assert found.to_frame().height == 9
    assert found.to_dict()["rows"] == {"reference": 4, "current": 4}


def test_what_cannot_be_compared_is_named_and_never_dropped() -> None:
    reference = pl.DataFrame(
        {"a": [1], "b": ["1"], "t": [datetime(2026, 1, 1)], "only": [1], "list": [[1]]}
    )
    current = pl.DataFrame(
        {"a": [1], "b": [1], "t": [datetime(2026, 1, 1, tzinfo=UTC)], "new": [1], "list": [[1]]}
    )
    obstacles = {c.name: c.obstacle for c in compare(reference, current).columns}
    assert obstacles == {
        "a": "",
        "b": "category (String) against numeric (Int64)",
        "t": "Datetime(time_unit='us', time_zone=None) against"
        " Datetime(time_unit='us', time_zone='UTC')",
        "only": "not in the current data",
        "list": "nothing is known about columns of type List(Int64)",
        "new": "not in the reference",
    }


def test_infinities_and_nan_are_counted_and_lose_nothing() -> None:
    found = compare(
        pl.DataFrame({"x": [1.0, float("inf"), float("nan"), None]}),
        pl.DataFrame({"x": [1.0, float("-inf"), 2.0, 3.0]}),
    )["x"].statistics
    assert (found["missing_reference"], found["missing_current"]) == (0.5, 0.0)
    assert found["ks"] == 0.5
    assert found["wasserstein"] is None


@pytest.mark.parametrize(("share", "drifted"), [(0.0, False), (0.008, False), (0.012, True)])
def test_values_that_become_infinite_are_drift_with_its_cause(share: float, drifted: bool) -> None:
    rows = 4000
    before = pl.DataFrame({"x": np.random.default_rng(1).normal(size=rows)})
    sign = pl.when(pl.int_range(rows) % 2 == 0).then(math.inf).otherwise(-math.inf)
    first = pl.int_range(rows) < share * rows
    after = before.with_columns(x=pl.when(first).then(sign).otherwise("x"))
    known = profile(before)
    windows = compare_windows(before, after.with_columns(at=pl.lit(datetime(2026, 1, 1))), "at")
    found = [compare(before, after), compare(known, profile(after, known)), windows[0].comparison]
    for each in found:
        assert each is not None
        assert each["x"].drifted == drifted
        assert each["x"].statistics["infinite_reference"] == 0
        assert each["x"].statistics["infinite_current"] == pytest.approx(share)
    if drifted:
        for each in found[:2]:
            assert each is not None
            assert each["x"].reasons == ("1.2% of its values are infinite, 0.0% in the reference",)
            assert each["x"].evidence[0]["kind"] == "infinite"
        assert not compare(after, before)["x"].drifted


def test_a_scan_is_compared_as_its_frame(tmp_path: pytest.TempPathFactory) -> None:
    a, b = frame(), frame(shift=4)
    a.write_parquet(f"{tmp_path}/a.parquet")
    scan = pl.scan_parquet(f"{tmp_path}/a.parquet")
    assert compare(scan, b).to_dict() == compare(a, b).to_dict()
    assert compare(a, b, threads=1).to_dict() == compare(a, b, threads=8).to_dict()


def test_order_of_rows_does_not_matter() -> None:
    a, b = frame(), frame(shift=4)
    shuffled = compare(a.reverse(), b.sample(fraction=1, shuffle=True, seed=1))
    for column in compare(a, b).columns:
        for name, value in column.statistics.items():
            assert shuffled[column.name].statistics[name] == pytest.approx(value), (column, name)


@pytest.mark.parametrize(
    ("reference", "current", "plan", "words"),
    [
        (pl.DataFrame({"a": [1]}), pl.DataFrame({"b": [1]}), Plan(), "no column in common"),
        (pl.DataFrame({"a": []}), pl.DataFrame({"a": [1]}), Plan(), "The reference has no rows"),
        (pl.DataFrame({"a": [1]}), pl.DataFrame({"a": []}), Plan(), "current data has no rows"),
        (pl.DataFrame({"a": [1]}), pl.DataFrame({"a": [1]}), Plan(columns=("z",)), "named 'z'"),
    ],
)
def test_bad_tables_are_refused(
    reference: pl.DataFrame, current: pl.DataFrame, plan: Plan, words: str
) -> None:
    with pytest.raises(ClinicalError, match=words):
        compare(reference, current, plan)


def test_an_unknown_statistic_is_refused() -> None:
    with pytest.raises(ClinicalError, match="no statistic named 'magic'"):
        compare(frame(), frame(), statistics=("magic",))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("psi = ", "no TOML"),
        ("colour = 1", "nothing named 'colour'"),
        ("psi = 'x'", "'psi' is 'x'"),
        ("psi = -1", "'psi' is -1"),
        ("bins = 1", "'bins' is 1"),
        ("rate = 2.0", "'rate' is 2.0"),
        ("columns = [1]", "'columns' is"),
    ],
)
def test_a_bad_plan_is_refused(text: str, words: str) -> None:
    with pytest.raises(ClinicalError, match=words):
        read_plan(text)


def test_a_plan_is_read() -> None:
    assert read_plan("psi = 1\ncolumns = ['a']") == Plan(psi=1.0, columns=("a",))


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_times_counted_in_other_units_are_the_same_times(unit: Literal["ms", "us", "ns"]) -> None:
    at = pl.Series("at", [datetime(2026, 11, day) for day in range(1, 21)])
    before = at.dt.cast_time_unit("us").to_frame()
    after = at.dt.cast_time_unit(unit).to_frame()
    assert compare(before, after)["at"].statistics["ks"] == 0


@pytest.mark.parametrize("rows", [20, 50_000])
def test_a_column_of_nothing_but_infinities_is_compared(rows: int) -> None:
    before = pl.DataFrame({"x": [float("inf")] * rows})
    after = pl.DataFrame({"x": [float("inf"), -float("inf")] * (rows // 2)})
    assert compare(before, before)["x"].statistics["ks"] == 0
    assert compare(before, after)["x"].statistics["ks"] == 0.5


def test_levels_that_a_long_tail_brings_are_no_drift() -> None:
    rng = np.random.default_rng(4)
    weights = 1 / np.arange(1, 1501)
    sides = [rng.choice(1500, 2000, p=weights / weights.sum()).astype(str) for _ in range(2)]
    a, b = (pl.DataFrame({"code": side}) for side in sides)
    found = compare(a, b)["code"]
    assert found.statistics["new_levels"] > 0.1
    assert found.statistics["new_levels_pvalue"] > 0.1
    assert not found.drifted
    other = b.with_columns(
        code=pl.when(pl.int_range(2000) < 600).then(pl.lit("Z") + "code").otherwise("code")
    )
    assert compare(a, other)["code"].drifted
    wards = pl.DataFrame({"ward": ["a", "b"] * 500})
    new = wards.with_columns(
        ward=pl.when(pl.int_range(1000) < 20).then(pl.lit("c")).otherwise("ward")
    )
    assert compare(wards, new)["ward"].reasons == (
        "2.0% of its values are levels that the reference does not have",
    )


@pytest.mark.parametrize(("share", "drifted"), [(0.0, False), (0.02, True), (0.15, True)])
def test_values_out_of_the_reference_s_range_are_drift(share: float, drifted: bool) -> None:
    rng = np.random.default_rng(6)
    before = pl.DataFrame({"sbp": rng.normal(120, 15, 5000)})
    after = pl.DataFrame(
        {"sbp": np.where(rng.random(5000) < share, -999, rng.normal(120, 15, 5000))}
    )
    known = profile(before)
    found = [compare(before, after)["sbp"], compare(known, profile(after, known))["sbp"]]
    assert [each.drifted for each in found] == [drifted] * 2
    if drifted:
        assert "lie below all of the reference's" in found[0].reasons[-1]
        assert share < 0.1 or "-999" in found[0].causes[0]


def test_few_values_beyond_a_small_reference_are_chance() -> None:
    rng = np.random.default_rng(7)
    drifted = 0
    for _ in range(200):
        a, b = (pl.DataFrame({"x": rng.standard_t(2, size)}) for size in (100, 100))
        drifted += compare(a, b).drifted
    assert drifted <= 12


@pytest.mark.parametrize(
    ("before", "after", "drifted"),
    [(0.066, 0.0, True), (0.066, 0.03, True), (0.066, 0.05, False), (0.0, 0.02, True)],
)
def test_what_is_seldom_measured_is_drift_by_how_often(
    before: float, after: float, drifted: bool
) -> None:
    rng, rows = np.random.default_rng(8), 20_000
    a, b = (
        pl.DataFrame({"lactate": np.where(rng.random(rows) < share, 2.0, np.nan)})
        for share in (before, after)
    )
    found = compare(a, b)["lactate"]
    assert found.drifted == drifted
    assert not drifted or "of its values are missing" in found.reasons[0]
