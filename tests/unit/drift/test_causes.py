"""Causes in a comparison: which columns are asked, what may be named, what a mix of sites says."""

import doctest
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

from clinical_assets.drift import (
    Comparison,
    Plan,
    Profile,
    compare,
    merged,
    mixing,
    profile,
    sentences,
)
from clinical_assets.errors import ClinicalError

RNG = np.random.default_rng(7)


def glucose(n: int = 3000) -> np.ndarray:
    return np.round(RNG.lognormal(4.85, 0.35, n))


def first(before: pl.DataFrame, after: pl.DataFrame, name: str, **how: object) -> str:
    return compare(before, after, **how)[name].causes[0]  # type: ignore[arg-type]


@pytest.mark.parametrize("module", [mixing, sentences])
def test_examples(module: object) -> None:
    found = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)  # type: ignore[arg-type]
    assert (found.attempted > 0, found.failed) == (True, 0)


@pytest.mark.parametrize("profiled", [False, True])
def test_a_quantity_is_claimed_only_where_the_name_speaks_for_it(profiled: bool) -> None:
    values = glucose(), np.round(glucose() / 18.0156, 1)

    def said(name: str) -> str:
        before, after = (pl.DataFrame({name: v}) for v in values)
        if profiled:
            known = profile(before)
            return compare(known, profile(after, known))[name].causes[0]
        return first(before, after, name)

    assert said("glucose") == "Values are 18.0 times smaller: mg/dL → mmol/L of glucose."
    assert said("x17") == (
        "Values are 18.0 times smaller, as in the conversion of glucose from mg/dL to mmol/L, "
        "though the column's name does not say so."
    )
    assert "glucose" not in said("creatinine_value")


def asked(before: pl.DataFrame, after: pl.DataFrame) -> list[Comparison]:
    """From tables, and from profiles."""
    known = profile(before)
    read_again = Profile.from_bytes(profile(after, known).to_bytes())
    return [compare(before, after), compare(known, read_again), compare(known, profile(after))]


@pytest.mark.parametrize("name", ["FiO2", "SpO2"])
@pytest.mark.parametrize("part", [1.0, 0.5])
def test_a_fraction_that_became_a_percentage(name: str, part: float) -> None:
    before, after = np.round(RNG.beta(4, 4, (2, 5000)), 2)
    changed = np.where(RNG.random(5000) < part, after * 100, after)
    for found in asked(pl.DataFrame({name: before}), pl.DataFrame({name: changed})):
        cause = found[name].causes[0]
        assert cause.endswith(
            "100.0 times larger: fraction → % of share."
            if part == 1
            else "100.0 times larger: fraction → % of share for a part of them."
        )


def test_a_power_of_ten_is_not_put_down_to_a_quantity_that_nobody_named() -> None:
    before, after = RNG.gamma(4, 2, (2, 5000))
    said = first(pl.DataFrame({"x": before}), pl.DataFrame({"x": after * 100}), "x")
    assert said == "Values are 100.0 times larger, as where fraction becomes %."


@pytest.mark.parametrize("change", [pl.col("MAP") * 1.2, pl.col("MAP") - 15])
def test_no_part_of_the_values_is_converted_by_a_factor_near_one(
    change: pl.Expr,
) -> None:
    before, after = (pl.DataFrame({"MAP": RNG.normal(82, 14, 5000)}) for _ in range(2))
    kinds = [cause["kind"] for cause in compare(before, after.select(change))["MAP"].evidence]
    assert kinds[0] in ("offset", "scale")
    assert "unit" not in kinds


@pytest.mark.parametrize("name", ["MAP", "SBP", "PaCO2"])
def test_a_conversion_of_the_quantity_that_the_name_speaks_of(name: str) -> None:
    before, after = np.round(RNG.normal(82, 14, (2, 5000)))
    for found in asked(
        pl.DataFrame({name: before}), pl.DataFrame({name: np.round(after * 1.35951, 1)})
    ):
        assert found[name].causes == ("Values are 1.4 times larger: mmHg → cmH2O of pressure.",)


