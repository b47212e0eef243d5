"""Builds the model card from the spec and from what was measured (GML-09: made, not typed).

Every number on the card comes from a record handed in. Statements of intent (intended use,
risks, contact) come from the spec; facts about the data's origin from the source register.
Rendering and the judgement of completeness are elsewhere.
"""

from collections import Counter
from collections.abc import Mapping

from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.card import (
    CARD_SCHEMA,
    Answer,
    CriterionOutcome,
    Digest,
    EvaluationData,
    Factors,
    Input,
    Measures,
    ModelCard,
    ModelDetails,
    PredictionSets,
    Results,
    Selection,
    SignatureLine,
    TrainingData,
)
from clinical_assets.evidence.card_labelling import labelling_items
from clinical_assets.evidence.card_source_attributes import source_attributes
from clinical_assets.evidence.card_statements import baseline_statement, champion_statement
from clinical_assets.evidence.provenance import Provenance, SourceFacts
from clinical_assets.evidence.suppression import suppress_partition
from clinical_assets.modelling.acceptance import criterion_failure, measured
from clinical_assets.modelling.records import (
    CandidateRecord,
    ConformalResult,
    Evaluation,
    Protocol,
    Verdict,
)
from clinical_assets.modelling.spec import (
    AcceptanceCriteria,
    ClinicalModel,
    Criterion,
    missing_indicator,
)

INTERSECTIONAL = (
    "Subgroups were looked at one at a time. Combinations of subgroups were not analysed: "
    "the test set holds too few people in each combination."
)


def build_card(
    spec: ClinicalModel,
    candidate: CandidateRecord,
    evaluation: Evaluation,
    protocol: Protocol,
    source: SourceFacts,
    provenance: Provenance,
    unsealings: int,
    *,
    gates: tuple[Verdict, ...] = (),
    signatures: tuple[SignatureLine, ...] = (),
    answers: Mapping[str, str] | None = None,
) -> ModelCard:
    """The model card of one evaluated candidate.

    Args:
        unsealings: how often the test rows were opened for this model, this time included.
        gates: verdicts of the gates that were judged before the card was made.
        signatures: signatures recorded so far; a demanded one without a record is shown as such.
        answers: answers of the developer to questions that cannot be measured, by question id
            (``hti1-2`` …); an id that is not known is refused.

    Raises:
        ClinicalError: the records do not belong together (another spec, candidate or protocol),
            or ``answers`` names a question that does not exist.
    """
    _check_same_model(spec, candidate, evaluation, protocol)
    results = _results(evaluation)
    attributes, labels = _disclosures(spec, candidate, source, results, dict(answers or {}))
    return ModelCard(
        schema=CARD_SCHEMA,
        details=_details(spec, candidate, provenance),
        intended_use=spec.intended_use,
        label=spec.label,
        inputs=_inputs(spec, candidate),
        factors=Factors(spec.subgroups, INTERSECTIONAL if spec.subgroups else ""),
        measures=Measures(
            spec.operating_point,
            f"Percentile bootstrap, {spec.bootstrap_replicates:,} replicates, 95 %, seeded.",
            tuple(evaluation.metrics),
        ),
        evaluation_data=_evaluation_data(evaluation, unsealings),
        training_data=TrainingData(
            source,
            candidate.training_rows,
            candidate.training_events,
            candidate.training_digest,
            candidate.recipe,
        ),
        selection=Selection(spec.estimators, spec.selection, candidate.trials),
        results=results,
        acceptance=spec.acceptance,
        criteria=_criteria(spec, evaluation),
        parity=candidate.parity,
        gates=gates,
        source_attributes=attributes,
        labelling=labels,
        signatures=_signature_lines(spec, signatures),
        monitoring=spec.monitoring,
        provenance=provenance,
        digests=_digests(spec, candidate, evaluation, source, provenance),
    )


def _disclosures(
    spec: ClinicalModel,
    candidate: CandidateRecord,
    source: SourceFacts,
    results: Results,
    given: Mapping[str, str],
) -> tuple[tuple[Answer, ...], tuple[Answer, ...]]:
    """The HTI-1 attributes and the draft labelling facts; an unknown question is refused."""
    attributes = source_attributes(spec, candidate, source, results, given)
    labels = labelling_items(spec, candidate, source, results, given)
    unknown = sorted(set(given) - {a.id for a in (*attributes, *labels)})
    if unknown:
        raise ClinicalError(
            f"The model card has no question {', '.join(unknown)}",
            where=f"answers for model {spec.name}",
            repair="Use the ids hti1-1 to hti1-31 or those of the labelling table",
        )
    return attributes, labels


def _criteria(spec: ClinicalModel, evaluation: Evaluation) -> tuple[CriterionOutcome, ...]:
    """Each acceptance criterion with its number, decided as the gates decide it."""
    return tuple(_outcome(c, evaluation, spec.acceptance) for c in spec.acceptance.criteria)


def _outcome(
    criterion: Criterion, evaluation: Evaluation, acceptance: AcceptanceCriteria
) -> CriterionOutcome:
    estimate = measured(evaluation, criterion.metric)
    reason = criterion_failure(criterion, estimate, acceptance.minimum_events)
    if estimate is None:
        return CriterionOutcome(criterion, None, None, None, False, reason)
    ends = {"estimate": estimate.value, "lower": estimate.lower, "upper": estimate.upper}
    value = ends[criterion.bound]
    return CriterionOutcome(criterion, value, estimate.n, estimate.events, not reason, reason)


