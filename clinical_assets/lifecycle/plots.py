"""Plots as PNG inside Markdown metadata, for the asset pages of Dagster's UI.

The card draws its own vector plots (``evidence``); these are the quick looks of the engineer.
Colours are those of Okabe & Ito (2008), readable with colour-blindness.
"""

import base64
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from dagster import MarkdownMetadataValue, MetadataValue
from numpy.typing import NDArray

from clinical_assets.lifecycle.show import roughly
from clinical_assets.modelling.records import CurveBin, CurvePoint, SubgroupResult, Trial
from clinical_assets.modelling.spec import ClinicalModel, Column
from clinical_assets.small_cells import is_small, joined_spans

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Inches: what Dagster's dialog shows without scrolling.
_WIDTH = 9.0
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#8A8A8A"


def _figure(width: float, height: float, **grid: Any) -> tuple["Figure", Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=110, layout="constrained")
    return figure, figure.subplots(**grid)


def _png(figure: "Figure", alt: str) -> MarkdownMetadataValue:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    data = base64.b64encode(buffer.getvalue()).decode()
    return MetadataValue.md(f"![{alt}](data:image/png;base64,{data})")


def _tidy(axes: Any, title: str, x: str = "", y: str = "") -> None:
    axes.set_title(title, fontsize=9, loc="left")
    axes.set_xlabel(x, fontsize=8)
    axes.set_ylabel(y, fontsize=8)
    axes.tick_params(labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)