def test_no_conversion_is_denied_where_one_is_named() -> None:
    before, after = np.round(RNG.normal(82, 14, (2, 5000)), 1)
    tables = pl.DataFrame({"weight": before}), pl.DataFrame({"weight": after * 1.35951})
    said = [
        compare(*tables)["weight"].causes,
        compare(tables[0], tables[0] * 1.2)["weight"].causes,
    ]
    assert any("though the column's name speaks of weight" in cause for cause in said[0])
    assert not any("no conversion" in cause for cause in said[0])
    assert any("no conversion" in cause for cause in said[1])


def test_a_rounding_to_steps_as_coarse_as_the_values_spread() -> None:
    before, after = RNG.normal(84, 17, (2, 5000)).round(1)
    for found in asked(
        pl.DataFrame({"HR": before}), pl.DataFrame({"HR": np.round(after / 10) * 10})
    ):
        assert found["HR"].evidence[0]["kind"] == "precision"
        assert found["HR"].causes[0].startswith("Values come in steps of about 10, ")


def test_values_in_heaps_are_not_called_rounded() -> None:
    before = pl.DataFrame({"x": RNG.normal(0, 1, 5000)})
    heaps = pl.DataFrame({"x": RNG.choice([-1.0, 0.1, 1.0], 5000) + RNG.normal(0, 0.05, 5000)})
    assert "precision" not in [cause["kind"] for cause in compare(before, heaps)["x"].evidence]


def test_every_level_written_in_another_code() -> None:
    codes = {"ICU": "1", "WARD": "2", "ER": "3", "OR": "4"}
    before, after = (
        pl.DataFrame({"w": RNG.choice([*codes], 5000, p=[0.4, 0.3, 0.2, 0.1])}) for _ in range(2)
    )
    for found in asked(before, after.with_columns(pl.col("w").replace(codes))):
        assert [cause["kind"] for cause in found["w"].evidence] == ["renamed_level"]
        assert "'ICU'" in found["w"].causes[0]
        assert "→ '1'" in found["w"].causes[0]


@pytest.mark.parametrize(
    ("value", "kind", "part"),
    [(80.0, "stuck", 0.4), (81.2345678, "stuck", 0.4), (-999.0, "placeholder", 0.2)],
)
def test_a_frequent_value_is_named_from_files_and_sums_too(
    value: float, kind: str, part: float
) -> None:
    def table(share: float) -> pl.DataFrame:
        return pl.DataFrame(
            {"hr": np.where(RNG.random(8000) < share, value, RNG.normal(84, 17, 8000))}
        )

    before, after = table(0.0), table(part)
    known = profile(before)
    added = merged([profile(after[at : at + 2500], known) for at in range(0, 8000, 2500)])
    for found in [*asked(before, after), compare(known, added)]:
        (cause, *_) = found["hr"].evidence
        assert cause["kind"] == kind
        assert cause["evidence"]["value"] == pytest.approx(value, rel=0.016)
        assert cause["evidence"]["share"] == pytest.approx(part, abs=0.02)


@pytest.mark.parametrize("bound", [0.7, 0.7123456])
def test_a_bound_is_told_from_files_too(bound: float) -> None:
    before, after = (pl.DataFrame({"lab": RNG.lognormal(0, 1, 8000)}) for _ in range(2))
    for found in asked(before, after.with_columns(pl.col("lab").clip(lower_bound=bound))):
        assert found["lab"].evidence[0]["kind"] == "clipped"


def test_a_value_that_was_as_frequent_before_is_not_called_stuck() -> None:
    def table(shift: float) -> pl.DataFrame:
        values = np.maximum(RNG.lognormal(0, 1, 8000), 0.4) * 1.0
        return pl.DataFrame({"lab": np.where(values > 0.4, values + shift, 0.4)})

    before, after = table(0.0), table(1.0)
    for found in asked(before, after):
        kinds = [cause["kind"] for cause in found["lab"].evidence]
        assert found["lab"].drifted
        assert not {"stuck", "placeholder"} & set(kinds)


@pytest.mark.parametrize("value", [310.15, 98.6])
def test_a_part_of_the_values_elsewhere_is_not_called_one_value(value: float) -> None:
    before = pl.DataFrame({"x": RNG.normal(37, 0.7, 8000)})
    after = np.where(RNG.random(8000) < 0.5, RNG.normal(value, 0.7, 8000), before["x"].to_numpy())
    for found in asked(before, pl.DataFrame({"x": after})):
        kinds = [cause["kind"] for cause in found["x"].evidence]
        assert not {"stuck", "placeholder"} & set(kinds)


