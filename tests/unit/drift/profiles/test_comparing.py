"""Comparisons from profiles against those from all rows."""

import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from clinical_assets.drift import Comparison, Plan, Profile, compare, profile
from clinical_assets.errors import ClinicalError
from tests.unit.drift.profiles.tables import large

EXACT = (
    "psi",
    "jensen_shannon",
    "hellinger",
    "total_variation",
    "chi2",
    "chi2_pvalue",
    "g",
    "g_pvalue",
    "below_range",
    "above_range",
    "new_levels",
    "vanished_levels",
    "missing_reference",
    "missing_current",
    "missing_pvalue",
)
REAL = Path(os.environ.get("CLINICAL_REAL_DATA", "../shared/data")) / "sepsis_physionet2019"


def agree(found: Comparison, exact: Comparison) -> None:
    """What is said to be exact is, and what is bounded lies within its bounds."""
    assert [c.name for c in found.columns] == [c.name for c in exact.columns]
    for column in exact.columns:
        ours, theirs = found[column.name].statistics, column.statistics
        for name in EXACT:
            assert ours.get(name) == theirs.get(name), (column.name, name)
        assert found[column.name].drifted == column.drifted
        if theirs.get("ks") is not None:
            low, high = ours["ks"], ours["ks"] + ours["ks_error"]
            assert low - 1e-12 <= theirs["ks"] <= high + 1e-12, column.name
        for name in ("wasserstein", "wasserstein_scaled", "energy"):
            if theirs.get(name) is not None:
                error = ours[f"{name}_error"] + 1e-9 * abs(theirs[name])
                assert abs(ours[name] - theirs[name]) <= error, (column.name, name)
        if ours.get("ks_error") == 0:
            for name in ("ks", "ks_pvalue", "cramer_von_mises", "cramer_von_mises_pvalue"):
                assert ours[name] == pytest.approx(theirs[name], rel=1e-9), (column.name, name)
        elif "ks" in ours:
            assert ours["cramer_von_mises"] is None


@pytest.mark.parametrize(("shift", "bins"), [(0.0, 10), (0.2, 2), (1.5, 20)])
def test_profiles_say_what_the_rows_say(shift: float, bins: int) -> None:
    a, b = large(4000), large(3000, seed=1, shift=shift)
    plan, known = Plan(bins=bins), profile(a)
    exact = compare(a, b, plan)
    agree(compare(known, profile(b, known), plan), exact)
    agree(compare(known, b, plan), exact)
    agree(compare(a, profile(b, known), plan), exact)


def test_bounds_are_narrow() -> None:
    a, b = large(50_000), large(50_000, seed=1, shift=0.2)
    known = profile(a)
    found = compare(known, profile(b, known))
    assert found["normal"].statistics["ks_error"] < 0.005
    assert found["rounded"].statistics["ks_error"] == 0
    assert found["rounded"].statistics["wasserstein_error"] == 0
    assert found["normal"].statistics["wasserstein_error"] < 0.2  # of an sd of 20
    assert found["normal"].statistics["energy_error"] < 0.05


def test_profiles_of_different_references() -> None:
    a, b = large(12_000), large(12_000, seed=1, shift=0.5)
    found, exact = compare(profile(a), profile(b)), compare(a, b)
    for column in exact.columns:
        ours, theirs = found[column.name].statistics, column.statistics
        assert found[column.name].drifted == column.drifted, column.name
        for name in ("psi", "hellinger"):
            if theirs.get(name) is not None:
                assert ours[name] == pytest.approx(theirs[name], abs=0.01), (column.name, name)
        if theirs.get("ks") is not None:
            assert ours["ks"] <= theirs["ks"] + 1e-12
            assert theirs["ks"] <= ours["ks"] + ours["ks_error"] + 1e-12
    for name in ("rounded", "ward", "flag", "price", "constant"):
        assert found[name].statistics["psi"] == exact[name].statistics["psi"]


def test_a_profile_against_itself_has_no_distance() -> None:
    known = profile(large(3000))
    for column in compare(known, known).columns:
        for name in ("psi", "ks", "wasserstein", "hellinger", "total_variation"):
            assert not column.statistics.get(name), column.name
        assert not column.drifted


def test_a_reference_that_is_wider_than_its_grid() -> None:
    """The ends of a sum lie between known places: shares beyond them are bounded."""
    table = large(4000)
    first, rest, current = table[:1000], table[1000:], large(4000, seed=1, shift=0.4)
    known = profile(first)
    both = known.merge(profile(rest, known))
    found, exact = compare(both, profile(current, known)), compare(table, current)
    open_ends = 0
    for name in ("normal", "gaps", "rounded", "heavy", "mass"):
        ours, theirs = found[name].statistics, exact[name].statistics
        for side in ("below_range", "above_range"):
            error = ours[f"{side}_error"]
            assert ours[side] - 1e-12 <= theirs[side] <= ours[side] + error + 1e-12, (name, side)
            assert error < 0.01
            open_ends += error > 0
    assert open_ends
    assert found["rounded"].statistics["above_range_error"] == 0


