"""The card's sections with results: performance, subgroups, comparisons, acceptance, signatures.

Mitchell 2019 section 7, then what GML-08, GML-09, AID-04, AID-05 and P11-14 ask to be shown.
"""

from collections.abc import Iterable

from clinical_assets.evidence.card import (
    Answer,
    CriterionOutcome,
    ModelCard,
    Outcome,
    SignatureLine,
    Statement,
)
from clinical_assets.evidence.card_figures import card_figures
from clinical_assets.evidence.card_labelling import PROFILE
from clinical_assets.evidence.card_statements import published_sentence
from clinical_assets.evidence.document import (
    Block,
    Callout,
    Paragraph,
    Section,
    Shade,
    Text,
    cell,
    facts,
    table,
)
from clinical_assets.evidence.metric_names import RATE_LABELS, metric_digits, metric_label
from clinical_assets.evidence.wording import (
    SUPPRESSED,
    compact,
    count,
    estimate_text,
    interval,
    number,
    plural,
)
from clinical_assets.modelling.records import (
    Estimate,
    FairnessGap,
    ReferenceResult,
    SubgroupResult,
    Verdict,
)

_TONES: dict[Outcome, Shade] = {
    "better": "good",
    "not better": "caution",
    "worse": "bad",
    "not compared": "note",
}


# The other metrics of each band are in the JSON form.
PROBABILITY = ("auroc", "auprc", "brier", "calibration_slope", "calibration_intercept")
THRESHOLD = ("selection_rate", "sensitivity", "specificity", "ppv", "npv")


def tone(statement: Statement) -> Shade:
    """How a comparison's statement is marked."""
    return _TONES[statement.outcome]


def performance(card: ModelCard) -> Section:
    """Every metric with n, events and interval, the figures, and the prediction sets."""
    rows = [_metric_row(name, e) for name, e in card.results.metrics.items()]
    headers = ("Metric", "Estimate", "95 % interval", "People", "Events")
    bins = [
        (
            Text(number(b.predicted), "number"),
            cell(SUPPRESSED) if b.observed is None else Text(number(b.observed), "number"),
            _count(b.n),
            _count(b.events),
        )
        for b in card.results.calibration_curve
    ]
    sets = card.results.conformal
    return Section(
        "performance",
        "Performance on the test set",
        (
            table("Metrics on the pre-defined test set", headers, rows),
            card_figures(card),
            Paragraph(
                "Curves and bins are cut at the operating threshold and at those hundredths "
                "between which no 1 to 10 people with, or without, the outcome lie, so that no "
                "such count can be read from two neighbouring points. Figures of the whole test "
                "set (rates at the operating threshold, errors, coverage of prediction sets are "
                "among them) are shown whatever counts follow from them."
            ),
            table(
                "Calibration curve, by predicted risk",
                ("Mean predicted risk", "Observed share", "People", "Events"),
                bins,
            ),
            facts(
                ("Prediction sets", f"split conformal at {number(sets.confidence * 100, 0)} %"),
                ("Calibration rows", f"{sets.calibration_rows:,}"),
                ("Measured coverage", estimate_text(sets.coverage)),
                ("An outcome is in the set from a probability of", number(sets.least_probability)),
                ("One outcome in the set", count(sets.single)),
                ("Both outcomes in the set", count(sets.both)),
                ("Empty set", count(sets.empty)),
            ),
        ),
    )


def subgroups(card: ModelCard) -> Section:
    """Each band, hidden ones included, then the fairness gaps."""
    found = card.results.subgroups
    hidden = sum(row.suppressed for row in found)
    gaps = [_gap_row(gap) for gap in card.results.fairness]
    return Section(
        "subgroups",
        "Subgroups and fairness",
        (
            _bands("Ranking and calibration by subgroup, 95 % intervals", found, PROBABILITY),
            _bands("At the operating threshold by subgroup, 95 % intervals", found, THRESHOLD),
            Paragraph(
                f"{hidden} of {plural(len(found), 'band')} suppressed altogether. In this section "
                "no cell of 1 to 10 people is shown, nor one that would give it away; a metric is "
                "also suppressed where it would give such a count away together with the size of "
                "its band. "
                "Intervals are not corrected for the number of comparisons. Further metrics of "
                "each band are in the JSON form."
            ),
            table(
                "Fairness gaps between bands; rates are at the operating threshold",
                ("Subgroup", "Rate", "Largest difference", "Smallest ratio", "Bands compared"),
                gaps,
            ),
            Paragraph(
                "Parity of different rates cannot hold at once where prevalence differs; these "
                "gaps are shown for judgement and are not all meant to be zero."
            ),
        ),
    )


