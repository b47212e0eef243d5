"""Acts of an authenticated actor: written before and after, or not done."""

import threading
from dataclasses import replace

import pytest

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.actions import Nothing, Rows
from clinical_assets.ledger.entry import Act, Origin, Subject
from resources.actors import acting, at_origin
from resources.ledger import Ledger
from resources.ledger_database.reader import Wanted
from tests.unit.resources.ledgers import ANNA, WORKER, LedgerInUse

TABLE = Subject("table", "diabetes/dataset")


@pytest.fixture
def ledger(in_use: LedgerInUse) -> Ledger:
    return in_use.ledger()


def outcomes(ledger: Ledger) -> list[tuple[str, str, str]]:
    entries = ledger.reader.proven(Wanted(subject_kind="table"))
    return [(e.act.action, e.act.outcome, e.act.subject.version) for e in entries]


def test_the_actor_is_the_authenticated_one_or_this_service(ledger: Ledger) -> None:
    assert ledger.record("run.started", Subject("run", "r"), Nothing()).act.actor == WORKER
    with acting(ANNA):
        assert ledger.record("run.started", Subject("run", "r"), Nothing()).act.actor == ANNA
        with at_origin(Origin("r", "a", "p")):  # in a run it is the service, on her behalf
            entry = ledger.record("run.started", Subject("run", "r"), Nothing())
    assert entry.act.actor == replace(WORKER, on_behalf_of=ANNA.id)
    assert entry.act.origin == Origin("r", "a", "p")
    assert ledger.actor == WORKER


def test_no_entry_gets_the_actor_of_another_thread(ledger: Ledger) -> None:
    people = [replace(ANNA, id=f"p-{n}") for n in range(6)]
    wrong: list[str] = []

    def sign(who: object) -> None:
        with acting(who):  # type: ignore[arg-type]
            for _ in range(5):
                (entry,) = ledger.store.decide(
                    lambda _: [ledger.act("run.started", Subject("run", "r"), Nothing())]
                )
                wrong.extend([entry.act.actor.id] * (entry.act.actor != who))

    threads = [threading.Thread(target=sign, args=(who,)) for who in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_what_is_done_is_written_before_and_after(ledger: Ledger) -> None:
    with ledger.doing("table.written", TABLE, Rows(0)) as doing:
        assert outcomes(ledger) == [("table.written", "intended", "")]
        assert [o.seq for o in ledger.reader.open_acts()] == [2]
        doing.subject = replace(TABLE, version="3")
        doing.details = Rows(632)
    assert outcomes(ledger)[1:] == [("table.written", "done", "3")]
    assert ledger.reader.entry(3).act.details == Rows(632)
    assert ledger.reader.open_acts() == []


@pytest.mark.parametrize("fault", [ValueError, KeyboardInterrupt])
def test_what_failed_is_written_and_raised_on(ledger: Ledger, fault: type[BaseException]) -> None:
    with pytest.raises(fault), ledger.doing("table.written", TABLE, Rows(0)):
        raise fault
    assert [o for _, o, _ in outcomes(ledger)] == ["intended", "failed"]


def test_what_cannot_be_written_does_not_happen(ledger: Ledger, in_use: LedgerInUse) -> None:
    assert ledger.store.origin
    with in_use.intruder(owner=True) as connection:
        connection.exec_driver_sql("DROP TABLE ledger_open_acts")
    happened = False
    refused = pytest.raises(ClinicalError, match="nothing may happen")
    with refused, ledger.doing("table.written", TABLE, Rows(0)):
        happened = True
    assert not happened
    assert in_use.verify().size == 2


@pytest.mark.parametrize("odd", ["a\0b", "\udce4 file", "\ud800", "\u202eevil\n|", "ä漢🙂"])
def test_any_text_can_be_written(ledger: Ledger, in_use: LedgerInUse, odd: str) -> None:
    said = odd.encode("utf-8", "backslashreplace").decode()
    entry = ledger.record(
        "table.read",
        Subject("table", odd, odd),
        Rows(1, (odd, "b"), odd),
        reason=odd,
        origin=Origin(odd, odd, odd),
    )
    assert entry.act == Act(
        entry.act.act,
        WORKER,
        "table.read",
        Subject("table", said, said),
        Rows(1, (said, "b"), said),
        reason=said,
        origin=Origin(said, said, said),
        software="0.1.0 abc",
    )
    assert ledger.reader.proven(Wanted(subject_id=said)) == [entry]
    assert in_use.verify().passed
