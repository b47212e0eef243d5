"""All resources of an installation, from its settings."""

from typing import Any

from resources.io_manager import ClinicalIOManager
from resources.lake import LakeResource
from resources.ledger_resource import LedgerResource
from resources.packages import PackagesResource
from resources.provenance import ProvenanceResource
from resources.registry import RegistryResource
from resources.settings import Settings
from resources.snapshots import SnapshotsResource
from resources.sources import SourcesResource
from resources.tracking import mlflow_resource
from resources.witnessing_resource import WitnessingResource


def build_resources(settings: Settings) -> dict[str, Any]:
    """Resources by key, as assets and checks name them."""
    options = settings.s3_options
    ledger = LedgerResource(
        url=settings.ledger_url, key_folder=str(settings.keys), folder=str(settings.ledger_folder)
    )
    lake = LakeResource(url=settings.lake_url, ledger=ledger, s3_options=options)
    snapshots = SnapshotsResource(url=settings.snapshots_url, ledger=ledger, s3_options=options)
    witnessing = WitnessingResource(
        ledger=ledger, witnesses=list(settings.witnesses), s3_options=options
    )
    uri, artifacts = settings.mlflow_tracking_uri, settings.mlflow_artifacts
    return {
        "io_manager": ClinicalIOManager(lake=lake, snapshots=snapshots),
        "ledger": ledger,
        "witnessing": witnessing,
        "lake": lake,
        "snapshots": snapshots,
        "sources": SourcesResource(register_path=str(settings.sources), snapshots=snapshots),
        "provenance": ProvenanceResource(),
        "registry": RegistryResource(tracking_uri=uri, artifacts=artifacts, ledger=ledger),
        "packages": PackagesResource(
            root=str(settings.packages), key_folder=str(settings.keys), ledger=ledger
        ),
        "mlflow": mlflow_resource(uri, artifacts),
    }
