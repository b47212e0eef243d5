"""Dagster's shell around the store of model packages (:mod:`resources.package_store`)."""

from pathlib import Path

from dagster import ConfigurableResource

from resources.ledger_resource import LedgerResource
from resources.package_store import PackageStore
from resources.recorded.packages import RecordedPackages


class PackagesResource(ConfigurableResource[PackageStore]):
    """Hands out the :class:`~resources.package_store.PackageStore`, writes and loads recorded."""

    root: str
    key_folder: str
    ledger: LedgerResource

    def open(self) -> PackageStore:
        """The package store under the configured folders."""
        return RecordedPackages(Path(self.root), Path(self.key_folder), self.ledger.open())