def distributions(
    frame: pl.DataFrame, columns: Sequence[Column], spec: ClinicalModel
) -> MarkdownMetadataValue:
    """One histogram a numeric column, split by the outcome; no bar stands for 1–10 people."""
    shown = [c for c in columns if c.dtype in ("number", "integer") and c.name in frame.columns]
    across = 4
    down = -(-len(shown) // across)
    figure, grid = _figure(_WIDTH, 2.1 * down, nrows=down, ncols=across, squeeze=False)
    label = frame.get_column(spec.label.column)
    for axes, column in zip(grid.flat, shown, strict=False):
        values = frame.get_column(column.name).cast(pl.Float64)
        present = values.is_not_null()
        edges, others, events = histogram(
            values.filter(present).to_numpy(), label.filter(present).to_numpy()
        )
        widths = np.diff(edges)
        axes.stairs(others / widths, edges, fill=True, color=BLUE, label=spec.label.negative)
        axes.stairs(
            (others + events) / widths,
            edges,
            baseline=others / widths,
            fill=True,
            color=ORANGE,
            label=spec.label.positive,
        )
        missing = roughly(values.null_count(), len(values))
        _tidy(axes, column.name, f"{column.unit}   missing: {missing}")
    for axes in list(grid.flat)[len(shown) :]:
        axes.set_visible(False)
    grid.flat[0].legend(fontsize=7, frameon=False)
    return _png(figure, "distribution of each column by outcome")


def histogram(
    values: NDArray[np.float64], outcome: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Edges of bins, people without and people with the outcome in each.

    Edges are round numbers, so that the outermost are nobody's value; neighbouring bins are joined
    until none holds 1–10 people of either outcome (PRI-08). A sample that is small as a whole gives
    one empty bin.
    """
    from matplotlib.ticker import MaxNLocator

    if not len(values):
        return np.array([0.0, 1.0]), np.zeros(1), np.zeros(1)
    edges = np.asarray(MaxNLocator(18).tick_values(float(values.min()), float(values.max())))
    edges = np.append(edges, 2 * edges[-1] - edges[-2]) if values.max() >= edges[-1] else edges
    events = np.histogram(values[outcome], edges)[0]
    others = np.histogram(values[~outcome], edges)[0]
    spans = joined_spans(list(zip(events.tolist(), others.tolist(), strict=True)))
    starts = [span.start for span in spans]
    events, others = np.add.reduceat(events, starts), np.add.reduceat(others, starts)
    if is_small(int(events.min())) or is_small(int(others.min())):
        events, others = np.zeros_like(events), np.zeros_like(others)
    return edges[[*starts, len(edges) - 1]], others.astype(float), events.astype(float)


def trials(found: Sequence[Trial]) -> MarkdownMetadataValue:
    """Cross-validated loss with its standard error for every point of the search space."""
    order = sorted(found, key=lambda trial: -trial.loss)
    figure, axes = _figure(9, 0.28 * len(order) + 1)
    for position, trial in enumerate(order):
        axes.errorbar(
            trial.loss,
            position,
            xerr=trial.standard_error,
            fmt="o",
            markersize=7 if trial.chosen else 4,
            color=ORANGE if trial.chosen else BLUE,
        )
    axes.set_yticks(range(len(order)), [_trial_name(t) for t in order])
    _tidy(axes, "Cross-validation on training rows (orange: chosen)", "loss ± standard error")
    return _png(figure, "cross-validated loss of each trial")


def _trial_name(trial: Trial) -> str:
    parameters = ", ".join(f"{name}={value:g}" for name, value in trial.parameters.items())
    return f"{trial.estimator} ({parameters})"


def coefficients(values: dict[str, float]) -> MarkdownMetadataValue:
    """Weight of each standardised input of a linear model."""
    order = sorted(values.items(), key=lambda item: abs(item[1]))
    figure, axes = _figure(7, 0.28 * len(order) + 0.9)
    axes.barh(
        [name for name, _ in order],
        [value for _, value in order],
        color=[ORANGE if value > 0 else BLUE for _, value in order],
    )
    axes.axvline(0, color=GREY, linewidth=0.8)
    _tidy(axes, "Weight of each standardised input", "change of log-odds per standard deviation")
    return _png(figure, "weights of the inputs")


def performance(
    roc: Sequence[CurvePoint],
    bins: Sequence[CurveBin],
    decision: Sequence[CurvePoint],
    treat_all: Sequence[CurvePoint],
    threshold: float,
) -> MarkdownMetadataValue:
    """ROC curve, calibration curve and decision curve side by side."""
    figure, (left, middle, right) = _figure(_WIDTH, 3.1, ncols=3)
    left.plot([p.x for p in roc], [p.y for p in roc], "o-", color=BLUE, markersize=4)
    left.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=":")
    _tidy(left, "ROC curve, points ≥ 11 people apart", "1 − specificity", "sensitivity")

    middle.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=":")
    shown = [(b.predicted, b.observed) for b in bins if b.observed is not None]
    middle.plot([x for x, _ in shown], [y for _, y in shown], "o-", color=BLUE, markersize=4)
    _tidy(middle, "Calibration", "predicted probability", "observed share")

    right.plot(
        [p.x for p in decision],
        [p.y for p in decision],
        "o-",
        color=BLUE,
        markersize=4,
        label="model",
    )
    right.plot(
        [p.x for p in treat_all], [p.y for p in treat_all], color=ORANGE, label="test everybody"
    )
    right.axhline(0, color=GREY, linewidth=0.8, label="test nobody")
    right.axvline(threshold, color=GREY, linewidth=0.8, linestyle=":")
    # Testing everybody has no lower end near a threshold of 1; the model's own range is shown.
    right.set_ylim(-0.05, max((p.y for p in decision), default=1.0) + 0.05)
    right.legend(fontsize=7, frameon=False)
    _tidy(right, "Decision curve", "threshold probability", "net benefit")
    return _png(figure, "ROC, calibration and decision curves")


def subgroups(
    results: Sequence[SubgroupResult], metric: str, floor: float
) -> MarkdownMetadataValue:
    """The metric with its interval in each band; suppressed bands are named, not drawn."""
    shown = list(reversed(results))
    figure, axes = _figure(8, 0.3 * len(shown) + 1)
    for position, result in enumerate(shown):
        estimate = result.metrics.get(metric)
        if estimate is None or estimate.value is None:
            axes.text(floor, position, "  not shown: few people", va="center", fontsize=7)
            continue
        low, high = estimate.lower or estimate.value, estimate.upper or estimate.value
        axes.plot([low, high], [position, position], color=BLUE)
        axes.plot(estimate.value, position, "s", color=BLUE, markersize=4)
    axes.axvline(floor, color=ORANGE, linewidth=0.9, linestyle=":")
    axes.set_yticks(range(len(shown)), [f"{r.subgroup}: {r.band}" for r in shown])
    _tidy(axes, f"{metric.upper()} by subgroup (dotted: floor)", "estimate and 95 % interval")
    return _png(figure, f"{metric} by subgroup")
