"""Registered sources as commands get them: a file that is added, or refused, is in the ledger."""

from pathlib import Path

from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.sources import RegisteredFile
from clinical_assets.ledger.actions import Bytes, Failing
from clinical_assets.ledger.entry import Subject
from resources.ledger import Ledger
from resources.snapshot_store import SnapshotStore
from resources.source_files import SourceFiles


class RecordedSources(SourceFiles):
    """Sources whose additions are acts in ``ledger``."""

    def __init__(self, register: Path, snapshots: SnapshotStore, ledger: Ledger) -> None:
        super().__init__(register, snapshots)
        self._ledger = ledger

    def add(self, source_id: str, path: Path) -> RegisteredFile:
        """As the sources'; the file's own name is not written down, it may say anything.

        Refused is what is no registered file; a store that fails is a failure of the act.
        """
        source = self.source(source_id).id
        try:
            file, data = self.identified(source, path)
        except ClinicalError:
            refused = Failing("no registered file")
            self._ledger.record(
                "source.refused", Subject("source", source), refused, outcome="refused"
            )
            raise
        about = Subject("source", source, file.name, file.sha256)
        with self._ledger.doing("source.added", about, Bytes(len(data))):
            self._snapshots.put(data)
        return file