def test_only_drifted_columns_are_asked_and_the_evidence_is_theirs() -> None:
    before = pl.DataFrame({"glucose": glucose(), "age": RNG.normal(60, 9, 3000)})
    after = before.with_columns(pl.col("glucose") + 60)
    found = compare(before, after)
    assert found["age"].causes == found["age"].evidence == ()
    assert found["glucose"].evidence[0]["kind"] == "offset"
    assert found["glucose"].evidence[0]["evidence"]["offset"] == pytest.approx(60)
    assert len(found["glucose"].causes) == len(found["glucose"].evidence) <= 3
    assert "Likely cause: Values are about 60 higher throughout" in found.explain()


def test_where_only_values_are_missing_nothing_is_said_of_their_size() -> None:
    before = pl.DataFrame({"lab": glucose()})
    after = pl.DataFrame({"lab": np.where(RNG.random(3000) < 0.4, np.nan, glucose() + 3)})
    found = compare(before, after)
    assert found["lab"].drifted
    assert "Wasserstein" not in found.explain()
    assert found["lab"].causes[0].startswith("Values are missing now (")


def test_flags_are_levels_and_not_multiplied() -> None:
    before, after = (pl.DataFrame({"flag": (RNG.random(3000) < p).astype(int)}) for p in (0.1, 0.6))
    said = first(before, after, "flag")
    assert said.startswith("The levels' shares changed, '")
    assert "times" not in said


def test_no_level_of_few_rows_or_of_patients_is_named() -> None:
    before = pl.DataFrame({"ward": ["icu"] * 500 + ["er"] * 500})
    after = pl.DataFrame({"ward": ["icu"] * 600 + ["new"] * 400 + ["Mrs-Canary"] * 3})
    found = compare(before, after)["ward"]
    assert "'new'" in " ".join(found.causes)
    assert "Canary" not in " ".join(found.causes)
    named = compare(before.rename({"ward": "surname"}), after.rename({"ward": "surname"}))[
        "surname"
    ]
    assert named.drifted
    assert "new" not in " ".join(named.causes).replace("new levels", "")


def sites(a: int, b: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "site": ["north"] * a + ["south"] * b,
            "age": np.concatenate([RNG.normal(50, 8, a), RNG.normal(75, 8, b)]),
            "lab": np.concatenate([RNG.normal(10, 1, a), RNG.normal(14, 1, b)]),
        }
    )


def test_another_mix_of_sites_is_told_from_another_measurement() -> None:
    before, after = sites(4000, 1000), sites(1000, 4000)
    said = first(before, after, "lab", by="site")
    assert said == "The sites' shares changed, south has 80% of the values, 20% in the reference."
    moved = after.with_columns(pl.col("lab") + 6)
    assert not first(before, moved, "lab", by="site").startswith("The sites'")


def test_other_patients_are_told_by_the_plan_s_context() -> None:
    plan = Plan(context=("age",))
    said = first(sites(4000, 1000), sites(1000, 4000), "lab", plan=plan)
    assert said.startswith("The patients changed: age above ")
    with pytest.raises(ClinicalError, match="no column named 'sex'"):
        compare(sites(99, 99), sites(99, 9), Plan(context=("sex",)))


def older(n: int, age: float, measured: Callable[[np.ndarray], np.ndarray]) -> pl.DataFrame:
    """A pressure that rises with age, as it is measured."""
    ages = RNG.normal(age, 12, n)
    return pl.DataFrame(
        {"age": ages, "bp": measured(80 + 0.8 * ages + RNG.normal(0, 5, n))},
    )


def by_age(n: int, age: float, measured: Callable[[np.ndarray], np.ndarray]) -> list[Any]:
    before = older(n, 50, lambda bp: bp)
    return list(compare(before, older(n, age, measured), Plan(context=("age",)))["bp"].evidence)


@pytest.mark.parametrize(("n", "age"), [(20_000, 58), (20_000, 62), (20_000, 75), (2000, 60)])
def test_older_patients_are_told_from_an_offset(n: int, age: float) -> None:
    found = by_age(n, age, lambda bp: bp)
    assert found[0]["kind"] == "case_mix"
    assert found[0]["sentence"].startswith("The patients changed: age above ")
    assert found[0]["evidence"]["explained"] > 0.7
    assert "like for like" not in found[0]["sentence"]


