"""What is said of a database's fault is what has to be done about just this fault."""

import errno
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from clinical_assets.errors import ClinicalError
from resources.ledger_database.faults import database_faults, refused


def of_sqlite(path: Path, statement: str) -> str:
    engine = create_engine(f"sqlite:///{path}")
    try:
        with (
            pytest.raises(ClinicalError) as caught,
            database_faults(str(path)),
            engine.connect() as connection,
        ):
            connection.execute(text(statement))
    finally:
        engine.dispose()
    return caught.value.repair


def test_a_damaged_file_is_kept_and_restored(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(b"no database at all, but long enough" * 99)
    repair = of_sqlite(tmp_path / "a.db", "SELECT * FROM sqlite_master")
    assert "The database is damaged" in repair
    assert "clinical backup restore" in repair
    assert "disk" not in repair


def test_a_missing_table_is_no_question_of_space(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "a.db")):
        repair = of_sqlite(tmp_path / "a.db", "SELECT * FROM identity_accounts")
    assert "A table was removed" in repair
    assert "space" not in repair


def test_a_folder_that_is_not_there_is_one_of_access(tmp_path: Path) -> None:
    assert "readable and writable" in of_sqlite(tmp_path / "no/a.db", "SELECT 1")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (sqlite3.OperationalError("database or disk is full"), "Free space"),
        (sqlite3.OperationalError("attempt to write a readonly database"), "readable and writable"),
        (sqlite3.OperationalError("disk I/O error"), "Look at the disk"),
        (sqlite3.OperationalError("database is locked"), "Another process"),
        (sqlite3.DatabaseError("database disk image is malformed"), "is damaged"),
        (sqlite3.OperationalError("something new"), "report this line"),
        (OSError(errno.ENOSPC, "No space left on device"), "Free space"),
        (OSError(errno.EACCES, "Permission denied"), "readable and writable"),
        (OSError(errno.EROFS, "Read-only file system"), "readable and writable"),
        (OSError(errno.EIO, "Input/output error"), "Look at the disk"),
    ],
)
def test_each_fault_has_its_repair(error: Exception, words: str) -> None:
    assert words in refused(error, "ledger.db").repair
