"""The evaluation of one candidate on the pre-defined test set, assembled into one record.

Here: the order of the steps, the checks of the tables handed in, and a named seed for each
random step. Not here: any formula, and any verdict (:mod:`.acceptance`). The result depends on
the test rows, not on their order: they are sorted by identifier first.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from clinical_assets.errors import ClinicalError
from clinical_assets.modelling import conformal, curves
from clinical_assets.modelling.batch import Booleans, Floats
from clinical_assets.modelling.bootstrap import bootstrap_estimates, derive_seed
from clinical_assets.modelling.comparison import paired_difference
from clinical_assets.modelling.fairness import fairness_gaps
from clinical_assets.modelling.metrics import measure
from clinical_assets.modelling.records import (
    Comparison,
    ConformalResult,
    Estimate,
    Evaluation,
    FairnessGap,
    ReferenceResult,
    SubgroupResult,
)
from clinical_assets.modelling.spec import ClinicalModel, Reference
from clinical_assets.modelling.subgroups import WITHHELD, Settings, band_members, subgroup_results
from clinical_assets.small_cells import is_small

NO_CHAMPION = Estimate(None, None, None, None, None, "no champion yet: first release")
PROBABILITY = "probability"


@dataclass(frozen=True)
class ReferencePredictions:
    """A reference model's probabilities of the test rows, in the order of ``predictions``.

    ``rows`` is the number of rows that it was trained on.
    """

    reference: Reference
    rows: int
    probabilities: np.ndarray


@dataclass(frozen=True)
class ChampionPredictions:
    """The released model's probabilities of the test rows, in the order of ``predictions``."""

    version: str
    sha256: str
    probabilities: np.ndarray


@dataclass(frozen=True)
class _TestRows:
    """Test rows in canonical order; ``order`` leads there from the rows as given."""

    frame: pl.DataFrame
    order: np.ndarray
    outcome: Booleans
    probability: Floats


def evaluate(
    spec: ClinicalModel,
    *,
    candidate_sha256: str,
    version: str,
    protocol_digest: str,
    predictions_digest: str,
    predictions: pl.DataFrame,
    calibration: pl.DataFrame,
    references: Sequence[ReferencePredictions],
    champion: ChampionPredictions | None,
) -> Evaluation:
    """Everything that is measured on the test set (AID-03, GML-08).

    Args:
        spec: the model's declaration.
        candidate_sha256, version, protocol_digest, predictions_digest: carried into the record.
        predictions: one row a test person: identifier, label (Boolean), ``probability``
            (Float64), and each subgroup's column.
        calibration: label and ``probability`` of the calibration rows.
        references: the reference models on the same rows.
        champion: the released model on the same rows; None before the first release.

    Raises:
        ClinicalError: a column is missing, a label is null, an identifier appears twice, or
            probabilities of another model do not fit the rows.
    """
    rows = _test_rows(spec, predictions)
    settings = Settings(
        spec.operating_point.threshold,
        spec.bootstrap_replicates,
        spec.seed,
        spec.acceptance.minimum_events,
    )
    subgroups, fairness = _subgroups(spec, rows)
    sample = (rows.outcome, rows.probability, settings.threshold)
    evaluation = Evaluation(
        model=spec.name,
        version=version,
        candidate_sha256=candidate_sha256,
        protocol_digest=protocol_digest,
        predictions_digest=predictions_digest,
        threshold=settings.threshold,
        metrics=_metrics(rows, rows.probability, settings, "metrics"),
        calibration_curve=curves.calibration_bins(*sample),
        roc=curves.roc_points(*sample),
        precision_recall=curves.precision_recall_points(*sample),
        decision_curve=curves.decision_points(*sample),
        decision_curve_treat_all=curves.treat_all_points(rows.outcome),
        subgroups=subgroups,
        fairness=fairness,
        conformal=_conformal(spec, rows, calibration),
        references=tuple(_reference(spec, rows, settings, item) for item in references),
        comparison=_comparison(spec, rows, settings, champion),
    )
    events = int(rows.outcome.sum())
    if is_small(events) or is_small(len(rows.outcome) - events):
        return _withhold(evaluation)
    return evaluation


def _test_rows(spec: ClinicalModel, predictions: pl.DataFrame) -> _TestRows:
    where = f"test predictions of model {spec.name}"
    needed = [spec.id_column, spec.label.column, PROBABILITY, *(g.column for g in spec.subgroups)]
    _require(predictions, needed, where)
    if predictions[spec.id_column].is_duplicated().any():
        raise ClinicalError(
            f"column {spec.id_column!r} holds an identifier twice",
            where=where,
            repair="Give each test person one row",
        )
    order = predictions[spec.id_column].arg_sort().to_numpy()
    frame = predictions[order]
    return _TestRows(
        frame,
        order,
        _outcome(frame, spec.label.column, where),
        _probability(frame),
    )


def _require(frame: pl.DataFrame, columns: Sequence[str], where: str) -> None:
    missing = sorted(set(columns) - set(frame.columns))
    if missing:
        raise ClinicalError(
            f"column {', '.join(repr(c) for c in missing)} is missing",
            where=where,
            repair="Hand over the columns that the spec names, and 'probability'",
        )


def _outcome(frame: pl.DataFrame, column: str, where: str) -> Booleans:
    labels = frame[column]
    if labels.dtype != pl.Boolean or labels.null_count():
        raise ClinicalError(
            f"label column {column!r} must be Boolean without nulls; it is {labels.dtype} "
            f"with {labels.null_count()} nulls",
            where=where,
            repair="Only rows with a known outcome can be evaluated",
        )
    return labels.to_numpy().astype(np.bool_)


