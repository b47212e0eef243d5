"""The five figures of a model card, composed from its record.

Each carries a description with the numbers that it shows, for readers who cannot see it.
"""

from clinical_assets.evidence.card import ModelCard
from clinical_assets.evidence.document import Figure, Figures
from clinical_assets.evidence.metric_names import metric_digits, metric_label
from clinical_assets.evidence.svg import (
    MUTED,
    SECOND,
    Axis,
    ForestRow,
    Series,
    even_ticks,
    forest_plot,
    line_chart,
)
from clinical_assets.evidence.wording import SUPPRESSED, count, estimate_text, number
from clinical_assets.modelling.records import CurvePoint, Estimate, SubgroupResult

_SHARES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


def card_figures(card: ModelCard) -> Figures:
    """Calibration, ROC, precision-recall and decision curve, and the subgroup forest plot."""
    drawn = (calibration(card), roc(card), precision_recall(card), decision(card), forest(card))
    return Figures(drawn)


def calibration(card: ModelCard) -> Figure:
    """Observed share of positives over the mean predicted risk, by quantile bin."""
    shown = [
        (b.predicted, b.observed) for b in card.results.calibration_curve if b.observed is not None
    ]
    hidden = len(card.results.calibration_curve) - len(shown)
    pairs = "; ".join(f"{number(p, 2)} → {number(o, 2)}" for p, o in shown)
    description = f"Predicted risk → observed share: {pairs or 'no bin can be shown'}."
    if hidden:
        description += f" {hidden} of {hidden + len(shown)} bins suppressed (n<11)."
    series = (
        Series("ideal", ((0.0, 0.0), (1.0, 1.0)), MUTED, dashed=True),
        Series("model", tuple(shown), marks=True),
    )
    svg = line_chart(
        "Calibration curve",
        description,
        Axis("Mean predicted risk", 0, 1, _SHARES),
        Axis("Observed share of events", 0, 1, _SHARES),
        series,
    )
    return Figure("Calibration", description, svg)


def roc(card: ModelCard) -> Figure:
    """Sensitivity over the false positive rate, with the operating point."""
    metrics = card.results.metrics
    auroc = metrics.get("auroc")
    area = estimate_text(auroc) if auroc else "not measured"
    threshold = number(card.measures.operating_point.threshold, 2)
    point = _operating_point(metrics.get("sensitivity"), metrics.get("specificity"))
    description = f"Area under the curve {area}."
    series = [
        Series("no skill", ((0.0, 0.0), (1.0, 1.0)), MUTED, dashed=True),
        Series("model", _points(card.results.roc), marks=True),
    ]
    if point:
        description += (
            f" At the threshold {threshold}: sensitivity {number(point[1])}, "
            f"false positive rate {number(point[0])}."
        )
        name = f"threshold {threshold}"
        series.append(Series(name, (point,), SECOND, line=False, marks=True))
    svg = line_chart(
        "ROC curve",
        description,
        Axis("False positive rate", 0, 1, _SHARES),
        Axis("Sensitivity", 0, 1, _SHARES),
        series,
    )
    return Figure("Discrimination (ROC)", description, svg)


def precision_recall(card: ModelCard) -> Figure:
    """Positive predictive value over sensitivity, with prevalence and operating point."""
    metrics = card.results.metrics
    auprc, ppv, sensitivity = (metrics.get(m) for m in ("auprc", "ppv", "sensitivity"))
    threshold = number(card.measures.operating_point.threshold, 2)
    description = f"Average precision {estimate_text(auprc) if auprc else 'not measured'}."
    series = [Series("model", _points(card.results.precision_recall), marks=True)]
    rows, events = card.evaluation_data.rows, card.evaluation_data.events
    if rows and events is not None:
        prevalence = events / rows
        series.insert(0, Series("prevalence", ((0.0, prevalence), (1.0, prevalence)), MUTED, True))
        description += f" Prevalence {number(prevalence)}."
    if ppv and sensitivity and ppv.value is not None and sensitivity.value is not None:
        point = (sensitivity.value, ppv.value)
        series.append(Series(f"threshold {threshold}", (point,), SECOND, line=False, marks=True))
        description += f" At the threshold {threshold}: precision {number(ppv.value)}."
    svg = line_chart(
        "Precision-recall curve",
        description,
        Axis("Sensitivity (recall)", 0, 1, _SHARES),
        Axis("Positive predictive value (precision)", 0, 1, _SHARES),
        series,
    )
    return Figure("Precision and recall", description, svg)


