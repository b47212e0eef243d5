"""Assembly only: one function builds the definitions for production and for tests."""

from collections.abc import Mapping, Sequence
from typing import Any

from dagster import Definitions, definitions, in_process_executor

from asset_checks.build import build_gates
from clinical_assets.automation import (
    model_jobs,
    registry_sensor,
    release_sensor,
    settlement_sensors,
    witness_sensor,
)
from clinical_assets.lifecycle.build import build_assets
from clinical_assets.modelling.spec import ClinicalModel
from clinical_assets.models import models
from resources.build import build_resources
from resources.dagster_instance.home import require_own_instance
from resources.settings import Settings
from resources.starting import look_into_interrupted


def build_defs(
    settings: Settings | None = None,
    specs: Sequence[ClinicalModel] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Definitions:
    """Assets, gates, jobs, sensors and resources of every model.

    Args:
        settings: where things are kept; by default from ``CLINICAL_…`` variables.
        specs: the models; by default diabetes and those that ``CLINICAL_MODELS`` names.
        overrides: resources to put in place of the configured ones, by key.
    """
    settings = settings or Settings.load()
    specs = models(settings.models) if specs is None else specs
    return Definitions(
        assets=[asset for spec in specs for asset in build_assets(spec)],
        asset_checks=[gate for spec in specs for gate in build_gates(spec)],
        jobs=[job for spec in specs for job in model_jobs(spec)],
        sensors=[
            *(release_sensor(spec) for spec in specs),
            registry_sensor(specs),
            witness_sensor(),
            *settlement_sensors(),
        ],
        resources={**build_resources(settings), **(overrides or {})},
        executor=in_process_executor,
    )


@definitions
def defs() -> Definitions:
    """What ``workspace.yaml`` names; built when Dagster loads it, not when Python imports it."""
    settings = Settings.load()
    require_own_instance(settings)
    look_into_interrupted(settings)
    return build_defs(settings)
