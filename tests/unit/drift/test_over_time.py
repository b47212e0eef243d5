"""Calibrated thresholds over time: alarms at their place, few where nothing changed, all said."""

import json
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from clinical_assets.drift import compare
from clinical_assets.drift.judging import Stream, judge
from clinical_assets.drift.plan import Plan, read_plan
from clinical_assets.drift.thresholds.rowwise import ROWWISE
from clinical_assets.drift.windows import compare_windows, over_time, with_windows
from clinical_assets.errors import ClinicalError

START = datetime(2025, 1, 6)
PLAN = read_plan(
    '[thresholds]\nkind = "calibrated"\none_false_alarm_in = "60d"\npersistence = "2 of 3"'
)


def days(number: int, seed: int, rows: int = 60, first: int = 0) -> pl.DataFrame:
    """Few rows a day, at which a constant PSI cries wolf."""
    rng = np.random.default_rng(seed)
    n = number * rows
    return pl.DataFrame(
        {
            "at": [START + timedelta(days=first + i // rows) for i in range(n)],
            "glucose": np.round(rng.lognormal(4.85, 0.35, n)),
            "lactate": np.where(rng.random(n) < 0.3, np.nan, rng.gamma(2.0, 1.0, n)),
            "ward": rng.choice(["icu", "er", "med"], n),
        }
    )


def late(frame: pl.DataFrame, day: int, change: pl.Expr) -> pl.DataFrame:
    since = START + timedelta(days=day)
    name = change.meta.output_name()
    return frame.with_columns(
        pl.when(pl.col("at") >= since).then(change).otherwise(name).alias(name)
    )


def test_a_change_alarms_once_it_persists_and_its_cause_is_named() -> None:
    reference, current = days(60, 1), days(20, 3, first=100)
    current = late(current, 110, pl.col("glucose") / 18.0156)
    over = over_time(reference, current, "at", PLAN)
    whole = compare(reference, current, PLAN, judged=False)
    assert not whole.drifted
    found = with_windows(whole, over, reference, current)
    assert [c.name for c in found.columns if c.drifted] == ["glucose"]
    drifted = [w.label for w in over.windows if w.drifted]
    assert drifted == [
        f"2025-{d:%m-%d}" for d in (START + timedelta(days=i) for i in range(111, 120))
    ]
    assert (
        found["glucose"].reasons[0].startswith("an alarm in 9 of 20 windows, first from 2025-04-27")
    )
    assert found["glucose"].causes[0].startswith("Values are 18.0 times smaller: mg/dL → mmol/L")
    (first, second) = (over.windows[i].comparison["glucose"].judged[0] for i in (10, 11))
    assert (first.crossed, first.alarm, second.crossed, second.alarm) == (True, False, True, True)
    assert first.value > first.threshold
    plain = json.dumps([w.to_dict() for w in over.windows] + [found.to_dict()], allow_nan=False)
    assert '"threshold"' in plain


def test_missing_values_alarm_by_a_threshold_of_their_own() -> None:
    reference, current = days(60, 1), days(10, 2, first=100)
    current = late(current, 104, pl.col("lactate").replace(None, None) * float("nan"))
    over = over_time(reference, current, "at", PLAN)
    (judged,) = (
        j for j in over.windows[6].comparison["lactate"].judged if j.statistic == "missing"
    )
    assert judged.alarm
    assert judged.value == pytest.approx(0.7, abs=0.03)
    assert 0.1 < judged.threshold < 0.3


def test_other_statistics_are_judged_where_the_plan_names_them() -> None:
    plan = replace(PLAN, thresholds=replace(PLAN.thresholds, statistics=("chi2", "ks")))
    reference, current = days(60, 1), days(20, 3, first=100)
    current = late(current, 110, pl.col("glucose") * 1.3)
    over = over_time(reference, current, "at", plan, intervals=False)
    last = over.windows[-1].comparison
    told = {c.name: [j.statistic for j in c.judged] for c in last.columns}
    assert told == {
        "glucose": ["chi2", "ks", "missing"],
        "lactate": ["chi2", "ks", "missing"],
        "ward": ["chi2", "missing"],  # levels have no order
    }
    assert [w.drifted for w in over.windows].count(True) == 9
    assert "(χ² " in last["glucose"].reasons[0]
    assert "(KS " in last["glucose"].reasons[1]
    assert over.calibration.to_dict()["statistics"] == 8


def test_where_nothing_changed_alarms_are_rare_where_constants_cry_wolf() -> None:
    reference = days(60, 1)
    ours = constant = 0
    for seed in range(4):
        current = days(30, 10 + seed, first=100)
        over = over_time(reference, current, "at", PLAN, intervals=False)
        ours += sum(w.drifted for w in over.windows)
        plain = over_time(reference, current, "at", intervals=False).windows
        constant += sum(w.comparison["glucose"].statistics["psi"] >= 0.2 for w in plain)
    assert ours <= 6  # 120 days: two are to be expected
    assert constant > 30


def test_what_the_thresholds_rest_on_is_said() -> None:
    over = over_time(days(60, 1), days(10, 2, first=100), "at", PLAN)
    said = over.calibration.explain()
    assert "60 windows of the reference" in said
    assert "any of 6 statistics comes in 60 days" in said
    plain = over.calibration.to_dict()
    assert (plain["own_windows"], plain["statistics"]) == (360, 6)
    assert plain["own_crossed"] <= 3 * plain["own_expected"] + 3


def test_patients_who_make_windows_differ_are_said_to() -> None:
    """Three patients a day, each with a glucose of their own."""

    def few(seed: int, first: int) -> pl.DataFrame:
        rng = np.random.default_rng(seed)
        own = np.repeat(rng.lognormal(4.85, 0.35, 60 * 3), 20)
        return days(60, seed, first=first).with_columns(glucose=pl.Series(np.round(own)))

    over = over_time(few(1, 0), few(2, 100), "at", PLAN, intervals=False)
    plain = over.calibration.to_dict()
    limit = plain["own_expected"] + 3 * np.sqrt(plain["own_expected"]) + 1
    loud = replace(over.calibration, own=(int(limit) + 1, plain["own_windows"]))
    quiet = replace(over.calibration, own=(int(limit), plain["own_windows"]))
    assert "more than chance explains" in loud.explain()
    assert "more than chance explains" not in quiet.explain()


def test_the_reference_s_own_windows_are_held_against_the_others() -> None:
    """The eighth window is beyond the threshold seen from the others, and not from all eight."""
    counts = np.array([[40, 10]] * 7 + [[35, 15]])
    found = judge([Stream("ward", "chi2", counts, counts[:1])], PLAN.thresholds, 1.0, seed=0)
    whole, threshold = counts.sum(axis=0), found.judged["ward"][0][0].threshold
    chi2 = ROWWISE["chi2"]
    assert chi2(whole, counts[7]) < threshold < chi2(whole - counts[7], counts[7])
    assert found.own == (1, 8)


def test_slow_waves_are_said() -> None:
    def waving(seed: int, first: int) -> pl.DataFrame:
        frame = days(60, seed, rows=200, first=first)
        day = (pl.col("at") - START).dt.total_days()
        return frame.with_columns(pl.col("glucose") * (1 + 0.15 * (day * np.pi / 15).sin()))

    over = over_time(waving(1, 0), waving(2, 60), "at", PLAN, every="1d")
    assert over.calibration.echo["glucose"] > 0.3
    assert "resembles the one before" in over.calibration.explain()
    assert "lactate" not in over.calibration.echo


def test_constant_thresholds_may_have_persistence() -> None:
    reference, current = days(30, 1, rows=500), days(6, 2, rows=500, first=50)
    current = late(current, 53, pl.col("glucose") * 2)
    plan = read_plan('[thresholds]\npersistence = "2 of 2"')
    windows = over_time(reference, current, "at", plan).windows
    assert [w.drifted for w in windows] == [False, False, False, False, True, True]


def test_intervals_hold_the_estimate_and_are_wider_for_fewer_days() -> None:
    reference = days(40, 1)
    wide, narrow = (
        over_time(reference, late(days(n, 3, first=100), 0, pl.col("glucose") * 1.3), "at")
        for n in (6, 60)
    )
    found = [over.intervals["glucose"] for over in (wide, narrow)]
    assert all(i.low < i.estimate < i.high for i in found)
    assert found[0].high - found[0].low > 1.2 * (found[1].high - found[1].low)
    whole = compare(reference, days(6, 3, first=100).with_columns(pl.col("glucose") * 1.3))
    assert found[0].estimate == pytest.approx(whole["glucose"].statistics["psi"])


def test_what_cannot_be_calibrated_is_refused_in_words() -> None:
    reference, current = days(60, 1), days(10, 2, first=100)
    with pytest.raises(ClinicalError, match="calibrated, which is done on windows"):
        compare(reference, current, PLAN)
    with pytest.raises(ClinicalError, match="holds 5 windows with values, and at least 8"):
        over_time(days(5, 1), current, "at", PLAN)
    with pytest.raises(ClinicalError, match="reference has no column named 'at'"):
        over_time(reference.drop("at"), current, "at", PLAN)
    with pytest.raises(ClinicalError, match="cannot be kept by windows of 84 days"):
        over_time(reference, current, "at", PLAN, every="12w")


@pytest.mark.parametrize("plan", [None, PLAN], ids=["constant", "calibrated"])
def test_windows_of_too_few_rows_are_not_read_as_no_drift(plan: Plan | None) -> None:
    reference, current = days(60, 1), days(10, 2, rows=29, first=100)
    with pytest.raises(ClinicalError, match=r"No window .* has 30 rows \(the most is 29\)"):
        over_time(reference, current, "at", plan)
    assert len(compare_windows(reference, current, "at")) == 10
    over = over_time(reference, current, "at", every="1w")
    assert all(window.comparison for window in over.windows)


def test_a_column_of_nan_alone_in_the_reference_is_missing_there() -> None:
    reference, current = days(60, 1), days(20, 2, first=100)
    reference, current = (
        side.with_columns(ph=pl.lit(float("nan"))) for side in (reference, current)
    )
    current = late(current, 110, pl.lit(7.4).alias("ph"))
    over = over_time(reference, current, "at", PLAN, intervals=False)
    (judged,) = over.windows[-1].comparison["ph"].judged
    assert (judged.statistic, judged.value) == ("missing", pytest.approx(1.0, abs=0.01))
    assert not over.windows[0].comparison["ph"].drifted
