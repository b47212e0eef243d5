"""What is kept beside the entries: an edit of it is found and the entry named."""

import pytest

from resources.ledger_database.derived import derived_problems
from tests.unit.resources.ledgers import ANNA, LedgerInUse, act


def filled(in_use: LedgerInUse) -> None:
    store = in_use.store()
    store.append([act(f"a{n}", f"r-{n}", actor=ANNA) for n in range(9)])
    store.append([act("open", outcome="intended"), act("x\0" * 600, "y\0" * 600)])
    store.append([act("gone", outcome="intended"), act("gone")])


def test_what_was_written_fits(in_use: LedgerInUse, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(in_use)
    assert derived_problems(in_use.store()) == ()
    for chunk in (1, 3, 4, 7):
        monkeypatch.setattr("resources.ledger_database.derived._CHUNK", chunk)
        assert derived_problems(in_use.store()) == ()


EDITS = {
    "UPDATE ledger_entries SET subject_id = 'r-1' WHERE seq = 6": "entry 6: its column subject_id",
    "UPDATE ledger_entries SET actor = 's-9' WHERE seq = 4": "entry 4: its column actor",
    "UPDATE ledger_entries SET at = '2020' WHERE seq = 9": "entry 9: its column at",
    "UPDATE ledger_entries SET outcome = 'failed' WHERE seq = 0": "entry 0: its column outcome",
    "UPDATE ledger_nodes SET hash = (SELECT leaf FROM ledger_entries WHERE seq = 1) "
    "WHERE level = 2 AND place = 1": "entry 7: the node of level 2 above it",
    "DELETE FROM ledger_nodes WHERE level = 3": "entry 7: the node of level 3 above it",
    "DELETE FROM ledger_open_acts": "entry 11: its act has no outcome, and the list",
    "INSERT INTO ledger_open_acts (seq, act, writer) VALUES (13, 'gone', '')": "entry 13: the list",
    "UPDATE ledger_entries SET body = leaf WHERE seq = 3": "entry 3: it cannot be read",
    "DELETE FROM ledger_entries WHERE seq = 5": "entry 5: is missing; entry 6 follows",
}


@pytest.mark.parametrize(("statement", "words"), EDITS.items())
def test_an_edit_is_found(in_use: LedgerInUse, statement: str, words: str) -> None:
    filled(in_use)
    store = in_use.store()
    with in_use.intruder(owner=True) as connection:
        connection.exec_driver_sql(statement)
    first = derived_problems(store)[0]
    assert str(first).startswith(words)
    assert len(derived_problems(store, most=1)) == 1
