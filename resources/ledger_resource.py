"""Dagster's shell around the ledger (:mod:`resources.ledger`)."""

from pathlib import Path

from dagster import ConfigurableResource

from resources.dagster_instance.writing import LedgerPlace
from resources.ledger import Ledger, open_ledger_at


class LedgerResource(ConfigurableResource[Ledger]):
    """Hands out the :class:`~resources.ledger.Ledger`.

    Attributes:
        url: ``sqlite:///…`` or ``postgresql://…``.
        key_folder: keys and service credentials.
        folder: what the ledger keeps on this machine.
    """

    url: str
    key_folder: str
    folder: str

    @property
    def place(self) -> LedgerPlace:
        """Where the ledger is, to hold another's against it."""
        return LedgerPlace(self.url, Path(self.key_folder), Path(self.folder))

    def open(self) -> Ledger:
        """The ledger at :attr:`url`."""
        return open_ledger_at(self.url, Path(self.key_folder), Path(self.folder))
