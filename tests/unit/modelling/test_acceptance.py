"""Each gate passes good evidence and fails bad, missing, NaN and too little evidence."""

from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinical_assets.modelling.acceptance import (
    judge_champion,
    judge_criteria,
    judge_parity,
    judge_protocol,
    judge_subgroups,
)
from clinical_assets.modelling.records import Estimate, Evaluation, Protocol, SubgroupResult
from clinical_assets.modelling.spec import Criterion
from tests.unit.modelling import cases
from tests.unit.modelling.cases import ACCEPTANCE

NAN = float("nan")
GOOD = Estimate(0.85, 0.81, 0.89, 332, 109)


DECLARED = ["age", "BMI"]


@cache
def good() -> Evaluation:
    return cases.evaluation()


def with_metric(metric: str, estimate: Estimate) -> Evaluation:
    return replace(good(), metrics={**good().metrics, metric: estimate})


# --- criteria ---------------------------------------------------------------------------------


@pytest.mark.parametrize("group", ["performance", "calibration", "uncertainty"])
def test_good_evidence_passes_and_is_named(group: str) -> None:
    verdict = judge_criteria(good(), ACCEPTANCE, group)
    assert verdict.passed
    assert verdict.gate == group
    assert "n=332, events=109" in verdict.summary


def test_the_summary_of_a_failure_names_metric_value_limit_n_and_events() -> None:
    bad = with_metric("auroc", Estimate(0.82, 0.78, 0.86, 332, 109))
    verdict = judge_criteria(bad, ACCEPTANCE, "performance")
    assert not verdict.passed
    assert verdict.summary == (
        "ranking: auroc (lower end) = 0.78, at least 0.8 (n=332, events=109), below the minimum"
    )
    assert verdict.measurements == {"ranking": 0.78, "error": good().metrics["brier"].value}


@pytest.mark.parametrize(
    ("estimate", "why"),
    [
        (Estimate(None, None, None, 332, 109, "no rows"), "has no value (no rows)"),
        (Estimate(0.85, None, None, 332, 109, "no interval"), "has no value (no interval)"),
        (Estimate(None, None, None, None, None, "suppressed"), "has no value (suppressed)"),
        (Estimate(NAN, 0.9, 0.95, 332, 109), "has no value"),
        (Estimate(0.9, NAN, 0.95, 332, 109), "has no value"),
        (Estimate(float("inf"), 0.9, 0.95, 332, 109), "has no value"),
        (Estimate(0.95, 0.9, 0.99, 332, 29), "does not count: n=332, events=29, at least 30"),
        (Estimate(0.95, 0.9, 0.99, 138, 109), "does not count: n=138"),
        (Estimate(0.95, 0.9, 0.99, None, None), "n and events are unknown"),
        (Estimate(0.95, 0.7999, 0.99, 332, 109), "below the minimum"),
    ],
)
def test_missing_nan_small_or_bad_evidence_fails(estimate: Estimate, why: str) -> None:
    verdict = judge_criteria(with_metric("auroc", estimate), ACCEPTANCE, "performance")
    assert not verdict.passed
    assert why in verdict.summary


def test_an_unmeasured_metric_fails() -> None:
    verdict = judge_criteria(replace(good(), metrics={}), ACCEPTANCE, "performance")
    assert not verdict.passed
    assert "auroc was not measured; error: brier was not measured" in verdict.summary


def test_a_group_without_criteria_fails() -> None:
    verdict = judge_criteria(good(), replace(ACCEPTANCE, criteria=()), "performance")
    assert (verdict.passed, verdict.summary) == (False, "no performance criterion is declared")


def test_limits_are_inclusive_and_a_nan_limit_fails() -> None:
    for limits, passed in (
        ({"minimum": 0.85}, True),
        ({"maximum": 0.85}, True),
        ({"minimum": 0.85, "maximum": 0.85}, True),
        ({"maximum": 0.8499}, False),
        ({"minimum": 0.8501}, False),
        ({"minimum": NAN}, False),
        ({"maximum": NAN}, False),
        ({}, False),
    ):
        criterion = Criterion("ranking", "auroc", "", **limits)
        terms = replace(ACCEPTANCE, criteria=(criterion,))
        verdict = judge_criteria(with_metric("auroc", GOOD), terms, "performance")
        assert verdict.passed is passed, limits


