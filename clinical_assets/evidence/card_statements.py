"""What the comparisons say, in plain words (GML-06, and "honestly reported as not better").

A difference is candidate minus other, with its paired bootstrap 95 % interval. The candidate is
called better only where the whole interval lies on the better side of 0.
"""

from clinical_assets.evidence.card import Outcome, Statement
from clinical_assets.evidence.metric_names import lower_is_better, metric_digits, metric_label
from clinical_assets.evidence.wording import interval, number
from clinical_assets.modelling.metrics import TARGETED
from clinical_assets.modelling.records import Comparison, Estimate, ReferenceResult


def baseline_statement(reference: ReferenceResult, metric: str) -> Statement:
    """Whether the candidate is better than one reference model, and by what interval."""
    outcome = outcome_of(reference.difference, metric)
    return Statement(
        subject=reference.name,
        outcome=outcome,
        text=_sentence(outcome, reference.name, metric, reference.difference),
    )


def champion_statement(comparison: Comparison) -> Statement:
    """Whether the candidate keeps within the margin of the champion, or that there is none."""
    if not comparison.champion:
        return Statement(
            subject="champion",
            outcome="not compared",
            text="Compared with no champion: there was none when this card was made.",
        )
    outcome = outcome_of(comparison.difference, comparison.metric)
    who = f"the champion {comparison.champion}"
    within = _margin_sentence(comparison)
    text = _sentence(outcome, who, comparison.metric, comparison.difference)
    return Statement(subject="champion", outcome=outcome, text=f"{text} {within}".strip())


def published_sentence(reference: ReferenceResult) -> str:
    """How the errors measured here stand to the published ones; empty where none are known."""
    if reference.published_errors is None or reference.errors is None:
        return ""
    if reference.published_errors == reference.errors:
        return f"reproduces the published {reference.published_errors}"
    return f"differs from the published {reference.published_errors}"


def outcome_of(difference: Estimate, metric: str) -> Outcome:
    """Classify a paired difference by its interval.

    >>> outcome_of(Estimate(0.02, 0.004, 0.04, 332, 109), "auroc")
    'better'
    >>> outcome_of(Estimate(0.02, 0.004, 0.04, 332, 109), "brier")
    'worse'
    >>> outcome_of(Estimate(0.02, -0.001, 0.04, 332, 109), "auroc")
    'not better'
    """
    if metric in TARGETED or difference.value is None:
        return "not compared"
    if difference.lower is None or difference.upper is None:
        return "not compared"
    low, high = difference.lower, difference.upper
    if lower_is_better(metric):
        low, high = -high, -low
    if low > 0:
        return "better"
    return "worse" if high < 0 else "not better"


def _sentence(outcome: Outcome, who: str, metric: str, difference: Estimate) -> str:
    name = metric_label(metric)
    if outcome == "not compared" and metric in TARGETED:
        return f"Not compared with {who}: {name} has an ideal value, not a direction."
    if outcome == "not compared":
        return f"Not compared with {who}: {difference.reason or 'no interval was computed'}."
    digits = metric_digits(metric)
    ends = interval(difference, digits, signed=True)
    value = number(difference.value, digits, signed=True)
    verdict = {
        "better": f"Better than {who}",
        "not better": f"Not shown to be better than {who}",
        "worse": f"Worse than {who}",
    }[outcome]
    relation = "includes 0" if outcome == "not better" else "excludes 0"
    return (
        f"{verdict}: the difference in {name} is {value}, "
        f"and its 95 % interval, {ends}, {relation}."
    )


def _margin_sentence(comparison: Comparison) -> str:
    pessimistic = (
        comparison.difference.upper
        if lower_is_better(comparison.metric)
        else comparison.difference.lower
    )
    if pessimistic is None:
        return ""
    loss = pessimistic if lower_is_better(comparison.metric) else -pessimistic
    held = "within" if loss <= comparison.margin else "beyond"
    return (
        f"At the pessimistic end of the interval it is {held} the tolerated loss of "
        f"{number(comparison.margin)}."
    )
