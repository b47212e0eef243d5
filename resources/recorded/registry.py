"""The registry as everyone but its own tests gets it: what it says of a model changes on record.

MLflow keeps no history of who made a version champion; the ledger does.
"""

from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.package_record import ReleaseRecord
from clinical_assets.evidence.signatures import SUBJECT_KIND
from clinical_assets.ledger.actions import Change
from clinical_assets.ledger.entry import Entry, Subject
from resources.in_force import released_last
from resources.ledger import Ledger
from resources.mlflow_registry import CHAMPION, Registry
from resources.reconciling import Found


class RecordedRegistry(Registry):
    """A registry whose releases are acts in ``ledger``."""

    def __init__(self, tracking_uri: str, artifacts: str, ledger: Ledger) -> None:
        super().__init__(tracking_uri, artifacts)
        self._ledger = ledger

    def release(
        self, model: str, version: str, package_sha256: str, onnx_sha256: str
    ) -> ReleaseRecord:
        """As the registry's; nothing is recorded where nothing changes.

        What is in force is what the ledger says: an alias that was set by hand is no release, and
        does not take the place of one.
        """
        champion = self.champion(model)
        about = Subject(SUBJECT_KIND, model, version, package_sha256)
        held = released_last(self._ledger, model)
        named = (package_sha256, version)
        if held == about and champion and named == (champion.package_sha256, champion.version):
            return champion
        change = Change(CHAMPION, held.version if held else "", version)
        with self._ledger.doing("registry.changed", about, change):
            try:
                return super().release(model, version, package_sha256, onnx_sha256)
            except ClinicalError:
                made = self.champion(model)  # a fault after the alias was set changes nothing
                if made is None or made.package_sha256 != package_sha256:
                    raise
                return made


def probe_registry(registry: Registry, entry: Entry) -> Found:
    """Whether the version that was being released became champion."""
    subject = entry.act.subject
    champion = registry.champion(subject.id)
    released = champion is not None and champion.package_sha256 == subject.sha256
    return "found" if released else "absent"