@given(st.floats(), st.floats(), st.floats(0, 1))
def test_passes_only_when_the_bound_holds(value: float, lower: float, minimum: float) -> None:
    criterion = Criterion("c", "auroc", "", bound="lower", minimum=minimum)
    evaluation = with_metric("auroc", Estimate(value, lower, None, 332, 109))
    verdict = judge_criteria(evaluation, replace(ACCEPTANCE, criteria=(criterion,)), "performance")
    finite = abs(value) < float("inf") and abs(lower) < float("inf")
    assert verdict.passed is (finite and lower >= minimum)


# --- subgroups --------------------------------------------------------------------------------


def band(label: str, estimate: Estimate | None, subgroup: str = "age") -> SubgroupResult:
    n, events = (estimate.n, estimate.events) if estimate else (100, 40)
    return SubgroupResult(
        subgroup, label, n, events, False, {"auroc": estimate} if estimate else {}
    )


HIDDEN = SubgroupResult("age", "old", None, None, True, {})
FINE = band("young", Estimate(0.8, 0.7, 0.9, 100, 40))


def subgroups(*bands: SubgroupResult) -> Evaluation:
    return replace(good(), subgroups=bands)


def test_real_subgroups_pass() -> None:
    verdict = judge_subgroups(good(), ACCEPTANCE, DECLARED)
    assert verdict.passed
    assert "not judged: BMI missing (n=0, events=0" in verdict.summary
    assert verdict.measurements["BMI missing"] is None


def test_a_suppressed_band_is_not_judged_and_not_passed() -> None:
    verdict = judge_subgroups(subgroups(FINE, HIDDEN), ACCEPTANCE, ["age"])
    assert verdict.passed
    assert verdict.summary == (
        "auroc ≥ 0.6 in age young 0.8 (n=100, events=40); not judged: age old (suppressed, n<11)"
    )


@pytest.mark.parametrize(
    ("bands", "why"),
    [
        ((), "no subgroup was evaluated"),
        ((HIDDEN,), "age: no band can be judged; not judged: age old (suppressed"),
        ((FINE, replace(HIDDEN, subgroup="BMI")), "BMI: no band can be judged"),
        ((band("young", Estimate(0.59, 0.4, 0.7, 100, 40)),), "auroc 0.59 < 0.6 (n=100, events=40"),
        ((FINE, band("old", None)), "age old: auroc has no value (not measured; n=100"),
        ((FINE, band("old", Estimate(NAN, NAN, NAN, 100, 40))), "age old: auroc has no value"),
        ((FINE, band("old", Estimate(None, None, None, 100, 40, "x"))), "no value (x; n=100"),
        ((band("young", Estimate(0.9, 0.8, 1.0, 100, 10)),), "age: no band can be judged"),
        ((band("young", Estimate(0.9, 0.8, 1.0, 100, 90)),), "age: no band can be judged"),
    ],
)
def test_bad_or_missing_subgroups_fail(bands: tuple[SubgroupResult, ...], why: str) -> None:
    verdict = judge_subgroups(subgroups(*bands), ACCEPTANCE, ["age"])
    assert not verdict.passed
    assert why in verdict.summary


def test_a_declared_subgroup_that_was_not_evaluated_fails() -> None:
    verdict = judge_subgroups(subgroups(FINE), ACCEPTANCE, ["age", "parity"])
    assert not verdict.passed
    assert "parity: declared, but not evaluated" in verdict.summary


@pytest.mark.parametrize("metric", ["brier", "calibration_slope", "sensitivity", "ppv"])
def test_a_floor_needs_a_metric_where_more_is_better_and_none_of_the_2x2_table(
    metric: str,
) -> None:
    acceptance = replace(ACCEPTANCE, subgroup_metric=metric)
    assert not judge_subgroups(good(), acceptance, DECLARED).passed


def test_a_band_that_is_bad_at_the_threshold_is_not_passed_because_its_metric_is_withheld() -> None:
    hidden = Estimate(None, None, None, None, None, "suppressed")
    bad = SubgroupResult("age", "old", 120, 60, False, {"auroc": hidden})
    verdict = judge_subgroups(subgroups(FINE, bad), ACCEPTANCE, ["age"])
    assert not verdict.passed
    assert "age old: auroc has no value (suppressed" in verdict.summary