def _check_same_model(
    spec: ClinicalModel, candidate: CandidateRecord, evaluation: Evaluation, protocol: Protocol
) -> None:
    pairs = {
        "the candidate was trained under another spec": (candidate.spec_digest, spec.digest),
        "the evaluation is of another candidate": (
            evaluation.candidate_sha256,
            candidate.onnx_sha256,
        ),
        "the protocol was frozen for another candidate": (
            protocol.candidate_sha256,
            candidate.onnx_sha256,
        ),
        "the evaluation was made under another protocol": (
            evaluation.protocol_digest,
            protocol.digest,
        ),
    }
    for what, (found, wanted) in pairs.items():
        if found != wanted:
            raise ClinicalError(
                f"No model card can be made: {what}",
                where=f"model {spec.name} {spec.version}, {found[:12]} instead of {wanted[:12]}",
                repair="Train and evaluate this spec again, from the candidate on",
            )


def _details(
    spec: ClinicalModel, candidate: CandidateRecord, provenance: Provenance
) -> ModelDetails:
    return ModelDetails(
        name=spec.name,
        version=candidate.version,
        declared_version=spec.version,
        title=spec.title,
        owner=spec.owner,
        developer=spec.developer,
        contact=spec.contact,
        license=spec.license,
        citation=spec.citation,
        date=provenance.commit_time,
        estimator=candidate.estimator,
        kind=candidate.kind,
        parameters=candidate.parameters,
        coefficients=candidate.coefficients,
    )


def _inputs(spec: ClinicalModel, candidate: CandidateRecord) -> tuple[Input, ...]:
    medians = candidate.recipe.medians
    columns = [
        Input(c.name, c.unit, c.description, c.minimum, c.maximum, medians.get(c.name), "")
        for c in spec.features
    ]
    indicators = [
        Input(missing_indicator(c.name), "1", f"1 where {c.name} was missing", 0, 1, None, c.name)
        for c in spec.features
        if c.nullable
    ]
    return (*columns, *indicators)


def _evaluation_data(evaluation: Evaluation, unsealings: int) -> EvaluationData:
    counted = [e for e in evaluation.metrics.values() if e.n is not None]
    return EvaluationData(
        rows=counted[0].n if counted else None,
        events=counted[0].events if counted else None,
        predictions_digest=evaluation.predictions_digest,
        protocol_digest=evaluation.protocol_digest,
        unsealings=unsealings,
    )


def _results(evaluation: Evaluation) -> Results:
    metric = evaluation.comparison.metric
    baselines = [r for r in evaluation.references if r.baseline]
    return Results(
        metrics=evaluation.metrics,
        calibration_curve=evaluation.calibration_curve,
        roc=evaluation.roc,
        precision_recall=evaluation.precision_recall,
        decision_curve=evaluation.decision_curve,
        decision_curve_treat_all=evaluation.decision_curve_treat_all,
        subgroups=evaluation.subgroups,
        fairness=evaluation.fairness,
        conformal=_prediction_sets(evaluation.conformal),
        references=evaluation.references,
        comparison=evaluation.comparison,
        statements=(
            *(baseline_statement(r, metric) for r in baselines),
            champion_statement(evaluation.comparison),
        ),
    )


def _prediction_sets(found: ConformalResult) -> PredictionSets:
    sizes = (found.empty, found.single, found.both)
    known = [size for size in sizes if size is not None]
    empty, single, both = suppress_partition(known) if len(known) == 3 else (None, None, None)
    return PredictionSets(
        found.confidence,
        found.calibration_rows,
        found.coverage,
        empty,
        single,
        both,
        found.least_probability,
    )


def _signature_lines(
    spec: ClinicalModel, recorded: tuple[SignatureLine, ...]
) -> tuple[SignatureLine, ...]:
    """Every recorded signature, and a line for each demanded one that is not recorded."""
    present = Counter((line.stage, line.role, line.meaning) for line in recorded)
    open_lines = []
    for asked in spec.approvals:
        key = (asked.stage, asked.role, asked.meaning)
        if present[key]:
            present[key] -= 1
        else:
            open_lines.append(SignatureLine(asked.role, asked.meaning, stage=asked.stage))
    return (*recorded, *open_lines)


def _digests(
    spec: ClinicalModel,
    candidate: CandidateRecord,
    evaluation: Evaluation,
    source: SourceFacts,
    provenance: Provenance,
) -> tuple[Digest, ...]:
    return (
        Digest("model (ONNX)", candidate.onnx_sha256),
        Digest("model (skops)", candidate.skops_sha256),
        Digest("spec", candidate.spec_digest),
        Digest("training rows", candidate.training_digest),
        Digest("protocol", evaluation.protocol_digest),
        Digest("test predictions", evaluation.predictions_digest),
        Digest("requirements.lock", provenance.lock_sha256),
        *(Digest(f"source {source.id}: {f.name}", f.sha256) for f in source.files),
    )
