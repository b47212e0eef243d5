"""Verdicts of the gates over an evaluation: passed or not, and why.

Here: the comparison of numbers with the limits that the spec declared beforehand. Not here: the
numbers (:mod:`.evaluation`), nor who acts on a verdict. Missing, NaN, suppressed or too small
evidence fails (design trap 7), and a summary names metric, value, limit, n and events.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from clinical_assets.modelling.metrics import CONFUSION_METRICS, LESS_IS_BETTER, TARGETED
from clinical_assets.modelling.records import (
    Estimate,
    Evaluation,
    Protocol,
    SubgroupResult,
    Verdict,
)
from clinical_assets.modelling.spec import (
    CONFORMAL_COVERAGE,
    AcceptanceCriteria,
    Bound,
    ClinicalModel,
    Criterion,
)

Group = Literal["performance", "calibration", "uncertainty"]
Measurements = dict[str, float | str | None]


def judge_criteria(evaluation: Evaluation, acceptance: AcceptanceCriteria, group: Group) -> Verdict:
    """Whether every criterion of one group holds on the test set.

    A criterion on ``conformal_coverage`` reads the coverage of the prediction sets; every other
    metric is a key of ``evaluation.metrics``. A group without a criterion fails: nothing was
    shown.
    """
    criteria = [c for c in acceptance.criteria if c.group == group]
    if not criteria:
        return Verdict(group, False, f"no {group} criterion is declared", {})
    failures: list[str] = []
    successes: list[str] = []
    measurements: Measurements = {}
    for criterion in criteria:
        estimate = measured(evaluation, criterion.metric)
        measurements[criterion.name] = _bound(estimate, criterion.bound)
        failure = criterion_failure(criterion, estimate, acceptance.minimum_events)
        if failure:
            failures.append(f"{criterion.name}: {failure}")
        else:
            successes.append(f"{criterion.name}: {_described(criterion, estimate)}")
    return Verdict(group, not failures, _sentences(failures or successes), measurements)


def judge_evaluation(spec: ClinicalModel, evaluation: Evaluation) -> dict[str, Verdict]:
    """The verdict of each gate that needs nothing but the evaluation, by the gate's name."""
    limits = spec.acceptance
    return {
        "performance": judge_criteria(evaluation, limits, "performance"),
        "calibration": judge_criteria(evaluation, limits, "calibration"),
        "uncertainty": judge_criteria(evaluation, limits, "uncertainty"),
        "subgroup_floor": judge_subgroups(evaluation, limits, [g.name for g in spec.subgroups]),
        "champion_regression": judge_champion(evaluation, limits),
    }


def measured(evaluation: Evaluation, metric: str) -> Estimate | None:
    """The estimate that a criterion's metric names; None where it was not measured."""
    found = evaluation.metrics.get(metric)
    if found is None and metric == CONFORMAL_COVERAGE:
        return evaluation.conformal.coverage
    return found


def criterion_failure(criterion: Criterion, estimate: Estimate | None, minimum_events: int) -> str:
    """Why the criterion does not hold; empty where it does."""
    if estimate is None:
        return f"{criterion.metric} was not measured"
    value = _bound(estimate, criterion.bound)
    if value is None:
        return f"{_called(criterion)} has no value ({estimate.reason or 'no reason given'})"
    if reason := _too_small(estimate.n, estimate.events, minimum_events):
        return f"{_called(criterion)} = {value:.4g} does not count: {reason}"
    minimum, maximum = criterion.minimum, criterion.maximum
    # Written so that a limit that is NaN fails as well.
    if minimum is not None and not value >= minimum:
        return f"{_described(criterion, estimate)}, below the minimum"
    if maximum is not None and not value <= maximum:
        return f"{_described(criterion, estimate)}, above the maximum"
    if minimum is None and maximum is None:
        return "no limit is declared"
    return ""


