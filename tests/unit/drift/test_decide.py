"""What counts as drift, from numbers alone: each limit on both of its sides."""

import numpy as np
import polars as pl
import pytest

from clinical_assets.drift import compare
from clinical_assets.drift.decide import decided
from clinical_assets.drift.plan import Plan
from clinical_assets.drift.sentences import Statistic

LARGE: dict[str, Statistic] = {"psi": 1.0}


def drifts(*columns: dict[str, Statistic], plan: Plan | None = None) -> list[bool]:
    return [bool(reasons) for reasons in decided(columns, plan or Plan())]


INFINITE = {"infinite_reference": 0.0, "infinite_current": 0.01}


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ({"psi": 0.2, "ks_pvalue": 0.05}, True),
        ({"psi": 0.199, "ks_pvalue": 0.05}, False),
        ({"psi": 0.2, "ks_pvalue": 0.051}, False),
        ({"psi": 1.0, "ks_pvalue": 0.9, "chi2_pvalue": 1e-9}, False),  # of numbers KS decides
        ({"psi": 1.0, "ks_pvalue": None, "chi2_pvalue": 1e-9}, True),
        ({"missing_reference": 0.0, "missing_current": 0.1, "missing_pvalue": 0.05}, True),
        ({"missing_reference": 0.0, "missing_current": 0.099, "missing_pvalue": 1e-9}, False),
        ({"missing_reference": 0.0, "missing_current": 0.5, "missing_pvalue": 0.06}, False),
        ({"missing_reference": 0.9, "missing_current": 0.95, "missing_pvalue": 1e-9}, True),
        ({"missing_reference": 0.9, "missing_current": 0.94, "missing_pvalue": 1e-9}, False),
        ({"missing_reference": 0.99, "missing_current": 0.98, "missing_pvalue": 1e-9}, True),
        ({"new_levels": 0.01, "new_levels_pvalue": 0.05}, True),
        ({"new_levels": 0.5, "new_levels_pvalue": 0.06}, False),
        ({"new_levels": 0.009, "new_levels_pvalue": 1e-9}, False),
        ({"new_levels": 0.01, "new_levels_pvalue": None}, True),
        ({"below_range": 0.006, "above_range": 0.004, "range_pvalue": 0.05}, True),
        ({"below_range": 0.5, "above_range": 0.0, "range_pvalue": 0.06}, False),
        (INFINITE | {"infinite_pvalue": 0.05}, True),
        (INFINITE | {"infinite_pvalue": 0.06}, False),
        (INFINITE | {"infinite_reference": 0.005, "infinite_pvalue": 1e-9}, False),
        ({}, False),
    ],
)
def test_each_limit(numbers: dict[str, Statistic], expected: bool) -> None:
    assert drifts(numbers) == [expected]


def test_p_values_of_all_columns_are_adjusted_together() -> None:
    some = [LARGE | {"ks_pvalue": p} for p in (0.02, 0.3, 0.6, 0.9)]
    assert drifts(some[0]) == [True]
    assert drifts(*some) == [False] * 4  # 0.02 of four is 0.08
    assert drifts(*(LARGE | {"ks_pvalue": p} for p in (0.02, 0.03))) == [True, True]


def test_the_plan_s_numbers_are_the_limits() -> None:
    rare: dict[str, Statistic] = {
        "missing_reference": 0.9,
        "missing_current": 0.95,
        "missing_pvalue": 0.0,
    }
    assert drifts(rare, plan=Plan(measured=2.1)) == [False]
    assert drifts(LARGE | {"ks_pvalue": 0.09}, plan=Plan(rate=0.1)) == [True]
    assert drifts({"new_levels": 0.02, "new_levels_pvalue": 0.0}, plan=Plan(levels=0.03)) == [False]


def test_all_that_is_asked_shares_one_rate() -> None:
    """Tables of the same patients, in which every test has its chance to be wrong."""
    rng = np.random.default_rng(11)

    def sparse() -> pl.DataFrame:
        values = rng.normal(size=(30, 600))
        values[rng.random((30, 600)) < 0.92] = np.nan
        return pl.DataFrame({f"c{i}": each for i, each in enumerate(values)})

    assert sum(compare(sparse(), sparse()).drifted for _ in range(60)) <= 7  # of 3 expected


def test_what_varies_nowhere_takes_nothing_from_the_others() -> None:
    column: dict[str, Statistic] = {
        "psi": 0.5,
        "ks_pvalue": 0.04,
        "missing_reference": 0.0,
        "missing_current": 0.0,
    }
    assert decided([column | {"missing_pvalue": 1.0}], Plan())[0]
    some = column | {"missing_reference": 0.1, "missing_pvalue": 1.0}
    assert not decided([some], Plan())[0]