def comparison(card: ModelCard) -> Section:
    """Against the champion and the reference models, with what was published."""
    metric = card.results.comparison.metric
    callouts = [Callout(tone(s), s.text) for s in card.results.statements]
    if not any(r.baseline for r in card.results.references):
        callouts.append(Callout("caution", "No baseline model was declared to compare with."))
    rows = [_reference_row(r, metric) for r in card.results.references]
    name = metric_label(metric)
    headers = ("Model", "Fitted on", "Errors at 0.5", "Published", name, f"Difference in {name}")
    blocks: list[Block] = [*callouts]
    blocks.append(table("Reference models, same test rows", headers, rows))
    blocks.append(
        Paragraph("Differences are candidate minus other model, by paired bootstrap, 95 %.")
    )
    return Section("comparison", "Comparison", tuple(blocks))


def acceptance(card: ModelCard) -> Section:
    """The criteria frozen before the test rows were read, with outcome, and the gates."""
    a = card.acceptance
    criteria = [_criterion_row(c) for c in card.criteria]
    headers = ("Criterion", "Metric", "Limit", "Measured", "Outcome", "Why this limit")
    gates = [(g.gate, _passed(g), g.summary, _measurements(g)) for g in card.gates]
    blocks: list[Block] = [
        table(
            "Acceptance criteria, frozen before this candidate met the test rows", headers, criteria
        ),
        facts(
            ("Least positives and negatives", str(a.minimum_events)),
            (
                "Against the champion",
                f"at most {number(a.champion_margin)} {metric_label(a.champion_metric)} lost, "
                "at the pessimistic end of the interval",
            ),
            (
                "Each subgroup",
                f"{metric_label(a.subgroup_metric)} at least {number(a.subgroup_floor, 2)}, "
                f"judged from {a.subgroup_minimum_events} positives and negatives",
            ),
            ("ONNX parity", f"largest difference at most {a.parity_tolerance:.0e}"),
        ),
        table("Gates", ("Gate", "Outcome", "Finding", "Measured"), gates),
    ]
    if not card.gates:
        blocks.append(Callout("bad", "No gate's verdict was recorded on this card."))
    return Section("acceptance", "Acceptance criteria and gates", tuple(blocks))


def signatures(card: ModelCard) -> Section:
    """Every signature demanded, and where the given ones are read (P11-14)."""
    rows = [_signature_row(line) for line in card.signatures]
    headers = ("Stage", "Role", "Meaning", "Signed by", "Signed at (UTC)")
    blocks: list[Block] = [
        Paragraph(
            "Signatures are given on the package that holds this card, so after the card was made: "
            "it says what is demanded, and cannot say what was given. The approval record and the "
            "card with signatures, both beside the package, say that."
        ),
        table("Signatures required for release", headers, rows),
    ]
    if not rows:
        blocks.append(Callout("bad", "No signature is required by the spec."))
    return Section("signatures", "Signatures", tuple(blocks))


def monitoring(card: ModelCard) -> Section:
    """The performance-monitoring plan (AID-04)."""
    rows = [(m.metric, m.window, m.threshold, m.owner, m.action) for m in card.monitoring]
    headers = ("What", "Window", "Threshold", "Owner", "Action")
    return Section("monitoring", "Monitoring plan", (table("Plan", headers, rows),))


def labelling(card: ModelCard) -> Section:
    """The draft labelling facts, with the word "draft"."""
    note = Callout(
        "note", f"Profile: {PROFILE}. A draft is not binding; a final text may ask otherwise."
    )
    return Section(
        "labelling", "Labelling facts (FDA draft)", (note, _answers("Items", card.labelling))
    )


def source_attributes(card: ModelCard) -> Section:
    """All 31 source attributes, missing ones shown."""
    answered = sum(bool(a.text) for a in card.source_attributes)
    text = (
        f"{answered} of {len(card.source_attributes)} attributes are answered. “Recorded” answers "
        "come from what was measured or read, “declared” ones from the spec, the source register "
        "or the developer."
    )
    return Section(
        "source-attributes",
        "Source attributes (ONC HTI-1)",
        (Paragraph(text), _answers("45 CFR 170.315(b)(11)(iv)(B)", card.source_attributes)),
    )


