"""Dagster's shell around the lake (:mod:`resources.delta.lake`).

The lake itself lives in modules without Dagster, whose import takes seconds.
"""

from dagster import ConfigurableResource

from resources.delta.lake import Lake
from resources.delta.log import Commit, TableVersion
from resources.ledger_resource import LedgerResource
from resources.recorded.lake import RecordedLake

__all__ = ["Commit", "Lake", "LakeResource", "TableVersion"]


class LakeResource(ConfigurableResource[Lake]):
    """Hands out the :class:`~resources.delta.lake.Lake`, its reads and writes recorded."""

    url: str
    ledger: LedgerResource
    s3_options: dict[str, str] = {}  # noqa: RUF012 - pydantic copies defaults

    def open(self) -> Lake:
        """The lake at :attr:`url`."""
        return RecordedLake(self.url, self.s3_options, self.ledger.open())
