"""Assets from the documents to the package."""

import polars as pl
from dagster import AssetExecutionContext, AssetsDefinition

from clinical_assets.evidence.card import ModelCard
from clinical_assets.evidence.card_build import build_card
from clinical_assets.evidence.card_markdown import card_markdown
from clinical_assets.evidence.contents import data_files, evaluation_files, model_files
from clinical_assets.evidence.datasheet import Datasheet, build_datasheet
from clinical_assets.evidence.datasheet_document import datasheet_markdown
from clinical_assets.evidence.forms import card_forms, datasheet_forms
from clinical_assets.evidence.package_record import PackageRecord
from clinical_assets.evidence.provenance import SourceFacts
from clinical_assets.evidence.reference_profiles import reference_profiles
from clinical_assets.keys import gate_keys
from clinical_assets.lifecycle import show
from clinical_assets.lifecycle.declare import model_asset
from clinical_assets.modelling.records import (
    CandidateRecord,
    Evaluation,
    Protocol,
    SourceRecord,
    Verdict,
)
from clinical_assets.modelling.spec import ClinicalModel
from resources.evidence import EvidenceReader
from resources.ledger_resource import LedgerResource
from resources.packages import PackagesResource
from resources.provenance import ProvenanceResource
from resources.registry import RegistryResource
from resources.sealed_test_set import SealedTestSet
from resources.snapshots import SnapshotsResource
from resources.sources import SourcesResource

# What goes into a package, by asset name; the parameters of the package asset are named alike.
_PACKAGED = (
    "source",
    "dataset",
    "split",
    "features",
    "candidate",
    "protocol",
    "test_predictions",
    "evaluation",
    "datasheet",
    "model_card",
)


def build_package_assets(spec: ClinicalModel) -> list[AssetsDefinition]:
    """``datasheet``, ``model_card`` and ``package`` of a model."""
    return [_datasheet(spec), _model_card(spec), _package(spec)]


def _datasheet(spec: ClinicalModel) -> AssetsDefinition:
    @model_asset(
        spec,
        "datasheet",
        reads=("source", "dataset", "split"),
        kinds=("json", "markdown"),
        description=(
            "Datasheet of the data set (Gebru et al. 2021), answered from measured statistics "
            "and the source register (AID-01)."
        ),
    )
    def datasheet(
        context: AssetExecutionContext,
        source: SourceRecord,
        dataset: pl.DataFrame,
        split: pl.DataFrame,
        sources: SourcesResource,
    ) -> Datasheet:
        sheet = build_datasheet(spec, _facts(spec, source, sources), dataset, split)
        context.add_output_metadata({"datasheet": show.markdown(datasheet_markdown(sheet))})
        return sheet

    return datasheet


def _model_card(spec: ClinicalModel) -> AssetsDefinition:
    @model_asset(
        spec,
        "model_card",
        reads=("source", "candidate", "protocol", "evaluation"),
        kinds=("json", "markdown"),
        description=(
            "Model card (Mitchell et al. 2019) made from the records, not typed: measured "
            "figures, gates, digests, intended use, limits (GML-09, AID-05)."
        ),
    )
    def model_card(
        context: AssetExecutionContext,
        source: SourceRecord,
        candidate: CandidateRecord,
        protocol: Protocol,
        evaluation: Evaluation,
        sources: SourcesResource,
        provenance: ProvenanceResource,
        ledger: LedgerResource,
    ) -> ModelCard:
        decided = EvidenceReader(context.instance).gates(gate_keys(spec.name))
        card = build_card(
            spec,
            candidate,
            evaluation,
            protocol,
            _facts(spec, source, sources),
            provenance.collect(spec.seed),
            SealedTestSet(ledger.open(), spec.name).openings(candidate, protocol),
            gates=tuple(
                Verdict(gate.gate, gate.passed, gate.summary, {})
                for gate in decided
                if gate.passed is not None and gate.current
            ),
        )
        context.add_output_metadata({"card": show.markdown(card_markdown(card))})
        return card

    return model_card


def _package(spec: ClinicalModel) -> AssetsDefinition:
    @model_asset(
        spec,
        "package",
        reads=_PACKAGED,
        kinds=("onnx", "cyclonedx", "zip"),
        description=(
            "One folder and zip from which the model can be verified, explained and rebuilt "
            "years later: model, data, spec, evaluation, source, lock, card, SBOM, signature."
        ),
    )
    def package(
        context: AssetExecutionContext,
        source: SourceRecord,
        dataset: pl.DataFrame,
        split: pl.DataFrame,
        features: pl.DataFrame,
        candidate: CandidateRecord,
        protocol: Protocol,
        test_predictions: pl.DataFrame,
        evaluation: Evaluation,
        datasheet: Datasheet,
        model_card: ModelCard,
        snapshots: SnapshotsResource,
        provenance: ProvenanceResource,
        packages: PackagesResource,
        registry: RegistryResource,
    ) -> PackageRecord:
        store = snapshots.open()
        onnx, skops = store.get(candidate.onnx_sha256), store.get(candidate.skops_sha256)
        raw = {file.name: store.get(file.sha256) for file in source.files}
        forms = {**card_forms(model_card), **datasheet_forms(datasheet)}
        files = {
            **data_files(dataset, split, features, raw),
            **model_files(spec, candidate, onnx, skops),
            **evaluation_files(protocol, evaluation, test_predictions),
            **reference_profiles(spec, dataset, split, test_predictions),
            **{f"card/{name}": data for name, data in forms.items()},
            **provenance.files(spec),
        }
        kept = packages.open().keep(
            files,
            model=spec.name,
            version=candidate.version,
            entry_point=spec.entry_point,
        )
        registry.open().log_files(
            spec.name,
            candidate.version,
            {
                "package/evaluation.json": files["evaluation/evaluation.json"],
                "package/model_card.md": files["card/model_card.md"],
                "package/digest.txt": kept.digest.encode(),
            },
        )
        folder = packages.open().root / kept.folder
        context.add_output_metadata(
            {
                "version": kept.version,
                "digest": kept.digest,
                "folder": kept.folder,
                "archive": kept.archive,
                "files": kept.files,
                "bytes": kept.size,
                "signer": kept.signer,
                "verify": show.markdown(f"`clinical package verify {folder}`"),
            }
        )
        return kept

    return package


def _facts(spec: ClinicalModel, source: SourceRecord, sources: SourcesResource) -> SourceFacts:
    """The register's words about the source, with the files as they were read."""
    registered = sources.open().source(spec.source)
    return SourceFacts(
        id=registered.id,
        title=registered.title,
        license=registered.license,
        citation=registered.citation,
        collected_by=registered.collected_by,
        collection=registered.collection,
        consent=registered.consent,
        files=source.files,
    )