def _bands(caption: str, found: Iterable[SubgroupResult], metrics: tuple[str, ...]) -> Block:
    """One line a band, hidden ones included, with some of its metrics."""
    rows: list[list[str | Text]] = [
        [
            f"{row.subgroup}: {row.band}",
            cell(SUPPRESSED) if row.suppressed else f"{count(row.n)} ({count(row.events)})",
            *(_estimate(row.metrics.get(name), metric_digits(name)) for name in metrics),
        ]
        for row in found
    ]
    headers = ("Band", "People (events)", *map(metric_label, metrics))
    return table(caption, headers, rows)


def _answers(caption: str, answers: Iterable[Answer]) -> Block:
    rows = [
        (a.id.split("-")[-1], a.section, a.question, cell(a.text or a.basis), cell(a.basis))
        for a in answers
    ]
    return table(caption, ("No.", "Section", "Question", "Answer", "Basis"), rows)


def _metric_row(name: str, estimate: Estimate) -> tuple[str | Text, ...]:
    digits = metric_digits(name)
    people = (_count(estimate.n), _count(estimate.events))
    if estimate.value is None:
        return metric_label(name), cell(estimate_text(estimate)), cell("–"), *people
    value = Text(number(estimate.value, digits), "number")
    return metric_label(name), value, Text(interval(estimate, digits), "number"), *people


def _gap_row(gap: FairnessGap) -> tuple[str | Text, ...]:
    rate = RATE_LABELS.get(gap.measure, gap.measure)
    if gap.difference is None:
        why = cell("not computed: " + (gap.reason or "no reason recorded"))
        return gap.subgroup, rate, cell("–"), cell("–"), why
    numbers = (Text(number(gap.difference), "number"), Text(number(gap.ratio), "number"))
    return gap.subgroup, rate, *numbers, ", ".join(gap.bands)


def _reference_row(reference: ReferenceResult, metric: str) -> tuple[str | Text, ...]:
    published = published_sentence(reference)
    if published and reference.citation:
        published += f" ({reference.citation})"
    digits = metric_digits(metric)
    return (
        reference.name + (" – baseline" if reference.baseline else ""),
        Text(f"{reference.rows:,}", "number"),
        Text(f"{count(reference.errors)} of {reference.test_rows:,}", "number"),
        published or "–",
        _estimate(reference.metrics.get(metric), digits),
        cell(estimate_text(reference.difference, digits, signed=True)),
    )


def _criterion_row(outcome: CriterionOutcome) -> tuple[str | Text, ...]:
    criterion = outcome.criterion
    bounds = []
    if criterion.minimum is not None:
        bounds.append(f"at least {compact(criterion.minimum)}")
    if criterion.maximum is not None:
        bounds.append(f"at most {compact(criterion.maximum)}")
    which = "" if criterion.bound == "estimate" else f" ({criterion.bound} end of the interval)"
    failed = f"failed: {outcome.reason}" if outcome.reason else "failed"
    return (
        criterion.name,
        metric_label(criterion.metric) + which,
        " and ".join(bounds),
        Text(number(outcome.measured, metric_digits(criterion.metric)), "number"),
        Text("met", "good") if outcome.passed else Text(failed, "bad"),
        criterion.rationale,
    )


def _signature_row(line: SignatureLine) -> tuple[str | Text, ...]:
    asked = (line.stage or cell("–"), line.role, line.meaning)
    if not line.signer:
        return *asked, Text("see the approval record", "muted"), cell("–")
    return *asked, Text(line.signer, "good"), line.signed_at or cell("–")


def _passed(verdict: Verdict) -> Text:
    return Text("passed", "good") if verdict.passed else Text("failed", "bad")


def _measurements(verdict: Verdict) -> str:
    def shown(value: float | str | None) -> str:
        if value is None:
            return "none"
        return value if isinstance(value, str) else f"{value:.6g}".replace("-", "−", 1)

    return "; ".join(f"{k} {shown(v)}" for k, v in verdict.measurements.items()) or "–"


def _estimate(estimate: Estimate | None, digits: int) -> Text:
    if estimate is None:
        return cell("–")
    if estimate.value is None and (estimate.n is not None or estimate.events is not None):
        return cell("not computed")
    return cell(estimate_text(estimate, digits))


def _count(value: int | None) -> Text:
    return cell(SUPPRESSED) if value is None else Text(f"{value:,}", "number")