@pytest.mark.parametrize("n", [2000, 20_000])
def test_an_offset_among_the_same_patients_is_no_mix(n: int) -> None:
    for measured, kind in ((lambda bp: bp + 12, "offset"), (lambda bp: bp * 1.15, "scale")):
        found = [cause["kind"] for cause in by_age(n, 50, measured)]
        assert found[0] in (kind, "offset")
        assert "case_mix" not in found


def test_a_change_of_the_measurement_is_not_hidden_by_older_patients() -> None:
    both = by_age(20_000, 58, lambda bp: bp + 6)
    assert [cause["kind"] for cause in both[:2]] == ["offset", "case_mix"]
    assert "which explains" in both[1]["sentence"]
    assert re.search(r"like for like, values are still about [56]\.\d+ higher", both[1]["sentence"])
    little = by_age(20_000, 58, lambda bp: bp + 2)
    assert [cause["kind"] for cause in little[:2]] == ["case_mix", "offset"]
    assert "like for like, values are still about" in little[0]["sentence"]
    assert by_age(20_000, 75, lambda bp: bp / 7.500615)[0]["kind"] != "case_mix"


def test_slices_are_narrow_where_either_side_has_many_and_hold_enough() -> None:
    before, after = pl.Series(RNG.normal(50, 12, 20_000)), pl.Series(RNG.normal(75, 12, 20_000))
    labels = mixing._parts(before, after, whole=False)
    assert labels.before.value_counts()["count"].min() >= 100
    assert 15 <= len(labels.upto) <= 40
    assert max(after.to_frame().group_by(labels.after).len()["len"]) < 0.45 * 20_000
    few = mixing._parts(before[:60], after[:60], whole=False)
    assert len(few.upto) <= 5
    assert few.before.value_counts()["count"].min() >= 12


@pytest.mark.parametrize("age", [pl.lit("old"), pl.lit([1])])
def test_a_context_of_another_kind_is_refused(age: pl.Expr) -> None:
    before = pl.DataFrame({"sbp": range(100), "age": range(100)})
    with pytest.raises(ClinicalError, match="'age', which the plan's context names, is numeric in"):
        compare(before, before.with_columns(age=age), Plan(context=("age",)))
    with pytest.raises(ClinicalError, match="A profile holds no rows"):
        compare(profile(before), before, Plan(context=("nope",)))
    with pytest.raises(ClinicalError, match="A profile holds no rows"):
        compare(before, profile(before), by="ward")
    lacking = before.with_columns(ward=pl.lit("a"))
    assert not compare(lacking, lacking.drop("ward"), by="ward")["sbp"].drifted


@pytest.mark.parametrize("profiled", [False, True])
def test_few_settings_in_another_unit_are_a_conversion_and_not_renamed(profiled: bool) -> None:
    settings = [0.21, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0]
    before = pl.DataFrame({"FiO2": RNG.choice(settings, 3000)})
    after = pl.DataFrame({"FiO2": 100 * RNG.choice(settings, 3000)})
    known = profile(before) if profiled else before
    assert compare(known, after)["FiO2"].evidence[0]["kind"] == "unit"
    codes = pl.DataFrame({"FiO2": RNG.choice([7.0, 8.0, 9.0], 3000)})
    assert compare(known, codes)["FiO2"].evidence[0]["kind"] != "unit"


def test_levels_that_are_long_numbers_are_not_taken_for_one() -> None:
    before = pl.DataFrame({"code": [1234567, 1234568] * 500})
    after = pl.DataFrame({"code": [1234567] * 900 + [1234568] * 100})
    assert "1234567" in compare(before, after)["code"].causes[0]


