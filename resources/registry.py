"""Dagster's shell around the registry (:mod:`resources.mlflow_registry`)."""

from dagster import ConfigurableResource

from resources.ledger_resource import LedgerResource
from resources.mlflow_registry import Registry
from resources.recorded.registry import RecordedRegistry


class RegistryResource(ConfigurableResource[Registry]):
    """Hands out the :class:`~resources.mlflow_registry.Registry`, its releases recorded."""

    tracking_uri: str
    artifacts: str
    ledger: LedgerResource

    def open(self) -> Registry:
        """The registry of this tracking store."""
        return RecordedRegistry(self.tracking_uri, self.artifacts, self.ledger.open())
