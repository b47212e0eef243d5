"""Dagster's shell around the snapshot store (:mod:`resources.snapshot_store`).

The store itself lives in a module without Dagster, whose import takes seconds.
"""

from dagster import ConfigurableResource

from resources.ledger_resource import LedgerResource
from resources.recorded.snapshots import RecordedSnapshots
from resources.snapshot_store import SnapshotStore

__all__ = ["SnapshotStore", "SnapshotsResource"]


class SnapshotsResource(ConfigurableResource[SnapshotStore]):
    """Hands out the :class:`~resources.snapshot_store.SnapshotStore`, every use recorded."""

    url: str
    ledger: LedgerResource
    s3_options: dict[str, str] = {}  # noqa: RUF012 - pydantic copies defaults

    def open(self) -> SnapshotStore:
        """The store at :attr:`url`."""
        return RecordedSnapshots(self.url, self.s3_options, self.ledger.open())