def judge_subgroups(
    evaluation: Evaluation, acceptance: AcceptanceCriteria, declared: Sequence[str]
) -> Verdict:
    """Whether the metric keeps its floor in every band that can be judged.

    Bands with 1–10 people, events or non-events, or with too few to judge, are listed as not
    judged. Each ``declared`` subgroup needs at least one judged band. A metric of the 2×2 table
    cannot have a floor here: a band that fares badly has a small cell, and its metric is withheld.
    """
    gate, metric, floor = "subgroups", acceptance.subgroup_metric, acceptance.subgroup_floor
    if metric in LESS_IS_BETTER or metric in TARGETED:
        return Verdict(gate, False, f"a floor under {metric} says nothing: more is not better", {})
    if metric in CONFUSION_METRICS:
        why = f"{metric} is withheld just where it is bad: choose one that needs no threshold"
        return Verdict(gate, False, why, {})
    if not evaluation.subgroups:
        return Verdict(gate, False, "no subgroup was evaluated", {})
    failures: list[str] = []
    passed: list[str] = []
    skipped: list[str] = []
    measurements: Measurements = {}
    judged: set[str] = set()
    for band in evaluation.subgroups:
        label = f"{band.subgroup} {band.band}"
        if reason := _not_judged(band, acceptance):
            skipped.append(f"{label} ({reason})")
            measurements[label] = None
            continue
        judged.add(band.subgroup)
        estimate = band.metrics.get(metric)
        value = _number(estimate.value) if estimate else None
        measurements[label] = value
        size = f"n={band.n}, events={band.events}"
        if value is None:
            why = estimate.reason if estimate else "not measured"
            failures.append(f"{label}: {metric} has no value ({why}; {size})")
        elif not value >= floor:
            failures.append(f"{label}: {metric} {value:.4g} < {floor:g} ({size})")
        else:
            passed.append(f"{label} {value:.4g} ({size})")
    evaluated = {band.subgroup for band in evaluation.subgroups}
    for subgroup in dict.fromkeys([*declared, *sorted(evaluated)]):
        if subgroup not in evaluated:
            failures.append(f"{subgroup}: declared, but not evaluated")
        elif subgroup not in judged:
            failures.append(f"{subgroup}: no band can be judged")
    head = failures or [f"{metric} ≥ {floor:g} in " + ", ".join(passed)]
    notes = ["not judged: " + ", ".join(skipped)] if skipped else []
    return Verdict(gate, not failures, _sentences([*head, *notes]), measurements)


def judge_champion(evaluation: Evaluation, acceptance: AcceptanceCriteria) -> Verdict:
    """Whether the candidate is not inferior to the champion within the declared margin.

    The pessimistic end of the paired difference decides: its lower end must be at least minus
    the margin, or, for a metric where less is better, its upper end at most the margin. Without
    a champion the gate passes as the first release.
    """
    gate, comparison = "champion", evaluation.comparison
    metric, margin = acceptance.champion_metric, acceptance.champion_margin
    difference = comparison.difference
    size = f"n={difference.n}, events={difference.events}"
    measurements: Measurements = {
        "difference": _number(difference.value),
        "lower": _number(difference.lower),
        "upper": _number(difference.upper),
        "margin": _number(margin),
        "champion": comparison.champion or None,
    }

    def fails(why: str) -> Verdict:
        return Verdict(gate, False, why, measurements)

    if comparison.metric != metric or comparison.margin != margin:
        return fails(
            f"compared by {comparison.metric} within {comparison.margin:g}, "
            f"but declared is {metric} within {margin:g}"
        )
    if metric in TARGETED:
        return fails(f"{metric} has an ideal value, not a direction: it cannot rank models")
    if not comparison.champion:
        if comparison.champion_sha256:
            return fails("the champion has a digest but no version")
        return Verdict(gate, True, "no champion yet: first release", measurements)
    less = metric in LESS_IS_BETTER
    value, lower, upper = (
        _number(v) for v in (difference.value, difference.lower, difference.upper)
    )
    if value is None or lower is None or upper is None:
        why = difference.reason or "no reason given"
        return fails(f"no interval of the difference in {metric} from {comparison.champion}: {why}")
    if reason := _too_small(difference.n, difference.events, acceptance.minimum_events):
        return fails(f"the difference in {metric} does not count: {reason}")
    loss = upper if less else -lower
    summary = (
        f"{metric} minus champion {comparison.champion}: {value:+.4f} ({lower:+.4f} to "
        f"{upper:+.4f}; {size}); largest plausible loss {loss:.4f}, margin {margin:g}"
    )
    return Verdict(gate, loss <= margin, summary, measurements)


