"""The snapshot store as everyone but its own tests gets it: every read and write is in the ledger.

What belongs here: which entries a read and a write make (HIP-06). What does not: how objects are
kept (:mod:`resources.snapshot_store`).
"""

from collections.abc import Mapping

from clinical_assets.canonical import sha256 as sha256_of
from clinical_assets.ledger.actions import Bytes
from clinical_assets.ledger.entry import Entry, Subject
from resources.actors import present_purpose
from resources.ledger import Ledger
from resources.reconciling import Found
from resources.snapshot_store import SnapshotStore


class RecordedSnapshots(SnapshotStore):
    """A store of snapshots whose reads and writes are acts in ``ledger``."""

    def __init__(self, url: str, options: Mapping[str, str] | None, ledger: Ledger) -> None:
        super().__init__(url, options)
        self._ledger = ledger

    def put(self, data: bytes) -> str:
        """As the store's; storing the same bytes again is verified and recorded as a read."""
        digest = sha256_of(data)
        if self.has(digest):
            return super().put(data)
        details = Bytes(len(data), present_purpose())
        with self._ledger.doing("snapshot.written", _object(digest), details):
            return super().put(data)

    def get(self, sha256: str) -> bytes:
        """As the store's; recorded before the bytes are handed out."""
        data = super().get(sha256)
        self._ledger.record("snapshot.read", _object(sha256), Bytes(len(data), present_purpose()))
        return data


def probe_snapshot(store: SnapshotStore, entry: Entry) -> Found:
    """Whether an interrupted write, or addition, left the object, which is then whole."""
    return "found" if store.has(entry.act.subject.sha256) else "absent"


def _object(digest: str) -> Subject:
    return Subject("snapshot", digest, sha256=digest)
