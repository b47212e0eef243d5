"""The released version that a candidate has to match, by the word of two stores."""

from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.package_record import ReleaseRecord
from clinical_assets.keys import ModelKeys
from clinical_assets.modelling.spec import ClinicalModel
from resources.evidence import EvidenceReader
from resources.mlflow_registry import Registry


def rival_of(
    spec: ClinicalModel, version: str, registry: Registry, reader: EvidenceReader
) -> ReleaseRecord | None:
    """The champion, or, for the champion itself, the version before it; None at first release.

    Raises:
        ClinicalError: MLflow does not answer, or knows no champion although Dagster remembers a
            release: a lost database must not let a worse model pass for a first release.
    """
    found = registry.rival(spec.name, version)
    release = ModelKeys(spec.name).release
    if found is None and registry.champion(spec.name) is None and reader.was_materialized(release):
        raise ClinicalError(
            "The model was released before, but MLflow holds no champion, so none can be compared",
            where=f"model {spec.name}; Dagster remembers a release of it",
            repair="Restore MLflow's database from a backup, or check CLINICAL_MLFLOW_TRACKING_URI",
        )
    return found
