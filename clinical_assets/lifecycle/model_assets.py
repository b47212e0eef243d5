"""Assets from the candidate to its evaluation.

The order is the point: the candidate is trained on training rows only, the protocol freezes the
acceptance criteria, and only then are the test rows read, once, by ``test_predictions``.
"""

from typing import Any

import polars as pl
from dagster import AssetExecutionContext, AssetsDefinition, ResourceParam

from clinical_assets.canonical import frame_digest
from clinical_assets.keys import ModelKeys
from clinical_assets.lifecycle import plots, show
from clinical_assets.lifecycle.declare import model_asset
from clinical_assets.lifecycle.rival import rival_of
from clinical_assets.modelling.assess import evaluate_candidate, predict_test
from clinical_assets.modelling.candidate import train_candidate
from clinical_assets.modelling.champion import champion_predictions
from clinical_assets.modelling.features import rows_with_role
from clinical_assets.modelling.protocol import freeze
from clinical_assets.modelling.records import (
    CandidateRecord,
    Evaluation,
    FeatureRecipe,
    Protocol,
)
from clinical_assets.modelling.spec import ClinicalModel
from resources.evidence import EvidenceReader
from resources.in_force import InForce
from resources.ledger_resource import LedgerResource
from resources.packages import PackagesResource
from resources.provenance import ProvenanceResource
from resources.registry import RegistryResource
from resources.sealed_test_set import SealedTestSet
from resources.snapshots import SnapshotsResource


def build_model_assets(spec: ClinicalModel) -> list[AssetsDefinition]:
    """``candidate``, ``protocol``, ``test_predictions`` and ``evaluation`` of a model."""
    return [_candidate(spec), _protocol(spec), _test_predictions(spec), _evaluation(spec)]


def _candidate(spec: ClinicalModel) -> AssetsDefinition:
    @model_asset(
        spec,
        "candidate",
        reads=("features", "feature_recipe"),
        kinds=("scikitlearn", "onnx", "mlflow"),
        description=(
            "The model chosen by cross-validation on training rows, by the rule stated in the "
            "spec; as ONNX (to run) and skops (to inspect) in the snapshot store (GML-06)."
        ),
    )
    def candidate(
        context: AssetExecutionContext,
        features: pl.DataFrame,
        feature_recipe: FeatureRecipe,
        snapshots: SnapshotsResource,
        registry: RegistryResource,
        provenance: ProvenanceResource,
        mlflow: ResourceParam[Any],
    ) -> CandidateRecord:
        trained = train_candidate(spec, features, feature_recipe)
        record = trained.record
        store = snapshots.open()
        store.put(trained.onnx)
        store.put(trained.skops)
        facts = provenance.collect(spec.seed)
        with mlflow.start_run(run_name=f"{spec.name} {record.version}", nested=True) as run:
            mlflow.set_tags(
                {
                    "clinical.model": spec.name,
                    "clinical.version": record.version,
                    "clinical.onnx_sha256": record.onnx_sha256,
                    "clinical.data_sha256": frame_digest(features),
                    "clinical.training_sha256": record.training_digest,
                    "clinical.spec_sha256": record.spec_digest,
                    "clinical.lock_sha256": facts.lock_sha256,
                    "clinical.commit": facts.commit or "none",
                    "dagster_run_id": context.run.run_id,
                }
            )
            mlflow.log_params(
                {"estimator": record.estimator, "seed": record.seed, **record.parameters}
            )
            chosen = next(trial for trial in record.trials if trial.chosen)
            mlflow.log_metrics(
                {"cv_loss": chosen.loss, "cv_auroc": chosen.auroc, "onnx_parity": record.parity}
            )
            registry.open().log_trials(run.info.run_id, record.trials)
        registry.open().log_files(
            spec.name,
            record.version,
            {"model/model.onnx": trained.onnx, "model/model.skops": trained.skops},
        )
        context.add_output_metadata(_candidate_metadata(spec, record))
        return record

    return candidate


def _candidate_metadata(spec: ClinicalModel, record: CandidateRecord) -> dict[str, Any]:
    rule = spec.selection
    shown: dict[str, Any] = {
        "version": record.version,
        "estimator": record.estimator,
        "parameters": dict(record.parameters),
        "training_rows": record.training_rows,
        "training_events": record.training_events,
        "onnx_sha256": record.onnx_sha256,
        "onnx_parity": record.parity,
        "selection": show.markdown(
            f"{rule.rule.replace('_', ' ')} rule on {rule.metric.replace('_', ' ')}, "
            f"{rule.folds}-fold cross-validation × {rule.repeats}, {len(record.trials)} settings"
        ),
        "search": plots.trials(record.trials),
    }
    if record.coefficients:
        shown["weights"] = plots.coefficients(dict(record.coefficients))
    return shown


