"""Decisions read the whole ledger, but once, and not while others wait."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from resources.actors import acting
from resources.ledger_database import scan as scan_module
from resources.ledger_database.commit_queue import Ticket
from resources.ledger_database.scan import LedgerScan
from resources.stages import Shown
from tests.unit.resources.governed import CORA, SUBJECT, Governed
from tests.unit.resources.ledgers import LedgerInUse, act
from tests.unit.resources.test_stages import fresh

STARTED = ("run.started",)


class Reads:
    """How many entries each reading took, and whether others waited for it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.taken: list[int] = []
        self.while_others_wait: list[int] = []
        self.writes: dict[Connection, int] = {}
        real = scan_module.bodies

        def counted(connection: Connection, place: str, first: int = 0) -> Iterator[bytes]:
            count = 0
            for body in real(connection, place, first):
                count += 1
                yield body
            self.taken.append(count)
            if connection in self.writes:
                self.while_others_wait.append(count)

        monkeypatch.setattr(scan_module, "bodies", counted)


def names(scan: LedgerScan, connection: Connection | None = None) -> list[str]:
    entries = scan.refresh() if connection is None else scan.within(connection)
    return [entry.act.act for entry in entries]


def test_what_a_transaction_saw_is_remembered(
    in_use: LedgerInUse, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = in_use.store()
    store.append([act(str(number)) for number in range(10)])
    scan, reads = LedgerScan(store, STARTED), Reads(monkeypatch)
    for _ in range(2):
        with store.reading() as connection:
            assert names(scan, connection) == [str(number) for number in range(10)]
    assert reads.taken == [12, 0]
    other = LedgerScan(store, STARTED)
    for _ in range(2):
        store.decide(lambda connection: names(other, connection) and ())
    assert reads.taken == [12, 0, 12, 0]


def test_what_a_transaction_undoes_is_not_remembered(in_use: LedgerInUse) -> None:
    store = in_use.store()
    store.append([act("kept")])
    scan = LedgerScan(store, STARTED)
    seen: list[list[str]] = []

    def look(connection: Connection) -> tuple[()]:
        seen.append(names(scan, connection))
        return ()

    def undone() -> None:
        with store.engine.writing(store._statements.head) as transaction:
            store._append(transaction, lambda: [Ticket((act("undone"),)), Ticket(look)])
            raise RuntimeError("undone")

    with pytest.raises(RuntimeError, match="undone"):
        undone()
    assert seen == [["kept", "undone"]]
    assert names(scan) == ["kept"]
    store.append([act("later")])
    assert names(scan) == ["kept", "later"]


def test_others_do_not_wait_until_a_signature_has_read_the_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Governed(tmp_path).build()
    place.enrol(CORA)
    place.ledger.store.append([act() for _ in range(100)])
    place.ledger.decide(lambda connection: [place.proof(CORA, connection)])
    reads = Reads(monkeypatch)
    fresh(place)
    ledger = place.ledger
    ledger.store.append([act()])  # opens the ledger
    reads.writes = ledger.store._writes  # type: ignore[assignment]
    signed = {"role": "clinical reviewer", "stage": "clinical review", "meaning": "review"}
    with acting(CORA.actor):
        place.stages.sign(SUBJECT, Shown(("password",), "Europe/Berlin"), **signed)
    place.stages.advance(SUBJECT)
    size = ledger.store.head().size
    assert sum(reads.taken) == size  # each entry once
    assert sum(reads.while_others_wait) <= 1
