"""An older copy of the ledger that is put back: found at the opening and at each append."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.actions import Change, Nothing
from clinical_assets.ledger.checkpoint import read
from clinical_assets.ledger.entry import Subject
from resources import ledger as ledger_module
from resources.backups.losses import acknowledge_loss
from resources.ledger import Ledger, open_ledger_at
from resources.ledger_memory import seen_here
from resources.ledger_verifying import verify_own


class Installation:
    """One database, as several processes open it, on machines with folders of keys of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = folder / "ledger.db"

    def process(self, machine: str = "keys", *, older: bool = False) -> Ledger:
        """The ledger as a new process opens it."""
        ledger_module._opened.clear()
        url = f"sqlite:///{self.database}"
        return open_ledger_at(
            url, self.folder / machine, self.folder / f"of-{machine}", older=older
        )

    def copy(self) -> Path:
        target = self.folder / "older.db"
        with closing(sqlite3.connect(self.database)) as database:
            target.unlink(missing_ok=True)
            database.execute(f"VACUUM INTO '{target}'")
        return target

    def put_back(self) -> None:
        """Under the feet of those who have it open, as SQLite's own backup does it."""
        with (
            closing(sqlite3.connect(self.folder / "older.db")) as older,
            closing(sqlite3.connect(self.database)) as now,
        ):
            older.backup(now)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Installation]:
    yield Installation(tmp_path)
    ledger_module._opened.clear()


def run(ledger: Ledger) -> None:
    ledger.record("run.started", Subject("run", "r"), Nothing())


def suspend(ledger: Ledger) -> None:
    ledger.record("user.changed", Subject("user", "anna"), Change("state", "active", "suspended"))


def test_a_process_that_was_open_before_appends_nothing_to_the_older_copy(
    place: Installation,
) -> None:
    daemon = place.process()
    run(daemon)
    place.copy()
    suspend(place.process())
    place.put_back()
    for act in (run, suspend):
        with pytest.raises(ClinicalError, match="an older copy was put back"):
            act(daemon)
    with pytest.raises(ClinicalError, match="an older copy was put back"):
        place.process()
    assert place.process(older=True).store.head().size == read_size(place.folder / "older.db")


def read_size(database: Path) -> int:
    with closing(sqlite3.connect(database)) as connection:
        return int(connection.execute("SELECT size FROM ledger_head").fetchone()[0])


def test_verifying_an_older_copy_leaves_it_as_it_was_found(place: Installation) -> None:
    run(place.process())
    place.copy()
    suspend(place.process())
    place.put_back()
    ledger = place.process(older=True)
    size = ledger.store.head().size
    found = verify_own(ledger)
    assert not found.passed
    assert "this machine has seen a checkpoint" in str(found.problems[0])
    assert ledger.store.head().size == size


def test_an_older_copy_that_grows_while_somebody_answers_is_not_taken_for_the_ledger(
    place: Installation,
) -> None:
    """Refusals are entries: whoever may not answer must not be able to write past what was seen."""
    run(place.process())
    place.copy()
    suspend(place.process())
    place.put_back()
    ledger = place.process(older=True)
    with ledger.memory.answering():
        for _ in range(9):
            suspend(ledger)
    with pytest.raises(ClinicalError, match="an older copy was put back"):
        run(ledger)
    with pytest.raises(ClinicalError, match="an older copy was put back"):
        place.process()
    assert not verify_own(place.process(older=True)).passed


def answered(ledger: Ledger, size: int | None = None, kept: int | None = None) -> None:
    keys = ledger.store.keys.trusted()
    with ledger.memory.answering():
        acknowledge_loss(ledger, seen_here(ledger), keys, reason="disk", size=size, kept=kept)


def test_after_the_loss_was_answered_for_it_goes_on_and_is_guarded_again(
    place: Installation,
) -> None:
    run(place.process())
    place.copy()
    for _ in range(30):
        suspend(place.process())
    place.put_back()
    ledger = place.process(older=True)
    answered(ledger)
    run(ledger)
    place.copy()
    suspend(place.process())  # of fewer entries than were lost
    assert verify_own(place.process()).passed
    place.put_back()
    with pytest.raises(ClinicalError, match="an older copy was put back"):
        place.process()


def test_a_head_whose_loss_is_on_record_stands_in_nobodys_way(place: Installation) -> None:
    """As after a process that was killed between the entry of the loss and keeping its head."""
    run(place.process())
    place.copy()
    for _ in range(30):
        suspend(place.process())
    (note,) = (place.folder / "keys").glob("ledger-seen-*.note")
    lost = note.read_bytes()
    place.put_back()
    answered(place.process(older=True))
    note.write_bytes(lost)
    suspend(place.process())
    assert read(note.read_text()).size == place.process().store.head().size


def test_where_entries_were_written_since_somebody_says_how_many_are_left(
    place: Installation,
) -> None:
    """Another machine, which had not seen the later state, goes on upon the copy."""
    first = place.process()
    run(first)
    shutil.copytree(place.folder / "keys", place.folder / "others")
    place.copy()
    left = first.store.head().size
    suspend(place.process())
    place.put_back()
    for _ in range(5):
        run(place.process("others"))
    ledger = place.process(older=True)
    with pytest.raises(ClinicalError, match="say with --kept"):
        answered(ledger)
    with pytest.raises(ClinicalError, match=r"cannot be what is left: there are \d+"):
        answered(ledger, kept=left + 1)
    answered(ledger, kept=left)
    assert verify_own(place.process()).passed


def test_a_machine_remembers_what_it_saw_when_it_opened_the_ledger(place: Installation) -> None:
    run(place.process())
    shutil.copytree(place.folder / "keys", place.folder / "others")
    place.copy()
    suspend(place.process())
    place.process("others")  # writes nothing
    place.put_back()
    with pytest.raises(ClinicalError, match="an older copy was put back"):
        place.process("others")


def test_what_cannot_be_relied_upon_is_not_taken_for_nothing(place: Installation) -> None:
    suspend(place.process())
    (note,) = (place.folder / "keys").glob("ledger-seen-*.note")
    note.chmod(0o644)
    with pytest.raises(ClinicalError, match="others than its owner may use it"):
        place.process()
    note.chmod(0o600)
    note.write_text(note.read_text().replace("clinical", "clinicaI", 1))
    with pytest.raises(ClinicalError, match="was damaged or replaced"):
        place.process()


def test_a_head_that_could_not_be_kept_is_kept_with_the_next_act(place: Installation) -> None:
    ledger = place.process()
    suspend(ledger)
    (note,) = (place.folder / "keys").glob("ledger-seen-*.note")
    with closing(sqlite3.connect(place.folder / "keys/ledger-seen.lock")) as lock:
        lock.execute("BEGIN EXCLUSIVE")
        before = note.read_bytes()
        suspend(ledger)
        assert note.read_bytes() == before
    run(ledger)
    assert read(note.read_text()).size == ledger.store.head().size
