"""Every asset key, in one place.

A model's assets are named ``<model>/<asset>``; asset checks find them through this module only.
"""

from dataclasses import dataclass

from dagster import AssetCheckKey, AssetKey

from clinical_assets.gates import GATES

ASSETS = (
    "source",
    "dataset",
    "split",
    "feature_recipe",
    "features",
    "candidate",
    "protocol",
    "test_predictions",
    "evaluation",
    "datasheet",
    "model_card",
    "package",
    "approval",
    "release",
)


@dataclass(frozen=True, slots=True)
class ModelKeys:
    """The asset keys of one model."""

    model: str

    def __getattr__(self, asset: str) -> AssetKey:
        if asset not in ASSETS:
            raise AttributeError(asset)
        return AssetKey([self.model, asset])

    def all(self) -> list[AssetKey]:
        """Every key, from the source to the release."""
        return [AssetKey([self.model, asset]) for asset in ASSETS]


# Metadata of a materialization: what the IO manager stored, and where.
TABLE = "clinical/table"
VERSION = "clinical/version"
SHA256 = "clinical/sha256"
ROWS = "clinical/rows"
SNAPSHOT = "clinical/snapshot"
# Metadata of a check result: the digest of the value that the gate judged.
JUDGED = "clinical/judged"

# Checks that show, on the approval record, the two verdicts that a release reads afresh.
RELEASE_GATES = ("release_evidence", "release_signatures")


def gate_keys(model: str) -> list[AssetCheckKey]:
    """The check key of every gate of a model, in the order in which they are decided."""
    return [AssetCheckKey(AssetKey([model, asset]), gate) for gate, asset in GATES.items()]