def _protocol(spec: ClinicalModel) -> AssetsDefinition:
    @model_asset(
        spec,
        "protocol",
        reads=("candidate", "dataset", "split"),
        kinds=("json", "sha256"),
        description=(
            "The acceptance criteria, and the rows they are asked of, frozen by hash before the "
            "model meets the test rows; a later change voids the evaluation (GML-08)."
        ),
    )
    def protocol(
        context: AssetExecutionContext,
        candidate: CandidateRecord,
        dataset: pl.DataFrame,
        split: pl.DataFrame,
        ledger: LedgerResource,
    ) -> Protocol:
        frozen = freeze(spec, candidate, dataset, split)
        SealedTestSet(ledger.open(), spec.name).freeze(candidate, frozen)
        limits = [
            [
                c.name,
                f"`{c.metric}` {c.bound}",
                show.number(c.minimum),
                show.number(c.maximum),
                c.rationale,
            ]
            for c in spec.acceptance.criteria
        ]
        context.add_output_metadata(
            {
                "digest": frozen.digest,
                "candidate": candidate.version,
                "operating_point": show.markdown(
                    f"{spec.operating_point.threshold:g}: {spec.operating_point.rationale}"
                ),
                "criteria": show.markdown(
                    show.markdown_table(
                        ["criterion", "measured by", "at least", "at most", "why"], limits
                    )
                ),
            }
        )
        return frozen

    return protocol


def _test_predictions(spec: ClinicalModel) -> AssetsDefinition:
    @model_asset(
        spec,
        "test_predictions",
        reads=("dataset", "split", "candidate", "protocol"),
        kinds=("onnx", "deltalake"),
        description=(
            "The only place where test rows meet the model: probabilities of the ONNX model, "
            "computed after the protocol was frozen for this very candidate."
        ),
        metadata={
            "dagster/column_schema": show.table_schema(
                show.prediction_columns(spec), f"unique {spec.id_column}"
            ),
            "dagster/column_lineage": show.same_name_lineage(
                [c for c in spec.columns if c in show.prediction_columns(spec)],
                ModelKeys(spec.name).dataset,
            ),
        },
    )
    def test_predictions(
        context: AssetExecutionContext,
        dataset: pl.DataFrame,
        split: pl.DataFrame,
        candidate: CandidateRecord,
        protocol: Protocol,
        snapshots: SnapshotsResource,
        registry: RegistryResource,
        packages: PackagesResource,
        ledger: LedgerResource,
    ) -> pl.DataFrame:
        opened = SealedTestSet(ledger.open(), spec.name).open(candidate, protocol)
        onnx = snapshots.open().get(candidate.onnx_sha256)
        reader = EvidenceReader(context.instance)
        in_force = InForce(spec, ledger.open(), registry.open(), packages.open())
        rival = rival_of(spec, candidate.version, in_force, reader)
        champion = None
        if rival is not None:
            rows = rows_with_role(dataset, split, spec.id_column, "test")
            champion = champion_predictions(spec, packages.open().load(rival), rows)
        context.add_output_metadata(
            {
                "candidate": candidate.version,
                "protocol_digest": protocol.digest,
                "champion": rival.version if rival else "none: first release",
                "candidates_that_met_the_test_set": opened,
            }
        )
        return predict_test(spec, candidate, onnx, protocol, dataset, split, champion)

    return test_predictions


def _evaluation(spec: ClinicalModel) -> AssetsDefinition:
    @model_asset(
        spec,
        "evaluation",
        reads=("dataset", "split", "candidate", "protocol", "test_predictions"),
        kinds=("numpy", "mapie", "fairlearn"),
        description=(
            "Discrimination, calibration, utility, subgroups, fairness and prediction sets on "
            "the test rows, each with a bootstrap interval; compared with the champion (AID-03)."
        ),
    )
    def evaluation(
        context: AssetExecutionContext,
        dataset: pl.DataFrame,
        split: pl.DataFrame,
        candidate: CandidateRecord,
        protocol: Protocol,
        test_predictions: pl.DataFrame,
        snapshots: SnapshotsResource,
        registry: RegistryResource,
    ) -> Evaluation:
        onnx = snapshots.open().get(candidate.onnx_sha256)
        found = evaluate_candidate(
            spec, candidate, onnx, protocol, dataset, split, test_predictions
        )
        registry.open().log_metrics(
            spec.name,
            candidate.version,
            {f"test_{k}": e.value for k, e in found.metrics.items() if e.value is not None},
        )
        context.add_output_metadata(_evaluation_metadata(spec, found))
        return found

    return evaluation


# Numbers that Dagster draws over the materializations ("Plots" on the asset's page).
_PLOTTED = ("auroc", "brier", "calibration_slope", "sensitivity", "specificity")


def _evaluation_metadata(spec: ClinicalModel, found: Evaluation) -> dict[str, Any]:
    references = [
        [
            r.name,
            r.rows,
            f"{'withheld' if r.errors is None else r.errors} of {r.test_rows}",
            r.published_errors if r.published_errors is not None else "–",
            show.interval(r.difference),
        ]
        for r in found.references
    ]
    metric = spec.acceptance.subgroup_metric
    plain = {name: found.metrics[name].value for name in _PLOTTED if name in found.metrics}
    return {
        "candidate": found.version,
        "protocol_digest": found.protocol_digest,
        **{name: value for name, value in plain.items() if value is not None},
        "metrics": show.markdown(show.metrics_table(found.metrics)),
        "curves": plots.performance(
            found.roc,
            found.calibration_curve,
            found.decision_curve,
            found.decision_curve_treat_all,
            found.threshold,
        ),
        "subgroups": plots.subgroups(found.subgroups, metric, spec.acceptance.subgroup_floor),
        "references": show.markdown(
            show.markdown_table(
                [
                    "reference model",
                    "training rows",
                    "errors",
                    "published",
                    f"{spec.acceptance.champion_metric}: candidate minus reference",
                ],
                references,
            )
        ),
        "champion": found.comparison.champion or "none: first release",
        "difference_to_champion": show.interval(found.comparison.difference),
        "coverage_of_prediction_sets": show.interval(found.conformal.coverage),
    }
