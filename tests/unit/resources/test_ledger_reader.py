"""Reading: what is asked for, proven to be what was written."""

import contextlib
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, insert

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.checkpoint import verify
from clinical_assets.ledger.entry import Origin
from clinical_assets.ledger.merkle import leaf_hash, verify_consistency, verify_inclusion
from resources.ledger_database.reader import LedgerReader, Wanted
from resources.ledger_database.tables import OPEN_ACTS
from tests.unit.resources.ledgers import ANNA, Clock, LedgerInUse, act

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def filled(in_use: LedgerInUse) -> LedgerReader:
    clock = Clock(NOON)
    store = in_use.store(clock=clock)
    for n in range(5):
        clock.now = NOON + timedelta(minutes=n)
        store.append(
            [
                act(f"a{n}", f"r-{n}", origin=Origin(run=f"run-{n}")),
                act(f"b{n}", "r-x", action="run.succeeded", actor=ANNA, outcome="refused"),
            ]
        )
    return LedgerReader(store)


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (Wanted(), list(range(12))),
        (Wanted(subject_kind="run", subject_id="r-3"), [8]),
        (Wanted(subject_id="r-x", since="2026-11-24T12:03:00.000000Z"), [9, 11]),
        (Wanted(actor="p-1", until="2026-11-24T12:01:00.000000Z"), [3]),
        (Wanted(since="2026-11-24T12:01:00.000000Z", until="2026-11-24T12:02:00.000000Z"), [4, 5]),
        (Wanted(since="2027-01-01T00:00:00.000000Z"), []),
        (Wanted(until="2026-01-01T00:00:00.000000Z"), []),
        (Wanted(action="run.started", act="a1"), [4]),
        (Wanted(action="ledger."), [0]),
        (Wanted(action="run%"), []),
        (Wanted(action="run", outcome="refused"), []),
        (Wanted(outcome="refused"), [3, 5, 7, 9, 11]),
        (Wanted(run="run-4"), [10]),
    ],
)
def test_entries_are_found_by_what_they_are_about(
    in_use: LedgerInUse, wanted: Wanted, numbers: list[int]
) -> None:
    reader = filled(in_use)
    assert [row.seq for row in reader.find(wanted)] == numbers
    assert [entry.seq for entry in reader.proven(wanted)] == numbers
    assert [row.seq for row in reader.find(wanted, newest=2)] == numbers[-2:]


def test_an_entry_is_read_by_its_number(in_use: LedgerInUse) -> None:
    reader = filled(in_use)
    assert reader.entry(4).act.act == "a1"
    with pytest.raises(ClinicalError, match="no entry 99"):
        reader.entry(99)


def test_rows_come_some_at_a_time_and_whole(
    in_use: LedgerInUse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resources.ledger_database.reader._CHUNK", 4)
    reader = filled(in_use)
    assert [r.seq for r in reader.rows()] == list(range(12))
    assert [r.seq for r in reader.rows(3, 9)] == list(range(3, 9))
    assert all(r.leaf == leaf_hash(r.body) for r in reader.rows())


def test_proofs_lead_to_the_signed_roots(in_use: LedgerInUse) -> None:
    reader = filled(in_use)
    store = reader.store
    head = store.head()
    stated = verify(head.note, [in_use.keys.signing(store.origin).public])
    assert reader.root(head.size) == stated.root
    for row in reader.rows():
        proof = reader.inclusion(row.seq, head.size)
        assert verify_inclusion(row.seq, head.size, leaf_hash(row.body), proof, stated.root)
        proof = reader.consistency(row.seq + 1, head.size)
        old = reader.root(row.seq + 1)
        assert verify_consistency(row.seq + 1, head.size, old, stated.root, proof)


EDITS = {
    "body": "UPDATE ledger_entries SET body = (SELECT body FROM ledger_entries WHERE seq = 5) "
    "WHERE seq = 7",
    "no bytes": "UPDATE ledger_nodes SET hash = %s WHERE level = 1",
    "number": "UPDATE ledger_entries SET seq = -7 WHERE seq = 7",
    "subject column": "UPDATE ledger_entries SET subject_id = 'r-x' WHERE seq = 6",
    "outcome column": "UPDATE ledger_entries SET outcome = 'done' WHERE seq = 7",
    "node": "UPDATE ledger_nodes SET hash = (SELECT leaf FROM ledger_entries WHERE seq = 0) "
    "WHERE level = 1 AND place = 2",
    "no node": "DELETE FROM ledger_nodes WHERE level = 2",
}


@pytest.mark.parametrize("statement", EDITS.values(), ids=EDITS.keys())
def test_an_edited_row_is_not_proven(in_use: LedgerInUse, statement: str) -> None:
    reader = filled(in_use)
    with in_use.intruder(owner=True) as connection:
        nothing = r"'\\x'" if in_use.postgresql else "'text'"
        connection.exec_driver_sql(statement.replace("%s", nothing))
    with pytest.raises(ClinicalError, match=r"not the one that was written|lacks a node|no leaf"):
        reader.proven(Wanted(subject_id="r-x"))


def test_a_reader_of_a_ledger_that_is_not_begun_begins_it(in_use: LedgerInUse) -> None:
    assert [e.seq for e in LedgerReader(in_use.store()).proven(Wanted())] == [0, 1]


def test_open_acts_are_listed_the_oldest_first(in_use: LedgerInUse) -> None:
    store = in_use.store(writer=lambda: "here:1")
    store.append([act("one", outcome="intended"), act("two", outcome="intended")])
    store.append([act("three", outcome="intended"), act("one", outcome="failed")])
    assert [(o.act, o.seq, o.writer) for o in LedgerReader(store).open_acts()] == [
        ("two", 3, "here:1"),
        ("three", 4, "here:1"),
    ]
    with in_use.intruder() as connection:  # what the writer itself may do
        connection.execute(insert(OPEN_ACTS).values(seq=99, act="x", writer=""))


def test_a_proof_reads_its_nodes_by_their_index(tmp_path: Path) -> None:
    """So that its cost does not grow with the history; SQLite reads all for a list of pairs."""
    in_use = LedgerInUse(f"sqlite:///{tmp_path / 'l.db'}", tmp_path)
    reader = filled(in_use)
    asked: list[tuple[str, Any]] = []

    def noted(_c: object, _x: object, statement: str, values: Any, *_more: object) -> None:
        asked.append((statement, values))

    event.listen(Engine, "before_cursor_execute", noted)
    try:
        reader.inclusion(4, 12)
        reader.consistency(5, 12)
        reader.proven(Wanted(subject_id="r-3"))
    finally:
        event.remove(Engine, "before_cursor_execute", noted)
    with contextlib.closing(sqlite3.connect(tmp_path / "l.db")) as database:
        plans = [
            str(step[3])
            for statement, values in asked
            if statement.startswith("SELECT")
            for step in database.execute(f"EXPLAIN QUERY PLAN {statement}", values)
        ]
    assert any("ledger_nodes USING INDEX" in plan for plan in plans)
    assert not [plan for plan in plans if plan.startswith("SCAN ledger_nodes")]
