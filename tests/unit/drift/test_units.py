"""What rows of one patient are worth: against sums written out, and where nothing changed."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinical_assets.drift import Plan, compare, profile
from clinical_assets.drift.by import compare_groups
from clinical_assets.drift.intraclass import (
    Sums,
    effective_rows,
    intraclass,
    level_cells,
    level_sums,
    mid_ranks,
    number_sums,
)
from clinical_assets.drift.measure import measure
from clinical_assets.drift.unit_codes import unit_codes, unit_hint
from clinical_assets.drift.units import effective
from clinical_assets.drift.windows import over_time
from clinical_assets.errors import ClinicalError

PATIENT = Plan(unit="patient_id")
ASKED = (
    *("psi", "ks_pvalue", "levels_pvalue", "missing_reference", "missing_current"),
    *("missing_pvalue", "below_range", "above_range", "range_pvalue"),
    *("new_levels", "new_levels_pvalue", "effective_reference", "effective_current"),
)

Side = list[tuple[int, float]]


def mean_squares(sides: list[Side]) -> tuple[float, float, float]:
    """Between units, within units, and the size of a unit, as a textbook's table has them."""
    between = within = weighed = 0.0
    rows = units = held = 0
    for side in filter(None, sides):
        centre = float(np.mean([y for _, y in side]))
        here = 0.0
        for unit in {u for u, _ in side}:
            values = [y for u, y in side if u == unit]
            mean = float(np.mean(values))
            between += len(values) * (mean - centre) ** 2
            within += sum((y - mean) ** 2 for y in values)
            here += len(values) ** 2 / len(side)
            units += 1
        weighed += here
        rows += len(side)
        held += 1
    degrees = units - held
    return between / degrees, within / (rows - units), (rows - weighed) / degrees


def naive(sides: list[Side]) -> float:
    between, within, size = mean_squares(sides)
    return min(1.0, max(0.0, (between - within) / (between + (size - 1) * within)))


def sums_of(side: Side) -> Sums:
    return number_sums(np.array([y for _, y in side], float), np.array([u for u, _ in side], int))


ROWS = st.lists(st.tuples(st.integers(0, 4), st.integers(-9, 9).map(float)), min_size=8)


@given(ROWS, ROWS)
@settings(max_examples=60)
def test_the_correlation_is_that_of_the_analysis_of_variance(ours: Side, theirs: Side) -> None:
    ours = [(9, 1.0), (9, 2.0), *ours]  # two units, two rows in one
    theirs = [(9, 4.0), (9, 7.0), *theirs]
    found = intraclass(sums_of(ours), sums_of(theirs))
    assert found == pytest.approx(naive([ours, theirs]), abs=1e-9)
    moved = [(u, y + 1000) for u, y in theirs]  # a difference of the sides is none within them
    assert intraclass(sums_of(ours), sums_of(moved)) == pytest.approx(found, abs=1e-7)


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from("abc")), min_size=8))
@settings(max_examples=60)
def test_that_of_levels_is_the_average_over_indicators(rows: list[tuple[int, str]]) -> None:
    rows = [(8, "a"), (8, "b"), (9, "b"), *rows]
    table = [
        mean_squares([[(u, float(level == k)) for u, level in rows]])
        for k in {level for _, level in rows}
    ]
    above = sum(between - within for between, within, _ in table)
    below = sum(between + (size - 1) * within for between, within, size in table)
    units = np.array([u for u, _ in rows])
    found, _ = level_cells((pl.Series([x for _, x in rows]), pl.Series(["d"])), (units, units[:1]))
    assert intraclass(level_sums(found)) == pytest.approx(
        min(1.0, max(0.0, above / below)), abs=1e-9
    )


def test_ranks_are_those_of_scipy() -> None:
    from scipy.stats import rankdata

    values = np.random.default_rng(1).integers(0, 30, 500).astype(np.float64)
    values[:3] = np.inf, -np.inf, np.inf
    found = np.concatenate(mid_ranks(values[:200], values[200:]))
    assert found == pytest.approx((rankdata(values) - 0.5) / 500 - 0.5)


def test_a_column_that_is_one_value_a_patient_is_worth_its_patients() -> None:
    rng = np.random.default_rng(2)
    units = np.repeat(np.arange(80), 25), np.repeat(np.arange(40), 10)
    age = [pl.Series(rng.integers(20, 90, 120))[u] for u in units]
    sex = [pl.Series(rng.choice(["f", "m"], 120))[u] for u in units]
    for kind, (before, after) in (("numeric", age), ("category", sex)):
        found = measure(before, after, kind, 10, units=units)  # type: ignore[arg-type]
        assert found["effective_reference"] == pytest.approx(80)
        assert found["effective_current"] == pytest.approx(40)
        alone = measure(before[::25], after[::10], kind, 10)  # type: ignore[arg-type]
        for name in ("ks_pvalue", "levels_pvalue", "range_pvalue", "new_levels_pvalue", "g_pvalue"):
            assert found[name] == pytest.approx(alone[name], abs=1e-9), name
        for name in ("psi", "ks", "total_variation"):
            assert found[name] == pytest.approx(alone[name]), name


