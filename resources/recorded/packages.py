"""The store of packages as everyone but its own tests gets it: writes and loads are in the ledger.

What belongs here: which entries they make. What does not: how packages are kept
(:mod:`resources.package_store`), and whether a model may be used, which :mod:`resources.in_force`
decides.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from clinical_assets.evidence.package_record import PackageRecord, ReleaseRecord
from clinical_assets.ledger.actions import Bytes, Nothing
from clinical_assets.ledger.entry import Entry, Subject
from clinical_assets.modelling.champion import KeptModel
from resources.actors import present_purpose
from resources.ledger import Ledger
from resources.package_store import PackageStore
from resources.reconciling import Found

PACKAGE = "model-version"


@dataclass(frozen=True, slots=True)
class RecordedPackages(PackageStore):
    """A store of packages whose writes and loads are acts in ``ledger``."""

    ledger: Ledger

    def keep(
        self, files: Mapping[str, bytes], *, model: str, version: str, entry_point: str
    ) -> PackageRecord:
        """As the store's."""
        size = sum(len(data) for data in files.values())
        about = Subject(PACKAGE, model, version)
        with self.ledger.doing("package.built", about, Bytes(size, present_purpose())) as doing:
            kept = PackageStore.keep(
                self, files, model=model, version=version, entry_point=entry_point
            )
            doing.subject = Subject(PACKAGE, model, version, kept.digest)
        return kept

    def load(self, release: ReleaseRecord | PackageRecord) -> KeptModel:
        """As the store's; recorded before the model is handed out."""
        kept = PackageStore.load(self, release)
        named = release.digest if isinstance(release, PackageRecord) else release.package_sha256
        about = Subject(PACKAGE, release.model, release.version, named)
        self.ledger.record("model.loaded", about, Nothing(), reason=present_purpose())
        return kept


def probe_package(store: PackageStore, entry: Entry) -> Found:
    """Whether a package of the version is there, of which one was being written."""
    subject = entry.act.subject
    kept = (store.root / subject.id).glob(f"{subject.version}-*")  # the folder comes before the zip
    return "cannot be told" if any(kept) else "absent"  # it may be an earlier one