def test_levels_that_are_not_all_known() -> None:
    known = profile(pl.DataFrame({"code": [f"r{i}" for i in range(40) for _ in range(9)]}))
    codes = [f"n{i}" for i in range(600)] + ["r0"] * 400
    found = compare(known, pl.DataFrame({"code": codes}))["code"].statistics
    assert (found["new_levels"], found["vanished_levels"]) == (0.6, 39 / 40)


def test_rising_transforms_leave_the_bins_alone() -> None:
    a, b = large(4000).select("normal"), large(4000, seed=1, shift=8.0).select("normal")
    plain = compare(profile(a), b)["normal"].statistics
    moved = compare(profile(a * 4.0), b * 4.0)["normal"].statistics
    assert plain["psi"] == moved["psi"]
    assert plain["ks"] == pytest.approx(moved["ks"], abs=plain["ks_error"] + moved["ks_error"])


def test_what_cannot_be_compared_is_said() -> None:
    known = profile(pl.DataFrame({"x": [1.0, 2.0], "y": [1, 2], "z": ["a", "a"]}))
    table = pl.DataFrame({"x": ["1", "2"], "z": ["a", "b"], "w": [1, 2]})
    found = compare(known, table)
    assert {c.name: c.obstacle for c in found.columns} == {
        "x": "numeric in the reference, category (String) here",
        "y": "not in the current data",
        "z": "",
        "w": "not in the reference",
    }
    assert [c.name for c in compare(known, table, Plan(columns=("z",))).columns] == ["z"]
    ids = pl.DataFrame({"patient": [f"p{i}" for i in range(500)], "x": [1.0] * 500})
    assert "tell rows or patients apart" in compare(profile(ids), ids)["patient"].obstacle
    with pytest.raises(ClinicalError, match="named 'q'"):
        compare(known, table, Plan(columns=("q",)))
    with pytest.raises(ClinicalError, match="no column in common"):
        compare(known, pl.DataFrame({"q": [1]}))
    with pytest.raises(ClinicalError, match="has no rows"):
        compare(known, table.clear())


def test_times_of_other_units_and_zones() -> None:
    at = pl.DataFrame({"at": pl.Series([0, 10**6, 2 * 10**6]).cast(pl.Datetime("us", "UTC"))})
    known = profile(at)
    coarse = at.with_columns(pl.col("at").cast(pl.Datetime("ms", "UTC")))
    assert compare(known, coarse)["at"].statistics["ks"] == 0
    local = at.with_columns(pl.col("at").dt.replace_time_zone(None))
    assert compare(known, local)["at"].obstacle == (
        "datetime in UTC in the reference, datetime without zone here"
    )


@pytest.mark.skipif(not REAL.exists(), reason="no real data (CLINICAL_REAL_DATA)")
def test_two_hospitals() -> None:
    """Known answers, with right-closed bins; see the README of the data."""
    chosen = ("MAP", "DBP", "HospAdmTime", "Creatinine", "HR", "FiO2")
    a, b = (
        pl.scan_parquet(REAL / name).select(chosen)
        for name in ("hospital_a.parquet", "hospital_b_part1.parquet")
    )
    known = profile(a)
    found = compare(known, Profile.from_bytes(profile(b, known).to_bytes()))
    psi = [round(found[name].statistics["psi"], 4) for name in chosen]
    assert psi == [0.2231, 0.2249, 0.9008, 0.0895, 0.0106, 0.2768]
    assert found["Creatinine"].statistics["ks"] == pytest.approx(0.1117, abs=1e-4)


def test_psi_of_feature_engine() -> None:
    """The six known figures of the data's README, from profiles."""
    from sklearn.datasets import make_classification

    X, _ = make_classification(
        n_samples=1000,
        n_features=6,
        n_redundant=2,
        n_clusters_per_class=1,
        weights=[0.5],
        class_sep=2,
        random_state=1,
    )
    names = [f"x{i}" for i in range(6)]
    a, b = (pl.DataFrame(X[part], schema=names) for part in (np.s_[:500], np.s_[500:]))
    found = compare(profile(a), b)
    assert [found[name].statistics["psi"] for name in names] == pytest.approx(
        [
            0.043828484052281,
            0.040929870747665,
            0.043304184951569,
            0.037732865325482,
            0.050473885156630,
            0.014717735595712,
        ],
        rel=1e-10,
    )
