"""Dagster's shell around the registered sources (:mod:`resources.source_files`).

The plain object lives in a module without Dagster, whose import takes seconds.
"""

from pathlib import Path

from dagster import ConfigurableResource

from resources.snapshots import SnapshotsResource
from resources.source_files import SourceFiles

__all__ = ["SourceFiles", "SourcesResource"]


class SourcesResource(ConfigurableResource[SourceFiles]):
    """Hands out the :class:`~resources.source_files.SourceFiles`."""

    register_path: str
    snapshots: SnapshotsResource

    def open(self) -> SourceFiles:
        """The sources of the register, with files that were added to the snapshot store."""
        return SourceFiles(Path(self.register_path), self.snapshots.open())
