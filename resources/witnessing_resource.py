"""Dagster's shell around the witnesses (:mod:`resources.witnessing`)."""

from pathlib import Path

from dagster import ConfigurableResource

from resources.ledger_keys import LedgerKeys
from resources.ledger_resource import LedgerResource
from resources.witnessing import Witnessing


class WitnessingResource(ConfigurableResource[Witnessing]):
    """Hands out :class:`~resources.witnessing.Witnessing`."""

    ledger: LedgerResource
    witnesses: list[str]
    s3_options: dict[str, str] = {}  # noqa: RUF012 - pydantic copies defaults

    def open(self) -> Witnessing:
        """The ledger with its witnesses."""
        keys = LedgerKeys(Path(self.ledger.key_folder))
        return Witnessing.of(self.ledger.open(), keys, self.witnesses, self.s3_options)
