"""Dagster's shell around the snapshot store (:mod:`resources.snapshot_store`).

The store itself lives in a module without Dagster, whose import takes seconds.
"""

from dagster import ConfigurableResource

from resources.snapshot_store import SnapshotStore

__all__ = ["SnapshotStore", "SnapshotsResource"]


class SnapshotsResource(ConfigurableResource[SnapshotStore]):
    """Hands out the :class:`~resources.snapshot_store.SnapshotStore`."""

    url: str
    s3_options: dict[str, str] = {}  # noqa: RUF012 - pydantic copies defaults

    def open(self) -> SnapshotStore:
        """The store at :attr:`url`."""
        return SnapshotStore(self.url, self.s3_options)