def test_rows_that_are_a_unit_each_are_worth_themselves() -> None:
    rng = np.random.default_rng(3)
    units = np.arange(300), np.arange(200)
    numbers = [pl.Series(rng.normal(size=n)).set(pl.Series(rng.random(n) < 0.2), None)
               for n in (300, 200)]  # fmt: skip
    levels = [pl.Series(rng.choice(list("abcd"), n)) for n in (300, 200)]
    for kind, sides in (("numeric", numbers), ("category", levels)):
        alone = measure(*sides, kind, 10)  # type: ignore[arg-type]
        found = measure(*sides, kind, 10, units=units)  # type: ignore[arg-type]
        assert found.pop("effective_current") == 200 - sides[1].null_count()
        assert found.pop("effective_reference") == 300 - sides[0].null_count()
        assert found == pytest.approx({name: alone[name] for name in found}, abs=1e-9, nan_ok=True)


def test_few_patients_are_few() -> None:
    """Above a row a unit only (units - 1) / 29 counts; never more than the rows, nor below 1."""
    for units in range(1, 60):
        side = Sums(40 * units, units, 1600.0 * units, 0, 0, 0)
        free, all_one = effective_rows(side, 0.0), effective_rows(side, 1.0)
        assert all_one == pytest.approx(units)
        assert free == pytest.approx(units * (1 + 39 * min(1.0, (units - 1) / 29)))
    assert effective_rows(Sums(0, 0, 0, 0, 0, 0), 0.5) == 1.0
    assert effective_rows(Sums(101, 2, 10001.0, 0, 0, 0), 1.0) == pytest.approx(101**2 / 10001)


def test_nothing_that_varies_and_nothing_known_of_units() -> None:
    one = number_sums(np.ones(6), np.array([0, 0, 0, 1, 1, 1]))
    assert intraclass(one) == 1.0
    single = number_sums(np.array([1.0, 2.0]), np.array([0, 0]))
    assert intraclass(single, single) == 1.0
    assert intraclass(number_sums(np.array([1.0, 2.0]), np.array([0, 1]))) == 0.0


def test_one_long_stay_is_one_patient() -> None:
    """What lies outside the range is counted in patients: 2 of 100 rows may be one of 50."""
    rng = np.random.default_rng(4)
    units = np.repeat(np.arange(500), 40), np.repeat(np.arange(50), 40)
    stay = [pl.Series(np.tile(np.arange(40), n)) for n in (500, 50)]
    long = pl.concat([stay[1][:-40], pl.Series(np.arange(40, 80))])
    found = measure(stay[0], long, "numeric", 10, units=units)
    assert (found["above_range"] or 0) == pytest.approx(0.02)
    assert found["range_pvalue"] == pytest.approx(2 * 50 / 550)  # the most extreme is any of 550
    assert (measure(stay[0], long, "numeric", 10)["range_pvalue"] or 0) < 1e-9
    drug = [pl.Series(rng.choice(["a", "b"], 40 * n)) for n in (500, 50)]
    new = pl.concat([drug[1][:-40], pl.Series(["c"] * 40)])
    assert (measure(drug[0], new, "category", 10, units=units)["new_levels_pvalue"] or 0) > 0.05
    assert (measure(drug[0], new, "category", 10)["new_levels_pvalue"] or 0) < 1e-9


def test_rare_levels_of_few_patients_count_in_full() -> None:
    """A level that all have by turns does not hide how alike rows of rare levels are."""
    rng = np.random.default_rng(5)
    units = np.repeat(np.arange(200), 40)
    own = np.char.add("s", rng.integers(0, 8, 200).astype(str))[units]
    sides = [pl.Series(np.where(rng.random(len(units)) < 0.6, "n", own)) for _ in range(2)]
    found = measure(*sides, "category", 10, units=(units, units))  # type: ignore[arg-type]
    assert (found["effective_current"] or 0) < 8000 / (1 + 39 * 0.3)


def test_rows_without_a_unit_are_units() -> None:
    for values, expected in (
        ([1.0, None, float("nan"), 1.0], [0, 1, 2, 0]),
        (["x", None, None, "x"], [0, 1, 2, 0]),
        ([7, 7, None, 3], [0, 0, 2, 1]),
    ):
        assert unit_codes(pl.LazyFrame({"u": values}), "u", "table").tolist() == expected
    for refused, why in (({"u": [[1]]}, "tells no units"), ({"v": [1]}, "no column named")):
        with pytest.raises(ClinicalError, match=why):
            unit_codes(pl.LazyFrame(refused), "u", "table")


def test_a_side_without_values_has_no_probabilities() -> None:
    units = np.array([0, 0, 1]), np.array([0, 0])
    for kind, some in (("numeric", [1.0, 2.0, 3.0]), ("category", ["a", "b", "c"])):
        dtype = pl.Series(some).dtype
        none = pl.Series([None, None], dtype=dtype)
        found = measure(pl.Series(some), none, kind, 10, units=units)  # type: ignore[arg-type]
        assert found["psi"] is None
        assert found["missing_current"] == 1
        assert 0 < (found["missing_pvalue"] or 0) <= 1