def judge_parity(parity: float | None, acceptance: AcceptanceCriteria) -> Verdict:
    """Whether ONNX and scikit-learn probabilities agree within the tolerance."""
    value, limit = _number(parity), acceptance.parity_tolerance
    measurements: Measurements = {"difference": value, "tolerance": limit}
    if value is None or value < 0.0:
        return Verdict("parity", False, "the ONNX difference was not measured", measurements)
    summary = f"largest difference of ONNX and scikit-learn {value:.3g}, tolerance {limit:g}"
    return Verdict("parity", value <= limit, summary, measurements)


def judge_protocol(
    evaluation: Evaluation, protocol: Protocol, spec_protocol_digest: str
) -> Verdict:
    """Whether the evaluation was made under the frozen criteria, and they are unchanged since.

    Args:
        evaluation: the candidate's evaluation.
        protocol: what was frozen before the test rows were read.
        spec_protocol_digest: digest of the criteria as the spec declares them now.
    """
    pairs = {
        "the criteria were changed after they were frozen": (
            spec_protocol_digest,
            protocol.digest,
        ),
        "the evaluation was made under another protocol": (
            evaluation.protocol_digest,
            protocol.digest,
        ),
        "the protocol was frozen for another candidate": (
            protocol.candidate_sha256,
            evaluation.candidate_sha256,
        ),
        "the protocol is of another model": (protocol.model, evaluation.model),
        "the protocol is of another version": (protocol.version, evaluation.version),
    }
    failures = [why for why, (a, b) in pairs.items() if not a or a != b]
    measurements: Measurements = {
        "frozen": protocol.digest,
        "evaluated": evaluation.protocol_digest,
        "declared": spec_protocol_digest,
    }
    summary = _sentences(failures) if failures else f"frozen criteria {protocol.digest[:12]} hold"
    return Verdict("protocol", not failures, summary, measurements)


def _not_judged(band: SubgroupResult, acceptance: AcceptanceCriteria) -> str:
    if band.suppressed:
        return "suppressed, n<11"
    return _too_small(band.n, band.events, acceptance.subgroup_minimum_events)


def _too_small(n: int | None, events: int | None, minimum_events: int) -> str:
    if n is None or events is None:
        return "n and events are unknown"
    if min(events, n - events) < minimum_events:
        return f"n={n}, events={events}, at least {minimum_events} events and non-events needed"
    return ""


def _number(value: float | None) -> float | None:
    """None for NaN and infinity as well: they are no evidence."""
    return value if value is not None and math.isfinite(value) else None


def _bound(estimate: Estimate | None, bound: Bound) -> float | None:
    if estimate is None or _number(estimate.value) is None:
        return None
    ends: Mapping[Bound, float | None] = {
        "estimate": estimate.value,
        "lower": estimate.lower,
        "upper": estimate.upper,
    }
    return _number(ends[bound])


def _called(criterion: Criterion) -> str:
    ends = {"estimate": "", "lower": " (lower end)", "upper": " (upper end)"}
    return criterion.metric + ends[criterion.bound]


def _described(criterion: Criterion, estimate: Estimate | None) -> str:
    value = _bound(estimate, criterion.bound)
    limits = []
    if criterion.minimum is not None:
        limits.append(f"at least {criterion.minimum:g}")
    if criterion.maximum is not None:
        limits.append(f"at most {criterion.maximum:g}")
    assert estimate is not None
    assert value is not None
    size = f"n={estimate.n}, events={estimate.events}"
    return f"{_called(criterion)} = {value:.4g}, {' and '.join(limits)} ({size})"


def _sentences(parts: Iterable[str]) -> str:
    return "; ".join(parts)
