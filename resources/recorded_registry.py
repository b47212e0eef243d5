"""The registry as everyone but its own tests gets it: what it says of a model changes on record.

MLflow keeps no history of who made a version champion; the ledger does.
"""

from clinical_assets.evidence.package_record import ReleaseRecord
from clinical_assets.ledger.actions import Change
from clinical_assets.ledger.entry import Entry, Subject
from resources.ledger import Ledger
from resources.mlflow_registry import CHAMPION, Registry


class RecordedRegistry(Registry):
    """A registry whose releases are acts in ``ledger``."""

    def __init__(self, tracking_uri: str, artifacts: str, ledger: Ledger) -> None:
        super().__init__(tracking_uri, artifacts)
        self._ledger = ledger

    def release(
        self, model: str, version: str, package_sha256: str, onnx_sha256: str
    ) -> ReleaseRecord:
        """As the registry's."""
        champion = self.champion(model)
        change = Change(CHAMPION, champion.version if champion else "", version)
        about = Subject("model-version", model, version, package_sha256)
        with self._ledger.doing("registry.changed", about, change):
            return super().release(model, version, package_sha256, onnx_sha256)


def probe_registry(registry: Registry, entry: Entry) -> str:
    """Which version MLflow calls champion after a change that was interrupted, in words."""
    champion = registry.champion(entry.act.subject.id)
    return f"{CHAMPION} is {champion.version if champion else 'no version'}"