def decision(card: ModelCard) -> Figure:
    """Net benefit over the threshold, beside treating everyone and no one (Vickers 2006)."""
    model, everyone = card.results.decision_curve, card.results.decision_curve_treat_all
    top = max([0.05, *(p.y for p in (*model, *everyone))])
    ticks = even_ticks(-top / 5, top)
    low, high = ticks[0], ticks[-1]
    threshold = card.measures.operating_point.threshold
    own = card.results.metrics.get("net_benefit")
    said = estimate_text(own) if own else "not measured"
    description = f"At the operating threshold {number(threshold, 2)} the net benefit is {said}."
    series = (
        Series("flag no one", ((0.0, 0.0), (1.0, 0.0)), MUTED, dashed=True),
        Series("flag everyone", _points(everyone), SECOND, dashed=True),
        Series("model", _points(model)),
        Series("", ((threshold, low), (threshold, high)), MUTED, dashed=True),
    )
    svg = line_chart(
        "Decision curve",
        description,
        Axis("Threshold", 0, 1, _SHARES),
        Axis("Net benefit per person", low, high, ticks),
        series,
        "top",
    )
    return Figure("Decision curve", description, svg)


def forest(card: ModelCard) -> Figure:
    """The acceptance metric in each subgroup, with floor and overall value."""
    metric = card.acceptance.subgroup_metric
    digits = metric_digits(metric)
    name = metric_label(metric)
    floor = card.acceptance.subgroup_floor
    overall = card.results.metrics.get(metric)
    rows = [_forest_row(r, metric, digits) for r in card.results.subgroups]
    whole = overall.value if overall and overall.value is not None else floor
    if overall:
        text = estimate_text(overall, digits)
        size = f"{count(overall.n)} ({count(overall.events)})"
        everyone = ForestRow(
            "everyone", "", overall.value, overall.lower, overall.upper, size, text
        )
        rows.insert(0, everyone)
    values = [v for r in rows for v in (r.value, r.lower, r.upper) if v is not None]
    ticks = even_ticks(min([*values, floor]), max([*values, floor]))
    said = "; ".join(f"{r.group} {r.label}".strip() + f": {r.text}" for r in rows)
    description = f"{name} by subgroup. {said}. Acceptance floor {number(floor, 2)}."
    svg = forest_plot(
        f"{name} by subgroup",
        description,
        Axis(f"{name} (dashed: acceptance floor {number(floor, 2)})", ticks[0], ticks[-1], ticks),
        rows,
        floor,
        whole,
    )
    return Figure(f"{name} by subgroup", description, svg, wide=True)


def _forest_row(result: SubgroupResult, metric: str, digits: int) -> ForestRow:
    estimate = result.metrics.get(metric)
    size = f"{count(result.n)} ({count(result.events)})"
    if result.suppressed or estimate is None:
        text = SUPPRESSED if result.suppressed else "not measured"
        size = "–" if result.suppressed else size
        return ForestRow(result.subgroup, result.band, None, None, None, size, text)
    text = estimate_text(estimate, digits)
    return ForestRow(
        result.subgroup, result.band, estimate.value, estimate.lower, estimate.upper, size, text
    )


def _operating_point(
    sensitivity: Estimate | None, specificity: Estimate | None
) -> tuple[float, float] | None:
    if sensitivity is None or specificity is None:
        return None
    if sensitivity.value is None or specificity.value is None:
        return None
    return 1 - specificity.value, sensitivity.value


def _points(curve: tuple[CurvePoint, ...]) -> tuple[tuple[float, float], ...]:
    return tuple((p.x, p.y) for p in curve)
