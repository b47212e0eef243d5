"""What this machine has seen of a ledger, outside of its database."""

from pathlib import Path

import pytest

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.actions import ACTIONS, Change, Nothing
from clinical_assets.ledger.checkpoint import Checkpoint, SigningKey, read, sign
from clinical_assets.ledger.entry import Subject
from resources.newest_seen import DECISIVE, NewestSeen
from tests.unit.resources.ledgers import LedgerInUse

KEY = SigningKey.generate("clinical-ledger/a")


def note(size: int) -> str:
    return sign(Checkpoint("clinical-ledger/a", size, bytes(32)), [KEY])


def test_the_newest_is_kept_whatever_the_order(tmp_path: Path) -> None:
    seen = NewestSeen(tmp_path)
    assert seen.note("clinical-ledger/a") is None
    for size in (3, 9, 5):
        seen.keep(note(size))
    assert seen.note("clinical-ledger/a") == note(9)
    assert seen.note("clinical-ledger/b") is None
    assert NewestSeen(tmp_path).note("clinical-ledger/a") == note(9)


def test_one_whose_loss_is_on_record_gives_way_to_an_earlier_one(tmp_path: Path) -> None:
    seen = NewestSeen(tmp_path)
    seen.keep(note(9))
    assert seen.keep(note(4), instead_of=note(8))
    assert seen.note("clinical-ledger/a") == note(9)
    assert seen.keep(note(4), instead_of=note(9))
    assert seen.note("clinical-ledger/a") == note(4)


@pytest.mark.parametrize("rubbish", [b"", b"\xff\x00", b"clinical-ledger/a\n99"])
def test_what_is_no_note_is_replaced(tmp_path: Path, rubbish: bytes) -> None:
    seen = NewestSeen(tmp_path)
    seen.keep(note(9))
    (path,) = tmp_path.glob("*.note")
    path.write_bytes(rubbish)
    seen.keep(note(2))
    assert seen.note("clinical-ledger/a") == note(2)


def test_one_that_others_can_write_is_not_relied_upon(tmp_path: Path) -> None:
    seen = NewestSeen(tmp_path)
    seen.keep(note(9))
    (path,) = tmp_path.glob("*.note")
    path.chmod(0o644)
    with pytest.raises(ClinicalError, match="others than its owner may use it"):
        seen.note("clinical-ledger/a")
    assert not seen.keep(note(10))


def test_a_folder_that_cannot_be_written_is_told_and_stops_no_act(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "keys").write_text("in the way")
    assert not NewestSeen(tmp_path / "keys").keep(note(9))
    assert "is not remembered on this machine" in caplog.text


def test_it_is_kept_after_decisive_acts_only(in_use: LedgerInUse) -> None:
    ledger = in_use.ledger()
    origin = ledger.store.origin
    ledger.record("run.started", Subject("run", "r"), Nothing())
    assert ledger.seen is not None
    assert ledger.seen.note(origin) is None
    ledger.record("user.changed", Subject("user", "anna"), Change("state", "active", "suspended"))
    kept = ledger.seen.note(origin)
    assert kept is not None
    assert read(kept).size == ledger.store.head().size
    ledger.record("run.started", Subject("run", "r"), Nothing())
    assert ledger.seen.note(origin) == kept


def test_which_acts_are_decisive() -> None:
    """Those that give or take a right, a signature, a stage, a key or a record, and no others."""
    decisive = {name for name in ACTIONS if name.startswith(DECISIVE)}
    assert decisive == {
        "key.created",
        "key.retired",
        "key.withdrawn",
        "ledger.lost",
        "logout",
        "protocol.frozen",
        "registry.changed",
        "retention.held",
        "retention.purged",
        "retention.refused",
        "session.ended",
        "signature.given",
        "stage.changed",
        "testset.opened",
        "user.authenticated",
        "user.changed",
        "user.enrolled",
        "user.locked",
        "user.owner_confirmed",
        "user.refused",
        "user.revoked",
        "user.tampered",
    }
