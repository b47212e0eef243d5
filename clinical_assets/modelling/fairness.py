"""Gaps of rates between the bands of a subgroup, through fairlearn.

Here: the largest difference and the smallest ratio of each rate. Not here: the rates themselves
with their intervals (:mod:`.subgroups`), nor a verdict.

- ``selection_rate``, ``true_positive_rate``, ``false_positive_rate`` at the operating threshold:
  demographic parity, equal opportunity and equalised odds (Hardt et al. 2016, NeurIPS).
- ``generalized_true_positive_rate``, ``generalized_false_positive_rate``: mean probability given
  to the events, and to the non-events (Pleiss et al. 2017, NeurIPS). They ask the same question
  without a threshold, and no count of people follows from a mean probability, so they can be
  shown where the 2×2 table of a band is suppressed.

A band enters a measure only where its own rate may be shown and rests on enough people; otherwise
the gap would give away what is suppressed, or be noise. The rates cannot all be equal at once
unless the prevalence is (Chouldechova 2017, Big Data 5:153).
"""

from collections.abc import Mapping, Sequence

import numpy as np

from clinical_assets.modelling.batch import Booleans, Floats, Integers
from clinical_assets.modelling.records import FairnessGap, SubgroupResult

# The metric of a band that has to be shown before the band enters a measure.
MEASURES: Mapping[str, str] = {
    "selection_rate": "selection_rate",
    "true_positive_rate": "sensitivity",
    "false_positive_rate": "specificity",
    "generalized_true_positive_rate": "auroc",
    "generalized_false_positive_rate": "auroc",
}


def fairness_gaps(
    results: Sequence[SubgroupResult],
    members: Mapping[str, Booleans],
    outcome: Booleans,
    probability: Floats,
    called: Booleans,
) -> tuple[FairnessGap, ...]:
    """The gaps of one subgroup, one record for each measure.

    Args:
        results: the subgroup's bands as published.
        members: rows of each band, each of shape (n,).
        outcome: shape (n,), True where the event happened.
        probability: shape (n,), predicted probability of the event.
        called: shape (n,), True where the model says positive at the operating threshold.
    """
    gaps = []
    for measure, metric in MEASURES.items():
        bands = tuple(r.band for r in results if _shown(r, metric))
        subgroup = results[0].subgroup
        if len(bands) < 2:
            reason = f"needs two bands whose {metric} may be shown; there are {len(bands)}"
            gaps.append(FairnessGap(subgroup, measure, None, None, bands, reason))
            continue
        band = _band_numbers(bands, members, len(outcome))
        difference, ratio = _gap(measure, band, outcome, probability, called)
        reason = "" if ratio is not None else "no ratio: the rate is 0 in every band"
        gaps.append(FairnessGap(subgroup, measure, difference, ratio, bands, reason))
    return tuple(gaps)


def _shown(result: SubgroupResult, metric: str) -> bool:
    estimate = result.metrics.get(metric)
    return not result.suppressed and estimate is not None and estimate.value is not None


def _band_numbers(bands: Sequence[str], members: Mapping[str, Booleans], rows: int) -> Integers:
    """Position of each row's band, shape (rows,); -1 for a row whose band does not enter."""
    band = np.full(rows, -1, dtype=np.int64)
    for i, name in enumerate(bands):
        band[members[name]] = i
    return band


def _gap(
    measure: str, band: Integers, outcome: Booleans, probability: Floats, called: Booleans
) -> tuple[float, float | None]:
    from fairlearn import metrics

    rows, predicted, formula = band >= 0, called.astype(np.float64), measure
    if measure.startswith("generalized_"):
        rows &= outcome if measure == "generalized_true_positive_rate" else ~outcome
        predicted, formula = probability, "mean_prediction"
    frame = metrics.MetricFrame(
        metrics=getattr(metrics, formula),
        y_true=outcome[rows].astype(np.int64),
        y_pred=predicted[rows],
        sensitive_features=band[rows],
    )
    ratio = float(frame.ratio(method="between_groups"))
    difference = float(frame.difference(method="between_groups"))
    return difference, ratio if np.isfinite(ratio) else None
