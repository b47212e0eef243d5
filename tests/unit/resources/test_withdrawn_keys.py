"""After a stolen key was withdrawn as documented, everything goes on without its checkpoints."""

from pathlib import Path

import pytest

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.actions import Nothing
from clinical_assets.ledger.checkpoint import Checkpoint, SigningKey, sign
from clinical_assets.ledger.entry import Subject
from clinical_assets.ledger.exports.files import Folder
from clinical_assets.ledger.exports.verify import verify_export
from resources.backups.losses import acknowledge_loss
from resources.key_changes import rotate_key, withdraw_key
from resources.ledger import Ledger, open_ledger_at
from resources.ledger_database.copy import copy_ledger
from resources.ledger_exporting import export_ledger
from resources.ledger_keys import LedgerKeys
from resources.ledger_verifying import require_whole, verify_own
from resources.witnessing import Witnessing


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    opened = open_ledger_at(f"sqlite:///{tmp_path}/ledger.db", tmp_path / "keys", tmp_path)
    opened.record("run.started", Subject("run", "r-1"), Nothing())
    return opened


@pytest.fixture
def witnessing(ledger: Ledger, tmp_path: Path) -> Witnessing:
    """Two checkpoints kept, and one witnessed, under the key that is withdrawn later."""
    found = Witnessing.of(ledger, LedgerKeys(tmp_path / "keys"), [f"folder:{tmp_path}/held"], {})
    found.publish()
    assert verify_own(ledger).passed
    return found


@pytest.fixture
def thief(ledger: Ledger, witnessing: Witnessing) -> SigningKey:
    """The key that was stolen, rotated and withdrawn."""
    stolen = witnessing.keys.signing(ledger.store.origin)
    old, _ = rotate_key(witnessing, "stolen")
    withdraw_key(witnessing, str(old), "stolen")
    return stolen


@pytest.mark.parametrize("whole", [True, False])
def test_the_ledger_holds_and_the_checkpoints_are_counted(
    ledger: Ledger, witnessing: Witnessing, thief: SigningKey, whole: bool
) -> None:
    for _ in range(2):  # the second time from what was verified the first time
        found = verify_own(ledger, whole=whole, witnessed=witnessing.asked().notes)
        assert found.problems == ()
        assert found.report.covered >= found.report.size - 1
    assert verify_own(ledger, witnessed=witnessing.asked().notes).report.set_aside == 3
    require_whole(ledger, witnessed=witnessing.asked().notes)


def test_its_checkpoints_cover_nothing_and_contradict_nothing(
    ledger: Ledger, witnessing: Witnessing, thief: SigningKey
) -> None:
    origin = ledger.store.origin
    lies = [sign(Checkpoint(origin, size, bytes(32)), [thief]) for size in (2, 10**6)]
    found = verify_own(ledger, witnessed=lies)
    assert (found.problems, found.report.set_aside) == ((), 4)
    unknown = sign(Checkpoint(origin, 2, bytes(32)), [SigningKey.generate(origin)])
    assert not verify_own(ledger, witnessed=[unknown]).passed
    with pytest.raises(ClinicalError, match="no loss to answer for"):
        acknowledge_loss(ledger, lies, ledger.store.keys.trusted(), reason="The disk failed")


def test_an_export_verifies_offline(ledger: Ledger, thief: SigningKey, tmp_path: Path) -> None:
    export_ledger(ledger, tmp_path / "export", ["csv"])
    trusted = ledger.store.keys.trusted()
    assert thief.public not in trusted
    report = verify_export(Folder(tmp_path / "export"), trusted)
    assert report.problems == ()
    assert report.checkpoints >= 1


def test_a_copy_verifies_offline(ledger: Ledger, thief: SigningKey, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    made = copy_ledger(ledger.store, tmp_path / "copy")
    assert made.verified(ledger.store.keys.trusted()).problems == ()
