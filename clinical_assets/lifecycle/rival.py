"""The released version that a candidate has to match, by the word of three stores."""

from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.package_record import ReleaseRecord
from clinical_assets.keys import ModelKeys
from clinical_assets.modelling.spec import ClinicalModel
from resources.evidence import EvidenceReader
from resources.in_force import InForce


def rival_of(
    spec: ClinicalModel, version: str, in_force: InForce, reader: EvidenceReader
) -> ReleaseRecord | None:
    """The champion, or, for the champion itself, the version before it; None at first release.

    Raises:
        ClinicalError: MLflow does not answer, contradicts the ledger, or knows no champion although
            Dagster remembers a release: neither a lost database nor an alias moved by hand may let
            a worse model pass.
    """
    if contradiction := in_force.contradiction():
        in_force.report()
        raise ClinicalError(
            f"The champion to compare with is in doubt: {contradiction}",
            where=f"model {spec.name}",
            repair="Set the alias in MLflow back, or restore the store that lost the release from"
            " a backup",
        )
    found = in_force.registry.rival(spec.name, version)
    release = ModelKeys(spec.name).release
    if found is None and in_force.subject() is None and reader.was_materialized(release):
        raise ClinicalError(
            "The model was released before, but MLflow holds no champion, so none can be compared",
            where=f"model {spec.name}; Dagster remembers a release of it",
            repair="Restore MLflow's database from a backup, or check CLINICAL_MLFLOW_TRACKING_URI",
        )
    return found
