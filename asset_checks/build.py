"""Builds, from one spec, the gates that every model has."""

from dagster import AssetChecksDefinition

from asset_checks.contracts.own import own_checks
from asset_checks.data_gates import (
    contract_gate,
    dataset_gate,
    independence_gate,
    leakage_gate,
)
from asset_checks.model_gates import (
    card_gate,
    evaluation_gates,
    package_gate,
    parity_gate,
    protocol_gate,
    reproducibility_gate,
)
from asset_checks.release_gates import evidence_gate, signatures_gate
from clinical_assets.keys import RELEASE_GATES, ModelKeys
from clinical_assets.lifecycle.show import feature_columns
from clinical_assets.modelling.spec import ClinicalModel


def build_gates(spec: ClinicalModel) -> list[AssetChecksDefinition]:
    """Every gate of a model, as :data:`clinical_assets.keys.GATES` lists them, and the two checks
    that show what a release reads."""
    keys = ModelKeys(spec.name)
    return [
        dataset_gate("dataset_contract", keys, spec, own_checks(spec.name)),
        independence_gate("split_independence", keys.split, keys.dataset, spec),
        contract_gate(
            "features_contract",
            keys.features,
            feature_columns(spec),
            unique=(spec.id_column,),
            label=spec.label.column,
        ),
        leakage_gate("no_target_leakage", keys, spec),
        parity_gate("onnx_parity", keys.candidate, spec.acceptance),
        protocol_gate("protocol_unchanged", keys.evaluation, keys.protocol, spec),
        *evaluation_gates(keys.evaluation, spec),
        card_gate("card_complete", keys.model_card),
        package_gate("package_intact", keys.package),
        reproducibility_gate("reproducibility", keys.package),
        evidence_gate(RELEASE_GATES[0], keys, spec),
        signatures_gate(RELEASE_GATES[1], keys, spec),
    ]