# --- champion ---------------------------------------------------------------------------------


def against(difference: Estimate, metric: str = "auroc", **changes: object) -> Evaluation:
    comparison = replace(
        good().comparison,
        difference=difference,
        metric=metric,
        **changes,  # type: ignore[arg-type]
    )
    return replace(good(), comparison=comparison)


def test_a_candidate_as_good_as_the_champion_passes() -> None:
    verdict = judge_champion(good(), ACCEPTANCE)
    assert verdict.passed
    assert "champion 0.9.0" in verdict.summary
    assert "n=332, events=109" in verdict.summary


def test_without_a_champion_it_is_the_first_release() -> None:
    verdict = judge_champion(cases.evaluation(champion=None), ACCEPTANCE)
    assert verdict.passed
    assert "first release" in verdict.summary


@pytest.mark.parametrize(
    ("difference", "passed"),
    [
        (Estimate(0.0, -0.03, 0.03, 332, 109), True),
        (Estimate(0.0, -0.0301, 0.03, 332, 109), False),
        (Estimate(-0.05, -0.08, -0.02, 332, 109), False),
        (Estimate(None, None, None, 332, 109, "why"), False),
        (Estimate(0.1, None, None, 332, 109, "no interval"), False),
        (Estimate(NAN, 0.0, 0.1, 332, 109), False),
        (Estimate(0.1, NAN, 0.1, 332, 109), False),
        (Estimate(0.1, 0.0, None, 332, 109), False),
        (Estimate(0.1, 0.05, 0.2, 332, 20), False),
        (Estimate(0.1, 0.05, 0.2, None, None), False),
    ],
)
def test_the_pessimistic_end_decides(difference: Estimate, passed: bool) -> None:
    assert judge_champion(against(difference), ACCEPTANCE).passed is passed


def test_where_less_is_better_the_upper_end_decides() -> None:
    terms = replace(ACCEPTANCE, champion_metric="brier", champion_margin=0.01)
    for upper, passed in ((0.01, True), (0.011, False)):
        evaluation = against(Estimate(0.0, -0.5, upper, 332, 109), "brier", margin=0.01)
        assert judge_champion(evaluation, terms).passed is passed


def test_another_metric_margin_or_an_unnamed_champion_fails() -> None:
    fine = Estimate(0.0, -0.01, 0.01, 332, 109)
    assert judge_champion(against(fine), ACCEPTANCE).passed
    for evaluation in (
        against(fine, "auprc"),
        against(fine, margin=0.5),
        against(fine, champion=""),
    ):
        assert not judge_champion(evaluation, ACCEPTANCE).passed
    terms = replace(ACCEPTANCE, champion_metric="calibration_slope")
    assert not judge_champion(against(fine, "calibration_slope"), terms).passed


# --- parity and protocol ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parity", "passed"),
    [(0.0, True), (1e-5, True), (1.1e-5, False), (None, False), (NAN, False), (-1.0, False)],
)
def test_parity(parity: float | None, passed: bool) -> None:
    verdict = judge_parity(parity, ACCEPTANCE)
    assert (verdict.gate, verdict.passed) == ("parity", passed)


FROZEN = Protocol("example", "1.0.0+1", "b" * 64, {}, "a" * 64, "d" * 64, "e" * 64)


def test_an_unchanged_protocol_passes() -> None:
    assert judge_protocol(good(), FROZEN, "b" * 64).passed


@pytest.mark.parametrize(
    ("protocol", "declared", "why"),
    [
        (FROZEN, "e" * 64, "criteria were changed after they were frozen"),
        (replace(FROZEN, digest="e" * 64), "e" * 64, "under another protocol"),
        (replace(FROZEN, candidate_sha256="f" * 64), "b" * 64, "for another candidate"),
        (replace(FROZEN, model="other"), "b" * 64, "another model"),
        (replace(FROZEN, version="2"), "b" * 64, "another version"),
        (replace(FROZEN, digest=""), "", "changed after they were frozen"),
    ],
)
def test_a_changed_protocol_fails(protocol: Protocol, declared: str, why: str) -> None:
    verdict = judge_protocol(good(), protocol, declared)
    assert not verdict.passed
    assert why in verdict.summary
