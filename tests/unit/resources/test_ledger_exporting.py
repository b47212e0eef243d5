"""A signed selection is complete: whoever edits the columns for searching hides nothing from it."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.actions import Nothing
from clinical_assets.ledger.entry import Subject
from clinical_assets.ledger.exports.files import Folder
from clinical_assets.ledger.exports.verify import verify_export
from resources import ledger as ledger_module
from resources.ledger import Ledger, open_ledger_at
from resources.ledger_database.reader import Wanted
from resources.ledger_exporting import export_ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger_at(f"sqlite:///{tmp_path}/ledger.db", tmp_path / "keys", tmp_path)
    for number in range(3):
        opened.record("run.started", Subject("run", f"r-{number}"), Nothing())
    opened.record("run.deleted", Subject("run", "r-1"), Nothing())
    yield opened
    ledger_module._opened.clear()


def intrude(ledger: Ledger, statement: str) -> None:
    with closing(sqlite3.connect(ledger.store.engine.place)) as database:
        triggers = database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for (name,) in triggers.fetchall():
            database.execute(f"DROP TRIGGER {name}")
        database.execute(statement)
        database.commit()


def exported(ledger: Ledger, folder: Path, wanted: Wanted, **more: int) -> list[tuple[str, str]]:
    """Action and subject of each entry of a selection that verifies, and is signed."""
    export_ledger(ledger, folder, ["csv"], wanted=wanted, by="what was asked for", **more)
    report = verify_export(Folder(folder), ledger.store.keys.trusted())
    assert report.problems == ()
    assert report.signed_by
    entries = map(json.loads, (folder / "entries.jsonl").read_text().splitlines())
    return [(entry["action"], entry["subject"]["id"]) for entry in entries]


def test_an_edited_column_hides_no_entry_and_brings_none_in(ledger: Ledger, tmp_path: Path) -> None:
    intrude(
        ledger,
        "UPDATE ledger_entries SET action = 'run.started', subject_id = 'r-9'"
        " WHERE action = 'run.deleted'",
    )
    deleted = exported(ledger, tmp_path / "a", Wanted(action="run.deleted"))
    assert deleted == [("run.deleted", "r-1")]
    started = exported(ledger, tmp_path / "b", Wanted(action="run.started"))
    assert started == [("run.started", f"r-{number}") for number in range(3)]
    assert exported(ledger, tmp_path / "c", Wanted(subject_id="r-9")) == []


def test_a_selection_within_a_range(ledger: Ledger, tmp_path: Path) -> None:
    seqs = [row.seq for row in ledger.reader.find(Wanted(subject_id="r-1"))]
    wanted = Wanted(action="run.")
    found = exported(ledger, tmp_path / "a", wanted, first=seqs[0], end=seqs[1])
    assert found == [("run.started", "r-1"), ("run.started", "r-2")]
    assert exported(ledger, tmp_path / "b", wanted, first=10**6) == []
    assert exported(ledger, tmp_path / "c", wanted, end=0) == []
    assert len(exported(ledger, tmp_path / "d", wanted, end=10**6)) == 4


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM ledger_entries WHERE action = 'run.deleted'",
        "UPDATE ledger_entries SET body = CAST(replace(CAST(body AS TEXT), 'run.deleted',"
        " 'run.started') AS BLOB) WHERE action = 'run.deleted'",
    ],
)
def test_a_selection_from_a_changed_ledger_is_not_signed(
    ledger: Ledger, tmp_path: Path, statement: str
) -> None:
    ledger.record("run.started", Subject("run", "r-9"), Nothing())
    intrude(ledger, statement)
    with pytest.raises(ClinicalError, match="The ledger was not exported"):
        exported(ledger, tmp_path / "a", Wanted(action="run.deleted"))
    assert not (tmp_path / "a" / "manifest.json").exists()