@pytest.mark.parametrize("profiled", [False, True])
@pytest.mark.parametrize(("share", "code"), [(0.3, -1.0), (0.12, -1.0), (0.3, 50.0), (0.12, 50.0)])
def test_a_value_in_the_place_of_missing_ones_is_said_first(
    share: float, code: float, profiled: bool
) -> None:
    before, after = (np.round(RNG.normal(50, 10, 4000), 1) for _ in range(2))
    with_gaps = pl.Series(before).scatter(np.flatnonzero(RNG.random(4000) < share), None)
    a = pl.DataFrame({"x": with_gaps})
    b = pl.DataFrame({"x": np.where(RNG.random(4000) < share, code, after)})
    sides = (profile(a), profile(b)) if profiled else (a, b)
    cause = compare(*sides)["x"].evidence[0]
    assert cause["kind"] == ("placeholder" if code < 0 else "stuck")
    assert "in the place of missing ones" in cause["sentence"]
    assert cause["evidence"]["missing_no_more"] == pytest.approx(share, abs=0.03)


def test_a_frequent_value_beside_as_many_missing_ones_stands_for_nothing() -> None:
    before, after = (np.round(RNG.normal(50, 10, 4000), 1) for _ in range(2))
    gaps = np.flatnonzero(RNG.random(4000) < 0.5)
    a = pl.DataFrame({"x": pl.Series(before).scatter(gaps, None)})
    b = pl.DataFrame({"x": np.where(RNG.random(4000) < 0.3, -1.0, after)})
    assert all("place of missing" not in said for said in compare(a, b)["x"].causes)


def test_where_no_cause_explains_enough_the_best_is_said_in_part() -> None:
    before = RNG.normal(100, 10, 4000).round(1)
    after = np.concatenate([RNG.normal(70, 3, 1500), RNG.normal(140, 20, 1500)]).round(1)
    gaps = np.flatnonzero(RNG.random(len(after)) < 0.35)
    found = compare(
        pl.DataFrame({"x": before}), pl.DataFrame({"x": pl.Series(after).scatter(gaps, None)})
    )
    assert [each["kind"] for each in found["x"].evidence][:2] == ["unexplained", "missing"]
    assert (
        "no cause that is known here explains half of that. In part: Values are missing now"
        in found.explain()
    )
    assert "Likely cause" not in found.explain()


@pytest.mark.parametrize("profiled", [False, True])
def test_too_few_values_to_tell_a_cause_are_said(profiled: bool) -> None:
    values = np.arange(40) / 4
    a, b = pl.DataFrame({"x": values}), pl.DataFrame({"x": values + 4.1})
    sides = (profile(a), profile(b)) if profiled else (a, b)
    found = compare(*sides)
    assert found["x"].drifted
    assert found["x"].causes == ("There are too few values to tell a cause.",)
    assert [each["kind"] for each in found["x"].evidence] == ["unexplained"]
    assert "Likely cause" not in found.explain()


def test_a_change_of_many_values_without_a_cause_is_called_small() -> None:
    before = RNG.normal(100, 10, 50_000)
    far = pl.DataFrame({"x": np.where(np.arange(len(before)) % 400 == 0, 400.0, before)})
    found = compare(pl.DataFrame({"x": before}), far, Plan(levels=0.002))
    assert found["x"].causes == ("The change is too small to tell a cause.",)


def test_numbers_that_differ_look_different() -> None:
    """Rounded to one place both shares would read 100.0%, and both medians 37.1."""
    sparse = [pl.DataFrame({"x": [1.0] * n + [None] * (200_000 - n)}) for n in (20, 95)]
    said = compare(*sparse)["x"]
    assert said.reasons == ("99.95% of its values are missing, 99.99% in the reference",)
    before = RNG.normal(37.08, 0.01, 5000)
    after = (RNG.normal(0, 0.02, 5000) ** 3 * 2000 + 37.12).round(4)
    numbers = re.findall(
        r"median (?:moved from )?([\d.]+)(?: to|, was) ([\d.]+)",
        " ".join(compare(pl.DataFrame({"x": before}), pl.DataFrame({"x": after}))["x"].causes),
    )
    assert numbers
    assert all(a != b for a, b in numbers)


def test_huge_values_warn_of_nothing(recwarn: pytest.WarningsRecorder) -> None:
    usual = RNG.normal(size=500)
    a, b = (
        pl.DataFrame({"x": usual, "y": usual * 1e302}),
        pl.DataFrame({"x": usual * 1e302, "y": usual}),
    )
    assert all(column.causes for column in compare(a, b, threads=1).columns)
    assert not recwarn.list