RNG = np.random.default_rng(6)


def ward(patients: int, first: int = 0, shift: float = 0.0) -> pl.DataFrame:
    """Patients with 20 to 60 rows, half of whose variance is theirs; ages are theirs alone."""
    rows = RNG.integers(20, 61, patients)
    unit = np.repeat(np.arange(patients), rows)

    def half() -> Any:
        return (RNG.normal(size=patients)[unit] + RNG.normal(size=len(unit))) / np.sqrt(2)

    return pl.DataFrame(
        {
            "patient_id": unit + first,
            "pulse": np.where(half() > 1.0, np.nan, half() + shift),
            "rhythm": np.array(list("abcd"))[np.digitize(half(), [-0.7, 0, 0.7])],
            "age": RNG.integers(20, 90, patients)[unit],
            "sex": RNG.choice(["f", "m"], patients)[unit],
        }
    )


@pytest.mark.parametrize(
    ("few", "many", "without"), [(25, 500, 0.7), (100, 500, 0.0), (5, 200, 0.9)]
)
def test_other_patients_are_no_drift(few: int, many: int, without: float) -> None:
    """At most 2 of 20 sets of patients are said to have drifted where nothing changed."""
    pairs = [(ward(many), ward(few, many)) for _ in range(20)]
    found = [compare(a, b, PATIENT, statistics=ASKED, threads=1) for a, b in pairs]
    assert sum(each.drifted for each in found) <= 2
    assert found[0]["patient_id"].obstacle == "it tells what belongs together"
    if few > 5:
        means = np.mean([each["pulse"].statistics["effective_current"] or 0 for each in found])
        assert few < means < 3 * few
    rows = [
        compare(a.drop("patient_id"), b.drop("patient_id"), statistics=ASKED, threads=1)
        for a, b in pairs[:10]
    ]
    assert sum(each.drifted for each in rows) >= 10 * without


def test_a_change_of_all_patients_is_found() -> None:
    for _ in range(5):
        found = compare(ward(500), ward(100, 500, shift=1.0), PATIENT, statistics=ASKED)
        assert [c.name for c in found.columns if c.drifted] == ["pulse"]


def test_groups_are_compared_by_patients_too() -> None:
    def hospital(patients: int, first: int) -> pl.DataFrame:
        found = ward(patients, first)
        return found.with_columns(site=pl.when(pl.col("patient_id") % 2 == 0).then(0).otherwise(1))

    before, after = hospital(300, 0), hospital(40, 300)
    alone = compare_groups(before, after, "site")
    groups = compare_groups(before, after, "site", PATIENT)
    assert any(part.drifted for part in alone)
    assert not any(part.drifted for part in groups)
    for part in groups:
        assert part.comparison is not None
        assert [c.name for c in part.comparison.columns] == ["pulse", "rhythm", "age", "sex"]
        worth = part.comparison["age"].statistics
        assert worth["effective_current"] == pytest.approx(20, rel=0.2)


def test_where_no_rows_are_known_or_windows_are_made_a_unit_is_refused() -> None:
    table = ward(5)
    with pytest.raises(ClinicalError, match="A profile holds no rows") as refused:
        compare(profile(table), table, PATIENT)
    assert "unit" in str(refused.value.where)
    with pytest.raises(ClinicalError, match="Windows of time"):
        over_time(table, table, "charted_at", PATIENT)
    with pytest.raises(ClinicalError, match="no column named 'mrn'"):
        compare(table, table, Plan(unit="mrn"))


def test_the_hint_is_for_names_of_patients_that_repeat() -> None:
    table = pl.LazyFrame({"SubjectId": [1, 1, 2], "order_id": [1, 1, 1], "mrn": [1, 2, 3]})
    assert unit_hint(table, table) == [
        "Rows of one SubjectId resemble each other; say --unit SubjectId, or small groups of"
        " patients will seem to have drifted."
    ]
    assert unit_hint(table.drop("SubjectId"), table) == []


def test_what_columns_are_worth_does_not_hang_on_the_order_of_rows() -> None:
    table = ward(30)
    mixed = table.sample(fraction=1, shuffle=True, seed=1)
    found = [
        compare(each, ward_of_all, PATIENT)["pulse"].statistics["effective_reference"]
        for ward_of_all in [ward(30, 30)]
        for each in (table, mixed)
    ]
    assert found[0] == pytest.approx(found[1])


def test_effective_rows_of_missing_values_are_their_own() -> None:
    """Values by row, missing by patient."""
    rng = np.random.default_rng(7)
    units = np.repeat(np.arange(100), 20)
    values = pl.Series(rng.normal(size=2000)).set(pl.Series(rng.random(100) < 0.5)[units], None)
    from clinical_assets.drift.samples import read_series

    sample = read_series(values, "numeric")
    found = effective(values, values, (units, units), (sample, sample))
    assert found.rows == pytest.approx((100, 100))
    assert found.values[0] > 0.7 * sample.present
