"""The two verdicts of a release as checks: good, bad and empty."""

from dataclasses import replace
from pathlib import Path

import pytest
from dagster import AssetCheckEvaluation, AssetCheckSeverity, asset, materialize

from asset_checks.release_gates import signatures_gate
from clinical_assets.evidence.approval_sheet import ApprovalSheet
from clinical_assets.keys import ModelKeys
from clinical_assets.ledger.entry import Subject
from resources import ledger as ledger_module
from resources.approvals import sheet_of
from resources.ledger_resource import LedgerResource
from resources.package_store import PackageStore
from tests.unit.resources.governed import MODEL, OTHER, SUBJECT, Governed

KEYS = ModelKeys(MODEL.name)


@pytest.fixture
def place(tmp_path: Path) -> Governed:
    return Governed(tmp_path)


def judged(place: Governed, subject: Subject = SUBJECT, **changes: str) -> AssetCheckEvaluation:
    """The gate over the record of a version, as the ledger has it now."""
    packages = PackageStore(place.folder / "packages", place.folder / "keys")
    sheet = replace(sheet_of(place.stages, subject, packages), **changes)

    @asset(key=KEYS.approval)
    def approval() -> ApprovalSheet:
        return sheet

    folder = place.folder
    ledger = LedgerResource(
        url=f"sqlite:///{folder}/ledger.db", key_folder=str(folder / "keys"), folder=str(folder)
    )
    result = materialize(
        [approval, signatures_gate("release_signatures", KEYS, MODEL)],
        resources={"ledger": ledger},
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )
    assert result.success, "a version that waits for people is no failure"
    (found,) = result.get_asset_check_evaluations()
    assert found.severity is AssetCheckSeverity.WARN
    return found


def test_signatures(place: Governed) -> None:
    nothing = judged(place)
    assert not nothing.passed
    place.build()
    waits = judged(place)
    assert not waits.passed
    assert "clinical review" in str(waits.description)
    place.review()
    half = judged(place)
    assert not half.passed
    assert "quality approval" in str(half.description)
    place.approve()
    assert judged(place).passed
    assert not judged(place, OTHER).passed
    # The record's own words count for nothing: the gate asks the ledger.
    assert not judged(place, OTHER, stage="released").passed
    place.intrude("UPDATE ledger_entries SET body = x'7b7d' WHERE action = 'signature.given'")
    assert judged(place).passed, "what was read from it before is still what was signed"
    ledger_module._opened.clear()  # another process
    with pytest.raises(Exception, match="ledger"):
        judged(place)
