"""Metrics within bands of a subgroup, with small cells suppressed.

Here: the bands, and what each may show. Not here: the rules of suppression
(:mod:`.disclosure`), gaps between bands (:mod:`.fairness`), floors (:mod:`.acceptance`).
Rows whose value is missing form a band of their own, so that nobody drops out without a word.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from clinical_assets.modelling.batch import Booleans, Floats
from clinical_assets.modelling.bootstrap import bootstrap_estimates, derive_seed
from clinical_assets.modelling.disclosure import Confusion, rates_to_withhold
from clinical_assets.modelling.metrics import CONFUSION_METRICS, MAJORITY_THRESHOLD, METRICS
from clinical_assets.modelling.records import Estimate, SubgroupResult
from clinical_assets.modelling.spec import Subgroup
from clinical_assets.small_cells import SUPPRESSED, groups_to_withhold

MISSING = "missing"
WITHHELD = Estimate(None, None, None, None, None, SUPPRESSED)


@dataclass(frozen=True, slots=True)
class Settings:
    """What every band is measured with; see :func:`.bootstrap.bootstrap_estimates`."""

    threshold: float
    replicates: int
    seed: int
    minimum_events: int


def band_members(
    subgroup: Subgroup, values: pl.Series, *, nullable: bool = False
) -> dict[str, Booleans]:
    """Which rows belong to each band, in the order of the labels.

    Args:
        subgroup: the cuts and labels.
        values: numeric, one value a row; null and NaN count as missing.
        nullable: whether missing values are declared; the band "missing" is then listed even
            where it is empty, so that its presence tells nothing.

    >>> bands = Subgroup("age", "age_years", (30.0,), ("young", "old"))
    >>> {k: int(v.sum()) for k, v in band_members(bands, pl.Series([29.9, 30.0, None])).items()}
    {'young': 1, 'old': 1, 'missing': 1}
    """
    numbers = values.cast(pl.Float64).fill_nan(None)
    missing = numbers.is_null().to_numpy()
    position = np.digitize(numbers.fill_null(0.0).to_numpy(), subgroup.cuts)
    members = {
        label: np.asarray((position == i) & ~missing, dtype=np.bool_)
        for i, label in enumerate(subgroup.labels)
    }
    if nullable or missing.any():
        members[MISSING] = np.asarray(missing, dtype=np.bool_)
    return members


def subgroup_results(
    subgroup: str,
    members: Mapping[str, Booleans],
    outcome: Booleans,
    probability: Floats,
    settings: Settings,
) -> tuple[SubgroupResult, ...]:
    """Each band's counts and metrics with intervals, after suppression (PRI-08).

    Two stages. A band with 1–10 people, events or non-events shows nothing, nor does the sibling
    from which it would follow. A band whose 2×2 table holds a cell of 1–10 shows its counts and
    the metrics that do not give that table away; the rest are estimates without n (suppressed).
    """
    names = list(members)
    tables = [_confusion(outcome[m], probability[m], settings.threshold) for m in members.values()]
    hidden = groups_to_withhold([(table.events, table.non_events) for table in tables])
    rates = rates_to_withhold(tables, hidden)
    results = []
    for i, band in enumerate(names):
        if i in hidden:
            nothing = dict.fromkeys(METRICS, WITHHELD)
            results.append(SubgroupResult(subgroup, band, None, None, True, nothing))
            continue
        rows = members[band]
        metrics = bootstrap_estimates(
            outcome[rows],
            probability[rows],
            threshold=settings.threshold,
            replicates=settings.replicates,
            seed=derive_seed(settings.seed, f"subgroup/{subgroup}/{band}"),
            minimum_events=settings.minimum_events,
        )
        if i in rates.confusion:
            metrics |= dict.fromkeys(CONFUSION_METRICS, WITHHELD)
        if i in rates.selection_rate:
            metrics["selection_rate"] = WITHHELD
        people, events = tables[i].people, tables[i].events
        results.append(SubgroupResult(subgroup, band, people, events, False, metrics))
    return tuple(results)


def _confusion(outcome: Booleans, probability: Floats, threshold: float) -> Confusion:
    called = probability >= threshold
    return Confusion(
        true_positives=int((called & outcome).sum()),
        false_negatives=int((~called & outcome).sum()),
        false_positives=int((called & ~outcome).sum()),
        true_negatives=int((~called & ~outcome).sum()),
        errors=int(((probability >= MAJORITY_THRESHOLD) != outcome).sum()),
    )