def _probability(frame: pl.DataFrame) -> Floats:
    return frame[PROBABILITY].cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _aligned(rows: _TestRows, probabilities: np.ndarray, who: str) -> Floats:
    values = np.asarray(probabilities, dtype=np.float64)
    if values.shape != rows.outcome.shape:
        raise ClinicalError(
            f"{who} has probabilities of shape {values.shape} for {len(rows.outcome)} test rows",
            where="evaluation",
            repair="Predict the same rows in the same order",
        )
    aligned: Floats = values[rows.order]
    return aligned


def _metrics(
    rows: _TestRows, probability: Floats, settings: Settings, name: str
) -> dict[str, Estimate]:
    return bootstrap_estimates(
        rows.outcome,
        probability,
        threshold=settings.threshold,
        replicates=settings.replicates,
        seed=derive_seed(settings.seed, name),
        minimum_events=settings.minimum_events,
    )


def _subgroups(
    spec: ClinicalModel, rows: _TestRows
) -> tuple[tuple[SubgroupResult, ...], tuple[FairnessGap, ...]]:
    settings = Settings(
        spec.operating_point.threshold,
        spec.bootstrap_replicates,
        spec.seed,
        spec.acceptance.subgroup_minimum_events,
    )
    nullable = {column.name for column in spec.columns if column.nullable}
    called = np.asarray(rows.probability >= settings.threshold, dtype=np.bool_)
    results: list[SubgroupResult] = []
    gaps: list[FairnessGap] = []
    for group in spec.subgroups:
        values = rows.frame[group.column]
        members = band_members(group, values, nullable=group.column in nullable)
        bands = subgroup_results(group.name, members, rows.outcome, rows.probability, settings)
        results.extend(bands)
        gaps.extend(fairness_gaps(bands, members, rows.outcome, rows.probability, called))
    return tuple(results), tuple(gaps)


def _conformal(spec: ClinicalModel, rows: _TestRows, calibration: pl.DataFrame) -> ConformalResult:
    where = f"calibration predictions of model {spec.name}"
    _require(calibration, [spec.label.column, PROBABILITY], where)
    return conformal.evaluate_sets(
        _outcome(calibration, spec.label.column, where),
        _probability(calibration),
        rows.outcome,
        rows.probability,
        confidence=spec.conformal_confidence,
        replicates=spec.bootstrap_replicates,
        seed=derive_seed(spec.seed, "conformal"),
        minimum_events=spec.acceptance.minimum_events,
    )


def _difference(
    spec: ClinicalModel, rows: _TestRows, settings: Settings, other: Floats, name: str
) -> Estimate:
    return paired_difference(
        spec.acceptance.champion_metric,
        rows.outcome,
        rows.probability,
        other,
        threshold=settings.threshold,
        replicates=settings.replicates,
        seed=derive_seed(settings.seed, name),
        minimum_events=settings.minimum_events,
    )


def _reference(
    spec: ClinicalModel, rows: _TestRows, settings: Settings, item: ReferencePredictions
) -> ReferenceResult:
    reference = item.reference
    probability = _aligned(rows, item.probabilities, f"reference {reference.name!r}")
    wrong = measure("errors", rows.outcome, probability)
    if wrong.value is None and len(rows.outcome):
        raise ClinicalError(
            f"reference {reference.name!r} cannot be evaluated: {wrong.reason}",
            where="evaluation",
            repair="A reference model has to give a probability for every test row",
        )
    return ReferenceResult(
        name=reference.name,
        kind=reference.kind,
        rows=item.rows,
        errors=int(wrong.value or 0),
        test_rows=len(rows.outcome),
        published_errors=reference.published_errors,
        citation=reference.citation,
        baseline=reference.baseline,
        metrics=_metrics(rows, probability, settings, f"reference/{reference.name}"),
        difference=_difference(
            spec, rows, settings, probability, f"reference/{reference.name}/difference"
        ),
    )


def _comparison(
    spec: ClinicalModel,
    rows: _TestRows,
    settings: Settings,
    champion: ChampionPredictions | None,
) -> Comparison:
    metric, margin = spec.acceptance.champion_metric, spec.acceptance.champion_margin
    if champion is None:
        return Comparison("", "", metric, NO_CHAMPION, margin)
    probability = _aligned(rows, champion.probabilities, f"champion {champion.version!r}")
    difference = _difference(spec, rows, settings, probability, "champion")
    return Comparison(champion.version, champion.sha256, metric, difference, margin)


def _withhold(evaluation: Evaluation) -> Evaluation:
    """The record of a test set with 1–10 events or non-events: nothing that gives them away."""
    coverage = replace(evaluation.conformal, coverage=WITHHELD, empty=None, single=None, both=None)
    return replace(
        evaluation,
        metrics=dict.fromkeys(evaluation.metrics, WITHHELD),
        calibration_curve=(),
        roc=(),
        precision_recall=(),
        decision_curve=(),
        decision_curve_treat_all=(),
        conformal=coverage,
        references=tuple(
            replace(r, errors=None, metrics=dict.fromkeys(r.metrics, WITHHELD), difference=WITHHELD)
            for r in evaluation.references
        ),
        comparison=evaluation.comparison
        if not evaluation.comparison.champion
        else replace(evaluation.comparison, difference=WITHHELD),
    )
