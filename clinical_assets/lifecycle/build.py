"""Builds, from one spec, the assets that every model has."""

from dagster import AssetsDefinition

from clinical_assets.lifecycle.data_assets import build_data_assets
from clinical_assets.lifecycle.governance_assets import build_governance_assets
from clinical_assets.lifecycle.model_assets import build_model_assets
from clinical_assets.lifecycle.package_assets import build_package_assets
from clinical_assets.modelling.spec import ClinicalModel


def build_assets(spec: ClinicalModel) -> list[AssetsDefinition]:
    """The chain from ``source`` to ``release``, in the group named after the model."""
    return [
        *build_data_assets(spec),
        *build_model_assets(spec),
        *build_package_assets(spec),
        *build_governance_assets(spec),
    ]
